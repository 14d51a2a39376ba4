//! The rules find what they are there to find: a small project with one exercise, changed in one place.

use super::book::*;
use super::files::*;
use super::support::exercises;
use super::support::project::Project;
use super::support::{assert_none, assert_one};
use super::texts::*;

const FOLDER: &str = "exercises/05-pipe/pipe-eof";

const MANIFEST: &str = "\
[package]
name = \"pipe-eof\"

[package.metadata.exercise]
title = \"The end that nobody closed\"
kind = \"repair\"
minutes = 15
order = 1
section = \"Why the reader waits\"
starter = \"STUCK\"
";

const TEXT: &str = "\
# The end that nobody closed

`pipe-eof` · repair · 15 minutes

It waits. Edit `exercises/05-pipe/pipe-eof/src/lib.rs`.

## Given

See [why](../../../chapters/05-pipe/README.md#why).

## Achieve

It ends.

```sh
cargo test -p pipe-eof
```

## Hints

<details>
<summary>Hint 1</summary>

Count.

</details>

<details>
<summary>Hint 2</summary>

Close.

</details>
";

const PAGE: &str = "\
# Pipe

## Why the reader waits

## Exercises

{{#exercise pipe-eof}}

## Sources
";

const CODES: &str = "\
codes! {
    Deadlock {
        Stuck \"STUCK\"
            \"Everything must have somebody.\"
        LeakedFd \"LEAKED_FD\"
            \"CLOSE\"
    }
}
            Class::Deadlock => \"DEADLOCK\",
";

fn one_exercise() -> Project {
    let mut project = Project::of(&[
        ("chapters/05-pipe/README.md", PAGE),
        (SCORES, "[pipe-eof]\nviable = 3\ncaught = 2\nequivalent = 1\nsurvived = 0\n"),
        (INDEX, "# Failure index\n\n{{#scores}}\n\n## STUCK\n\n## LEAKED_FD\n\n## Sources\n"),
        ("exercises/grader/src/code.rs", CODES),
    ]);
    for (file, text) in [
        ("Cargo.toml", MANIFEST),
        ("README.md", TEXT),
        ("src/lib.rs", "not Rust at all {"),
        ("src/bin/pipe-eof.rs", "//! a\n"),
        ("starter/lib.rs", "//! a\n"),
        ("tests/grade.rs", "//! a\n"),
        ("solution/Cargo.toml", ""),
        ("solution/src/lib.rs", "//! a\n"),
        ("solution/src/main.rs", "//! a\n"),
        ("wrong/a.rs", "//! STUCK: One.\n"),
        ("wrong/b.rs", "//! LEAKED_FD: Two.\n"),
        ("wrong/c.rs", "//! STUCK: Three: four.\n"),
        ("equivalent.toml", "[[mutant]]\nname = \"a\"\nreason = \"b\"\n"),
    ] {
        project.files.insert(format!("{FOLDER}/{file}"), text.into());
    }
    project.package("pipe-eof", FOLDER, &[])
}

/// The project with one text in one file replaced.
fn changed(file: &str, from: &str, to: &str) -> Project {
    let mut project = one_exercise();
    let path = if file.contains("chapters/") || file.contains("exercises/") {
        file.to_owned()
    } else {
        format!("{FOLDER}/{file}")
    };
    let text = project.files.get_mut(&path).expect("the file is there");
    assert!(text.contains(from), "{path} has no {from:?}");
    *text = text.replacen(from, to, 1);
    project
}

#[test]
fn an_exercise_with_the_form_has_no_finding() {
    let project = one_exercise();
    assert_none(exercises_are_complete(&project));
    assert_none(descriptions_are_true(&project));
    assert_none(texts_have_the_form(&project));
    assert_none(wrong_programs_say_why(&project));
    assert_none(chapters_show_their_exercises(&project));
    assert_none(index_has_every_code(&project));
    assert_none(graders_are_proved(&project));
}

#[test]
fn a_grader_that_is_not_proved_is_found() {
    for (file, from, to, part) in [
        (SCORES, "[pipe-eof]", "[pipe-end]", "has no score of `pipe-eof`"),
        (SCORES, "survived = 0", "survived = 1", "has survivors of `pipe-eof`"),
        (SCORES, "equivalent = 1", "equivalent = 0", "is out of date"),
        (SCORES, "[pipe-eof]", "[other]\n\n[pipe-eof]", "`other` is no exercise"),
        (SCORES, "[pipe-eof]", "[pipe-eof", "unclosed"),
        (INDEX, "{{#scores}}", "", "shows the scores 0 times"),
    ] {
        let findings = graders_are_proved(&changed(file, from, to));
        assert!(
            findings.iter().any(|finding| finding.to_string().contains(part)),
            "{part}: {findings:?}"
        );
    }
    let mut project = one_exercise();
    project.files.remove(&format!("{FOLDER}/equivalent.toml")).expect("the list was there");
    assert_one(&graders_are_proved(&project), "lists 0 equivalent mutants");
}

#[test]
fn a_missing_file_or_chapter_is_found() {
    for (file, part) in [
        ("README.md", "has no README.md"),
        ("src/bin/pipe-eof.rs", "has no src/bin/pipe-eof.rs"),
        ("solution/src/main.rs", "has no solution/src/main.rs"),
        ("wrong/b.rs", "has 2 wrong programs, fewer than 3"),
    ] {
        let mut project = one_exercise();
        project.files.remove(&format!("{FOLDER}/{file}")).expect("the file was there");
        assert_one(&exercises_are_complete(&project), part);
    }
    let mut project = one_exercise();
    project.files.remove("chapters/05-pipe/README.md");
    assert_one(&exercises_are_complete(&project), "belongs to no chapter");
    let renamed = changed("Cargo.toml", "\"pipe-eof\"", "\"pipe-end\"");
    assert_one(&exercises_are_complete(&renamed), "is called `pipe-end`");
    let bare = changed("Cargo.toml", "[package.metadata.exercise]", "[package.metadata.other]");
    assert_one(&exercises_are_complete(&bare), "no table `[package.metadata.exercise]`");
}

#[test]
fn a_description_that_is_not_true_is_found() {
    for (from, to, part) in [
        ("\"The end that nobody closed\"", "\" \"", "has no `title`"),
        ("\"repair\"", "\"guess\"", "`kind` is none of"),
        ("minutes = 15", "minutes = 0", "`minutes` is not 1 to 240"),
        ("order = 1", "order = \"1\"", "has no `order`"),
        ("Why the reader waits", "Why not", "has no such heading"),
        ("\"STUCK\"", "\"GONE\"", "the grader has no code `GONE`"),
        ("order = 1", "order = 1\nlevel = 2", "`level` is no key"),
    ] {
        assert_one(&descriptions_are_true(&changed("Cargo.toml", from, to)), part);
    }
    let mut two = one_exercise();
    two.files.insert("exercises/05-pipe/other/Cargo.toml".into(), MANIFEST.into());
    assert_one(&descriptions_are_true(&two), "two exercises have one `order`");
}

#[test]
fn a_text_without_the_form_is_found() {
    for (from, to, part) in [
        ("# The end", "# An end", "README.md:1: is not `# The end"),
        ("repair · 15", "write · 15", "README.md:3: is not `"),
        ("15 minutes", "16 minutes", "README.md:3: is not `"),
        ("## Given", "### Given", "the sections are"),
        ("## Achieve", "## Aim", "the sections are"),
        ("05-pipe/pipe-eof/src", "src", "which file to edit"),
        ("It ends.\n\n```sh\ncargo test -p pipe-eof\n```\n", "", "the section is empty"),
        ("Hint 2", "Hint 3", "hint 2 is not"),
        ("\nClose.\n", "", "hint 2 is not"),
        ("```sh", "```rust", "a code block here is `sh`"),
        ("-p pipe-eof", "-p pipe-end", "there is no package `pipe-end`"),
        ("05-pipe/README.md#why", "06-signal/README.md#why", "leads to no page"),
        ("../../../chapters/05-pipe/README.md", "src/lib.rs", "leads to no page"),
        ("It ends.", "It ends: {{#include src/lib.rs}}", "includes nothing"),
        ("It ends.", "It ends.\n\n[a]: ../b", "defines no links"),
        ("It ends.", "Give `cargo run -- hint pipe-end`.", "no exercise `pipe-end`"),
    ] {
        assert_one(&texts_have_the_form(&changed("README.md", from, to)), part);
    }
    let (head, _) = TEXT.split_once("<details>").expect("hints");
    let mut none = one_exercise();
    none.files.insert(format!("{FOLDER}/README.md"), head.into());
    assert_one(&texts_have_the_form(&none), "has 0 hints");
}

#[test]
fn a_wrong_program_that_does_not_say_why_is_found() {
    for (from, to, part) in [
        ("//! STUCK: One.", "//! One.", "is not `//! CODE: what was thought.`"),
        ("//! STUCK: One.", "// STUCK: One.", "is not `//! CODE"),
        ("STUCK: One.", "STUCK: one", "is not `//! CODE"),
        ("STUCK", "GONE", "the grader has no code `GONE`"),
    ] {
        assert_one(&wrong_programs_say_why(&changed("wrong/a.rs", from, to)), part);
    }
    let starter = changed("starter/lib.rs", "//! a", "fn a() {}");
    assert_one(&wrong_programs_say_why(&starter), "starter/lib.rs:1: begins without");
}

#[test]
fn a_code_without_a_section_and_a_section_without_a_code_are_found() {
    for (from, to, part) in [
        ("## STUCK\n", "", "has no section `## STUCK`"),
        ("## Sources", "## ORPHAN", "the grader has no code `ORPHAN`"),
        ("## Sources", "## STUCK", "`STUCK` is explained twice"),
        ("## STUCK", "### STUCK", "`STUCK` is not of level 2"),
    ] {
        assert_one(&index_has_every_code(&changed(INDEX, from, to)), part);
    }
}

#[test]
fn an_exercise_that_its_chapter_does_not_show_is_found() {
    let page = "chapters/05-pipe/README.md";
    let directive = "{{#exercise pipe-eof}}";
    for (from, to, part) in [
        (directive, "", "does not show its exercise"),
        ("## Exercises", "## Practice", "no section `## Exercises` right before"),
        ("## Sources", "## More\n\n## Sources", "no section `## Exercises` right before"),
        (directive, &format!("{directive}\n\n{directive}"), "shows `pipe-eof` 2 times"),
        (
            directive,
            &format!("{directive}\n\n{{{{#exercise other}}}}"),
            "`other` is no exercise",
        ),
    ] {
        assert_one(&chapters_show_their_exercises(&changed(page, from, to)), part);
    }
    let early = changed(page, directive, "");
    let mut early = early;
    let text = early.files.get_mut(page).expect("the page");
    *text = text.replace("# Pipe\n", &format!("# Pipe\n\n{directive}\n"));
    assert_one(&chapters_show_their_exercises(&early), "outside of `## Exercises`");

    let mut elsewhere = one_exercise();
    elsewhere.files.insert("chapters/02-fork/README.md".into(), PAGE.into());
    assert_one(&chapters_show_their_exercises(&elsewhere), "no exercise of this chapter");

    let mut turned =
        changed(page, directive, &format!("{directive}\n\n{{{{#exercise first}}}}"));
    let first = MANIFEST.replace("order = 1", "order = 0");
    turned.files.insert("exercises/05-pipe/first/Cargo.toml".into(), first);
    assert_one(&chapters_show_their_exercises(&turned), "not in their order");
}

#[test]
fn the_readers_file_is_told_from_the_others() {
    for (path, is_the_readers, stands_in) in [
        ("exercises/05-pipe/pipe-eof/src/lib.rs", true, false),
        ("exercises/05-pipe/pipe-eof/src/mine.rs", true, false),
        ("exercises/05-pipe/pipe-eof/src/bin/pipe-eof.rs", false, false),
        ("exercises/05-pipe/pipe-eof/starter/lib.rs", false, true),
        ("exercises/05-pipe/pipe-eof/wrong/a.rs", false, true),
        ("exercises/05-pipe/pipe-eof/solution/src/lib.rs", false, false),
        ("exercises/grader/src/lib.rs", false, false),
        ("chapters/05-pipe/src/lib.rs", false, false),
    ] {
        assert_eq!(exercises::is_the_readers(path), is_the_readers, "{path}");
        assert_eq!(exercises::stands_in(path), stands_in, "{path}");
    }
    let codes: Vec<String> = exercises::codes(&one_exercise()).into_iter().collect();
    assert_eq!(codes, ["LEAKED_FD", "STUCK"]);
}
