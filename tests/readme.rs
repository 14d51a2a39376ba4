//! What a reader sees first must be true: the project's README, and the two pages beside it that tell how to work with
//! the exercises and how to change something.

mod support;

use std::process::Command;

use support::page;
use support::project::{Project, resolve, root};
use support::{Finding, assert_none, assert_one, commands};

const README: &str = "README.md";

/// Pages outside the book. What they tell to do can be done.
const OUTSIDE: [&str; 3] = [README, "CONTRIBUTING.md", "exercises/README.md"];

/// The first two commands build and prove everything, and stand where they are seen.
fn two_commands_come_first(text: &str) -> Vec<Finding> {
    let scripts = page::blocks(text).into_iter().filter(is_script);
    let given: Vec<(usize, String)> = scripts
        .flat_map(|block| {
            let line = block.line;
            let commands: Vec<_> = block.text.lines().map(without_comment).collect();
            commands.into_iter().filter(|c| !c.is_empty()).map(move |c| (line, c))
        })
        .collect();
    let first: Vec<&str> = given.iter().take(2).map(|(_, command)| command.as_str()).collect();
    if first != ["cargo run", "cargo test"] {
        let what = format!("begins with {first:?}, not with `cargo run` and `cargo test`");
        return vec![Finding::new(README, what)];
    }
    let late = page::headings(text)
        .into_iter()
        .filter(|heading| heading.level == 2 && heading.line < given[0].0)
        .count();
    if late > 0 {
        return vec![Finding::at(README, given[0].0, "the two commands stand below a section")];
    }
    Vec::new()
}

fn is_script(block: &page::Block) -> bool {
    block.language.as_deref() == Some("sh")
}

fn without_comment(line: &str) -> String {
    line.split(" #").next().unwrap_or_default().trim().to_owned()
}

fn commands_exist(project: &Project, page: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for block in page::blocks(text) {
        if !is_script(&block) {
            findings.push(Finding::at(page, block.line, "every code block here is `sh`"));
            continue;
        }
        let mut faults = commands::faults(project, &block.text);
        faults.extend(commands::parsed_by_bash(&block.text).err());
        findings.extend(faults.into_iter().map(|what| Finding::at(page, block.line, what)));
    }
    for (line, code) in page::inline_code(text) {
        if ["cargo ", "mdbook ", "bash "].iter().any(|program| code.starts_with(program)) {
            let faults = commands::faults(project, &code);
            findings.extend(faults.into_iter().map(|what| Finding::at(page, line, what)));
        }
    }
    findings
}

fn links_lead_somewhere(project: &Project, page: &str, text: &str) -> Vec<Finding> {
    page::links(text)
        .into_iter()
        .filter(|(_, link)| !link.starts_with("https://"))
        .filter(|(_, link)| {
            let file = resolve(page, link.split('#').next().unwrap_or_default());
            !file.is_some_and(|file| project.files.contains_key(&file))
        })
        .map(|(line, link)| Finding::at(page, line, format!("`{link}` leads to no file")))
        .collect()
}

/// The chapters that the README lists are those of the summary, with their titles.
fn chapters_match(readme: &str, summary: &str) -> Vec<Finding> {
    let listed = titled_links(readme, "chapters/");
    let summary = titled_links(summary, "");
    let mut findings = Vec::new();
    for (path, title) in &summary {
        if !listed.contains(&(path.clone(), title.clone())) {
            findings.push(Finding::new(README, format!("does not list `{title}` ({path})")));
        }
    }
    for (path, title) in listed.iter().filter(|link| !summary.contains(link)) {
        findings.push(Finding::new(
            README,
            format!("lists `{title}` ({path}), unlike the summary"),
        ));
    }
    if findings.is_empty() && listed != summary {
        findings
            .push(Finding::new(README, "lists the chapters in another order than the summary"));
    }
    findings
}

/// The links of a page to chapters: path below `chapters/`, and title.
fn titled_links(text: &str, prefix: &str) -> Vec<(String, String)> {
    let mut rest = text;
    let mut found = Vec::new();
    while let Some(open) = rest.find('[') {
        rest = &rest[open + 1..];
        let Some((title, target)) = rest.split_once("](") else { break };
        let target = target.split(')').next().unwrap_or_default();
        let chapter = target.strip_prefix(prefix).filter(|path| path.ends_with("/README.md"));
        if let Some(path) = chapter
            && !title.contains(['[', '\n'])
        {
            found.push((path.to_owned(), title.to_owned()));
        }
    }
    found
}

