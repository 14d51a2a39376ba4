//! `prove`, with a program in the place of cargo.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use assert_cmd::Command;

use super::project::*;
use super::support::*;

/// Answers as cargo with cargo-mutants would, and notes what it was called with. Its folder is
/// the one in which it lies.
const CARGO: &str = r#"#!/bin/sh
here=$(dirname "$0")
echo "$*" >> "$here/calls"
case "$1 $2" in
"mutants --version") exec test -e "$here/installed" ;;
"install cargo-mutants") exec touch "$here/installed" ;;
"mutants --no-shuffle")
    echo "GRADER_PROOF=$GRADER_PROOF CARGO_TARGET_DIR=$CARGO_TARGET_DIR" >> "$here/calls"
    while [ "$1" != --output ]; do shift; done
    mkdir -p "$2/mutants.out"
    case "$2" in
    */first-one) cp "$here/outcomes.json" "$2/mutants.out"; exit 3 ;;
    */second-one) exit 0 ;;
    *) exit 4 ;;
    esac ;;
esac
exit 70
"#;

/// Makes the program that stands for cargo. Another process writes it: a copy of the descriptor
/// in a child of a test that runs at the same time would make it "busy" (man 2 execve, ETXTBSY).
fn cargo_in(folder: &Path) -> PathBuf {
    let path = folder.join("cargo");
    let mut writer = std::process::Command::new("sh")
        .args(["-c", "cat > \"$0\" && chmod 755 \"$0\""])
        .arg(&path)
        .stdin(Stdio::piped())
        .spawn()
        .expect("a shell");
    writer.stdin.take().expect("a pipe").write_all(CARGO.as_bytes()).expect("it reads");
    assert!(writer.wait().expect("a status").success());
    fs::copy(project().join("src/prove/outcomes.json"), folder.join("outcomes.json"))
        .expect("the recorded outcomes");
    path
}

#[test]
fn prove_counts_explains_and_writes_the_score() {
    let mini = Exercises::new();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let cargo = cargo_in(folder.path());
    let prove = |arguments: &[&str]| {
        let mut command: Command = mini.0.workbook();
        outcome(command.env("CARGO", &cargo).arg("prove").args(arguments))
    };
    let calls = || fs::read_to_string(folder.path().join("calls")).expect("the calls");

    let (status, _, errors) = prove(&["first-one"]);
    assert_eq!(status, Some(1));
    assert!(errors.contains("cargo install cargo-mutants --locked"), "{errors}");
    assert!(errors.contains("or say --yes"), "{errors}");
    assert_eq!(calls(), "mutants --version\n", "nothing is installed without consent");

    let (status, output, errors) = prove(&["first-one", "--yes"]);
    assert_eq!(status, Some(1), "{errors}");
    assert!(calls().contains("install cargo-mutants --locked\n"), "{}", calls());
    let all = mini.0.root().join("target/mutants");
    let all = all.display();
    assert!(
        calls().contains(&format!("GRADER_PROOF=off CARGO_TARGET_DIR={all}/build\n")),
        "{}",
        calls()
    );
    assert!(
        calls().contains(&format!(
            "mutants --no-shuffle --package first-one-solution --file \
             exercises/**/first-one/solution/src/lib.rs --minimum-test-timeout 60 --dir {} --output {all}/first-one\n",
            mini.0.root().display()
        )),
        "{}",
        calls()
    );
    assert!(
        output.contains(
            "first-one: 5 viable mutants, 3 caught (1 of them at the deadline), 0 equivalent, 2 survived\n"
        ),
        "{output}"
    );
    assert!(
        output.contains("solution/src/lib.rs:5:34  replace < with > in small\n"),
        "{output}"
    );

    mini.0.write(
        "exercises/01-one/first-one/equivalent.toml",
        "[[mutant]]\nname = \"replace < with > in small\"\nreason = \"For the test.\"\n\n\
         [[mutant]]\nname = \"replace small -> bool with false\"\nreason = \"For the test.\"\n\n\
         [[mutant]]\nname = \"replace * with + in gone\"\nreason = \"For the test.\"\n",
    );
    let (status, output, errors) = prove(&["first-one"]);
    assert_eq!((status, errors.as_str()), (Some(0), ""), "{output}");
    assert!(output.contains("lists `replace * with + in gone`"), "{output}");

    let (status, output, errors) = prove(&[]);
    assert_eq!(status, Some(1));
    assert!(errors.contains("third-one: the solution does not pass its grader"), "{errors}");
    assert!(output.contains("Not proved: third-one\n"), "{output}");
    let score = fs::read_to_string(mini.0.root().join("exercises/score.toml")).expect("scores");
    assert!(
        score.ends_with(
            "\n[first-one]\nviable = 5\ncaught = 3\nequivalent = 2\nsurvived = 0\n\
             \n[second-one]\nviable = 0\ncaught = 0\nequivalent = 0\nsurvived = 0\n"
        ),
        "{score}"
    );
}
