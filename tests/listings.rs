//! The code in the pages: every include takes something that exists, every block is compiled,
//! compared with a run, or a command that a reader can give.

mod support;

use std::collections::BTreeSet;

use support::page::{self, Block, Directive, Part};
use support::project::{Project, resolve};
use support::{Finding, assert_none, assert_one, commands, rust};

/// The lines of a snapshot before its content: `---`, `source: …`, `---`.
const SNAPSHOT_HEAD_LINES: usize = 3;

/// Every `{{#…}}` of every page takes a part that exists of a file that exists.
fn includes_exist(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (page, text) in project.pages() {
        for directive in page::directives(text) {
            if let Some(what) = include_fault(project, page, &directive) {
                findings.push(Finding::at(page, directive.line, what));
            }
        }
    }
    findings
}

fn include_fault(project: &Project, page: &str, directive: &Directive) -> Option<String> {
    // What the book's own step expands is held to its own rules, in the tests of its pages.
    let own = ["title", "exercise", "scores", "timeline", "measured", "claims"];
    if own.contains(&directive.name.as_str()) {
        return None;
    }
    if directive.name != "include" {
        return Some(format!("`{{{{#{}}}}}` is not used in this book", directive.name));
    }
    let Some(path) = resolve(page, &directive.path) else {
        return Some(format!("{} lies outside the project", directive.path));
    };
    let Some(text) = project.files.get(&path) else {
        return Some(format!("{} does not exist", directive.path));
    };
    match &directive.part {
        Part::Whole => None,
        Part::Anchor(anchor) => anchor_fault(text, anchor).map(|what| format!("{path} {what}")),
        Part::Lines(first, last) => {
            let count = text.lines().count();
            let (first, last) = (first.unwrap_or(1).max(1), last.unwrap_or(count));
            let inside = first <= last && last <= count;
            (!inside).then(|| format!("{path} has {count} lines, fewer than the include takes"))
        }
    }
}

/// What is wrong with an anchor of a file: it must be opened once, closed once, in this order.
fn anchor_fault(text: &str, anchor: &str) -> Option<String> {
    let lines_with = |mark: &str| -> Vec<usize> {
        let names = |line: &str| {
            let (_, name) = line.split_once(mark)?;
            Some(name.trim().to_owned())
        };
        text.lines()
            .enumerate()
            .filter(|(_, line)| names(line).as_deref() == Some(anchor))
            .map(|(index, _)| index)
            .collect()
    };
    match (&lines_with("ANCHOR: ")[..], &lines_with("ANCHOR_END: ")[..]) {
        ([], _) => Some(format!("has no anchor `{anchor}`")),
        ([_], []) => Some(format!("does not close the anchor `{anchor}`")),
        ([open], [close]) if close > &(open + 1) => None,
        ([_], [_]) => Some(format!("has nothing in the anchor `{anchor}`")),
        _ => Some(format!("opens or closes the anchor `{anchor}` more than once")),
    }
}

/// Every anchor that a Rust file opens is taken by some page.
fn anchors_are_used(project: &Project) -> Vec<Finding> {
    let used: BTreeSet<(String, String)> = project
        .pages()
        .flat_map(|(page, text)| {
            page::directives(text).into_iter().filter_map(|directive| match directive.part {
                Part::Anchor(anchor) => Some((resolve(page, &directive.path)?, anchor)),
                _ => None,
            })
        })
        .collect();
    let mut findings = Vec::new();
    for (path, text) in &project.files {
        if !path.starts_with("chapters/") || !path.ends_with(".rs") {
            continue;
        }
        for (index, line) in text.lines().enumerate() {
            let Some(anchor) = line.trim().strip_prefix("// ANCHOR: ") else { continue };
            if !used.contains(&(path.clone(), anchor.trim().to_owned())) {
                findings.push(Finding::at(path, index + 1, "no page shows this anchor"));
            }
        }
    }
    findings
}