/// The picture is there, and has words.
fn picture_has_words(text: &str) -> Vec<Finding> {
    let described = text.lines().any(|line| {
        line.split_once("![").and_then(|(_, rest)| rest.split_once("](")).is_some_and(
            |(words, file)| words.split_whitespace().count() >= 8 && file.contains(".svg)"),
        )
    });
    if described { Vec::new() } else { vec![Finding::new(README, "has no picture with words")] }
}

#[test]
fn the_readme_is_true() {
    let project = Project::read();
    let readme = &project.files[README];
    assert_none(two_commands_come_first(readme));
    for page in OUTSIDE {
        assert_none(commands_exist(&project, page, &project.files[page]));
        assert_none(links_lead_somewhere(&project, page, &project.files[page]));
    }
    assert_none(chapters_match(readme, &project.files["chapters/SUMMARY.md"]));
    assert_none(picture_has_words(readme));
}

#[test]
fn the_program_knows_the_verbs_that_a_page_may_use() {
    let knows = |verb: &str| {
        Command::new(env!("CARGO_BIN_EXE_workbook"))
            .args([verb, "--help"])
            .current_dir(root())
            .output()
            .expect("the workbook starts")
            .status
            .success()
    };
    assert!(!knows("sing"));
    for verb in commands::VERBS {
        assert!(knows(verb), "cargo run -- {verb}");
    }
}

#[test]
fn other_commands_at_the_top_are_found() {
    let good = "# A\n\n```sh\ncargo run    # serves\ncargo test\n```\n\n## B\n";
    assert_none(two_commands_come_first(good));
    let other = good.replace("cargo test", "cargo build");
    assert_one(&two_commands_come_first(&other), "not with `cargo run` and `cargo test`");
    let more = good.replace("cargo run ", "cargo run --release");
    assert_one(&two_commands_come_first(&more), "not with `cargo run`");
    let low = format!("## B\n\n{good}");
    assert_one(&two_commands_come_first(&low), "below a section");
}

#[test]
fn a_readme_that_is_not_true_is_found() {
    let project = Project::of(&[("LICENSE-MIT", "")]);
    assert_none(commands_exist(
        &project,
        README,
        "```sh\ncargo run -- list\n```\nor `mdbook serve`",
    ));
    assert_one(
        &commands_exist(&project, README, "```sh\ncargo run -- sing\n```\n"),
        "no `sing`",
    );
    assert_one(
        &commands_exist(&project, README, "or `cargo run --example absent`"),
        "no example",
    );
    assert_one(&commands_exist(&project, README, "```\ncargo run\n```\n"), "is `sh`");
    assert_none(links_lead_somewhere(
        &project,
        README,
        "[a](LICENSE-MIT) [b](https://man7.org)",
    ));
    assert_one(&links_lead_somewhere(&project, README, "[a](LICENSE-BSD)"), "leads to no file");
    assert_none(picture_has_words("![one two three four five six seven eight](a.svg)"));
    assert_one(&picture_has_words("![picture](a.svg)"), "no picture with words");
}

#[test]
fn chapters_that_differ_from_the_summary_are_found() {
    let summary = "[Fork](02-fork/README.md)\n- [Wait](03-wait/README.md)\n";
    let readme = "[Fork](chapters/02-fork/README.md) [Wait](chapters/03-wait/README.md)";
    assert_none(chapters_match(readme, summary));
    let fewer = "[Fork](chapters/02-fork/README.md)";
    assert_one(&chapters_match(fewer, summary), "does not list `Wait`");
    let more = format!("{readme} [Exec](chapters/04-exec/README.md)");
    assert_one(&chapters_match(&more, summary), "lists `Exec`");
    let turned = "[Wait](chapters/03-wait/README.md) [Fork](chapters/02-fork/README.md)";
    assert_one(&chapters_match(turned, summary), "another order");
}
