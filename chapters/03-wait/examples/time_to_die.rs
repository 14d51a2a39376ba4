//! Measures how long a process takes to die after it was killed.
//! Minutes: 5
//!
//! Run it with `cargo run --example time_to_die`, or with `-- 1024` for a child of up to 1024 MiB.
//! Look at which of the two columns grows with the memory that the kernel has to take back.

use memmap2::{Advice, MmapMut};
use nix::unistd::pause;
use std::error::Error;
use std::io::{Read, Write, pipe};
use std::time::{Duration, Instant};
use wait::{Child, Signal};

const ROUNDS: usize = 7;
const LARGEST_MIB: usize = 128;
/// More than the processor's caches hold.
const SWEEP_LEN: usize = 64 << 20;

/// What one SIGKILL took.
struct Death {
    call: Duration,
    until_reaped: Duration,
}

fn main() -> Result<(), Box<dyn Error>> {
    let largest_mib = std::env::args().nth(1).map_or(Ok(LARGEST_MIB), |mib| mib.parse())?;
    println!("memory    kill returned after  wait returned after");
    let mut deaths = Vec::new();
    for mib in [0, largest_mib / 4, largest_mib] {
        let death = fastest(mib << 20)?;
        println!(
            "{mib:4} MiB  {:16.1} µs  {:16.3} ms",
            death.call.as_secs_f64() * 1e6,
            death.until_reaped.as_secs_f64() * 1e3
        );
        deaths.push(death);
    }
    let (small, large) = (&deaths[0], &deaths[deaths.len() - 1]);
    let grows = large.until_reaped > small.until_reaped * 4;
    let early = large.until_reaped > large.call * 4;
    println!();
    println!("the death {} with the memory", if grows { "grows" } else { "does not grow" });
    println!(
        "kill {} the process is gone",
        if early { "returns long before" } else { "waits until" }
    );
    Ok(())
}

/// The fastest of several rounds: the one that the rest of the machine disturbed least.
fn fastest(len: usize) -> Result<Death, Box<dyn Error>> {
    let mut least = Death { call: Duration::MAX, until_reaped: Duration::MAX };
    for _ in 0..ROUNDS {
        let death = kill_one(len)?;
        least.call = least.call.min(death.call);
        least.until_reaped = least.until_reaped.min(death.until_reaped);
    }
    Ok(least)
}

fn kill_one(len: usize) -> Result<Death, Box<dyn Error>> {
    let (mut ready, mut tell) = pipe()?;
    let mut child = Child::fork(move || {
        // Writing to much memory empties the caches. Without this, the small child would leave them full, and its
        // parent's call of kill would be faster for that reason alone.
        let Ok(mut sweep) = MmapMut::map_anon(SWEEP_LEN) else { return 1 };
        sweep.fill(1);
        drop(sweep);
        let Ok(mut memory) = MmapMut::map_anon(len.max(1)) else { return 1 };
        // Huge pages are taken back five hundred small ones at a time. A kernel without them refuses this.
        let _ = memory.advise(Advice::NoHugePage);
        memory.fill(1);
        if tell.write_all(&[0]).is_ok() {
            pause();
        }
        1
    })?;
    ready.read_exact(&mut [0])?;
    let begin = Instant::now();
    child.kill(Signal::SIGKILL)?;
    let call = begin.elapsed();
    child.wait()?;
    Ok(Death { call, until_reaped: begin.elapsed() })
}
