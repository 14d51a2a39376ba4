//! The examples and what they print: each example is shown by a page and says what it is, each
//! snapshot is shown by a page and compared by a test.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use support::page;
use support::project::{Project, resolve};
use support::{Finding, assert_none, assert_one, commands, rust};

fn snapshots_are_shown_and_compared(project: &Project) -> Vec<Finding> {
    let shown: BTreeSet<String> = project
        .pages()
        .flat_map(|(page, text)| {
            page::directives(text).into_iter().filter_map(|found| resolve(page, &found.path))
        })
        .collect();
    let mut findings = Vec::new();
    for path in project.files.keys().filter(|path| path.starts_with("chapters/")) {
        if path.ends_with(".snap.new") {
            findings.push(Finding::new(path, "is an output that nobody has accepted"));
        }
        let Some((folder, name)) = path.rsplit_once('/') else { continue };
        let Some(stem) = name.strip_suffix(".snap") else { continue };
        if folder.ends_with("/snapshots") {
            // What a unit test compares, such as the text of an error, is not shown in a page.
            continue;
        }
        let Some(chapter) = folder.strip_suffix("/examples") else {
            findings.push(Finding::new(path, "lies neither in `examples` nor in `snapshots`"));
            continue;
        };
        if !shown.contains(path) {
            findings.push(Finding::new(path, "is shown by no page"));
        }
        let test = format!("{chapter}/tests/transcripts.rs");
        let compared = project.files.get(&test).is_some_and(|text| {
            rust::tokens(text).is_ok_and(|tokens| rust::strings(&tokens).contains(stem))
        });
        if !compared {
            findings
                .push(Finding::new(path, format!("is compared by no test: name it in {test}")));
        }
    }
    findings
}

fn examples_are_shown(project: &Project) -> Vec<Finding> {
    let shown: BTreeSet<String> = project
        .pages()
        .flat_map(|(_, text)| {
            let scripts = page::blocks(text)
                .into_iter()
                .filter(|block| matches!(block.language.as_deref(), Some("sh" | "console")))
                .map(|block| block.text.replace("$ ", ""));
            let inline = page::inline_code(text).into_iter().map(|(_, code)| code);
            scripts
                .chain(inline)
                .flat_map(|script| commands::examples_run(&script))
                .collect::<Vec<_>>()
        })
        .collect();
    project
        .targets("example")
        .filter(|(_, example)| !shown.contains(&example.name))
        .map(|(_, example)| Finding::new(&example.root, "is run by no page"))
        .collect()
}

fn example_names_are_unique(project: &Project) -> Vec<Finding> {
    let mut places: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (_, example) in project.targets("example") {
        places.entry(&example.name).or_default().push(&example.root);
    }
    places
        .values()
        .filter(|places| places.len() > 1)
        .map(|places| Finding::new(places.join(", "), "two examples have one name"))
        .collect()
}

/// The head of an example: a title, and how many minutes it takes.
fn examples_have_a_head(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (_, example) in project.targets("example") {
        let Some(text) = project.files.get(&example.root) else { continue };
        let head: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("//!")).collect();
        let title = head.first().map_or("", |title| title.trim());
        if title.is_empty() || !title.ends_with(['.', '?']) || title.len() > 110 {
            let what =
                "begins without a title: one sentence of at most 110 letters in its first line";
            findings.push(Finding::at(&example.root, 1, what));
        }
        let minutes = head.iter().find_map(|line| line.trim().strip_prefix("Minutes: "));
        if !minutes
            .and_then(|minutes| minutes.parse().ok())
            .is_some_and(|n: u32| n > 0 && n <= 60)
        {
            let what = "has no line `//! Minutes: N` in its head";
            findings.push(Finding::at(&example.root, 1, what));
        }
        let command = format!("--example {}", example.name);
        if !head.iter().any(|line| line.contains(&command)) {
            let what = format!("does not say in its head how to run it: `cargo run {command}`");
            findings.push(Finding::at(&example.root, 1, what));
        }
    }
    findings
}

