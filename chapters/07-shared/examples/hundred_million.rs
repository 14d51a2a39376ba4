//! Shows an image of 100 million numbers that several processes add up without a copy.
//! Minutes: 8
//!
//! Run it with `cargo run --release --example hundred_million`; add `-- 4` for 4 workers.
//! Look at how many bytes reach a worker, and what kinds of memory a worker has.

use process::available_memory_bytes;
use serde::{Deserialize, Serialize};
use shared::{SharedSlice, SharedSliceMut, passing};
use std::error::Error;
use std::num::NonZero;
use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};
use std::process::id;
use std::time::Instant;
use wait::Child;

/// The numbers of a row, one byte each.
const WIDTH: usize = 10_000;
const HEIGHT: usize = 10_000;

/// With less memory available than three times the image, a smaller one has to do.
const HEIGHT_SMALL: usize = 1_000;

/// One after the other, the brightness goes through so many values.
const SHADES: usize = 251;

const WORKERS_MAX: usize = 64;

/// What a worker is asked: an image, and which of its rows.
type Question = (SharedSlice<u8>, Range<usize>);

// ANCHOR: worker
/// What a worker answers: the sum of its rows, and its memory.
type Answer = (u64, Resident);

fn worker(socket: &OwnedFd) -> Result<(), Box<dyn Error>> {
    let mut buffer = [0; 256];
    let message = passing::receive(socket.as_fd(), &mut buffer)?;
    let (image, rows): Question =
        passing::provide(message.descriptors, || postcard::from_bytes(&buffer[..message.len]))?;
    let part = &image[rows.start * WIDTH..rows.end * WIDTH];
    let answer: Answer = (sum(part), resident()?);
    passing::send(socket.as_fd(), &postcard::to_allocvec(&answer)?, &[])?;
    Ok(())
}
// ANCHOR_END: worker

/// What of a process is in memory, in KiB.
#[derive(Serialize, Deserialize)]
struct Resident {
    /// Shared memory that it has touched.
    shared_kib: u64,
    /// Stack, heap, and every page that it got a copy of.
    anonymous_kib: u64,
}

fn resident() -> Result<Resident, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let kib = |key: &str| -> Result<u64, Box<dyn Error>> {
        let line = status.lines().find_map(|line| line.strip_prefix(key)).ok_or(key)?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    };
    Ok(Resident { shared_kib: kib("RssShmem:")?, anonymous_kib: kib("RssAnon:")? })
}

/// The sum of all bytes; as many as a row at a time, so that it is bearable without optimization too.
fn sum(numbers: &[u8]) -> u64 {
    const LOW: u64 = 0x00ff_00ff_00ff_00ff;
    let mut total = 0;
    for row in numbers.chunks(WIDTH) {
        let (words, rest) = row.as_chunks::<8>();
        // Eight bytes as four sums of two. Up to 128 such words fit into 16 bits each.
        for block in words.chunks(128) {
            let mut sums = 0;
            for word in block {
                let word = u64::from_le_bytes(*word);
                sums += (word & LOW) + ((word >> 8) & LOW);
            }
            total += (0..4).map(|lane| sums >> (16 * lane) & 0xffff).sum::<u64>();
        }
        total += rest.iter().map(|number| u64::from(*number)).sum::<u64>();
    }
    total
}

fn main() -> Result<(), Box<dyn Error>> {
    let workers: usize = std::env::args().nth(1).map_or(Ok(2), |word| word.parse())?;
    if !(1..=WORKERS_MAX).contains(&workers) {
        return Err(format!("{workers} workers: ask for 1 to {WORKERS_MAX}").into());
    }
    let enough =
        available_memory_bytes().is_none_or(|bytes| bytes > 3 * (WIDTH * HEIGHT) as u64);
    let height = if enough { HEIGHT } else { HEIGHT_SMALL };
    if !enough {
        println!("memory is short: a tenth of the image has to do");
    }

    // Before the image exists, so they cannot have inherited it.
    let mut crew = Vec::new();
    for _ in 0..workers {
        let (here, there) = passing::socket_pair()?;
        let child = Child::fork(|| match worker(&there) {
            Ok(()) => 0,
            Err(error) => {
                eprintln!("worker {}: {error}", id());
                1
            }
        })?;
        crew.push((child, here));
    }

    let (image, expected) = paint(height)?;
    println!("an image of {} numbers, and {workers} workers", image.len());
    let start = Instant::now();
    let share = height.div_ceil(workers);
    for (nth, (child, socket)) in crew.iter().enumerate() {
        let rows = (nth * share).min(height)..((nth + 1) * share).min(height);
        let question: Question = (image.clone(), rows.clone());
        let (bytes, descriptors) = passing::collect(|| postcard::to_allocvec(&question));
        let bytes = bytes?;
        let descriptors: Vec<_> = descriptors.iter().map(|one| one.as_fd()).collect();
        println!(
            "worker {} is asked for rows {rows:?} in {} bytes and {} descriptor",
            child.pid(),
            bytes.len(),
            NonZero::new(descriptors.len()).ok_or("no descriptor")?
        );
        passing::send(socket.as_fd(), &bytes, &descriptors)?;
    }
    let mut total = 0;
    let mut anonymous_max_kib = 0;
    for (child, socket) in &mut crew {
        let mut buffer = [0; 64];
        let message = passing::receive(socket.as_fd(), &mut buffer)?;
        let (sum, resident): Answer = postcard::from_bytes(&buffer[..message.len])?;
        println!(
            "worker {}: {sum}, and it has {} KiB of shared memory and {} KiB of other",
            child.pid(),
            resident.shared_kib,
            resident.anonymous_kib
        );
        total += sum;
        anonymous_max_kib = anonymous_max_kib.max(resident.anonymous_kib);
        child.wait()?;
    }
    println!("in all: {total}, after {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    println!("that is {}", if total == expected { "right" } else { "wrong" });
    let copied = anonymous_max_kib as usize * 1024 * 4 > image.len() / workers;
    println!("{} has a copy of its part", if copied { "a worker" } else { "no worker" });
    Ok(())
}

/// The image, and the sum of all its numbers.
fn paint(height: usize) -> Result<(SharedSlice<u8>, u64), Box<dyn Error>> {
    // Each row shows the same stripes, one number further than the row above.
    let stripes: Vec<u8> = (0..WIDTH + SHADES).map(|x| (x % SHADES) as u8).collect();
    let sums: Vec<u64> = (0..SHADES)
        .map(|shift| {
            stripes[shift..shift + WIDTH].iter().map(|number| u64::from(*number)).sum()
        })
        .collect();
    let mut image = SharedSliceMut::<u8>::zeroed(WIDTH * height)?;
    for (y, row) in image.as_mut_slice().chunks_mut(WIDTH).enumerate() {
        row.copy_from_slice(&stripes[y % SHADES..y % SHADES + WIDTH]);
    }
    let expected = (0..height).map(|y| sums[y % SHADES]).sum();
    Ok((image.freeze()?, expected))
}
