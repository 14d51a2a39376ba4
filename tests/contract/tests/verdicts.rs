//! The runner's own contract: a broken promise fails, by name and with its reason, and nobody is left running.

use std::process::{Command, Output};
use std::time::{Duration, Instant};

fn run(arguments: &[&str]) -> (Output, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_broken_promises"))
        .args(arguments)
        .output()
        .expect("start the contract");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output, text)
}

/// Checks what is said about a case that fails, and returns it.
fn assert_fails(name: &str, why: &str) -> String {
    let (output, text) = run(&["--exact", name]);
    assert_eq!(output.status.code(), Some(101), "{text}");
    assert!(text.contains(&format!("test {name} ... FAILED")), "{text}");
    assert!(text.contains(why), "no {why:?} in:\n{text}");
    assert!(text.contains("test result: FAILED. 0 passed; 1 failed;"), "{text}");
    text
}

#[test]
fn a_kept_promise_passes() {
    let (output, text) = run(&["keeps_it"]);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("test keeps_it ... ok"), "{text}");
    assert!(text.contains(
        "test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 6 filtered out"
    ));
}

#[test]
fn a_panic_fails_with_its_message() {
    assert_fails("panics", "as it should not");
}

#[test]
fn descriptors_left_or_taken_away_fail() {
    assert_fails("leaks_a_descriptor", "pipe:[");
    assert_fails("closes_what_is_not_its_own", "/dev/null");
}

#[test]
fn children_left_fail() {
    assert_fails("leaves_a_zombie", "children");
}

#[test]
fn a_child_left_running_is_killed() {
    let text = assert_fails("leaves_a_running_child", "children");
    let pid = text.lines().find_map(|line| line.strip_prefix("left running: ")).expect("a pid");
    let ends_at = Instant::now() + DEADLINE;
    while is_alive(pid) {
        assert!(Instant::now() < ends_at, "process {pid} runs on");
        std::thread::yield_now();
    }
}

/// A killed process takes a moment to end.
const DEADLINE: Duration = Duration::from_secs(60);

/// A zombie has ended; init may reap it later.
fn is_alive(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, fields)| !fields.starts_with(['Z', 'X']))
}

#[test]
fn a_death_fails_with_its_signal() {
    assert_fails("is_killed", "SIGALRM");
}

#[test]
fn one_failure_fails_the_run_and_the_others_are_run() {
    let (output, text) = run(&[]);
    assert_eq!(output.status.code(), Some(101));
    assert!(text.contains("test result: FAILED. 1 passed; 6 failed;"), "{text}");
}

#[test]
fn a_judge_sees_what_was_said_and_can_refuse() {
    for (expected, accepted) in [("keeps_it kept\n", true), ("keeps_it nothing\n", false)] {
        let output = Command::new(env!("CARGO_BIN_EXE_broken_promises"))
            .env("JUDGE", expected)
            .arg("keeps_it")
            .output()
            .expect("start the contract");
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.success(), accepted, "{text}");
        assert_eq!(text.contains("the judge wants"), !accepted, "{text}");
        assert!(text.contains("1 passed; 0 failed;"), "{text}");
    }
}

#[test]
fn cases_can_be_listed() {
    let (output, text) = run(&["--list", "leaves"]);
    assert!(output.status.success());
    assert_eq!(text, "leaves_a_zombie: test\nleaves_a_running_child: test\n");
}
