//! Measures tasks that do nothing, sent to two workers in three ways: by pipes, by rings, by rings in batches.
//! Minutes: 5
//!
//! Run it with `cargo run --release --example three_transports`.
//! Look at what a task costs in each way, and how little of that is the bytes.

mod pipe_pool;
mod ring_pool;

use anyhow::{Result, ensure};
use pipe_pool::PipePool;
use std::time::Instant;

/// All three have as many. Here they have hardly any work, so more would not help.
const WORKERS: usize = 2;
const ROUNDS: usize = 3;

fn main() -> Result<()> {
    let mut pipes = PipePool::fork(WORKERS)?;
    let piped = best(10_000, |count| pipes.map(count))?;
    pipes.end()?;
    let [single, batched] = [(1, 10_000), (512, 200_000)].map(|(ahead, count)| {
        let mut pool = ring_pool::Pool::fork(WORKERS, ahead, <[u8]>::to_vec)?;
        let tasks: Vec<_> = (0..count).map(|number| number.to_string().into_bytes()).collect();
        let per_second = best(count, |_| {
            ensure!(pool.map(&tasks, || ())? == tasks, "an answer is wrong");
            Ok(())
        });
        pool.end()?;
        per_second
    });
    let (single, batched) = (single?, batched?);
    println!("pipes and poll, one task at a time:    {piped:9.0} tasks/s");
    println!("rings and bells, one task at a time:   {single:9.0} tasks/s");
    println!("rings and bells, up to 512 tasks:      {batched:9.0} tasks/s");
    let more = if batched > 3.0 * single { "more than" } else { "less than" };
    println!("in batches, {more} 3 times as many as one at a time, through the same rings");
    Ok(())
}

/// Tasks per second in the fastest of some rounds: the others were interrupted.
fn best(count: usize, mut map: impl FnMut(usize) -> Result<()>) -> Result<f64> {
    let mut seconds = f64::INFINITY;
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        map(count)?;
        seconds = seconds.min(begun.elapsed().as_secs_f64());
    }
    Ok(count as f64 / seconds)
}
