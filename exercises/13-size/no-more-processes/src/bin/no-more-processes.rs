//! The program of `no-more-processes`: a system that has room for so many workers and no more.
//!
//! By hand: `cargo run -p no-more-processes -- 8 2 5`: 8 workers are wanted and at least 2 needed, and there is room for 5. With
//! `EPERM` or `ENOMEM` behind it, fork says that instead of EAGAIN. With `once`, it says EAGAIN one time only.
//!
//! The refusal is made here, and not by a limit of the kernel: root is not held to RLIMIT_NPROC. What fork says is the same.

use std::cell::{Cell, RefCell};
use std::io;
use std::panic::{self, AssertUnwindSafe};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::{Pid, pause};
use no_more_processes::start;

/// The limit that is reached, as the part calls it, and what it says when there is room.
const LIMIT: &str = "processes of the cgroup (pids.max)";
const NO_LIMIT: &str = "none that is reached now";

/// How often fork may be called in vain.
const CALLS_MAX: usize = 200;

/// With what a run is ended that calls fork without end. It is told before.
struct Stopped;

/// Starts a pool by the reader's function, and prints what has become of it.
pub(crate) fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let numbers: Vec<usize> = args.iter().flat_map(|word| word.parse()).collect();
    let [wanted, at_least, room] = numbers[..] else {
        return Err(io::Error::other(
            "usage: no-more-processes WANTED AT_LEAST ROOM [EPERM|ENOMEM|once]",
        ));
    };
    let word = args.get(3).map_or("", String::as_str);
    let refusal = match word {
        "EPERM" => Errno::EPERM,
        "ENOMEM" => Errno::ENOMEM,
        _ => Errno::EAGAIN,
    };
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !info.payload().is::<Stopped>() {
            print(info);
        }
    }));

    gate::pass("start");
    // A child of somebody else in this program, who will ask for its exit status.
    let other = fork::fork(|| 7).map_err(io::Error::other)?;
    waitid(Id::Pid(other), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT)?;
    let workers = RefCell::new(Vec::new());
    let calls = Cell::new(0);
    let fork = || {
        calls.set(calls.get() + 1);
        if calls.get() > wanted + CALLS_MAX {
            gate::tell("endless", calls.get());
            panic::panic_any(Stopped);
        }
        let is_room =
            workers.borrow().len() < room || (word == "once" && calls.get() > room + 1);
        if !is_room {
            return Err(io::Error::from(refusal));
        }
        let worker = fork::fork(work).map_err(io::Error::other)?;
        workers.borrow_mut().push(worker);
        Ok(worker)
    };
    // A zombie counts until somebody has waited for it.
    let limit = |_: &io::Error| {
        let is_full = workers.borrow().iter().all(|worker| kill(*worker, None).is_ok());
        if is_full { LIMIT.to_owned() } else { NO_LIMIT.to_owned() }
    };
    let started =
        panic::catch_unwind(AssertUnwindSafe(|| start(wanted, at_least, fork, limit)));
    let forked = workers.borrow().len();
    match started {
        Ok(Ok(pool)) => {
            let run = pool.workers.iter().filter(|worker| runs(**worker)).count();
            println!("workers: {} of {wanted}, and {run} of them run", pool.workers.len());
            println!("limit: {}", pool.limit.as_deref().unwrap_or("-"));
            pool.workers.iter().for_each(|worker| end(*worker));
        }
        Ok(Err(refused)) => {
            println!("refused: {forked} had been forked");
            println!("limit: {}", refused.limit);
            println!("source: {}", refused.source);
        }
        Err(cause) if cause.is::<Stopped>() => {
            println!("stopped: fork was called more than {CALLS_MAX} times in vain");
            workers.borrow().iter().for_each(|worker| end(*worker));
        }
        Err(cause) => panic::resume_unwind(cause),
    }
    match waitpid(other, None) {
        Ok(WaitStatus::Exited(_, 7)) => {}
        status => {
            gate::tell("other", format!("{other} {status:?}"));
            // What is left of the workers is a consequence.
            workers.borrow().iter().for_each(|worker| end(*worker));
        }
    }
    gate::pass("end");
    Ok(())
}

/// What a worker does: nothing, until a signal ends it.
fn work() -> i32 {
    loop {
        pause();
    }
}

/// Whether this is a worker that runs.
fn runs(worker: Pid) -> bool {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    waitid(Id::Pid(worker), flags) == Ok(WaitStatus::StillAlive)
}

/// Ends a worker and waits for it. One that is gone already is no trouble.
fn end(worker: Pid) {
    if kill(worker, Signal::SIGKILL).is_ok() {
        let _ = waitpid(worker, None);
    }
}
