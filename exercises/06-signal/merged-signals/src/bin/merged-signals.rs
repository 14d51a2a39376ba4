//! The program of `merged-signals`: starts children, has them reaped by the reader's function, and waits for one more
//! itself.
//!
//! By hand: `cargo run -p merged-signals -- 10`: the number of children. With `late` behind it, all have ended and the
//! signal was read before the function is called.

use std::error::Error;
use std::process::ExitCode;

use nix::errno::Errno;
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use signal::{Signal, Signals};
use std::os::fd::AsFd;
use wait::Child;

/// What the caller's own child ends with.
const OWN_CODE: i32 = 77;

/// Has children reaped.
pub(crate) fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let count = arguments.first().and_then(|count| count.parse().ok());
    let is_late = arguments.get(1).is_some_and(|word| word == "late");
    let Some(count) = count.filter(|count| (1..=20).contains(count)) else {
        eprintln!("usage: merged-signals 1..20 [late]");
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
    let signals = Signals::block(&[Signal::SIGCHLD])?;
    let mut own = Child::fork(|| {
        gate::tell("child", OWN_CODE);
        OWN_CODE
    })?;
    let mut children = Vec::new();
    for code in 0..count {
        children.push(Child::fork(move || {
            gate::tell("child", code);
            code
        })?);
    }
    if is_late {
        for child in &children {
            let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
            while waitid(Id::PIDFd(child.as_fd()), look) == Err(Errno::EINTR) {}
        }
        while signals.read()?.is_some() {}
    }

    gate::pass("start");
    merged_signals::reap_all(&mut children, &signals, |pid, status| {
        println!("{pid}: {status}");
        gate::tell("ended", format!("{pid}: {status}"));
    })?;
    gate::tell("returned", "");
    match own.wait() {
        Ok(status) => gate::tell("own", status),
        Err(error) => gate::tell("own", error),
    }
    gate::pass("end");
    Ok(())
}
