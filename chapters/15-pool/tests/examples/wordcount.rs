//! What `wordcount` promises: the counts of one process, whatever the number of workers, and nobody is left.

use crate::run::{Ended, Run, until};
use nix::sys::signal::Signal;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use tempfile::TempDir;

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
        fs::write(path, bytes).expect("a new file");
    }
    folder
}

fn wordcount(path: &Path, args: &[&str]) -> Ended {
    Run::example("wordcount").args([path]).args(args).end()
}

const SAME: &str = "one process alone counts the same\n";

#[test]
fn any_number_of_workers_counts_what_one_process_counts() {
    let verse = "Съешь же ещё этих мягких французских булок, да выпей чаю don't\n";
    let text = [verse.as_bytes(), b"\xE2\x82 fin\xFF", "東京 naïve\n".as_bytes()]
        .concat()
        .repeat(4_000);
    let folder = folder(&[("a", &text), ("deep/b", "чаю".as_bytes()), ("c", b"")]);
    let expected = wordcount(folder.path(), &["--check", "--workers", "1", "--top", "100"]);
    assert_eq!((expected.code, expected.stderr.as_str()), (Some(0), ""));
    assert!(
        expected.stdout.starts_with("      4001  чаю\n      4000  don't\n"),
        "{}",
        expected.stdout
    );
    assert!(expected.stdout.ends_with(SAME), "{}", expected.stdout);
    for workers in ["2", "5"] {
        let ended =
            wordcount(folder.path(), &["--check", "--workers", workers, "--top", "100"]);
        assert_eq!(ended.stdout, expected.stdout);
    }
}

#[test]
fn a_made_up_text_is_counted_without_a_file() {
    let run = |args: &[&str]| Run::example("wordcount").args(args.iter().copied()).end();
    let one = run(&["--megabytes", "1", "--check"]);
    assert_eq!(one.code, Some(0));
    assert_eq!(one.stdout.lines().count(), 10 + 2, "{}", one.stdout);
    assert!(one.stdout.ends_with(SAME), "{}", one.stdout);
    let two = run(&["--megabytes", "2", "--top", "0"]);
    assert_eq!(two.stdout.lines().count(), 1, "{}", two.stdout);
}

#[test]
fn nothing_has_no_words() {
    let folder = folder(&[("empty", b""), ("folder/none", b"\n\n \xFF")]);
    fs::create_dir(folder.path().join("without")).expect("a new folder");
    for path in ["empty", "folder", "without", "."] {
        let ended = wordcount(&folder.path().join(path), &["--check"]);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{path}");
        assert_eq!(ended.stdout, format!("         0  words, 0 different ones\n{SAME}"));
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named_and_the_others_are_counted() {
    let folder = folder(&[("a", b"one two")]);
    let (missing, file) = (folder.path().join("missing"), folder.path().join("a"));
    let pipe = folder.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).expect("a new pipe");
    let ended = Run::example("wordcount").args([&missing, &file, &pipe]).end();
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stdout.ends_with("\n         2  words, 2 different ones\n"),
        "{}",
        ended.stdout
    );
    let said = format!(
        "wordcount: {}: No such file or directory (os error 2)\nwordcount: {}: neither a file nor a folder\n",
        missing.display(),
        pipe.display()
    );
    assert_eq!(ended.stderr, said);
}

#[test]
fn interrupted_it_leaves_nobody() {
    // Without an end in sight, and with one worker it has more to do than this case waits.
    let run =
        Run::example("wordcount").args(["--megabytes", "300", "--check", "--workers", "3"]);
    let running = run.start();
    until("its three workers run", || {
        running.others().iter().filter(|(_, name)| name == "wordcount").count() == 3
    });
    running.signal(Signal::SIGINT);
    assert_eq!(running.end().signal(), Some(2));
}