#[test]
fn every_snapshot_is_shown_and_compared() {
    assert_none(snapshots_are_shown_and_compared(&Project::read()));
}

#[test]
fn every_example_is_shown_and_says_what_it_is() {
    let project = Project::read();
    assert!(project.targets("example").count() > 5, "the examples were not found");
    assert_none(examples_are_shown(&project));
    assert_none(example_names_are_unique(&project));
    assert_none(examples_have_a_head(&project));
}

const HEAD: &str = "//! Shows two returns.\n//! Minutes: 5\n//!\n//! cargo run --example two\n";

fn chapter(page: &str, tests: &str) -> Project {
    Project::of(&[
        ("chapters/02-fork/README.md", page),
        ("chapters/02-fork/examples/two.rs", HEAD),
        ("chapters/02-fork/examples/two.snap", ""),
        ("chapters/02-fork/tests/transcripts.rs", tests),
        ("chapters/02-fork/tests/snapshots/errors.snap", ""),
    ])
    .package("fork", "chapters/02-fork", &[])
}

const PAGE: &str =
    "```console\n$ cargo run --example two\n{{#include examples/two.snap:4:}}\n```\n";

#[test]
fn a_chapter_that_follows_the_form_has_no_finding() {
    let project = chapter(PAGE, "same(\"two\");");
    assert_none(snapshots_are_shown_and_compared(&project));
    assert_none(examples_are_shown(&project));
    assert_none(example_names_are_unique(&project));
    assert_none(examples_have_a_head(&project));
}

#[test]
fn a_snapshot_that_is_not_shown_or_not_compared_is_found() {
    let unshown = chapter("", "same(\"two\");");
    assert_one(&snapshots_are_shown_and_compared(&unshown), "two.snap: is shown by no page");
    let uncompared = chapter(PAGE, "same(\"two_more\");");
    assert_one(
        &snapshots_are_shown_and_compared(&uncompared),
        "two.snap: is compared by no test",
    );
}

#[test]
fn a_snapshot_that_is_new_or_in_the_wrong_folder_is_found() {
    let mut project = chapter(PAGE, "same(\"two\");");
    project.files.insert("chapters/02-fork/examples/two.snap.new".into(), String::new());
    assert_one(&snapshots_are_shown_and_compared(&project), "nobody has accepted");
    let mut project = chapter(PAGE, "same(\"two\");");
    project.files.insert("chapters/02-fork/two.snap".into(), String::new());
    assert_one(&snapshots_are_shown_and_compared(&project), "neither in `examples`");
}

#[test]
fn an_example_that_no_page_runs_is_found() {
    let page = PAGE.replace("$ cargo run", "$ echo");
    assert_one(&examples_are_shown(&chapter(&page, "")), "two.rs: is run by no page");
}

#[test]
fn two_examples_with_one_name_are_found() {
    let mut project = chapter(PAGE, "");
    project.files.insert("chapters/03-wait/examples/two.rs".into(), HEAD.into());
    let project = project.package("wait", "chapters/03-wait", &[]);
    assert_one(&example_names_are_unique(&project), "two examples have one name");
}

#[test]
fn an_example_without_its_head_is_found() {
    for (from, to, part) in [
        ("Shows two returns.", "", "begins without a title"),
        ("Minutes: 5", "Minutes: five", "no line `//! Minutes: N`"),
        ("Minutes: 5", "Minutes: 0", "no line `//! Minutes: N`"),
        ("--example two", "--example one", "how to run it"),
    ] {
        let mut project = chapter(PAGE, "");
        let path = "chapters/02-fork/examples/two.rs".to_owned();
        project.files.insert(path, HEAD.replace(from, to));
        assert_one(&examples_have_a_head(&project), part);
    }
}