/// Every code block of every page is one that a test stands behind.
fn blocks_are_backed(project: &Project) -> Vec<Finding> {
    let compiled = rust::compiled_files(project);
    let mut findings = Vec::new();
    for (page, text) in project.pages() {
        for block in page::blocks(text) {
            for what in block_faults(project, &compiled, page, &block) {
                findings.push(Finding::at(page, block.line, what));
            }
        }
    }
    findings
}

fn block_faults(
    project: &Project,
    compiled: &BTreeSet<String>,
    page: &str,
    block: &Block,
) -> Vec<String> {
    let Some(language) = block.language.as_deref() else {
        return vec!["a block made by indentation has no language: fence it".into()];
    };
    match language {
        "rust" | "rust,compile_fail" => doctest_fault(project, page).into_iter().collect(),
        "rust,ignore" => listing_fault(compiled, page, block).into_iter().collect(),
        "sh" => script_faults(project, &block.text),
        "console" => console_faults(project, page, block),
        "text" => match page::lone_include(&block.text) {
            Some(include) => output_fault(project, page, &include).into_iter().collect(),
            None => vec!["a `text` block is one include of a snapshot".into()],
        },
        "" => vec!["a block without a language: rustdoc would compile it as Rust".into()],
        other => vec![format!("`{other}` is not a language of this book's code blocks")],
    }
}

/// A doctest needs the crate whose `lib.rs` takes the page as documentation.
fn doctest_fault(project: &Project, page: &str) -> Option<String> {
    let folder = page.strip_suffix("/README.md")?;
    let library: String = project
        .files
        .get(&format!("{folder}/src/lib.rs"))
        .map(|text| text.split_whitespace().collect())
        .unwrap_or_default();
    let hook = "#[cfg(doctest)]#[doc=include_str!(\"../README.md\")]struct";
    (!library.contains(hook)).then(|| {
        format!("{folder}/src/lib.rs does not take this page as doctests: {hook} Readme;")
    })
}

fn listing_fault(compiled: &BTreeSet<String>, page: &str, block: &Block) -> Option<String> {
    let Some(include) = page::lone_include(&block.text) else {
        return Some("a `rust,ignore` block is one include of a compiled file".into());
    };
    if matches!(include.part, Part::Lines(..)) {
        return Some("a listing is named by an anchor, since line numbers move".into());
    }
    let path = resolve(page, &include.path).unwrap_or_default();
    (!compiled.contains(&path)).then(|| format!("{path} is compiled by no target"))
}

fn script_faults(project: &Project, script: &str) -> Vec<String> {
    let mut faults = commands::faults(project, script);
    faults.extend(commands::parsed_by_bash(script).err());
    faults
}

/// `$ command`, and then one snapshot of what it prints.
fn console_faults(project: &Project, page: &str, block: &Block) -> Vec<String> {
    let (first, rest) = block.text.split_once('\n').unwrap_or((&block.text, ""));
    let Some(command) = first.strip_prefix("$ ") else {
        return vec!["a `console` block begins with `$ ` and the command".into()];
    };
    let mut faults = script_faults(project, command);
    let Some(include) = page::lone_include(rest) else {
        faults
            .push("behind its command, a `console` block is one include of a snapshot".into());
        return faults;
    };
    faults.extend(output_fault(project, page, &include));
    // A tool's example may be shown at work on another one, whose output it then is.
    let stem = stem(&include.path);
    let mut examples = commands::examples_run(command);
    examples.extend(command.split_whitespace().filter_map(|word| {
        let (_, name) = word.rsplit_once("/examples/")?;
        Some(name.to_owned())
    }));
    if !examples.is_empty() && !examples.iter().any(|example| stem.starts_with(example)) {
        let examples = examples.join("` or `");
        faults.push(format!("shows `{stem}` as the output of the example `{examples}`"));
    }
    faults
}

