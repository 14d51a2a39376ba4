//! Shows which ways of starting a program take longer from a process with much memory.
//! Minutes: 6
//!
//! Run it with `cargo run --example spawn_from_big_process`; add `-- 2048` for heaps of up to 2048 MiB.
//! Each figure is the time to start `true` and to wait for its end. Look at which column grows.

use memmap2::{Advice, MmapMut};
use nix::unistd::execvp;
use std::error::Error;
use std::time::{Duration, Instant};
use wait::Child;

/// Each way is tried again and again for so long, and at least so often; the fastest counts.
const TRY_FOR: Duration = Duration::from_millis(300);
const ROUNDS_MIN: usize = 11;

/// Starts `true` and waits for it.
type Way = fn() -> Result<bool, Box<dyn Error>>;

const WAYS: [(&str, Way); 3] = [
    ("fork, then exec", || {
        let child = Child::fork(|| match execvp(c"true", &[c"true"]) {
            Err(_) => 127,
        });
        Ok(child?.wait()?.success())
    }),
    ("exec::Command", || Ok(exec::Command::new("true").spawn()?.wait()?.success())),
    ("std::process::Command", || Ok(std::process::Command::new("true").status()?.success())),
];

fn main() -> Result<(), Box<dyn Error>> {
    let wanted_mib: usize = std::env::args().nth(1).map_or(Ok(1024), |mib| mib.parse())?;
    let available = process::available_memory_bytes().ok_or("/proc/meminfo cannot be read")?;
    let largest_mib = wanted_mib.min(usize::try_from(available >> 20)? / 2);
    if largest_mib < wanted_mib {
        println!("only half of the free memory is used: {largest_mib} MiB of {wanted_mib} MiB");
    }
    if largest_mib < 256 {
        return Err("too little free memory to show anything: 512 MiB are needed".into());
    }
    let [a, b, c] = WAYS.map(|(name, _)| name);
    println!("heap       {a:>18}   {b:>18}   {c:>22}");
    let mut costs = Vec::new();
    for mib in [0, largest_mib / 4, largest_mib] {
        let mut heap = MmapMut::map_anon((mib << 20).max(1))?;
        // In small pages, so that the figures do not depend on how many huge ones the kernel
        // has at hand.
        heap.advise(Advice::NoHugePage)?;
        heap.fill(1);
        let mut cost = [Duration::MAX; WAYS.len()];
        for (least, (name, way)) in cost.iter_mut().zip(WAYS) {
            // One way after the other: a fork leaves page faults behind that the next way would
            // pay for.
            *least = fastest(way).map_err(|error| format!("{name}: {error}"))?;
        }
        let [a, b, c] = cost.map(|cost| cost.as_secs_f64() * 1e3);
        println!("{mib:4} MiB   {a:>15.2} ms   {b:>15.2} ms   {c:>19.2} ms");
        costs.push(cost);
    }
    println!();
    let (small, big) = (costs[0], costs[costs.len() - 1]);
    let growth = |way: usize| big[way].saturating_sub(small[way]);
    for (way, (name, _)) in WAYS.iter().enumerate() {
        // Other work on the machine can slow down any figure, but not as much as copying all
        // page tables does.
        let grows = big[way] > small[way] * 3 && growth(way) > growth(0) / 4;
        println!("{name}: {}", if grows { "grows with the heap" } else { "stays flat" });
    }
    Ok(())
}

fn fastest(way: Way) -> Result<Duration, Box<dyn Error>> {
    let mut least = Duration::MAX;
    let first = Instant::now();
    let mut rounds = 0;
    while rounds < ROUNDS_MIN || first.elapsed() < TRY_FOR {
        let begin = Instant::now();
        if !way()? {
            return Err("`true` failed".into());
        }
        least = least.min(begin.elapsed());
        rounds += 1;
    }
    Ok(least)
}
