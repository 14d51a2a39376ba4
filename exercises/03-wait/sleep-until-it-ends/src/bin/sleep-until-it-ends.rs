//! The program of `sleep-until-it-ends`: runs a piece of work that ends, or one that does not, and prints how it ended.
//!
//! By hand: `cargo run -p sleep-until-it-ends -- ends 1000`, `... -- killed 1000` or `... -- stays 1000`: the limit in
//! milliseconds

use std::process::ExitCode;
use std::time::Duration;

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, raise, sigaction};
use nix::sys::wait::WaitStatus;
use nix::unistd::{alarm, pause};

/// What work that ends by itself ends with.
const CODE: i32 = 7;

/// After how many seconds a process that stays is ended by its own alarm.
const SAFETY_S: u32 = 300;

/// Has work done for a limited time.
pub(crate) fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, limit_ms] = &arguments[..] else { return usage() };
    let work = match kind.as_str() {
        "ends" => ends,
        "killed" => is_killed,
        "stays" => stays,
        _ => return usage(),
    };
    let Ok(limit_ms) = limit_ms.parse() else { return usage() };
    handle_signals();
    gate::pass("start");
    let end = sleep_until_it_ends::run(work, Duration::from_millis(limit_ms));
    let end = match end {
        Ok(Some(WaitStatus::Exited(_, code))) => format!("exit code {code}"),
        Ok(Some(WaitStatus::Signaled(_, signal, _))) => format!("{signal}"),
        Ok(Some(other)) => format!("{other:?}"),
        Ok(None) => format!("not within {limit_ms} ms"),
        Err(error) => format!("error: {error}"),
    };
    gate::tell("result", &end);
    gate::pass("end");
    println!("{end}");
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

fn usage() -> ExitCode {
    eprintln!("usage: sleep-until-it-ends ends|killed|stays LIMIT_MS");
    ExitCode::FAILURE
}

fn ends() -> i32 {
    gate::pass("work");
    CODE
}

fn is_killed() -> i32 {
    raise(Signal::SIGKILL).expect("a process may end itself");
    CODE
}

fn stays() -> i32 {
    // Run by hand, it is ended by nobody else if it is forgotten.
    alarm::set(SAFETY_S);
    loop {
        pause();
    }
}
