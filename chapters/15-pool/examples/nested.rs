//! Builds pools in the workers of a pool, by each start method within each, and kills one such worker.
//! Minutes: 5
//!
//! `cargo run --example nested`. Look at what is refused, and why, and at what becomes of the inner workers when their
//! program, which is a worker itself, is killed.
#![forbid(unsafe_code)]

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use process::{Snapshot, State};
use procpool::{Pool, PoolError, Shutdown, StartMethod, TaskError};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// By fork comes first: the program must have one thread then.
const METHODS: [StartMethod; 3] =
    [StartMethod::Fork, StartMethod::Spawn, StartMethod::Forkserver];

/// How long killed processes may take to end, on a machine that is busy.
const END_MAX: Duration = Duration::from_secs(10);

fn square(n: u64) -> u64 {
    n * n
}

/// A task that builds a pool, uses it, and ends it. The method is a place in [`METHODS`].
fn sum_by_inner_pool(method: usize) -> Result<u64, String> {
    let pool = Pool::builder().workers(2).start_method(METHODS[method]).build();
    let pool = pool.map_err(|error| error.to_string())?;
    let squares: Result<Vec<u64>, TaskError> = pool.map(square, 1..=100).collect();
    Ok(squares.map_err(|error| error.to_string())?.iter().sum())
}

// ANCHOR: kept
/// A worker's own pool, from its initializer to its finalizer.
static OWN: Mutex<Option<Pool>> = Mutex::new(None);

/// The initializer. A panic here would be the error of the outer pool's `build`.
fn build_own(method: usize) {
    let pool = Pool::builder().workers(2).start_method(METHODS[method]).build();
    *OWN.lock().unwrap_or_else(PoisonError::into_inner) = Some(pool.expect("an inner pool"));
}

/// The finalizer: in good order, a worker ends its workers before it ends.
fn end_own() {
    // Dropping a pool runs what it has accepted.
    drop(OWN.lock().unwrap_or_else(PoisonError::into_inner).take());
}

/// A task that uses the worker's own pool. Returns who ran it, and who worked for them.
fn use_own(n: u64) -> Result<(u32, Vec<u32>, u64), String> {
    let own = OWN.lock().unwrap_or_else(PoisonError::into_inner);
    let own = own.as_ref().ok_or("there is no initializer")?;
    let square = own.call(square, n).map_err(|error| error.to_string())?;
    let workers = own.stats().workers.iter().map(|worker| worker.pid).collect();
    Ok((std::process::id(), workers, square))
}
// ANCHOR_END: kept

/// A pool by fork in a worker that has a pool already.
fn fork_beside_own(_: ()) -> String {
    match Pool::builder().workers(1).start_method(StartMethod::Fork).build() {
        Ok(_) => "there is one".to_owned(),
        // How many they are is the pool's affair.
        Err(PoolError::ForkWithThreads { .. }) => {
            "refused, because the first pool's threads are now threads of the worker".to_owned()
        }
        Err(error) => error.to_string(),
    }
}

fn main() -> Result<()> {
    procpool::init();
    println!("The squares up to 100, summed up by a pool in a worker:");
    for outer in METHODS {
        let pool = Pool::builder().workers(1).start_method(outer).build()?;
        for (inner, method) in METHODS.iter().enumerate() {
            let sum = match pool.call(sum_by_inner_pool, inner)? {
                Ok(sum) => sum.to_string(),
                Err(refused) => refused,
            };
            println!("  {:10} within {:10}  {sum}", method.to_string(), outer.to_string());
        }
    }

    println!("A worker that keeps a pool of its own:");
    let outer = Pool::builder().workers(1).initializer(build_own, 2).finalizer(end_own);
    let pool = outer.build()?;
    let own = |n| pool.call(use_own, n)?.map_err(anyhow::Error::msg);
    let (worker, inner, _) = own(1)?;
    let (_, again, square) = own(12)?;
    println!("  its next task gets {square} from the same workers: {}", inner == again);
    println!("  a pool by fork beside it: {}", pool.call(fork_beside_own, ())?);

    let raw = |pid: u32| i32::try_from(pid).map(Pid::from_raw).context("a process id");
    kill(raw(worker)?, Signal::SIGKILL)?;
    wait_for_the_end_of(&inner)?;
    println!("  it is killed, and both of its workers have ended");
    let (_, others, square) = own(15)?;
    println!(
        "  the worker in its place gets {square} from workers of its own: {}",
        others.iter().all(|pid| !inner.contains(pid))
    );
    pool.shutdown(Shutdown::Finish, None)?;
    let left = others.iter().filter(|pid| is_alive(**pid)).count();
    println!("  the outer pool is shut down: {left} of them are left");
    Ok(())
}

fn wait_for_the_end_of(pids: &[u32]) -> Result<()> {
    let ends_at = Instant::now() + END_MAX;
    while pids.iter().any(|pid| is_alive(*pid)) {
        if Instant::now() >= ends_at {
            bail!("workers {pids:?} are alive {} s after their program", END_MAX.as_secs());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// An orphan that has ended is a zombie until whoever adopted it reaps it.
fn is_alive(pid: u32) -> bool {
    let found = Snapshot::of(i32::try_from(pid).unwrap_or(0));
    found.is_ok_and(|found| !matches!(found.state, State::Zombie | State::Other))
}
