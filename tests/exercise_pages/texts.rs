//! The form of an exercise's text.

use super::support::exercises::{self, Exercise};
use super::support::page;
use super::support::project::{Project, resolve};
use super::support::{Finding, commands};

const HINTS_MAX: usize = 3;

/// The text has the form that the book's step relies on, and no link out of the book.
pub(super) fn texts_have_the_form(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    for exercise in exercises::all(project) {
        let path = exercise.path("README.md");
        if let Some(text) = project.files.get(&path) {
            findings.extend(head(project, &exercise, &path, text));
            findings.extend(sections(&exercise, &path, text));
            findings.extend(hints(&path, text));
            findings.extend(code_and_links(project, &path, text));
        }
    }
    findings
}

pub(super) fn head(
    project: &Project,
    exercise: &Exercise,
    path: &str,
    text: &str,
) -> Vec<Finding> {
    let Ok((_, described)) = exercise.manifest(project) else { return Vec::new() };
    let word = |key: &str| described.get(key).and_then(toml::Value::as_str).unwrap_or("");
    let minutes = described.get("minutes").and_then(toml::Value::as_integer).unwrap_or(0);
    let unit = if minutes == 1 { "minute" } else { "minutes" };
    let expected = [
        format!("# {}", word("title")),
        String::new(),
        format!("`{}` · {} · {minutes} {unit}", exercise.id, word("kind")),
        String::new(),
    ];
    let lines: Vec<&str> = text.lines().collect();
    expected
        .iter()
        .enumerate()
        .find(|(index, line)| lines.get(*index) != Some(&line.as_str()))
        .map(|(index, line)| Finding::at(path, index + 1, format!("is not `{line}`")))
        .into_iter()
        .collect()
}

pub(super) fn sections(exercise: &Exercise, path: &str, text: &str) -> Vec<Finding> {
    let headings = page::headings(text);
    let mut findings = Vec::new();
    let titles: Vec<&str> = headings.iter().skip(1).map(|heading| &*heading.text).collect();
    let levels = headings.iter().skip(1).all(|heading| heading.level == 2);
    if titles != ["Given", "Achieve", "Hints"] || !levels {
        let what = "the sections are `## Given`, `## Achieve`, `## Hints` and no others";
        findings.push(Finding::new(path, what));
        return findings;
    }
    let lines: Vec<&str> = text.lines().collect();
    let between = |from: usize, to: usize| lines[from..to - 1].join("\n");
    let task = between(3.min(headings[1].line - 1), headings[1].line);
    let file = exercise.path("src/lib.rs");
    if !page::inline_code(&task).iter().any(|(_, code)| *code == file) {
        let what = format!("does not say above `## Given` which file to edit: `{file}`");
        findings.push(Finding::new(path, what));
    }
    for pair in headings[1..].windows(2) {
        if page::prose_words(&between(pair[0].line, pair[1].line)) == 0 {
            findings.push(Finding::at(path, pair[0].line, "the section is empty"));
        }
    }
    findings
}

/// One to three hints, numbered, each in a fold of its own.
pub(super) fn hints(path: &str, text: &str) -> Vec<Finding> {
    let Some((_, hints)) = text.split_once("\n## Hints\n") else { return Vec::new() };
    let mut words = Vec::new();
    let mut rest = hints;
    while let Some((_, after)) = rest.split_once("<details>\n") {
        let number = words.len() + 1;
        let summary = format!("<summary>Hint {number}</summary>\n\n");
        let fold = after.strip_prefix(summary.as_str()).and_then(|after| {
            let (hint, after) = after.split_once("\n\n</details>")?;
            Some((hint.split_whitespace().count(), after))
        });
        let Some((count, after)) = fold else {
            let what = format!(
                "hint {number} is not `<details>`, `<summary>Hint {number}</summary>`, a blank \
                 line, the hint, a blank line, `</details>`"
            );
            return vec![Finding::new(path, what)];
        };
        words.push(count);
        rest = after;
    }
    if !(1..=HINTS_MAX).contains(&words.len()) || words.contains(&0) {
        let what = format!("has {} hints, not 1 to {HINTS_MAX} with words", words.len());
        return vec![Finding::new(path, what)];
    }
    Vec::new()
}

pub(super) fn code_and_links(project: &Project, path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for block in page::blocks(text) {
        if block.language.as_deref() != Some("sh") {
            findings.push(Finding::at(path, block.line, "a code block here is `sh`"));
            continue;
        }
        let mut faults = commands::faults(project, &block.text);
        faults.extend(commands::parsed_by_bash(&block.text).err());
        findings.extend(faults.into_iter().map(|what| Finding::at(path, block.line, what)));
    }
    for (line, code) in page::inline_code(text) {
        if code.starts_with("cargo ") {
            let faults = commands::faults(project, &code);
            findings.extend(faults.into_iter().map(|what| Finding::at(path, line, what)));
        }
    }
    for (line, link) in page::links(text) {
        if link.starts_with("https://") {
            continue;
        }
        let target = resolve(path, link.split('#').next().unwrap_or_default());
        let is_a_page = target.is_some_and(|target| {
            target != "chapters/SUMMARY.md" && project.pages().any(|(page, _)| page == target)
        });
        if !is_a_page {
            findings.push(Finding::at(path, line, format!("`{link}` leads to no page")));
        }
    }
    for (index, line) in text.lines().enumerate() {
        let defines = line.starts_with('[') && line.contains("]:");
        let includes = line.contains("{{#");
        if defines || includes {
            let what =
                "a text that is shown inside a page includes nothing and defines no links";
            findings.push(Finding::at(path, index + 1, what));
        }
    }
    findings
}
