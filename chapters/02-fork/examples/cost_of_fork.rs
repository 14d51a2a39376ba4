//! Shows that the cost of fork grows with the memory of the process that forks.
//! Minutes: 8
//!
//! Run it with `cargo run --release --example cost_of_fork`; add `-- 1024` for heaps of up to 1024 MiB, and
//! `-- 512 huge` to ask the kernel for huge pages. It takes a few seconds.
//! Look at which of the three columns grow, and what the child did with the memory: nothing.

use memmap2::{Advice, MmapMut};
use nix::sys::wait::waitpid;
use nix::unistd::{SysconfVar, sysconf};
use std::error::Error;
use std::io::{Read, pipe};
use std::time::{Duration, Instant};

const ROUNDS: usize = 15;
/// Written to after each fork, beside the heap; in pieces, of which the fastest counts.
const SAMPLE_PAGES: usize = 1024;
const PIECE_PAGES: usize = 64;

struct Cost {
    call: Duration,
    first_write: Duration,
    end: Duration,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let wanted_mib = args.first().map_or(Ok(512), |mib| mib.parse())?;
    let huge = args.get(1).is_some_and(|word| word == "huge");
    let available = process::available_memory_bytes().ok_or("/proc/meminfo cannot be read")?;
    let largest_mib = wanted_mib.min(usize::try_from(available >> 20)? / 2);
    if largest_mib < wanted_mib {
        println!("only half of the free memory is used: {largest_mib} MiB of {wanted_mib} MiB");
    }
    if largest_mib < 64 {
        return Err("too little free memory to show anything: 128 MiB are needed".into());
    }

    println!("heap        fork, the call   first write to a page   the child's end");
    let sizes = [0, largest_mib / 8, largest_mib / 4, largest_mib / 2, largest_mib];
    let mut costs = Vec::new();
    for mib in sizes {
        let cost = measure(mib << 20, huge)?;
        println!(
            "{mib:4} MiB  {:>11.3} ms  {:>18.2} µs  {:>13.3} ms",
            cost.call.as_secs_f64() * 1e3,
            cost.first_write.as_secs_f64() * 1e6,
            cost.end.as_secs_f64() * 1e3
        );
        costs.push(cost);
    }
    let (without, with) = (&costs[0], &costs[costs.len() - 1]);
    let grows = |by: u32, from: Duration, to: Duration| {
        if to > from * by { "grows with the heap" } else { "does not grow with the heap" }
    };
    println!();
    println!("the call {}", grows(3, without.call, with.call));
    println!("a first write {}", grows(6, without.first_write, with.first_write));
    Ok(())
}

/// Forks `ROUNDS` times with a heap of `len` bytes in memory; the fastest round counts.
fn measure(len: usize, huge: bool) -> Result<Cost, Box<dyn Error>> {
    let page_len = usize::try_from(sysconf(SysconfVar::PAGE_SIZE)?.unwrap_or(4096))?;
    let mut heap = MmapMut::map_anon(len.max(page_len))?;
    let mut sample = MmapMut::map_anon(SAMPLE_PAGES * page_len)?;
    if huge {
        heap.advise(Advice::HugePage)?;
    } else {
        // A kernel that knows no huge pages refuses this and does not need it.
        let _ = heap.advise(Advice::NoHugePage);
    }
    let _ = sample.advise(Advice::NoHugePage);
    heap.fill(1);
    let mut least =
        Cost { call: Duration::MAX, first_write: Duration::MAX, end: Duration::MAX };
    for round in 0..ROUNDS {
        sample.fill(round as u8);
        let (mut held, hold) = pipe()?;
        let mut hold = Some(hold);
        let begin = Instant::now();
        let child = fork::fork(|| {
            // The child lives until the parent closes its end, so it must not hold that end itself.
            drop(hold.take());
            held.read(&mut [0]).map_or(1, |_| 0)
        })?;
        least.call = least.call.min(begin.elapsed());
        // The copies shall take frames that were just in use: one that nobody has touched yet costs several times as
        // much under a hypervisor, which has to find it first.
        let mut used = MmapMut::map_anon(sample.len())?;
        let _ = used.advise(Advice::NoHugePage);
        used.fill(1);
        drop(used);
        for piece in sample.chunks_mut(PIECE_PAGES * page_len) {
            let begin = Instant::now();
            piece.iter_mut().step_by(page_len).for_each(|byte| *byte += 1);
            least.first_write = least.first_write.min(begin.elapsed() / PIECE_PAGES as u32);
        }
        let begin = Instant::now();
        drop(hold);
        waitpid(child, None)?;
        least.end = least.end.min(begin.elapsed());
    }
    Ok(least)
}
