//! The form of a chapter's page: its sections, its length, its time and its figure.

mod support;

use support::page;
use support::project::{Project, chapter_number};
use support::{Finding, assert_none, assert_one};

/// The sections of a chapter, in their order. A title may go on behind these words.
const SECTIONS: &[&str] = &[
    "Predict",
    "Run",
    "Look",
    "Why",
    "The part",
    "Break it",
    "Measure it",
    "Still wrong",
    "Sources",
];

/// How many words of prose a chapter has.
const WORDS: std::ops::RangeInclusive<usize> = 1_500..=3_000;

fn form(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = sections(path, text);
    findings.extend(head(path, text));
    findings.extend(figures(path, text));
    findings.extend(unfinished(path, text));
    let words = page::prose_words(text);
    if !WORDS.contains(&words) {
        let what =
            format!("has {words} words of prose, not {} to {}", WORDS.start(), WORDS.end());
        findings.push(Finding::new(path, what));
    }
    findings
}

/// The sections exist and stand in their order. The introduction adds no part to the pool.
fn sections(path: &str, text: &str) -> Vec<Finding> {
    let titles: Vec<page::Heading> =
        page::headings(text).into_iter().filter(|heading| heading.level == 2).collect();
    let mut findings = Vec::new();
    let mut line_before = 0;
    for section in SECTIONS {
        if *section == "The part" && chapter_number(path) == Some(0) {
            continue;
        }
        let begins = |title: &str| {
            let rest = title.to_lowercase();
            let rest = rest.strip_prefix(&section.to_lowercase()).map(str::to_owned);
            rest.is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
        };
        match titles.iter().find(|title| begins(&title.text)) {
            None => {
                findings.push(Finding::new(path, format!("has no section `## {section}`")));
            }
            Some(title) if title.line < line_before => {
                let what =
                    format!("`## {section}` stands too early; the order is {SECTIONS:?}");
                findings.push(Finding::at(path, title.line, what));
            }
            Some(title) => line_before = title.line,
        }
    }
    findings
}

/// One title in the first line, and the time behind it.
fn head(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let titles = page::headings(text).iter().filter(|heading| heading.level == 1).count();
    if titles != 1 || !text.starts_with("# ") {
        findings.push(Finding::at(
            path,
            1,
            "does not begin with its only title of the first level",
        ));
    }
    let minutes = text.lines().find_map(|line| {
        line.trim().strip_prefix("*About ")?.strip_suffix(" minutes.*")?.parse::<u32>().ok()
    });
    if minutes.is_none_or(|minutes| minutes == 0) {
        findings.push(Finding::new(path, "has no line `*About N minutes.*`"));
    }
    findings
}

/// At least one drawing, by hand or of a recorded run; none with a blank line, at which Markdown would end it.
fn figures(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut count = 0;
    let mut open = None;
    for (index, line) in text.lines().enumerate() {
        if line.starts_with("{{#timeline ") {
            count += 1;
        }
        if line.contains("<svg") {
            count += 1;
            open = Some(index + 1);
        }
        if let Some(start) = open
            && line.trim().is_empty()
        {
            findings.push(Finding::at(
                path,
                index + 1,
                format!("a blank line in the drawing of line {start}"),
            ));
            open = None;
        }
        if line.contains("</svg>") {
            open = None;
        }
    }
    if let Some(start) = open {
        findings.push(Finding::at(path, start, "a drawing without an end"));
    }
    if count == 0 {
        findings.push(Finding::new(path, "has no drawing"));
    }
    findings
}

/// Marks by which an author remembers what is still to be written.
fn unfinished(path: &str, text: &str) -> Vec<Finding> {
    let mark = |word: &str| ["TODO", "FIXME", "TBD", "XXX"].contains(&word);
    // An underscore belongs to the word: the code `TODO_LEFT` is no such mark.
    text.lines()
        .enumerate()
        .filter(|(_, line)| line.split(|c: char| !c.is_alphanumeric() && c != '_').any(mark))
        .map(|(index, _)| Finding::at(path, index + 1, "is not finished"))
        .collect()
}

#[test]
fn every_chapter_has_the_form() {
    let project = Project::read();
    let chapters: Vec<(&str, &str)> =
        project.pages().filter(|(path, _)| chapter_number(path).is_some()).collect();
    assert!(chapters.len() >= 6, "the chapters were not found");
    assert_none(chapters.iter().flat_map(|(path, text)| form(path, text)).collect());
}

const PATH: &str = "chapters/02-fork/README.md";

#[test]
fn a_code_of_the_grader_is_no_mark_of_an_author() {
    assert_none(unfinished(PATH, "You see `TODO_LEFT`."));
    assert_one(&unfinished(PATH, "a\nTODO: b"), "README.md:2");
}

fn good() -> String {
    let mut text = String::from("# Fork\n\n*About 45 minutes.*\n\n<svg>\n<g/>\n</svg>\n");
    for section in SECTIONS {
        text.push_str(&format!("\n## {section}: more\n\n{}\n", "word ".repeat(200)));
    }
    text
}

#[test]
fn a_page_with_the_form_has_no_finding() {
    assert_none(form(PATH, &good()));
    let introduction = good().replace("## The part", "## Another");
    assert_none(form("chapters/00-introduction/README.md", &introduction));
}

#[test]
fn the_timeline_of_a_run_is_a_drawing() {
    assert_none(form(
        PATH,
        &good().replace("<svg>\n<g/>\n</svg>", "{{#timeline two_returns}}"),
    ));
}

#[test]
fn a_page_without_the_form_is_found() {
    for (from, to, part) in [
        ("## Look", "## Stare", "no section `## Look`"),
        ("## Run", "## Running", "no section `## Run`"),
        ("## The part", "## Another", "no section `## The part`"),
        ("*About 45 minutes.*", "*About an hour.*", "no line `*About N minutes.*`"),
        ("# Fork\n", "Fork\n", "does not begin with its only title"),
        ("<svg>\n<g/>\n</svg>", "", "has no drawing"),
        ("<g/>\n", "\n<g/>\n", "a blank line in the drawing"),
        ("</svg>\n\n", "\n", "drawing"),
        ("## Why: more", "## Why: TODO", "is not finished"),
        ("word ", "", "words of prose"),
        ("word ", "word word ", "words of prose"),
    ] {
        assert_one(&form(PATH, &good().replace(from, to)), part);
    }
}

#[test]
fn sections_in_another_order_are_found() {
    let text = good().replace("## Predict", "## X").replace("## Sources", "## Predict");
    let text = text.replace("## X", "## Sources");
    // Every section but the last stands before the first.
    assert!(sections(PATH, &text).iter().any(|finding| finding.what.contains("too early")));
}
