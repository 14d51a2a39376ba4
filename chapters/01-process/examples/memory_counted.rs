//! Shows that memory begins to exist when it is written to, not when a program asks for it.
//! Minutes: 6
//!
//! Run it: `cargo run --example memory_counted`
//!
//! Look at which of the four steps makes the resident set grow. The figures are the process's own, from
//! `/proc/PID/smaps_rollup`.

use process::{Memory, Snapshot, SnapshotError};
use std::error::Error;
use std::hint::black_box;

/// What the program asks for.
const LEN: usize = 64 * MIB as usize;
/// Smaller changes are the program's other doings.
const NOISE: u64 = 2 * MIB;
const MIB: u64 = 1 << 20;
/// One byte in each piece of this size is enough to touch every page: no page is smaller.
const PAGE_LEN: usize = 4096;

fn main() -> Result<(), Box<dyn Error>> {
    let start = memory()?;
    report("at the start", start, "");

    let mut zeros = black_box(vec![0u8; LEN]);
    let asked = memory()?;
    report("64 MiB asked for", asked, verdict(start, asked));

    let sum: u64 = zeros.iter().step_by(PAGE_LEN).map(|byte| u64::from(*byte)).sum();
    let read = memory()?;
    report("every page read", read, verdict(asked, read));

    for byte in zeros.iter_mut().step_by(PAGE_LEN) {
        *byte = 1;
    }
    black_box(&zeros);
    let written = memory()?;
    report("every page written", written, verdict(read, written));

    drop(zeros);
    let freed = memory()?;
    report("given back", freed, verdict(written, freed));
    println!("the sum of all bytes that were read: {sum}");
    Ok(())
}

fn memory() -> Result<Memory, SnapshotError> {
    Snapshot::this().map(|snapshot| snapshot.memory)
}

fn verdict(before: Memory, now: Memory) -> &'static str {
    match now.rss_bytes.abs_diff(before.rss_bytes) {
        0..NOISE => ": RSS stays flat",
        _ if now.rss_bytes > before.rss_bytes => ": RSS grows",
        _ => ": RSS falls",
    }
}

fn report(step: &str, now: Memory, verdict: &str) {
    let mib = |bytes: u64| bytes as f64 / MIB as f64;
    println!(
        "{step:>18}: RSS {:5.1} MiB, USS {:5.1} MiB{verdict}",
        mib(now.rss_bytes),
        mib(now.uss_bytes)
    );
}
