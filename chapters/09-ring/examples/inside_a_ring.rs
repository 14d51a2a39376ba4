//! Writes three records and shows the words of the ring that the other process sees.
//! Minutes: 3
//!
//! Run it with `cargo run --example inside_a_ring`.
//! Look at which words change when the records are published, and which when they are given back.

use byte_ring::{Consumer, Producer, bytes_for};
use shared::Segment;
use std::error::Error;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Acquire};

const CAPACITY: usize = 4096;

fn main() -> Result<(), Box<dyn Error>> {
    let segment = Arc::new(Segment::create("ring", bytes_for(CAPACITY))?);
    let mut producer = Producer::new(segment.clone(), 0, CAPACITY)?;
    let mut consumer = Consumer::new(segment.clone(), 0, CAPACITY)?;
    for (tag, payload) in [(1, "fork"), (2, "to"), (3, "pool, at last")] {
        producer.write(tag, payload.as_bytes())?;
    }
    show("written", &segment)?;
    producer.publish();
    show("published", &segment)?;
    consumer.next()?;
    consumer.next()?;
    show("two were read", &segment)?;
    consumer.release();
    show("and given back", &segment)?;
    println!("\nthe data, from the offset 256 on:");
    for offset in (256..352).step_by(8) {
        let word = segment.at::<AtomicU64>(offset)?.load(Acquire);
        let text = word.to_le_bytes().map(|byte| match byte {
            b' '..=b'~' => char::from(byte),
            _ => '.',
        });
        println!("{offset:5}  {word:016x}  {}", String::from_iter(text));
    }
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let is_mapped = maps.lines().any(|line| line.contains("/memfd:ring"));
    let mapped = if is_mapped { "has a line" } else { "is not there, or has no line" };
    println!("\n/proc/self/maps {mapped} for /memfd:ring");
    Ok(())
}

fn show(when: &str, segment: &Segment) -> Result<(), Box<dyn Error>> {
    let index =
        |offset| Ok::<_, Box<dyn Error>>(segment.at::<AtomicU64>(offset)?.load(Acquire));
    println!("{when:15} tail {:3}  head {:3}", index(0)?, index(128)?);
    Ok(())
}
