//! A list of numbers in a segment, for every process that has mapped the segment.
//!
//! The segment begins with two words: where the newest node is (0 if there is none), and how many bytes all nodes take.
//! Behind them are the nodes. A node is two words: where the next older node is (0 if there is none), and the number.

use std::ptr::with_exposed_provenance;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;

use shared::{Segment, SharedError};

/// The offsets of the two words.
const NEWEST: usize = 0;
const TAKEN_BYTES: usize = 8;

/// The offset of the first node.
const NODES: usize = 16;

/// Where the next older node is, and the number.
type Node = [AtomicU64; 2];

/// Puts a number in front of the list. Only one process does so at a time.
///
/// # Errors
/// If the segment is full; then the list stays as it was.
pub fn push(segment: &Segment, number: u64) -> Result<(), SharedError> {
    let newest = segment.at::<AtomicU64>(NEWEST)?;
    let taken_bytes = segment.at::<AtomicU64>(TAKEN_BYTES)?;
    let place = NODES + taken_bytes.load(SeqCst) as usize;
    let node = segment.at::<Node>(place)?;
    node[0].store(newest.load(SeqCst), SeqCst);
    node[1].store(number, SeqCst);
    newest.store(node.as_ptr().expose_provenance() as u64, SeqCst);
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
        // SAFETY: `push` has taken this address from a node, which stays where it is.
        let node = unsafe { &*with_exposed_provenance::<Node>(next as usize) };
        numbers.push(node[1].load(SeqCst));
        next = node[0].load(SeqCst);
    }
    Ok(numbers)
}
