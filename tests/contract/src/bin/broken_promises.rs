//! A contract whose cases break their promises, one each: what the runner must not let pass.

#![forbid(unsafe_code)]

use nix::sys::signal::{Signal, raise};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    contract::run(&[
        ("keeps_it", || {}),
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
    ])
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
