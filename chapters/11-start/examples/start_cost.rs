//! Shows which start methods take longer, and more memory, from a program with much memory.
//! Minutes: 8
//!
//! Run it with `cargo run --example start_cost`; add `-- 512` for heaps of up to 512 MiB.
//! A time is the least of many, from the call of `start` until the worker's first byte arrives. The memory is what the
//! worker has for itself: pages that nobody shares, and its page tables. Look at which columns grow.

use memmap2::{Advice, MmapMut};
use start::{Kit, Launcher, StartMethod};
use std::error::Error;
use std::fs::File;
use std::io::{Read, Write, pipe};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};
use wait::Child;

/// The largest heap if none is asked for.
const HEAP_MIB: usize = 2048;

/// Below this there is nothing to see.
const HEAP_MIB_MIN: usize = 128;

/// Each method is tried again and again for so long, and at least so often. On a busy machine most tries are slow, and
/// the one that counts is the one that was not disturbed.
const TRY_FOR: Duration = Duration::from_millis(120);
const ROUNDS_MIN: usize = 11;

const METHODS: [StartMethod; 3] =
    [StartMethod::Fork, StartMethod::Spawn, StartMethod::Forkserver];

/// What one worker costs.
#[derive(Clone, Copy)]
struct Cost {
    time: Duration,
    memory_kib: u64,
}

fn worker(kit: Kit) -> i32 {
    let Some(out) = kit.descriptors.into_iter().next() else { return 1 };
    if File::from(out).write_all(b"!").is_err() {
        return 1;
    }
    loop {
        nix::unistd::pause();
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    start::init(worker);
    let wanted: usize = std::env::args().nth(1).map_or(Ok(HEAP_MIB), |mib| mib.parse())?;
    let available = process::available_memory_bytes().ok_or("/proc/meminfo cannot be read")?;
    let largest = wanted.min(usize::try_from(available >> 20)? / 2);
    if largest < HEAP_MIB_MIN {
        return Err(format!(
            "too little memory to show anything: {} MiB are needed",
            2 * HEAP_MIB_MIN
        )
        .into());
    }
    if largest < wanted {
        eprintln!("only half of the available memory is used: {largest} MiB of {wanted} MiB");
    }
    println!("            time until a worker runs             memory of its own");
    println!("heap           fork     spawn  forkserver      fork     spawn  forkserver");
    let mut rows = Vec::new();
    for mib in [0, largest / 8, largest / 4, largest / 2, largest] {
        let mut heap = MmapMut::map_anon((mib << 20).max(1))?;
        // In small pages, so that the figures do not depend on how many huge ones the kernel has at hand.
        heap.advise(Advice::NoHugePage)?;
        heap.fill(1);
        let mut row = Vec::new();
        for method in METHODS {
            row.push(cost(method).map_err(|error| format!("{method}: {error}"))?);
        }
        let [a, b, c] = [0, 1, 2].map(|nth: usize| row[nth].time.as_secs_f64() * 1e3);
        let [d, e, f] = [0, 1, 2].map(|nth: usize| row[nth].memory_kib);
        println!(
            "{mib:4} MiB  {a:6.2} ms {b:6.2} ms   {c:6.2} ms  {d:4} KiB  {e:4} KiB   {f:4} KiB"
        );
        rows.push(row);
    }
    println!();
    for (nth, method) in METHODS.iter().enumerate() {
        let time = grows(
            rows.iter().map(|row| [row[nth], row[0]].map(|cost| cost.time.as_secs_f64())),
        );
        let memory =
            grows(rows.iter().map(|row| [row[nth], row[0]].map(|cost| cost.memory_kib as f64)));
        let [time, memory] = [time, memory]
            .map(|grows| if grows { "grows with the heap" } else { "stays flat" });
        println!("{:11} time {time}, memory {memory}", format!("{method}:"));
    }
    let big = &rows[rows.len() - 1];
    let slowest = big[0].time > big[1].time.max(big[2].time);
    println!(
        "from the largest heap, fork is {}",
        if slowest { "the slowest" } else { "not the slowest" }
    );
    Ok(())
}

/// Whether a method's figure grows from the first row to the last two, given each row's figure and that of fork. Other
/// work on the machine can slow down any row, but hardly two of them as much as copying page tables does.
fn grows(mut rows: impl DoubleEndedIterator<Item = [f64; 2]>) -> bool {
    let Some([small, forks_small]) = rows.next() else { return false };
    rows.rev()
        .take(2)
        .all(|[big, forks]| big > small * 1.5 && big - small > (forks - forks_small) / 3.0)
}

fn cost(method: StartMethod) -> Result<Cost, Box<dyn Error>> {
    // For fork the template is made now, so it has the heap that the program has now.
    let mut launcher = match method {
        StartMethod::Fork => Launcher::fork("worker", worker)?,
        StartMethod::Spawn => Launcher::spawn("worker")?,
        StartMethod::Forkserver => Launcher::forkserver("worker")?,
    };
    let (child, _) = running(&mut launcher)?;
    let memory_kib = own_memory_kib(child.pid().as_raw())?;
    drop(child);
    let begin = Instant::now();
    let (mut time, mut rounds) = (Duration::MAX, 0);
    while rounds < ROUNDS_MIN || begin.elapsed() < TRY_FOR {
        let (child, took) = running(&mut launcher)?;
        drop(child);
        time = time.min(took);
        rounds += 1;
    }
    Ok(Cost { time, memory_kib })
}

/// A worker whose main has begun, and how long that took.
fn running(launcher: &mut Launcher) -> Result<(Child, Duration), Box<dyn Error>> {
    let (mut reader, writer) = pipe()?;
    let begin = Instant::now();
    let child = launcher.start(&[writer.as_fd()], b"")?;
    drop(writer);
    reader.read_exact(&mut [0])?;
    Ok((child, begin.elapsed()))
}

fn own_memory_kib(pid: i32) -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let tables =
        status.lines().find_map(|line| line.strip_prefix("VmPTE:")).ok_or("no VmPTE")?;
    let tables_kib: u64 = tables.trim().trim_end_matches("kB").trim().parse()?;
    Ok(process::Snapshot::of(pid)?.memory.uss_bytes / 1024 + tables_kib)
}
