//! However a run ends, nobody is left; and the program `tracer`.

use crate::{code, options, play, record_with};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use timeline::Timeline;
use tracer::{Options, Output, TraceError};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tracer");

pub(crate) fn a_deadline_kills_all() {
    let options =
        Options { deadline: Duration::from_millis(500), output: Output::Null, ..options() };
    let timeline = record_with("forever", options);
    assert!(
        timeline.notes.iter().any(|note| note.starts_with("it was killed")),
        "{timeline:#?}"
    );
    for lane in &timeline.lanes {
        let end = lane.end.as_ref().expect("it was killed");
        assert_eq!(end.signal.as_deref(), Some("SIGKILL"), "{timeline:#?}");
    }
}

pub(crate) fn a_missing_program_is_an_error() {
    let refused = tracer::record("/no/such/program".as_ref(), &[], Options::default());
    assert!(
        matches!(&refused, Err(TraceError::Program { path, .. }) if path.ends_with("program")),
        "{refused:?}"
    );
}

pub(crate) fn a_full_record_keeps_births() {
    let timeline = record_with("many", Options { events_max: 20, ..options() });
    assert_eq!(timeline.lanes.len(), 201);
    assert!(timeline.lanes[1..].iter().all(|lane| lane.end.is_some()));
    assert_eq!(code(&timeline, 0), Some(0));
    assert_eq!(timeline.notes.len(), 1, "{:?}", timeline.notes);
}

fn traced(name: &str) -> (Command, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(PROGRAM);
    command.arg("--out").arg(folder.path().join("record.json")).arg("--");
    command.arg(std::env::current_exe().expect("a file")).args([play::PLAY, name]);
    (command, folder)
}

pub(crate) fn the_exit_code_is_the_programs() {
    let (mut command, folder) = traced("seven");
    assert_eq!(command.status().expect("it can be started").code(), Some(7));
    assert_eq!(code(&recorded(&folder), 0), Some(7));
}

pub(crate) fn nobody_is_watched_by_two() {
    let (inner, _inner_folder) = traced("seven");
    let folder = tempfile::tempdir().expect("a folder");
    let mut outer = Command::new(PROGRAM);
    outer
        .arg("--out")
        .arg(folder.path().join("record.json"))
        .arg("--")
        .arg(PROGRAM)
        .args(inner.get_args());
    let output = outer.output().expect("it can be started");
    assert_eq!(output.status.code(), Some(125));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("this process is itself being traced"), "{said}");
    let timeline = recorded(&folder);
    assert!(
        timeline.notes.iter().any(|note| note.starts_with("it called ptrace itself")),
        "{timeline:#?}"
    );
    assert!(timeline.lanes.iter().all(|lane| lane.end.is_some()), "{timeline:#?}");
}

fn recorded(folder: &tempfile::TempDir) -> Timeline {
    let json = std::fs::read(folder.path().join("record.json")).expect("a record");
    serde_json::from_slice(&json).expect("JSON")
}

/// Starts the program and returns when both of its processes are there. Its output ends when nobody is left.
fn started(command: &mut Command) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut child = command.stdout(Stdio::piped()).spawn().expect("it can be started");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    output.read_line(&mut String::new()).expect("a line");
    (child, output)
}

pub(crate) fn a_killed_tracer_leaves_nobody() {
    let (mut command, _folder) = traced("forever");
    let (mut child, mut output) = started(&mut command);
    kill(Pid::from_raw(child.id() as i32), Signal::SIGKILL).expect("it can be killed");
    assert_eq!(child.wait().expect("it ends").signal(), Some(9));
    output.read_to_end(&mut Vec::new()).expect("the end, when all have ended");
}

pub(crate) fn an_interrupt_still_writes_the_record() {
    let (mut command, folder) = traced("forever");
    let (mut child, mut output) = started(command.process_group(0));
    killpg(Pid::from_raw(child.id() as i32), Signal::SIGINT).expect("it can be interrupted");
    output.read_to_end(&mut Vec::new()).expect("the end, when all have ended");
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    let timeline = recorded(&folder);
    assert_eq!(timeline.lanes.len(), 2);
    for lane in &timeline.lanes {
        assert_eq!(lane.end.as_ref().and_then(|end| end.signal.as_deref()), Some("SIGINT"));
    }
}
