//! The program of `where-is-next`: two processes that have mapped one segment at different addresses share a list in it.
//!
//! By hand: `cargo run -p where-is-next -- nothing`. The worker has the segment at another address than the program, and
//! at the program's address it has nothing. With `something` it has other memory there, and with `full` the program fills
//! the segment.

use std::io;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};
use shared::Segment;
use wait::Child;
use where_is_next::{numbers, push};

#[path = "../../../../gate/fault.rs"]
mod fault;

/// Four pages, or one on a machine with large ones.
const LEN_BYTES: usize = 4 * 4096;

/// How many words of the segment are told to the grader.
const TOLD_WORDS: usize = 32;

/// Shares a list with a worker, or fills a segment.
pub(crate) fn main() -> io::Result<()> {
    let mode = std::env::args().nth(1).unwrap_or_default();
    let segment = Segment::create("list", LEN_BYTES).map_err(io::Error::other)?;
    if mode == "full" {
        let pushed = (1..=LEN_BYTES as u64).take_while(|n| push(&segment, *n).is_ok()).count();
        println!("pushed {pushed}");
        println!("the program lists {}", show(&segment));
        return Ok(());
    }
    for number in [11, 22, 33] {
        push(&segment, number).map_err(io::Error::other)?;
    }
    println!("the program lists {}", show(&segment));
    gate::tell("program", format_args!("{:x}", segment.as_ptr().addr()));
    gate::tell("words", words(&segment));

    let mut segment = Some(segment);
    let mut worker = Child::fork(|| {
        let Some(segment) = segment.take() else { return 1 };
        match work(segment, &mode) {
            Ok(()) => 0,
            Err(_) => 1,
        }
    })
    .map_err(io::Error::other)?;
    println!("the worker ended: {}", worker.wait().map_err(io::Error::other)?);
    if let Some(segment) = segment {
        println!("afterwards the program lists {}", show(&segment));
    }
    Ok(())
}

/// The worker: moves the segment to another address, reads the list there, and pushes two numbers.
fn work(inherited: Segment, mode: &str) -> Result<(), Box<dyn std::error::Error>> {
    fault::tell_address()?;
    let descriptor = inherited.descriptor().ok_or("no descriptor")?.try_clone_to_owned()?;
    let programs = inherited.as_ptr().addr();
    // The inherited mapping is still there, so this one must be at another address.
    let segment = Segment::from_descriptor(descriptor)?;
    drop(inherited);
    if mode == "something" {
        cover(programs)?;
    }
    gate::tell("worker", format_args!("{:x}", segment.as_ptr().addr()));
    gate::pass("mapped");
    println!("the worker lists {}", show(&segment));
    for number in [44, 55] {
        push(&segment, number)?;
    }
    Ok(())
}

fn show(segment: &Segment) -> String {
    match numbers(segment) {
        Ok(numbers) => format!("{numbers:?}"),
        Err(error) => error.to_string(),
    }
}

fn words(segment: &Segment) -> String {
    let word =
        |index: usize| segment.at::<AtomicU64>(8 * index).map_or(0, |word| word.load(SeqCst));
    (0..TOLD_WORDS).map(|index| format!("{:x} ", word(index))).collect()
}

/// Puts other memory where the segment was. Taken for a node, every part of it is the last one and has the number 666.
fn cover(address: NonZeroUsize) -> nix::Result<()> {
    let len = NonZeroUsize::MIN.saturating_add(LEN_BYTES - 1);
    let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    let flags = MapFlags::MAP_PRIVATE | MapFlags::MAP_FIXED_NOREPLACE;
    // SAFETY: the kernel refuses if anything is mapped there.
    let start =
        unsafe { mmap_anonymous(Some(address), len, access, flags) }?.cast::<[u64; 2]>();
    for index in 0..LEN_BYTES / 16 {
        // SAFETY: the index is inside.
        let pair = unsafe { start.add(index) };
        // SAFETY: this is memory of this process alone, made three lines above.
        unsafe { pair.write([0, 666]) };
    }
    Ok(())
}
