//! The program of `whoever-ends-first`: starts children, has them reaped by the reader's function, and waits for one
//! more itself.
//!
//! By hand: `cargo run -p whoever-ends-first -- 3`: the number of children. With `late` behind it, the first of them
//! has ended before the function is called.

use std::error::Error;
use std::process::ExitCode;

use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};

/// What the caller's own child ends with.
const OWN_CODE: i32 = 77;

/// Has children reaped.
pub(crate) fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let count = arguments.first().and_then(|count| count.parse().ok());
    let is_late = arguments.get(1).is_some_and(|word| word == "late");
    let Some(count) = count.filter(|count| (0..=20).contains(count)) else {
        eprintln!("usage: whoever-ends-first 0..20 [late]");
        return ExitCode::FAILURE;
    };
    match talk(count, is_late) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn talk(count: i32, is_late: bool) -> Result<(), Box<dyn Error>> {
    let child = |code: i32| {
        fork::fork(move || {
            gate::tell("child", code);
            code
        })
    };
    let own = child(OWN_CODE)?;
    let children: Result<Vec<_>, _> = (0..count).map(child).collect();
    let children = children?;
    if let Some(first) = children.first().filter(|_| is_late) {
        let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
        while waitid(Id::Pid(*first), look) == Err(Errno::EINTR) {}
    }
    handle_signals()?;

    gate::pass("start");
    let result = whoever_ends_first::reap(&children, |status| {
        println!("{}", shown(status));
        gate::tell("ended", shown(status));
    });
    gate::tell("returned", result.map_or_else(|error| error.to_string(), |()| "ok".to_owned()));
    let own = loop {
        match waitpid(own, None) {
            Err(Errno::EINTR) => {}
            Ok(status) => break shown(status),
            Err(errno) => break format!("waitpid: {errno}"),
        }
    };
    gate::tell("own", own);
    gate::pass("end");
    Ok(())
}

/// The handler of SIGUSR1: that the signal comes is all.
extern "C" fn ignore(_: i32) {}

/// Gives SIGUSR1 a handler. Without SA_RESTART a call that sleeps is not made again by the kernel.
fn handle_signals() -> nix::Result<()> {
    let action = SigAction::new(SigHandler::Handler(ignore), SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler does nothing, which a signal handler may do.
    unsafe { sigaction(Signal::SIGUSR1, &action) }.map(drop)
}

fn shown(status: WaitStatus) -> String {
    match status {
        WaitStatus::Exited(pid, code) => format!("{pid}: exit code {code}"),
        WaitStatus::Signaled(pid, signal, _) => format!("{pid}: {signal}"),
        other => format!("{other:?}"),
    }
}
