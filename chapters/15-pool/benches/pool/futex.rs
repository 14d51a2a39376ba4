//! The floor of every call: two processes that wake each other by a futex, and nothing else.
//!
//! Each side writes the other's word, wakes it and sleeps on its own: two wake-ups for one round trip, as in a call.
//! Neither looks at its word before it sleeps.
//!
//! # References
//! man 2 futex.

use shared::Segment;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use wait::Child;
use wake::futex;

/// Bytes between the two words, so that they share no cache line.
const APART: usize = 128;
/// The word of a round that never comes: the other side is to end.
const END: u32 = u32::MAX;

/// The other process and the memory that both map.
pub(crate) struct PingPong {
    memory: Arc<Segment>,
    round: u32,
    other: Option<Child>,
}

impl PingPong {
    /// Forks the other side, so the program must have one thread.
    pub(crate) fn new() -> PingPong {
        let memory = Arc::new(Segment::create("ping-pong", 4096).expect("shared memory"));
        let other = Child::fork({
            let memory = Arc::clone(&memory);
            move || {
                while answer(&memory) != END {}
                0
            }
        });
        PingPong { memory, round: 0, other: Some(other.expect("a process")) }
    }

    /// There and back once.
    pub(crate) fn round_trip(&mut self) {
        self.round += 1;
        hand_over(word(&self.memory, 0), self.round);
        sleep_until_changed(word(&self.memory, APART), self.round - 1);
    }
}

impl Drop for PingPong {
    fn drop(&mut self) {
        hand_over(word(&self.memory, 0), END);
        if let Some(mut other) = self.other.take() {
            other.wait().expect("a child");
        }
    }
}

/// The other side: waits for a round and answers it.
fn answer(memory: &Segment) -> u32 {
    let (ping, pong) = (word(memory, 0), word(memory, APART));
    let seen = pong.load(Ordering::Relaxed);
    sleep_until_changed(ping, seen);
    let round = ping.load(Ordering::Acquire);
    hand_over(pong, round);
    round
}

fn word(memory: &Segment, offset: usize) -> &AtomicU32 {
    memory.at(offset).expect("inside the page")
}

fn hand_over(word: &AtomicU32, value: u32) {
    word.store(value, Ordering::Release);
    futex::wake(word, 1);
}

fn sleep_until_changed(word: &AtomicU32, from: u32) {
    while word.load(Ordering::Acquire) == from {
        futex::wait(word, from, None).expect("a futex");
    }
}
