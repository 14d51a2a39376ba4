//! Pools of processes and of threads, each with its memory when every worker has run a task.
//!
//! Invariant: a pool of threads is measured in a process of its own, since a C library keeps the stacks of threads that
//! have ended.

use crate::memory::{self, Sheet};
use anyhow::{Context, Result, ensure};
use procpool::{Pool, StartMethod, ThreadPool};
use std::os::unix::process::parent_id;
use std::thread::sleep;
use std::time::{Duration, Instant};
use wait::Child;

/// How long workers may take to have run a task each.
const PATIENCE: Duration = Duration::from_secs(60);

/// The memory of a pool of processes.
pub(crate) struct Crew {
    /// Bytes that the machine gave for the pool: what its processes grew by together, the template or server included.
    pub(crate) added: f64,
    /// A worker before its first task.
    pub(crate) fresh: Sheet,
    /// A worker after it.
    pub(crate) worked: Sheet,
    /// Bytes that the kernel has for the stacks of the machine's threads, before and with the pool.
    pub(crate) kernel_stacks: Option<(f64, f64)>,
    /// Descriptors of the program for the pool.
    pub(crate) descriptors: usize,
}

/// A task of some length, so that no worker can have all of them.
fn nap(ms: u64) -> u32 {
    sleep(Duration::from_millis(ms));
    std::process::id()
}

/// Builds a pool, measures it and ends it.
pub(crate) fn processes(method: StartMethod, workers: usize) -> Result<Crew> {
    let own = std::process::id() as i32;
    let before = memory::of_family(own)?;
    let stacks_before = memory::kernel_stacks();
    let descriptors_before = process::Snapshot::this()?.descriptors.len();
    let pool = Pool::builder().start_method(method).workers(workers).build()?;
    let fresh = of_workers(&pool)?;
    let until = Instant::now() + PATIENCE;
    while pool.stats().workers.iter().any(|worker| worker.tasks == 0) {
        ensure!(Instant::now() < until, "a worker has run no task for {PATIENCE:?}");
        for done in pool.map(nap, vec![2; 2 * workers]) {
            done.context("a task of 2 ms has failed")?;
        }
    }
    let worked = of_workers(&pool)?;
    Ok(Crew {
        added: memory::of_family(own)? - before,
        fresh,
        worked,
        kernel_stacks: stacks_before.zip(memory::kernel_stacks()),
        descriptors: process::Snapshot::this()?
            .descriptors
            .len()
            .saturating_sub(descriptors_before),
    })
}

fn of_workers(pool: &Pool) -> Result<Sheet> {
    let sheets: Result<Vec<Sheet>> =
        pool.stats().workers.iter().map(|worker| memory::sheet(worker.pid as i32)).collect();
    memory::median(&sheets?).context("the pool has no workers")
}

/// The bytes that a pool of so many threads adds to its process.
pub(crate) fn threads(workers: usize) -> Result<f64> {
    let (mut reports, mut report) = pipe::pipe()?;
    let mut child = Child::fork(|| {
        let said = added_by_threads(workers)
            .and_then(|bytes| Ok(pipe::write_all(&mut report, &bytes.to_ne_bytes())?));
        i32::from(said.is_err())
    })?;
    drop(report);
    let mut bytes = [0; 8];
    pipe::read_exact(&mut reports, &mut bytes).context("the threads could not be measured")?;
    let status = child.wait()?;
    ensure!(status.success(), "the process with the threads ended with {status:?}");
    Ok(f64::from_ne_bytes(bytes))
}

fn added_by_threads(workers: usize) -> Result<f64> {
    // Together with the program, since pages that both have change hands when one of them writes.
    let now = || memory::of_family(parent_id() as i32);
    // What the measuring itself needs is there before the first look.
    now()?;
    let before = now()?;
    let pool = ThreadPool::new(workers);
    for done in pool.map(nap, vec![2; 2 * workers]) {
        done.context("a task of 2 ms has failed")?;
    }
    Ok((now()? - before).max(0.0))
}
