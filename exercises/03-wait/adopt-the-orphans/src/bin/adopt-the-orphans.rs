//! The program of `adopt-the-orphans`: has a command run by the reader's function. The command is the same program
//! again, and leaves something behind.
//!
//! By hand: `cargo run -p adopt-the-orphans -- nothing`, or `daemon`, `orphan`, `zombie`, `family`

use std::io::{Read, Write, pipe};
use std::process::{Command, ExitCode};

use nix::errno::Errno;
use nix::sys::wait::{Id, WaitPidFlag, waitid, waitpid};
use nix::unistd::{Pid, alarm, pause, setsid};

/// What the command ends with.
const CODE: i32 = 5;

/// After how many seconds a process that stays is ended by its own alarm.
const SAFETY_S: u32 = 300;

/// Runs one command, or is the command.
pub(crate) fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [kind @ ("nothing" | "daemon" | "orphan" | "zombie" | "family")] => ask(kind),
        ["command", kind] => leave(kind),
        _ => {
            eprintln!("usage: adopt-the-orphans nothing|daemon|orphan|zombie|family");
            ExitCode::FAILURE
        }
    }
}

fn ask(kind: &str) -> ExitCode {
    let itself = std::env::current_exe().expect("a program knows its file");
    let mut command = Command::new(itself);
    command.args(["command", kind]);
    gate::pass("start");
    let end = adopt_the_orphans::run(&mut command);
    gate::pass("end");
    match end {
        Ok(status) => println!("{status}"),
        Err(error) => println!("error: {error}"),
    }
    ExitCode::SUCCESS
}

/// What the command does.
fn leave(kind: &str) -> ExitCode {
    match kind {
        "daemon" => daemon(),
        "orphan" => drop(started(for_ever)),
        "zombie" => zombie(),
        "family" => family(),
        _ => {}
    }
    ExitCode::from(CODE as u8)
}

/// Leaves a process in a session of its own, by forking twice.
fn daemon() {
    let between = started(|| {
        let _ = setsid();
        started(for_ever);
        0
    });
    while waitpid(between, None) == Err(Errno::EINTR) {}
}

/// Leaves a process that has ended, and that nobody has waited for.
fn zombie() {
    let ended = started(|| 0);
    let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
    while waitid(Id::Pid(ended), look) == Err(Errno::EINTR) {}
}

/// Leaves a process that has a child.
fn family() {
    let (mut reader, mut writer) = pipe().expect("a pipe can be made");
    started(|| {
        started(|| {
            let _ = writer.write_all(&[0]);
            for_ever()
        });
        for_ever()
    });
    // Both are there before the command ends.
    reader.read_exact(&mut [0]).expect("the grandchild says a byte");
}

fn started(work: impl FnOnce() -> i32) -> Pid {
    fork::fork(work).expect("a process can be made")
}

fn for_ever() -> i32 {
    // Run by hand, it is ended by nobody else if it is forgotten.
    alarm::set(SAFETY_S);
    loop {
        pause();
    }
}
