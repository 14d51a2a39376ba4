//! `grade` and `watch` while they run: what ends them, and what they end.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::project::*;
use super::support::*;

/// A command that goes on until it is ended, line by line.
struct Running {
    program: Child,
    lines: mpsc::Receiver<String>,
    seen: String,
}

impl Running {
    fn start(mini: &Exercises, arguments: &[&str]) -> Running {
        let mut program = Running::command(mini, arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let (sender, lines) = mpsc::channel();
        let output = BufReader::new(program.stdout.take().expect("a pipe"));
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Running { program, lines, seen: String::new() }
    }

    fn command(mini: &Exercises, arguments: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(PROGRAM);
        command
            .arg("--root")
            .arg(mini.0.root())
            .args(arguments)
            .env("CARGO", env!("CARGO"))
            .env("CARGO_TARGET_DIR", mini.0.root().join("target"))
            .stdin(Stdio::null());
        command
    }

    /// Starts the command with an output that nobody reads. Its errors go to a file.
    fn unread(mini: &Exercises, arguments: &[&str], errors: &Path) -> Running {
        let (reader, output) = std::io::pipe().expect("a pipe");
        drop(reader);
        let program = Running::command(mini, arguments)
            .stdout(output)
            .stderr(fs::File::create(errors).expect("a file"))
            .spawn()
            .expect("the program starts");
        Running { program, lines: mpsc::channel().1, seen: String::new() }
    }

    /// The rest of the next line that begins with `start`.
    fn line(&mut self, start: &str) -> String {
        loop {
            let Ok(line) = self.lines.recv_timeout(DEADLINE) else {
                panic!("no line begins with {start:?} after:\n{}", self.seen);
            };
            self.seen.push_str(&line);
            self.seen.push('\n');
            if let Some(rest) = line.strip_prefix(start) {
                return rest.to_owned();
            }
        }
    }

    fn judge(&mut self) -> i32 {
        self.line("judge ").parse().expect("a pid")
    }

    fn end(&mut self, signal: Signal) -> Option<i32> {
        let pid = i32::try_from(self.program.id()).expect("a pid");
        kill(Pid::from_raw(pid), signal).expect("the program runs");
        self.status()
    }

    /// What the program ends with.
    fn status(&mut self) -> Option<i32> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.program.try_wait().expect("a status") {
                return status.code();
            }
            assert!(begun.elapsed() < DEADLINE, "the program does not end");
            thread::yield_now();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// Waits until the process has ended. A zombie has.
fn gone(pid: i32) {
    let begun = Instant::now();
    while fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z')))
    {
        assert!(begun.elapsed() < DEADLINE, "process {pid} is still there");
        thread::yield_now();
    }
}

#[test]
fn watch_grades_at_each_save_and_ends_the_run_that_is_out_of_date() {
    let mini = Exercises::new();
    mini.record("first-one", exercise::Outcome::Passed);
    mini.write("second-one", HANGS);
    let mut watch = Running::start(&mini, &["watch"]);
    assert!(watch.line("second-one").contains("fill, 5 minutes"), "the first unsolved one");
    let hanging = watch.judge();

    mini.write("second-one", WRONG);
    assert_ne!(watch.judge(), hanging);
    gone(hanging);
    assert_eq!(
        watch.line("Edit "),
        "exercises/01-one/second-one/src/lib.rs and save it. Ctrl-C ends."
    );

    mini.write("second-one", RIGHT);
    assert_eq!(watch.line("✓ "), "second-one is passed. 2 of 3 exercises solved.");
    assert_eq!(watch.line("Next is "), "third-one: The third-one (fill, 5 minutes)");

    mini.write("third-one", RIGHT);
    assert_eq!(watch.line("✓ "), "third-one is passed. 3 of 3 exercises solved.");
    watch.line("That was the last one.");

    mini.write("first-one", HANGS);
    watch.line("first-one");
    let hanging = watch.judge();
    assert_eq!(watch.end(Signal::SIGINT), Some(0));
    gone(hanging);
    assert!(
        !watch.seen.contains('\x1b'),
        "no screen is cleared, no colour set: {}",
        watch.seen
    );
}

#[test]
fn watch_begins_with_the_named_exercise_and_waits_when_all_are_solved() {
    let mini = Exercises::new();
    mini.write("third-one", HANGS);
    let mut watch = Running::start(&mini, &["watch", "third-one"]);
    watch.line("third-one");
    let hanging = watch.judge();
    assert_eq!(watch.end(Signal::SIGTERM), Some(0));
    gone(hanging);

    for id in ["first-one", "second-one", "third-one"] {
        mini.record(id, exercise::Outcome::Passed);
    }
    let mut watch = Running::start(&mini, &["watch"]);
    watch.line("All 3 exercises are solved.");
    mini.write("third-one", RIGHT);
    watch.line("third-one");
    watch.line("✓ third-one is passed.");
    assert_eq!(watch.end(Signal::SIGINT), Some(0));
}

#[test]
fn ctrl_c_during_grade_ends_what_it_runs() {
    let mini = Exercises::new();
    mini.write("first-one", HANGS);
    for (arguments, signal, status) in
        [(&["grade", "first-one"][..], Signal::SIGINT, 130), (&["grade"], Signal::SIGTERM, 143)]
    {
        let mut grade = Running::start(&mini, arguments);
        let judge = grade.judge();
        assert_eq!(grade.end(signal), Some(status));
        gone(judge);
    }
}

#[test]
fn an_output_that_nobody_reads_is_no_failure() {
    let mini = Exercises::new();
    mini.write("first-one", RIGHT);
    let errors = mini.0.root().join("errors");
    for (arguments, status) in
        [(&["grade", "first-one"][..], 0), (&["grade"], 1), (&["watch", "second-one"], 0)]
    {
        let ended = Running::unread(&mini, arguments, &errors).status();
        let errors = fs::read_to_string(&errors).expect("the errors");
        assert_eq!(ended, Some(status), "{arguments:?}: {errors}");
        assert!(!errors.contains("panicked"), "{arguments:?}: {errors}");
    }
    let graded = |id| exercise::Progress::read(mini.0.root(), id).is_some();
    assert!(["first-one", "second-one", "third-one"].into_iter().all(graded));
}
