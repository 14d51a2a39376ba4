//! Measures three generations of the pool, and counts their lines: pipes, rings, and the finished one.
//! Minutes: 5
//!
//! Run it with `cargo run --release --example generations`.
//! Look at what a task costs in each, and at how many lines that took.
#![forbid(unsafe_code)]

#[path = "../../09-ring/examples/pipe_pool/mod.rs"]
mod pipe_pool;
#[path = "../../09-ring/examples/ring_pool/mod.rs"]
mod ring_pool;

use anyhow::{Context, Result, ensure};
use procpool::Pool;
use std::fs;
use std::path::Path;
use std::time::Instant;

const WORKERS: usize = 2;
const ROUNDS: usize = 3;
/// How many tasks a worker of pool v3 may have.
const AHEAD: usize = 512;

fn main() -> Result<()> {
    procpool::init();
    // The first two fork, which is allowed only while this program has one thread.
    let mut pipes = pipe_pool::PipePool::fork(WORKERS)?;
    let piped = best(5_000, |count| pipes.map(count))?;
    pipes.end()?;

    let count = 100_000;
    let tasks: Vec<Vec<u8>> =
        (0..count).map(|number: usize| number.to_string().into_bytes()).collect();
    let mut rings = ring_pool::Pool::fork(WORKERS, AHEAD, <[u8]>::to_vec)?;
    let ringed = best(count, |_| {
        ensure!(rings.map(&tasks, || ())? == tasks, "an answer is wrong");
        Ok(())
    })?;
    rings.end()?;

    let pool = Pool::builder().workers(WORKERS).build()?;
    let finished = best(count, |_| {
        for (task, answer) in tasks.iter().zip(pool.map(echo, tasks.iter().cloned())) {
            ensure!(*task == answer?, "an answer is wrong");
        }
        Ok(())
    })?;
    drop(pool);

    let lines = Lines::count()?;
    println!("{WORKERS} workers, tasks that do nothing:");
    for (name, lines, per_second) in [
        ("pool v1", lines.v1, Some(piped)),
        ("pool v2", lines.v2, None),
        ("pool v3", lines.v3, Some(ringed)),
        ("procpool", lines.procpool, Some(finished)),
    ] {
        let speed =
            per_second.map_or("as pool v1".into(), |speed| format!("{speed:9.0} tasks/s"));
        println!("{name:<10} {lines:>5} lines {speed:>20}");
    }
    println!("procpool stands on {} lines of parts, from chapters 01 to 14", lines.parts);
    let (v3, last) = (ringed / piped, finished / piped);
    println!("as many tasks as pool v1: pool v3 {v3:.1} times, procpool {last:.1} times");
    Ok(())
}

fn echo(bytes: Vec<u8>) -> Vec<u8> {
    bytes
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

/// Lines of code: no comments, no empty lines, no tests.
struct Lines {
    v1: usize,
    v2: usize,
    v3: usize,
    procpool: usize,
    /// What the parts under it have together.
    parts: usize,
}

impl Lines {
    fn count() -> Result<Lines> {
        let chapters = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("chapters")?;
        let read = |path: &str| {
            fs::read_to_string(chapters.join(path))
                .with_context(|| format!("{path} is not there: run it in the book's folder"))
        };
        let v1 = read("05-pipe/examples/pool_v1.rs")?;
        let v1 = v1.split("ANCHOR: pool\n").nth(1).unwrap_or_default();
        let v1 = v1.split("// ANCHOR_END: pool\n").next().unwrap_or_default();
        let v2 = read("06-signal/examples/pool_v2.rs")?;
        // Below it is what reads the command line.
        let v2 = v2.split("#[derive(clap::Parser)]").next().unwrap_or_default();
        let mut parts = 0;
        for chapter in fs::read_dir(chapters)? {
            let path = chapter?.path().join("src");
            if path.is_dir() && !path.starts_with(env!("CARGO_MANIFEST_DIR")) {
                parts += lines_below(&path)?;
            }
        }
        Ok(Lines {
            v1: lines(v1),
            v2: lines(v2),
            v3: lines(&read("09-ring/examples/ring_pool/mod.rs")?),
            procpool: lines_below(&chapters.join("15-pool/src"))?,
            parts,
        })
    }
}

fn lines_below(folder: &Path) -> Result<usize> {
    let mut sum = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sum += lines_below(&path)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sum += lines(&fs::read_to_string(&path)?);
        }
    }
    Ok(sum)
}

fn lines(text: &str) -> usize {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let counts = |line: &&str| !line.trim().is_empty() && !line.trim().starts_with("//");
    code.lines().filter(counts).count()
}
