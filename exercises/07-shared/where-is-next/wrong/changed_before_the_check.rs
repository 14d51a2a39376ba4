//! WRONG_ANSWER: changed the list before it was known that there is room.
//!
//! The segment begins with two words: the offset of the newest node (0 if there is none), and how many bytes all nodes take.
//! Behind them are the nodes. A node is two words: the offset of the next older node (0 if there is none), and the number.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;

use shared::{Segment, SharedError};

/// The offsets of the two words.
const NEWEST: usize = 0;
const TAKEN_BYTES: usize = 8;

/// The offset of the first node.
const NODES: usize = 16;

/// The offset of the next older node, and the number.
type Node = [AtomicU64; 2];

/// Puts a number in front of the list. Only one process does so at a time.
///
/// # Errors
/// If the segment is full; then the list stays as it was.
pub fn push(segment: &Segment, number: u64) -> Result<(), SharedError> {
    let newest = segment.at::<AtomicU64>(NEWEST)?;
    let taken_bytes = segment.at::<AtomicU64>(TAKEN_BYTES)?;
    let place = NODES + taken_bytes.load(SeqCst) as usize;
    let before = newest.swap(place as u64, SeqCst);
    let node = segment.at::<Node>(place)?;
    node[0].store(before, SeqCst);
    node[1].store(number, SeqCst);
    taken_bytes.fetch_add(size_of::<Node>() as u64, SeqCst);
    Ok(())
}

/// The numbers, the newest first.
///
/// # Errors
/// If the list leads out of the segment.
pub fn numbers(segment: &Segment) -> Result<Vec<u64>, SharedError> {
    let mut numbers = Vec::new();
    let mut next = segment.at::<AtomicU64>(NEWEST)?.load(SeqCst);
    while next != 0 {
        let node = segment.at::<Node>(next as usize)?;
        numbers.push(node[1].load(SeqCst));
        next = node[0].load(SeqCst);
    }
    Ok(numbers)
}
