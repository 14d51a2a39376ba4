//! A contract whose cases break their promises, one each: what the runner must not let pass.

#![forbid(unsafe_code)]

use nix::sys::signal::{Signal, raise};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let cases: &[contract::Case] = &[
        ("keeps_it", || println!("kept")),
        ("panics", || panic!("as it should not")),
        ("leaks_a_descriptor", || {
            let (reader, _) = std::io::pipe().expect("a pipe");
            std::mem::forget(reader);
        }),
        ("closes_what_is_not_its_own", || {
            nix::unistd::close(0).expect("standard input is open")
        }),
        ("leaves_a_zombie", leave_a_zombie),
        ("leaves_a_running_child", leave_a_running_child),
        ("is_killed", || raise(Signal::SIGALRM).expect("SIGALRM")),
    ];
    // Judged as well if that is asked for: only what was kept is to be said, by the one case that passes.
    match std::env::var("JUDGE") {
        Err(_) => contract::run(cases),
        Ok(expected) => contract::run_and_judge(cases, |said| {
            let said: Vec<_> =
                said.iter().map(|(name, said)| format!("{name} {said}")).collect();
            match said[..] == [expected.clone()] {
                true => Ok(()),
                false => Err(format!("the judge wants {expected:?} and has {said:?}")),
            }
        }),
    }
}

#[expect(clippy::zombie_processes, reason = "that is the promise it breaks")]
fn leave_a_running_child() {
    let child = Command::new("sleep").arg("300").spawn().expect("start sleep");
    println!("left running: {}", child.id());
}

#[expect(clippy::zombie_processes, reason = "that is the promise it breaks")]
fn leave_a_zombie() {
    let child = Command::new("true").spawn().expect("start true");
    let pid = i32::try_from(child.id()).expect("a pid fits an i32");
    // Waits for its end and leaves it as it is.
    let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
    waitid(Id::Pid(Pid::from_raw(pid)), look).expect("it ends");
}
