//! The program behind `cargo run`, from outside: what it prints and builds.

use std::fs;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

#[path = "support/program.rs"]
mod support;

use support::*;

#[test]
fn list_shows_every_chapter_and_every_example_of_the_book() {
    let (status, list, errors) = outcome(workbook().arg("list"));
    assert_eq!((status, errors.as_str()), (Some(0), ""));
    assert!(!list.contains('\x1b'), "colours are for terminals: {list:?}");

    let words: Vec<&str> = list.split_whitespace().collect();
    let mut chapters = 0;
    for entry in WalkDir::new(project().join("chapters")).min_depth(1).max_depth(3) {
        let path = entry.expect("an entry").into_path();
        let within = path.strip_prefix(project().join("chapters")).expect("it is in there");
        let parts: Vec<String> =
            within.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        match &parts[..] {
            // An appendix has a letter, and nothing to run.
            [chapter, page] if page == "README.md" && is_numbered(chapter) => {
                let number = chapter.split('-').next().expect("a number");
                assert!(words.contains(&number), "chapter {chapter} is missing:\n{list}");
                chapters += 1;
            }
            [_, folder, example] if folder == "examples" && example.ends_with(".rs") => {
                let name = example.trim_end_matches(".rs");
                assert!(words.contains(&name), "example {name} is missing:\n{list}");
            }
            _ => {}
        }
    }
    assert!(chapters >= 6, "only {chapters} chapters were looked for");

    let mut exercises = 0;
    for entry in WalkDir::new(project().join("exercises")).min_depth(3).max_depth(3) {
        let path = entry.expect("an entry").into_path();
        let within = path.strip_prefix(project().join("exercises")).expect("it is in there");
        let parts: Vec<String> =
            within.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        if let [chapter, id, file] = &parts[..]
            && file == "Cargo.toml"
            && chapter.starts_with(|first: char| !first.is_ascii_lowercase())
        {
            assert!(words.contains(&id.as_str()), "exercise {id} is missing:\n{list}");
            exercises += 1;
        }
    }
    let solved = list.lines().last().unwrap_or_default();
    assert!(solved.contains(&format!(" of {exercises} exercises solved.")), "{list}");
}

fn is_numbered(folder: &str) -> bool {
    folder.starts_with(|first: char| first.is_ascii_digit())
}

#[test]
fn list_is_aligned_and_tells_minutes_and_titles() {
    let (status, list, _) = outcome(MiniBook::new().workbook().arg("list"));
    assert_eq!(status, Some(0));
    assert_eq!(
        list.lines().map(str::trim_end).collect::<Vec<_>>(),
        [
            "         00 Introduction  crate introduction",
            " 45 min  01 The first  crate one",
            "            abort           Dies of a signal.",
            "  3 min     show_arguments  Prints its arguments and ends with status 7.",
            "",
            "2 chapters, 2 examples. Run one with: cargo run -- run NAME",
        ]
    );
}

#[test]
fn the_project_is_found_from_any_folder_inside_it() {
    let mini = MiniBook::new();
    let mut command = workbook();
    command
        .env_remove("CARGO_MANIFEST_DIR")
        .current_dir(mini.root().join("chapters/01-one/src"))
        .arg("list");
    let (status, list, _) = outcome(&mut command);
    assert_eq!(status, Some(0));
    assert!(list.contains("The first"), "{list}");
}

#[cfg(target_os = "linux")]
#[test]
fn run_hands_over_arguments_status_and_signal() {
    use std::os::unix::process::ExitStatusExt;

    let mini = MiniBook::new();
    let (status, output, errors) = outcome(mini.workbook().args([
        "run",
        "show_arguments",
        "--jobs",
        "2",
        "a b",
        "--",
        "-x",
    ]));
    assert_eq!(
        (status, output.as_str()),
        (Some(7), "[\"--jobs\", \"2\", \"a b\", \"--\", \"-x\"]\n"),
        "{errors}"
    );

    let output = mini.workbook().args(["run", "abort"]).output().expect("the program starts");
    const SIGABRT: i32 = 6;
    assert_eq!(output.status.signal(), Some(SIGABRT), "{output:?}");
}

#[test]
fn an_unknown_example_is_answered_with_the_closest_names() {
    let (status, output, errors) =
        outcome(MiniBook::new().workbook().args(["run", "show_argumets"]));
    assert_eq!((status, output.as_str()), (Some(1), ""));
    assert!(errors.contains("no example is called show_argumets"), "{errors}");
    assert!(errors.contains("Did you mean show_arguments?"), "{errors}");
}

#[test]
fn build_makes_every_page_of_the_book() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let site = folder.path().join("site");
    let (status, _, errors) = outcome(workbook().arg("build").arg("--dest").arg(&site));
    assert_eq!((status, errors.as_str()), (Some(0), ""), "the book builds without a warning");

    let summary =
        fs::read_to_string(project().join("chapters/SUMMARY.md")).expect("SUMMARY.md");
    let pages: Vec<&str> = summary
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once("README.md)"))
        .map(|(folder, _)| folder)
        .collect();
    assert!(pages.len() >= 6, "{pages:?}");
    for page in pages {
        let html = fs::read_to_string(site.join(page).join("index.html")).expect(page);
        assert!(!html.contains("README.html"), "{page} links to a page that does not exist");
        assert!(!html.contains("{{#"), "{page} shows a directive");
    }
    for page in ["index.html", "print.html", "404.html"] {
        assert!(site.join(page).is_file(), "{page}");
    }
}

