//! The pool's speed beside what bounds it: `cargo bench -p procpool`, or some rows only: `cargo bench -p procpool -- call map`.
//!
//! Each line is one promise: what was measured, beside a floor or a peer that was measured in the same run, taking turns
//! with it, so that a busy machine slows both. A ratio carries from one machine to another; a time does not.
//!
//! Every row runs in a process of its own: no row finds the threads, the heap or the warm caches of another.
//!
//! # As measured
//! On 2 cores of an Intel Xeon under a hypervisor, Linux 6.18, Rust 1.95, 2 workers:
//!
//! | row | measured | beside | ratio | promise |
//! |---|---|---|---|---|
//! | call | 2.8 µs | bare futex ping-pong, 46 to 68 µs between two cores, 2 µs on one | 0.04 to 1.3 | at most 1.5 |
//! | call | 2.8 µs | Python's `Pool.apply`, 160 to 200 µs | 0.015 | at most 0.1 |
//! | map | 10.5 million/s | rayon's `scope` and `spawn`, 2.7 million/s | 3.9 | at least 1 |
//! | map | 10.1 million/s | Python's `Pool.map(chunksize=1)`, 58,000/s | 175 | at least 100 |
//! | map | 10.1 million/s | Python's chunked `Pool.map`, 7.0 million/s | 1.4 | at least 2: missed |
//! | submit | 1.5 million/s, 161 bytes per waiting task | | | 1 million/s, 200 bytes |
//! | echo of 1 MiB | 12.5 GiB/s over four copies | memcpy, 30 GiB/s | 0.42 | at least 0.4 |
//! | echo of 256 MiB | 6.5 GiB/s over four copies | memcpy, 10.3 GiB/s | 0.63 | at least 0.4 |
//! | echo of 1 MiB, of 256 MiB | 0.31 ms, 154 ms | procspawn, 5.0 ms, 1.75 s | 0.06, 0.09 | at most 0.1 |
//! | slice of 1 GiB | 7.4 µs | an argument of 8 bytes, 1.6 µs | 4.6 | at most 3: missed |
//! | build by fork, spawn, forkserver | 1.2, 2.0, 1.8 ms | two bare starts | 2.8, 1.7, 1.3 | at most 1.5: fork and spawn missed |
//! | idle worker | 44 to 200 KiB, no processor time, 4 descriptors | | | 500 KiB, none, 4 |
//! | many: 64 workers | 9.6 million/s | 2 workers, 11.2 million/s | 0.86 | at least 0.7 |
//!
//! What bounds the ones that are missed: a slice costs `sendmsg`, `recvmsg`, `mmap`, `munmap` and two `close` (about 5
//! µs), and the call that it is held against got fast by looking instead of sleeping. A pool by fork starts a template
//! and three threads beside the two workers, and each worker has a tether and a pipe for what it writes last. Chunked
//! `Pool.map` pickles a list of numbers in one call per hundred thousand tasks; here the caller's thread takes 80 to 90
//! ns per task, which is what its side of the two rings costs.

mod bare;
mod build;
mod call;
mod echo;
mod futex;
mod heap;
mod idle;
mod many;
mod map;
mod memory;
mod python;
mod slice;
mod submit;
mod table;

use std::process::{Command, ExitCode};

/// A row: its name, what it is, and its measurement.
type Row = (&'static str, &'static str, fn());

const ROWS: &[Row] = &[
    ("call", "a call of a no-op", call::row),
    ("map", "no-ops through map", map::row),
    ("submit", "1,000,000 submits, then all joins", submit::row),
    ("echo", "an echo of Vec<u8>", echo::row),
    ("slice", "a SharedSlice as an argument", slice::row),
    ("build", "a pool from `build` to the first result", build::row),
    ("idle", "a worker without work", idle::row),
    ("many", "64 workers instead of 2", many::row),
];

/// The first argument of a process that measures one row. The second is the row's name.
const ROW: &str = "--row";

fn main() -> ExitCode {
    if bare::is_asked_for() {
        bare::init();
    } else {
        procpool::init();
    }
    procspawn::init();
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let Some(code) = build::run_if_asked(&words) {
        return code;
    }
    if let [first, name, ..] = &words[..]
        && first == ROW
    {
        let row = ROWS.iter().find(|(known, ..)| known == name);
        row.expect("the name of a row").2();
        return ExitCode::SUCCESS;
    }
    let chosen: Vec<&String> = words.iter().filter(|word| !word.starts_with('-')).collect();
    if let Some(unknown) = chosen.iter().find(|name| ROWS.iter().all(|(row, ..)| row != **name))
    {
        let names: Vec<&str> = ROWS.iter().map(|(name, ..)| *name).collect();
        eprintln!("there is no row `{unknown}`; there are {}", names.join(", "));
        return ExitCode::FAILURE;
    }
    table::print_machine();
    let mut ended_well = true;
    for (name, what, _) in ROWS {
        if chosen.is_empty() || chosen.iter().any(|word| word == name) {
            println!("\n{name}: {what}");
            let row = Command::new("/proc/self/exe").args([ROW, name]).status();
            ended_well &= row.is_ok_and(|status| status.success());
        }
    }
    if ended_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