fn output_fault(project: &Project, page: &str, include: &Directive) -> Option<String> {
    let path = resolve(page, &include.path).unwrap_or_default();
    if !path.ends_with(".snap") {
        return Some(format!("{} is no snapshot of an output", include.path));
    }
    // A file that does not exist is found with the includes.
    let text = project.files.get(&path)?;
    let head: Vec<&str> = text.lines().take(SNAPSHOT_HEAD_LINES).collect();
    if head.first() != Some(&"---") || head.last() != Some(&"---") {
        return Some(format!("{path} does not begin with {SNAPSHOT_HEAD_LINES} lines of head"));
    }
    let start = match include.part {
        Part::Lines(start, _) => start.unwrap_or(1),
        _ => 1,
    };
    (start <= SNAPSHOT_HEAD_LINES).then(|| format!("shows the head of {path}: include `:4:`"))
}

fn stem(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default().trim_end_matches(".snap")
}

/// Commands in the running text name things that exist.
fn inline_commands_exist(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (page, text) in project.pages() {
        for (line, code) in page::inline_code(text) {
            if code.starts_with("cargo run ") || code.starts_with("cargo test ") {
                let faults = commands::faults(project, &code);
                findings.extend(faults.into_iter().map(|what| Finding::at(page, line, what)));
            }
        }
    }
    findings
}

#[test]
fn every_include_takes_something_that_exists() {
    let project = Project::read();
    assert_none(includes_exist(&project));
    assert_none(anchors_are_used(&project));
}

#[test]
fn every_code_block_is_compiled_or_compared_or_a_command() {
    let project = Project::read();
    assert!(project.pages().count() >= 6, "the pages were not found");
    assert_none(blocks_are_backed(&project));
    assert_none(inline_commands_exist(&project));
}

const PAGE: &str = "chapters/02-fork/README.md";
const SNAPSHOT: &str = "---\nsource: a\n---\nhello\n";
const LIBRARY: &str = "\
//! Fork.
// ANCHOR: fork
fn fork() {}
// ANCHOR_END: fork
#[cfg(doctest)]
#[doc = include_str!(\"../README.md\")]
struct Readme;
";

/// A chapter with one library, one example and one snapshot, whose page is `text`.
fn chapter(text: &str) -> Project {
    Project::of(&[
        (PAGE, text),
        ("chapters/02-fork/src/lib.rs", LIBRARY),
        ("chapters/02-fork/src/lost.rs", "fn lost() {}\n"),
        ("chapters/02-fork/examples/two_returns.rs", "//! Two returns.\nfn main() {}\n"),
        ("chapters/02-fork/examples/two_returns.snap", SNAPSHOT),
        ("chapters/02-fork/examples/other.snap", SNAPSHOT),
    ])
    .package("fork", "chapters/02-fork", &[])
}

fn block(language: &str, text: &str) -> Project {
    chapter(&format!("# Fork\n\n```{language}\n{text}\n```\n"))
}

#[test]
fn a_page_that_follows_the_form_has_no_finding() {
    for project in [
        block("rust", "assert_eq!(1, 1);"),
        block("rust,compile_fail", "let a: u8 = \"\";"),
        block("rust,ignore", "{{#include src/lib.rs:fork}}"),
        block("rust,ignore", "{{#include examples/two_returns.rs}}"),
        block("sh", "cargo run --example two_returns"),
        block("text", "{{#include examples/other.snap:4:}}"),
        block(
            "console",
            "$ cargo run --example two_returns\n{{#include examples/two_returns.snap:4:}}",
        ),
        block(
            "console",
            "$ cargo run --example two_returns -- target/debug/examples/other\n\
             {{#include examples/other.snap:4:}}",
        ),
    ] {
        assert_none(blocks_are_backed(&project));
        assert_none(includes_exist(&project));
    }
    assert_none(inline_commands_exist(&chapter("Give `cargo run --example two_returns`.")));
}

