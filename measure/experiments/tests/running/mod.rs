//! Runs an experiment as `cargo run -- measure` does, and sees to it that nobody and nothing is left when it has ended.
//!
//! Each run has a mark in its environment, which every process inherits that it starts, by whatever way; and an empty
//! folder to work in, with core files allowed as far as they can be.

use claims::{Finding, Message};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Only a machine under heavy load comes near it.
const DEADLINE: Duration = Duration::from_secs(60);

/// Runs `program` at small scale. Its progress must grow, and the last line must be the finding for `id`.
pub(crate) fn finding(program: &str, id: &str) -> Finding {
    let mark = mark(program, "ends");
    let folder = tempfile::tempdir().expect("a folder");
    let output = command(program, &mark)
        .current_dir(&folder)
        .output()
        .expect("the experiment can be started");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", output.status);
    assert_nobody_has(&mark);
    let files = fs::read_dir(&folder).expect("the folder can be listed");
    let files: Vec<_> = files.map(|entry| entry.expect("an entry").file_name()).collect();
    assert!(files.is_empty(), "left behind: {files:?}");
    let mut messages: Vec<Message> = text
        .lines()
        .map(|line| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
        })
        .collect();
    let Some(Message::Finding(finding)) = messages.pop() else { panic!("no finding: {text}") };
    let progress: Vec<f64> = messages
        .into_iter()
        .map(|message| match message {
            Message::Progress(done) => done,
            Message::Finding(_) => panic!("two findings: {text}"),
        })
        .collect();
    assert!(progress.len() > 2 && progress.is_sorted(), "{progress:?}");
    assert_eq!(finding.id, id);
    assert!(finding.because.ends_with('.'), "{}", finding.because);
    for series in finding.plots.iter().flat_map(|plot| &plot.series) {
        assert!(series.points.is_sorted_by(|a, b| a.x < b.x), "{series:?}");
        assert!(series.points.iter().all(|point| point.y.is_finite()), "{series:?}");
    }
    *finding
}

/// Kills `program` after its first message; whatever it had started must be gone soon.
pub(crate) fn killed(program: &str) {
    let mark = mark(program, "is-killed");
    let mut child = command(program, &mark)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the experiment can be started");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("a pipe");
    BufReader::new(stdout).read_line(&mut line).expect("the pipe can be read");
    assert!(line.contains("progress"), "{line}");
    child.kill().expect("a child can be killed");
    child.wait().expect("a child can be waited for");
    assert_nobody_has(&mark);
}

fn command(program: &str, mark: &str) -> Command {
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            "ulimit -c $(ulimit -H -c); exec \"$@\"",
            "sh",
            program,
            "--small",
            "--json",
        ])
        .env("EXPERIMENT_RUN", mark)
        .stdin(Stdio::null());
    command
}

fn mark(program: &str, how: &str) -> String {
    let name = Path::new(program).file_name().unwrap_or_default().display();
    format!("{name}-{how}-{}", std::process::id())
}

/// Waits until no process has the mark in its environment. Those that were just killed may take a moment.
fn assert_nobody_has(mark: &str) {
    let until = Instant::now() + DEADLINE;
    loop {
        let left = who_has(mark);
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < until, "left behind: {left:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The processes with the mark. A zombie has no environment any more, and its parent is not ours to judge.
fn who_has(mark: &str) -> Vec<String> {
    let wanted = format!("EXPERIMENT_RUN={mark}");
    let processes = fs::read_dir("/proc").expect("/proc can be listed");
    let has_it = |path: &Path| {
        let variables = fs::read(path.join("environ")).unwrap_or_default();
        variables.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
    };
    processes
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| has_it(path))
        .map(|path| fs::read_to_string(path.join("stat")).unwrap_or_default())
        .collect()
}
