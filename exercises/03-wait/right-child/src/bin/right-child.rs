//! The program of `right-child`: has a child of its own, lets the reader's function run another one, and then waits
//! for its own.
//!
//! By hand: `cargo run -p right-child -- before`, `... -- during` or `... -- after`: when its own child ends, seen from
//! the work of the other one.

use std::io::{PipeWriter, Read, Write, pipe};
use std::process::ExitCode;

use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, raise, sigaction};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::Pid;

/// What the caller's own child ends with.
const OWN_CODE: i32 = 7;

/// What the work ends with.
const WORK_CODE: i32 = 42;

/// Starts a child, asks the reader's function, and waits for the child.
pub(crate) fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |word: &str| arguments.iter().any(|argument| argument == word);
    if !["before", "during", "after"].iter().any(|when| has(when)) {
        eprintln!("usage: right-child before|during|after [killed]");
        return ExitCode::FAILURE;
    }
    // The own child ends when it has got a byte.
    let (mut bell, ringer) = pipe().expect("a pipe can be made");
    let mut ringer = Some(ringer);
    let own = fork::fork(|| {
        drop(ringer.take());
        i32::from(bell.read_exact(&mut [0]).is_ok()) * OWN_CODE
    })
    .expect("a process can be made");
    if has("before") {
        ring(&mut ringer);
        // Looks, and leaves the status where it is.
        let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
        while waitid(Id::Pid(own), look) == Err(Errno::EINTR) {}
    }
    gate::tell("own pid", own);
    handle_signals();

    gate::pass("start");
    let result = right_child::run(|| {
        if has("during") {
            ring(&mut ringer);
        }
        work(has("killed"))
    });
    let result = match result {
        Ok(status) => shown(status),
        Err(error) => format!("error: {error}"),
    };
    gate::tell("result", &result);
    if has("after") {
        ring(&mut ringer);
    }
    let own = wait_for(own);
    gate::tell("own", &own);
    gate::pass("end");

    println!("the work: {result}");
    println!("the caller's own child: {own}");
    ExitCode::SUCCESS
}

/// The handler of SIGUSR1: that the signal comes is all.
extern "C" fn ignore(_: i32) {}

/// Gives SIGUSR1 a handler. Without SA_RESTART a call that sleeps is not made again by the kernel.
fn handle_signals() {
    let action = SigAction::new(SigHandler::Handler(ignore), SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler does nothing, which a signal handler may do.
    unsafe { sigaction(Signal::SIGUSR1, &action) }.expect("a handler can be set");
}

fn ring(ringer: &mut Option<PipeWriter>) {
    let rung = ringer.as_mut().map(|ringer| ringer.write_all(&[0]));
    assert!(matches!(rung, Some(Ok(()))), "the pipe takes a byte: {rung:?}");
}

fn work(is_killed: bool) -> i32 {
    gate::pass("work");
    if is_killed {
        raise(Signal::SIGKILL).expect("a process may end itself");
    }
    WORK_CODE
}

/// How the caller's own child has ended, if that can still be learnt.
fn wait_for(own: Pid) -> String {
    loop {
        match waitpid(own, None) {
            Ok(status) => return shown(status),
            Err(Errno::EINTR) => {}
            Err(errno) => return format!("waitpid: {errno}"),
        }
    }
}

fn shown(status: WaitStatus) -> String {
    match status {
        WaitStatus::Exited(_, code) => format!("exit code {code}"),
        WaitStatus::Signaled(_, signal, _) => format!("{signal}"),
        other => format!("{other:?}"),
    }
}