#[test]
fn an_include_of_nothing_is_found() {
    for (include, part) in [
        ("{{#include src/absent.rs}}", "does not exist"),
        ("{{#include ../../../outside.rs}}", "outside the project"),
        ("{{#include src/lib.rs:absent}}", "no anchor `absent`"),
        ("{{#include examples/two_returns.snap:4:9}}", "has 4 lines"),
        ("{{#include examples/two_returns.snap:5:}}", "has 4 lines"),
        ("{{#playground src/lib.rs}}", "not used in this book"),
    ] {
        assert_one(&includes_exist(&chapter(include)), part);
    }
}

#[test]
fn an_anchor_must_be_closed_once_and_have_something_in_it() {
    for (file, part) in [
        ("// ANCHOR: a\nx\n", "does not close"),
        ("// ANCHOR: a\n// ANCHOR_END: a\n", "has nothing in"),
        ("// ANCHOR_END: a\nx\n// ANCHOR: a\n", "has nothing in"),
        ("// ANCHOR: a\nx\n// ANCHOR_END: a\n// ANCHOR: a\n", "more than once"),
        ("// ANCHOR: ab\nx\n// ANCHOR_END: ab\n", "no anchor"),
    ] {
        assert!(anchor_fault(file, "a").is_some_and(|fault| fault.contains(part)), "{file}");
    }
    assert_eq!(anchor_fault("// ANCHOR: a\nx\n// ANCHOR_END: a\n", "a"), None);
}

#[test]
fn an_anchor_that_no_page_shows_is_found() {
    assert_none(anchors_are_used(&chapter("{{#include src/lib.rs:fork}}")));
    assert_one(&anchors_are_used(&chapter("")), "chapters/02-fork/src/lib.rs:2");
}

#[test]
fn a_block_that_nothing_stands_behind_is_found() {
    for (language, text, part) in [
        ("", "fork();", "without a language"),
        ("c", "fork();", "`c` is not a language"),
        ("rust,should_panic", "panic!()", "not a language"),
        ("rust,ignore", "fork();", "one include of a compiled file"),
        ("rust,ignore", "{{#include src/lost.rs}}", "compiled by no target"),
        ("rust,ignore", "{{#include src/lib.rs:3:3}}", "line numbers move"),
        ("text", "hello", "one include of a snapshot"),
        ("text", "{{#include src/lib.rs:fork}}", "no snapshot"),
        ("text", "{{#include examples/other.snap}}", "shows the head"),
        ("sh", "cargo run --example absent", "no example `absent`"),
        ("sh", "echo 'open", "unexpected EOF"),
        ("console", "cargo run", "begins with `$ `"),
        ("console", "$ cargo run --example two_returns\nhello", "one include of a snapshot"),
        (
            "console",
            "$ cargo run --example two_returns\n{{#include examples/other.snap:4:}}",
            "shows `other` as the output",
        ),
    ] {
        assert_one(&blocks_are_backed(&block(language, text)), part);
    }
    assert_one(&blocks_are_backed(&chapter("a\n\n    fork();\n")), "made by indentation");
}

#[test]
fn a_doctest_in_a_page_that_rustdoc_does_not_read_is_found() {
    let mut project = block("rust", "assert_eq!(1, 1);");
    project.files.insert("chapters/02-fork/src/lib.rs".into(), "//! Fork.\n".into());
    assert_one(&blocks_are_backed(&project), "does not take this page as doctests");
    let commented = LIBRARY.replace("struct Readme;", "// struct Readme;");
    project.files.insert("chapters/02-fork/src/lib.rs".into(), commented);
    assert_one(&blocks_are_backed(&project), "does not take this page as doctests");
}

#[test]
fn a_command_in_the_text_that_names_nothing_is_found() {
    let project = chapter("Give `cargo run --example absent`.");
    assert_one(&inline_commands_exist(&project), "no example `absent`");
}
