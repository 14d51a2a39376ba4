//! What `procpool` promises, case by case, over each start method.
//!
//! The crate `contract` runs each case in a process of its own. This program is also what the pools under test start, so
//! its first line is the pool's; and with [`programs::ARGUMENT`] it is a small program that ends in a way of its own.

mod builds;
mod callbacks;
mod control;
mod copies;
mod deaths;
mod endings;
mod exhausted;
mod faults;
mod gate;
mod handles;
mod inherits;
mod last_words;
mod limits_of_time;
mod maps;
mod memory;
mod nested;
mod observe;
mod outcomes;
mod payloads;
mod programs;
mod recovery;
mod recycling;
mod scarce;
mod shutdowns;
mod side_by_side;
mod slices;
mod surroundings;
mod tether;
mod threads;
mod times;
mod traces;

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
    if let Some(code) = surroundings::run_if_asked() {
        return code;
    }
    if let Some(code) = programs::run_if_asked() {
        return code;
    }
    if let Some(code) = tether::run_if_asked() {
        return code;
    }
    if let Some(code) = last_words::run_if_asked() {
        return code;
    }
    if let Some(code) = traces::run_if_asked() {
        return code;
    }
    let cases = [
        outcomes::CASES,
        faults::CASES,
        maps::CASES,
        handles::CASES,
        callbacks::CASES,
        inherits::CASES,
        control::CASES,
        limits_of_time::CASES,
        recycling::CASES,
        payloads::CASES,
        slices::CASES,
        deaths::CASES,
        recovery::CASES,
        builds::CASES,
        threads::CASES,
        nested::CASES,
        side_by_side::CASES,
        endings::CASES,
        shutdowns::CASES,
        programs::CASES,
        exhausted::CASES,
        memory::CASES,
        tether::CASES,
        times::CASES,
        copies::CASES,
        last_words::CASES,
        traces::CASES,
        surroundings::CASES,
    ];
    // Most of them wait, for processes and for time to pass.
    contract::run_side_by_side(&cases.concat(), 2)
}
