//! `measure` with experiments that find, fail, hang or say nonsense: what is kept, what is said, what is left.
//!
//! The experiments are scripts, and a script in cargo's place says where they are.
#![cfg(target_os = "linux")]

#[path = "support/program.rs"]
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::*;

const FINDS: &str = r#"
echo '{"progress":0.5}'
echo '{"finding":{"id":"ID","verdict":"half-true","because":"It is so.","plots":[],"facts":[],"notes":[],"took_s":0.1}}'
"#;

/// A project in which each of `experiments`, a claim's id and a script, is what cargo builds.
fn project(experiments: &[(&str, &str)]) -> MiniBook {
    let mini = MiniBook::new();
    let mut messages = String::new();
    for (id, script) in experiments {
        let name = id.replace('-', "_");
        let path = write_script(&mini, &name, &script.replace("ID", id));
        messages += &format!(
            "{{\"reason\":\"compiler-artifact\",\"target\":{{\"name\":\"{name}\"}},\"executable\":\"{path}\"}}\n"
        );
    }
    write_script(
        &mini,
        "cargo",
        &format!("echo \"$@\" >\"$0.arguments\"\ncat <<'END'\n{messages}END\n"),
    );
    mini
}

fn write_script(mini: &MiniBook, name: &str, script: &str) -> String {
    mini.write(name, &format!("#!/bin/sh\n{script}"));
    let path = mini.root().join(name);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a script");
    path.display().to_string()
}

fn measure(mini: &MiniBook, arguments: &[&str]) -> std::process::Command {
    let mut command = std::process::Command::new(PROGRAM);
    command
        .arg("--root")
        .arg(mini.root())
        .arg("measure")
        .args(arguments)
        .env("CARGO", mini.root().join("cargo"))
        .stdin(Stdio::null());
    command
}

fn ran(mini: &MiniBook, arguments: &[&str]) -> (Option<i32>, String, String) {
    outcome(assert_cmd::Command::from_std(measure(mini, arguments)).timeout(DEADLINE))
}

fn kept(mini: &MiniBook) -> Vec<String> {
    let text =
        fs::read_to_string(mini.root().join(".workbook/measured.json")).unwrap_or_default();
    let run: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let findings = run["findings"].as_array().cloned().unwrap_or_default();
    findings.iter().filter_map(|it| Some(it["finding"]["id"].as_str()?.to_owned())).collect()
}

#[test]
fn a_finding_is_shown_and_kept_beside_earlier_ones() {
    let mini = project(&[("limits", FINDS), ("blocking", FINDS)]);
    let (code, out, err) = ran(&mini, &["limits"]);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains(" 4  half true ") && out.contains("It is so."), "{out}");
    assert!(out.contains(".workbook/measured.json"), "{out}");
    assert_eq!(kept(&mini), ["limits"]);
    let cargo =
        fs::read_to_string(mini.root().join("cargo.arguments")).expect("cargo was asked");
    assert!(cargo.contains("--release") && cargo.contains("--bin limits"), "{cargo}");
    assert!(!cargo.contains("blocking"), "{cargo}");

    let (code, _, err) = ran(&mini, &["blocking"]);
    assert_eq!(code, Some(0), "{err}");
    assert_eq!(kept(&mini), ["blocking", "limits"]);
}

#[test]
fn an_experiment_that_fails_costs_its_own_claim_only() {
    let mini = project(&[
        ("limits", "echo 'no luck' >&2; exit 3"),
        ("blocking", "echo nonsense"),
        ("copy-on-write", FINDS),
    ]);
    let (code, out, err) = ran(&mini, &["limits", "blocking", "copy-on-write"]);
    assert_eq!(code, Some(1));
    assert!(out.contains("exit status: 3") && out.contains("no message"), "{out}");
    assert!(out.contains(" 7  half true "), "{out}");
    assert!(err.contains("no luck"), "{err}");
    assert_eq!(kept(&mini), ["copy-on-write"]);
}

#[test]
fn an_unknown_claim_is_an_error_with_the_nearest_name() {
    let (code, _, err) = ran(&project(&[]), &["limit"]);
    assert_eq!(code, Some(1));
    assert!(err.contains("Did you mean limits?") && err.contains("measure --list"), "{err}");
    let (code, out, _) = ran(&project(&[]), &["--list"]);
    assert_eq!((code, out.lines().count()), (Some(0), 13), "{out}");
}

#[test]
fn a_program_that_is_not_built_is_an_error() {
    let mini = project(&[]);
    let (code, _, err) = ran(&mini, &["limits"]);
    assert_eq!(code, Some(1));
    assert!(err.contains("no program for limits"), "{err}");
    write_script(&mini, "cargo", "echo 'error: it does not compile' >&2; exit 101");
    let (code, _, err) = ran(&mini, &["limits"]);
    assert_eq!(code, Some(1));
    assert!(err.contains("does not compile") && err.contains("cannot be built"), "{err}");
}

#[test]
fn nobody_is_left_of_an_experiment_that_has_ended() {
    let leaves = "sleep 1000 >/dev/null 2>&1 </dev/null & echo $! >\"$0.pid\"; exit 3";
    let mini = project(&[("limits", leaves)]);
    let (code, out, _) = ran(&mini, &["limits"]);
    assert_eq!(code, Some(1));
    assert!(out.contains("exit status: 3"), "{out}");
    assert!(!out.contains("measured.json"), "nothing was kept: {out}");
    let sleeper = fs::read_to_string(mini.root().join("limits.pid")).expect("its pid");
    gone(sleeper.trim());
}

#[test]
fn an_interrupt_ends_an_experiment_that_has_closed_its_output() {
    let silent = "exec >&-; echo $$ >\"$0.pid\"; exec sleep 1000";
    interrupted(&project(&[("blocking", FINDS), ("limits", silent)]));
}

#[test]
fn an_interrupt_ends_the_experiment_and_keeps_what_was_measured() {
    let hangs = "sleep 1000 & echo $! >\"$0.pid\"; wait";
    interrupted(&project(&[("blocking", FINDS), ("limits", hangs)]));
}

/// Measures both claims of the project, and interrupts the second one when it has written its file.
fn interrupted(mini: &MiniBook) {
    let program = measure(mini, &["blocking", "limits"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let pid_file = mini.root().join("limits.pid");
    let begun = Instant::now();
    let sleeper = loop {
        let text = fs::read_to_string(&pid_file).unwrap_or_default();
        if text.ends_with('\n') {
            break text.trim().to_owned();
        }
        assert!(begun.elapsed() < DEADLINE, "the second experiment has not begun");
        std::thread::sleep(Duration::from_millis(10));
    };
    let pid = Pid::from_raw(i32::try_from(program.id()).expect("a pid"));
    kill(pid, Signal::SIGINT).expect("it runs");
    let output = program.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130));
    assert!(String::from_utf8_lossy(&output.stdout).contains(" 3  half true "));
    assert_eq!(kept(mini), ["blocking"]);
    gone(&sleeper);
}

/// Waits until the process is gone, or a zombie that somebody else has to reap.
fn gone(pid: &str) {
    let begun = Instant::now();
    let stat = || fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    while !(stat().is_empty() || stat().contains(") Z ")) {
        assert!(begun.elapsed() < DEADLINE, "process {pid} is left");
        std::thread::sleep(Duration::from_millis(10));
    }
}
