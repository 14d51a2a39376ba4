//! Measures how many records of 16 bytes go through a ring from one process to another, by the size of the batch.
//! Minutes: 3
//!
//! Run it with `cargo run --release --example ring_speed`, on a machine with two processors that have nothing to do.
//! Look at the first line: there each record is published and given back alone.

use byte_ring::{Consumer, Producer, WriteError, bytes_for};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::prctl::set_pdeathsig;
use nix::unistd::Pid;
use shared::Segment;
use std::error::Error;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use wait::{Child, Signal};

const CAPACITY: usize = 1 << 20;

/// One measurement: so short that now and then nobody else uses the two processors meanwhile. The best one counts.
const LASTS: Duration = Duration::from_millis(4);
const ROUNDS: usize = 60;

/// After this no more rounds are begun: on a busy machine each takes long.
const ROUNDS_LAST: Duration = Duration::from_secs(1);

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    for batch in [1, 16, 256] {
        let (begun, mut best) = (Instant::now(), records_per_second(batch)?);
        for _ in 1..ROUNDS {
            if begun.elapsed() < ROUNDS_LAST {
                best = best.max(records_per_second(batch)?);
            }
        }
        println!("batches of {batch:3}: {:7.2} million records/s", best / 1e6);
    }
    println!("every record came, in order");
    Ok(())
}

fn records_per_second(batch: usize) -> Outcome<f64> {
    // Before the fork, so that both know the same.
    pin(0)?;
    let segment = Arc::new(Segment::create("ring", bytes_for(CAPACITY))?);
    let mut consumer = Consumer::new(segment.clone(), 0, CAPACITY)?;
    let mut child = Child::fork(|| match send(segment.clone(), batch) {
        Ok(()) => 0,
        Err(_) => 1,
    })?;
    let (mut taken, mut payload) = (0u64, Vec::new());
    let (begun, mut lasted, mut is_counted) = (Instant::now(), Duration::MAX, true);
    loop {
        let before = taken;
        for _ in 0..batch {
            let Some(record) = consumer.next()? else { break };
            payload.clear();
            record.copy_to(&mut payload);
            if record.tag() != taken || payload[..8] != taken.to_ne_bytes() {
                return Err(format!("record {taken} is not what was written").into());
            }
            taken += 1;
        }
        consumer.release();
        if taken > before {
            is_counted = false;
        } else {
            if !is_counted {
                (lasted, is_counted) = (begun.elapsed(), true);
            }
            if begun.elapsed() > LASTS && child.try_wait()?.is_some() && consumer.is_empty() {
                break;
            }
            std::thread::yield_now();
        }
    }
    let status = child.wait()?;
    if !status.success() || taken == 0 {
        return Err(format!("the producer: {status}").into());
    }
    Ok(taken as f64 / lasted.as_secs_f64())
}

/// Writes records until the time is over.
fn send(segment: Arc<Segment>, batch: usize) -> Outcome<()> {
    set_pdeathsig(Signal::SIGKILL)?;
    pin(1)?;
    let mut producer = Producer::new(segment, 0, CAPACITY)?;
    let (mut number, begun) = (0u64, Instant::now());
    let mut payload = [0; 16];
    while begun.elapsed() < LASTS {
        // The clock is slow: look at it once in a thousand records.
        for _ in 0..(1024 / batch) {
            for _ in 0..batch {
                payload[..8].copy_from_slice(&number.to_ne_bytes());
                match producer.write(number, &payload) {
                    Ok(_) => number += 1,
                    Err(WriteError::Full) => break,
                    Err(error) => return Err(error.into()),
                }
            }
            producer.publish();
        }
    }
    Ok(())
}

/// Stays on one of the processors that this program may use, if there are two.
fn pin(nth: usize) -> Outcome<()> {
    let mut allowed = ALLOWED.get_or_init(cpus).iter();
    if let (2.., Some(cpu)) = (allowed.len(), allowed.nth(nth)) {
        let mut set = CpuSet::new();
        set.set(*cpu)?;
        sched_setaffinity(Pid::from_raw(0), &set)?;
    }
    Ok(())
}

/// The processors that this program might use when it began.
static ALLOWED: OnceLock<Vec<usize>> = OnceLock::new();

fn cpus() -> Vec<usize> {
    let allowed = sched_getaffinity(Pid::from_raw(0)).unwrap_or_default();
    (0..CpuSet::count()).filter(|cpu| allowed.is_set(*cpu).unwrap_or(false)).collect()
}
