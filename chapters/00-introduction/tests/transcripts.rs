//! What the introduction shows is what its programs print.

use std::fs;
use std::path::PathBuf;

/// Six short texts that the page counts; the numbers in the page are theirs.
const TEXTS: &str = "examples/texts";

#[test]
fn first_pool() {
    transcript::example("first_pool").args([TEXTS]).check();
}

#[test]
fn first_pool_killed() {
    transcript::example("first_pool")
        .args([TEXTS, "--kill-one"])
        .named("first_pool_killed")
        .check();
}

#[test]
fn green_and_wrong() {
    transcript::example("green_and_wrong").check();
}

#[test]
fn green_and_leaking() {
    // `example` looks in the folder `examples`; the test program lies beside it.
    let test = PathBuf::from("../deps").join(test_program("green_and_leaking"));
    transcript::example(test.to_str().expect("cargo's names are ASCII"))
        .named("green_and_leaking")
        .measured(&["s"])
        .check();
}

#[test]
fn green_and_leaking_graded() {
    transcript::example("grade")
        .args([transcript::built_example("green_and_leaking")])
        .code(1)
        .named("green_and_leaking_graded")
        // The process that the grader has put above the program.
        .varying(r"child of \d+")
        .check();
}

#[test]
fn folk_notes() {
    transcript::example("folk_notes").measured(&["regions"]).check();
}

/// The name of the newest program that cargo has made of `tests/NAME.rs`, in the folder of this one. Cargo adds a hash
/// to it.
fn test_program(name: &str) -> String {
    let this = std::env::current_exe().expect("path of the running test");
    let folder =
        fs::read_dir(this.parent().expect("a folder")).expect("list target/PROFILE/deps");
    let is_program = |file: &String| {
        let hash = file.strip_prefix(name).and_then(|rest| rest.strip_prefix('-'));
        hash.is_some_and(|hash| hash.chars().all(|char| char.is_ascii_hexdigit()))
    };
    folder
        .flatten()
        .filter_map(|entry| {
            let file = entry.file_name().into_string().ok().filter(is_program)?;
            Some((entry.metadata().ok()?.modified().ok()?, file))
        })
        .max()
        .unwrap_or_else(|| panic!("test {name} is not built: run plain `cargo test` first"))
        .1
}
