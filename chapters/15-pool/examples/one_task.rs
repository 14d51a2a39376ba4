//! Follows one task from `submit` to `join`: where it waits, who runs it, what the processes share.
//! Minutes: 10
//!
//! Run it with `cargo run --example one_task`.
//! Look at what both workers map, and at the step at which the task can still be cancelled.
#![forbid(unsafe_code)]

use anyhow::{Context, Result, ensure};
use procpool::{JoinHandle, Pool};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long anybody here waits for somebody else.
const PATIENCE: Duration = Duration::from_secs(60);

/// The task that is followed: it says who runs it.
fn add((left, right): (u32, u32)) -> (u32, u32) {
    (left + right, std::process::id())
}

/// Keeps its worker busy until the file exists.
fn hold(gate: PathBuf) -> u32 {
    let until = Instant::now() + PATIENCE;
    while !gate.exists() && Instant::now() < until {
        sleep(Duration::from_millis(1));
    }
    std::process::id()
}

fn main() -> Result<()> {
    procpool::init();
    let gates = tempfile::tempdir()?;
    let gate = |name: &str| gates.path().join(name);
    let pool = Pool::builder().workers(2).build()?;
    let workers: Vec<u32> = pool.stats().workers.iter().map(|worker| worker.pid).collect();
    if let Err(error) = show_processes(&workers) {
        println!("who maps what cannot be shown here: {error:#}");
    }

    println!();
    println!("{:<28} {:>8} {:>8} {:>10}", "", "queued", "running", "completed");
    show("built", &pool);
    let holders = ["one", "two"].map(|name| pool.submit(hold, gate(name)));
    until(|| holders.iter().all(JoinHandle::is_running))?;
    show("each worker is held", &pool);

    let handle = pool.submit(add, (40, 2));
    show("the task is submitted", &pool);
    let begun = handle.is_running() || handle.is_finished();
    println!("  begun: {begun}; until then `cancel` takes it back");

    fs::write(gate("one"), "")?;
    let [one, two] = holders;
    let first = one.join()?;
    let (sum, pid) = handle.join()?;
    show("its result is joined", &pool);
    println!("  the result is {sum}, by the worker that was free first: {}", pid == first);
    println!("  by this process: {}", pid == std::process::id());

    fs::write(gate("two"), "")?;
    two.join()?;
    show("all are joined", &pool);
    let stats = pool.stats();
    let answers: u64 = stats.workers.iter().map(|worker| worker.tasks).sum();
    println!("  {answers} answers from {} workers", stats.workers.len());
    drop(pool);
    let alive =
        workers.iter().filter(|pid| Path::new(&format!("/proc/{pid}")).exists()).count();
    println!("  workers that are left after the drop: {alive}");
    Ok(())
}

fn show(step: &str, pool: &Pool) {
    let stats = pool.stats();
    println!("{step:<28} {:>8} {:>8} {:>10}", stats.queued, stats.running, stats.completed);
}

fn until(mut ready: impl FnMut() -> bool) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    while !ready() {
        ensure!(Instant::now() < until, "nothing happened for {PATIENCE:?}");
        std::thread::yield_now();
    }
    Ok(())
}

/// Which processes there are, and which segments of the pool each of them maps.
fn show_processes(workers: &[u32]) -> Result<()> {
    let own = std::process::id();
    let lanes_of = |pid: u32| segments(pid, "procpool-lane");
    let bells_of = |pid: u32| segments(pid, "procpool-bell");
    let program = (lanes_of(own)?, bells_of(own)?);
    println!("program, pid {own}: maps {} lanes and {} bell", program.0.len(), program.1.len());
    for &pid in workers {
        let (lanes, bells) = (lanes_of(pid)?, bells_of(pid)?);
        println!("worker {pid}: maps {} lane and {} bell", lanes.len(), bells.len());
        ensure!(lanes.is_subset(&program.0), "a lane that is not the program's");
    }
    let [first, second] = workers else { return Ok(()) };
    let lanes = lanes_of(*first)?.intersection(&lanes_of(*second)?).count();
    let bells = bells_of(*first)?.intersection(&bells_of(*second)?).count();
    println!("both workers map: {lanes} lanes, {bells} bell");
    Ok(())
}

/// The inode numbers of the segments of this name that a process maps.
fn segments(pid: u32, name: &str) -> Result<BTreeSet<String>> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps"))
        .with_context(|| format!("cannot read the memory map of process {pid}"))?;
    let of_name = maps.lines().filter(|line| line.contains(&format!("/memfd:{name}")));
    Ok(of_name.filter_map(|line| line.split_whitespace().nth(4)).map(str::to_owned).collect())
}
