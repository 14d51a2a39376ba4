//! What `procpool` promises, case by case, over each start method.
//!
//! The crate `contract` runs each case in a process of its own. This program is also what the pools under test start, so
//! its first line is the pool's; and with [`programs::ARGUMENT`] it is a small program that ends in a way of its own.

mod builds;
mod control;
mod deaths;
mod endings;
mod faults;
mod gate;
mod handles;
mod maps;
mod observe;
mod outcomes;
mod payloads;
mod programs;
mod recovery;
mod shutdowns;
mod slices;
mod threads;

use std::process::ExitCode;

/// The same cases over each start method, as the list of the module.
macro_rules! over_each_start_method {
    ($($case:ident),+ $(,)?) => {
        pub(crate) const CASES: &[contract::Case] = &[$(
            (concat!("fork_", stringify!($case)), || $case(procpool::StartMethod::Fork)),
            (concat!("spawn_", stringify!($case)), || $case(procpool::StartMethod::Spawn)),
            (concat!("forkserver_", stringify!($case)), || $case(procpool::StartMethod::Forkserver)),
        )+];
    };
}
pub(crate) use over_each_start_method;

fn main() -> ExitCode {
    procpool::init();
    if let Some(code) = programs::run_if_asked() {
        return code;
    }
    let cases = [
        outcomes::CASES,
        faults::CASES,
        maps::CASES,
        handles::CASES,
        control::CASES,
        payloads::CASES,
        slices::CASES,
        deaths::CASES,
        recovery::CASES,
        builds::CASES,
        threads::CASES,
        endings::CASES,
        shutdowns::CASES,
        programs::CASES,
    ];
    contract::run(&cases.concat())
}
