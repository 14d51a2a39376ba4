//! A producer is killed while it writes, and others write nonsense: what the consumer gets in each case.
//! Minutes: 5
//!
//! Run it with `cargo run --example hostile_ring`.
//! Look at what is whole after the kill, and that every kind of nonsense is an error and not a crash.

use byte_ring::layout::FILLER;
use byte_ring::{Consumer, Producer, WriteError, bytes_for};
use nix::sys::prctl::set_pdeathsig;
use shared::Segment;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use wait::{Child, Signal};

const CAPACITY: usize = 64 << 10;
const TAIL: usize = 0;
const DATA: usize = 256;

/// The killed one is let on for so long, and for so many records.
const WRITING: Duration = Duration::from_millis(20);
const RECORDS_MIN: u64 = 1000;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    kill_the_producer()?;
    let far = u64::MAX / 2;
    let long = 1 << 20;
    nonsense("a tail far ahead", &[(TAIL, far & !7)])?;
    nonsense("a tail behind the head", &[(TAIL, 0u64.wrapping_sub(8))])?;
    nonsense("a tail between two words", &[(TAIL, 20)])?;
    nonsense("a length of 1 MiB", &[(DATA, long), (TAIL, 32)])?;
    nonsense("a length that ends behind the tail", &[(DATA, 100), (TAIL, 32)])?;
    nonsense("a filler in front of nothing", &[(DATA, FILLER.into()), (TAIL, 32)])
}

/// The producer dies at any instruction, since nobody asks it. What it had published is whole.
fn kill_the_producer() -> Outcome<()> {
    let segment = Arc::new(Segment::create("killed", bytes_for(CAPACITY))?);
    let mut child = Child::fork(|| match write_for_ever(segment.clone()) {
        Ok(()) => 0,
        Err(_) => 1,
    })?;
    let mut consumer = Consumer::new(segment, 0, CAPACITY)?;
    let (begun, mut taken, mut whole) = (Instant::now(), 0, 0);
    let mut payload = Vec::new();
    let mut is_killed = false;
    loop {
        let may_be_killed = begun.elapsed() > WRITING && taken >= RECORDS_MIN;
        if may_be_killed && !is_killed {
            child.kill(Signal::SIGKILL)?;
            child.wait()?;
            is_killed = true;
        }
        match consumer.next()? {
            Some(record) => {
                payload.clear();
                record.copy_to(&mut payload);
                let byte = record.tag() as u8;
                let is_whole = record.tag() == taken
                    && payload.len() == (taken % 500) as usize
                    && payload.iter().all(|it| *it == byte);
                taken += 1;
                whole += u64::from(is_whole);
            }
            None if is_killed => break,
            None => std::thread::yield_now(),
        }
        consumer.release();
    }
    println!("killed while it wrote: {taken} records were published");
    println!(
        "{} of them came whole and in order",
        if whole == taken { "all" } else { "not all" }
    );
    Ok(())
}

fn write_for_ever(segment: Arc<Segment>) -> Outcome<()> {
    // If the reader fails, nobody else would end this.
    set_pdeathsig(Signal::SIGKILL)?;
    let mut producer = Producer::new(segment, 0, CAPACITY)?;
    let mut number: u64 = 0;
    loop {
        let payload = vec![number as u8; (number % 500) as usize];
        match producer.write(number, &payload) {
            Ok(_) => number += 1,
            Err(WriteError::Full) => std::thread::yield_now(),
            Err(error) => return Err(error.into()),
        }
        producer.publish();
    }
}

/// Another process writes these words into a ring, and this one reads.
fn nonsense(what: &str, words: &[(usize, u64)]) -> Outcome<()> {
    let segment = Arc::new(Segment::create("nonsense", bytes_for(CAPACITY))?);
    let mut consumer = Consumer::new(segment.clone(), 0, CAPACITY)?;
    let write = |(offset, word): &(usize, u64)| {
        segment.at::<AtomicU64>(*offset).is_ok_and(|place| {
            place.store(*word, Relaxed);
            true
        })
    };
    Child::fork(|| i32::from(!words.iter().all(write)))?.wait()?;
    match consumer.next() {
        Ok(record) => println!("\n{what}:\n  {record:?}"),
        Err(error) => println!("\n{what}:\n  {error}"),
    }
    Ok(())
}