#[test]
fn links_and_the_strip_are_in_the_built_page() {
    let mini = MiniBook::new();
    assert_eq!(outcome(mini.workbook().arg("build")).0, Some(0));
    let read = |page: &str| {
        fs::read_to_string(mini.root().join("target/site").join(page)).expect("a page")
    };
    assert!(read("00-introduction/index.html").contains("href=\"../01-one/index.html#look\""));
    assert!(read("01-one/index.html").contains("<p class=\"chapter-strip\">About 45 minutes"));
}

#[test]
fn what_a_page_includes_must_exist_or_the_build_fails_with_file_and_line() {
    for (directive, complaint) in [
        ("{{#include src/gone.rs}}", "the included file src/gone.rs cannot be read"),
        ("{{#include src/lib.rs:gone}}", "src/lib.rs has no line ANCHOR: gone"),
        ("{{#include src/lib.rs:40:}}", "src/lib.rs has 3 lines, and 40: names none of them"),
        ("{{#inclde src/lib.rs}}", "is no directive of mdBook"),
    ] {
        let mini = MiniBook::new();
        mini.write(
            "chapters/01-one/README.md",
            &format!("# One\n\n```rust,ignore\n{directive}\n```\n"),
        );
        let (status, _, errors) = outcome(mini.workbook().arg("build"));
        assert_eq!(status, Some(1), "{directive}");
        let place = Path::new("chapters").join("01-one").join("README.md");
        assert!(errors.contains(&format!("{}:4: ", place.display())), "{errors}");
        assert!(errors.contains(complaint), "{errors}");
        assert!(
            !mini.root().join("target/site/index.html").exists(),
            "a page with a hole was written"
        );
    }
}

#[test]
fn a_missing_page_fails_the_build() {
    let mini = MiniBook::new();
    fs::remove_file(mini.root().join("chapters/01-one/README.md")).expect("the page was there");
    let (status, _, errors) = outcome(mini.workbook().arg("build"));
    assert_eq!(status, Some(1));
    assert!(errors.contains("README.md"), "{errors}");
    assert!(
        !mini.root().join("chapters/01-one/README.md").exists(),
        "an empty page was made up"
    );
}

#[test]
fn mdbook_gets_the_same_pages_through_the_preprocessor() {
    let mini = MiniBook::new();
    assert_eq!(outcome(mini.workbook().args(["preprocess", "supports", "html"])).0, Some(0));
    assert_eq!(outcome(mini.workbook().args(["preprocess", "supports", "latex"])).0, Some(1));

    let chapter = serde_json::json!({
        "name": "One", "content": "# One\n\n*About 5 minutes.*\n\n[up](../README.md)\n", "number": null,
        "sub_items": [], "path": "01-one/index.md", "source_path": "01-one/README.md", "parent_names": [],
    });
    let input = serde_json::json!([
        { "root": mini.root(), "config": { "book": { "src": "chapters" } }, "renderer": "html",
          "mdbook_version": "0.5.4" },
        { "items": [{ "Chapter": chapter }] },
    ]);
    let (status, output, errors) =
        outcome(mini.workbook().arg("preprocess").write_stdin(input.to_string()));
    assert_eq!(status, Some(0), "{errors}");
    let book: serde_json::Value = serde_json::from_str(&output).expect("JSON");
    let content = book["items"][0]["Chapter"]["content"].as_str().expect("a page");
    assert!(
        content.contains("crate <code>one</code>") && content.contains("[up](../index.html)"),
        "{content}"
    );

    let (status, _, errors) =
        outcome(mini.workbook().arg("preprocess").write_stdin("nonsense"));
    assert_eq!(status, Some(1));
    assert!(errors.contains("for mdBook to call"), "{errors}");
}

#[test]
fn doctor_explains_and_its_status_tells_of_problems() {
    let (status, report, errors) = outcome(workbook().arg("doctor"));
    assert_eq!(errors, "");
    let problems = report.lines().filter(|line| line.starts_with("problem ")).count();
    assert_eq!(status, Some(i32::from(problems > 0)), "{report}");
    if cfg!(target_os = "linux") {
        for subject in [
            "kernel",
            "/proc",
            "processors",
            "limit of descriptors",
            "container",
            "user",
            "tools",
        ] {
            assert!(
                report.lines().any(|line| line.get(9..) == Some(subject)),
                "{subject} is missing:\n{report}"
            );
        }
    }
    let to_mend = report
        .lines()
        .filter(|line| line.starts_with("problem ") || line.starts_with("note "))
        .count();
    assert_eq!(report.matches("         Remedy: ").count(), to_mend, "{report}");
}

#[test]
fn a_build_never_deletes_what_it_did_not_write() {
    let mini = MiniBook::new();
    let precious: PathBuf = mini.root().join("home/thesis.tex");
    mini.write("home/thesis.tex", "text");
    let (status, _, errors) =
        outcome(mini.workbook().arg("build").arg("--dest").arg(mini.root().join("home")));
    assert_eq!(status, Some(1));
    assert!(errors.contains("holds no earlier build"), "{errors}");
    assert!(precious.exists());
}
