//! The program of `whose-memory`: a parent with a table, three workers that read it, and what they use together.
//!
//! By hand: `cargo run -p whose-memory`. With `gone`, one of the workers has ended before it is counted; with `blind`,
//! the program may open no more files while it counts.

use std::hint::black_box;
use std::io::{self, Read, Write};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork, pause};

/// How many workers there are.
const WORKERS: usize = 3;

/// What all read, in bytes.
const TABLE_BYTES: usize = 32 << 20;

/// One byte of each page is enough to read it; no page is smaller.
const PAGE_BYTES: usize = 4096;

/// What each worker has for itself, in bytes.
const OWN_BYTES: usize = 4 << 20;

/// Counts the family by the reader's function.
pub(crate) fn main() -> io::Result<()> {
    let word = std::env::args().nth(1).unwrap_or_default();
    let table = vec![7_u8; TABLE_BYTES];
    let (mut reader, writer) = io::pipe()?;
    let mut workers = Vec::new();
    for _ in 0..WORKERS {
        // SAFETY: the program has one thread, so the child lacks none that could hold a lock.
        match unsafe { fork() }? {
            ForkResult::Parent { child } => workers.push(child),
            ForkResult::Child => work(&table, &writer),
        }
    }
    // Each says one byte when it has all its memory.
    reader.read_exact(&mut [0; WORKERS])?;
    if word == "gone" {
        end(workers[0])?;
    }

    let mut family = vec![std::process::id() as i32];
    family.extend(workers.iter().map(|worker| worker.as_raw()));
    gate::pass("start");
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if word == "blind" {
        setrlimit(Resource::RLIMIT_NOFILE, 0, hard)?;
    }
    let found = whose_memory::family_bytes(&family);
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard)?;
    gate::tell(
        "found",
        found.as_ref().map_or_else(|error| format!("an error: {error}"), u64::to_string),
    );
    gate::pass("counted");
    for worker in workers.iter().skip(usize::from(word == "gone")) {
        end(*worker)?;
    }
    gate::pass("end");

    match found {
        Ok(bytes) => println!("{} MiB", bytes >> 20),
        Err(error) => println!("error: {error}"),
    }
    black_box(&table);
    Ok(())
}

/// What a worker does: reads the table, writes to what is its own, and sleeps until it is ended.
fn work(table: &[u8], mut ready: &io::PipeWriter) -> ! {
    black_box(table.iter().step_by(PAGE_BYTES).map(|byte| u64::from(*byte)).sum::<u64>());
    let own = vec![1_u8; OWN_BYTES];
    if ready.write_all(&[0]).is_err() {
        std::process::abort();
    }
    loop {
        pause();
        black_box(&own);
    }
}

/// Ends a worker and waits for it.
fn end(worker: Pid) -> io::Result<()> {
    kill(worker, Signal::SIGKILL)?;
    waitpid(worker, None)?;
    Ok(())
}
