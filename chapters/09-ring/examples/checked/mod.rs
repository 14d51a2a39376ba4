//! A ring's memory as the model checker loom wants it: every access is seen by loom, which runs two threads in the
//! orders that the memory model allows, and stops at the first access that no ordering separates from another. Its
//! documentation says which orders it leaves out.
//!
//! The protocol that runs on it is the one that the part uses on shared memory: `byte_ring::protocol`.
//!
//! # References
//! The documentation of loom, <https://docs.rs/loom>.

use byte_ring::WriteError;
use byte_ring::memory::Memory;
use byte_ring::protocol::{Found, Reading, Writing};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;

/// With which orderings the indices are published and looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Orderings {
    pub(crate) store_tail: Ordering,
    pub(crate) load_tail: Ordering,
    pub(crate) store_head: Ordering,
    pub(crate) load_head: Ordering,
}

impl Orderings {
    /// The orderings of the part.
    pub(crate) const RIGHT: Orderings = Orderings {
        store_tail: Ordering::Release,
        load_tail: Ordering::Acquire,
        store_head: Ordering::Release,
        load_head: Ordering::Acquire,
    };
}

/// Room for a record of 24 bytes and one of 32, or for two of 24 and a filler.
const CAPACITY: usize = 64;

/// Words without any ordering of their own, so that loom tells when two threads come too near to each other.
struct Checked {
    tail: AtomicU64,
    head: AtomicU64,
    words: [UnsafeCell<u64>; CAPACITY / 8],
    orderings: Orderings,
}

impl Checked {
    fn at(&self, position: u64) -> &UnsafeCell<u64> {
        &self.words[position as usize % CAPACITY / 8]
    }
}

/// One side's handle.
struct Side(Arc<Checked>);

impl Memory for Side {
    fn load_tail(&self) -> u64 {
        self.0.tail.load(self.0.orderings.load_tail)
    }

    fn store_tail(&self, position: u64) {
        self.0.tail.store(position, self.0.orderings.store_tail);
    }

    fn load_head(&self) -> u64 {
        self.0.head.load(self.0.orderings.load_head)
    }

    fn store_head(&self, position: u64) {
        self.0.head.store(position, self.0.orderings.store_head);
    }

    fn load_len(&self, position: u64) -> u32 {
        self.load(position) as u32
    }

    fn store_len(&self, position: u64, len: u32) {
        self.store(position, len.into());
    }

    fn load(&self, position: u64) -> u64 {
        // SAFETY: loom runs one thread at a time, and ends the run at an access that could be at the same time.
        self.0.at(position).with(|word| unsafe { *word })
    }

    fn store(&self, position: u64, word: u64) {
        // SAFETY: as in `load`.
        self.0.at(position).with_mut(|place| unsafe { *place = word });
    }
}

// ANCHOR: run
/// A producer sends `count` records of one word each through a ring that has room for two.
/// The consumer takes them in pairs at most, and checks what it gets.
fn send(count: u64, orderings: Orderings) {
    let words = std::array::from_fn(|_| UnsafeCell::new(0));
    let (tail, head) = (AtomicU64::new(0), AtomicU64::new(0));
    let memory = Arc::new(Checked { tail, head, words, orderings });
    let mut writing = Writing::new(Side(memory.clone()), CAPACITY).expect("empty");
    let mut reading = Reading::new(Side(memory), CAPACITY).expect("empty");
    let producer = thread::spawn(move || {
        for number in 0..count {
            let payload = (100 + number).to_ne_bytes();
            while let Err(error) = writing.write(number, &payload, &[]) {
                assert_eq!(error, WriteError::Full);
                writing.publish();
                thread::yield_now();
            }
        }
        writing.publish();
    });
    let mut taken = 0;
    while taken < count {
        match reading.next().expect("an honest producer") {
            Some(Found { position, len_bytes }) => {
                let memory = reading.memory();
                assert_eq!((len_bytes, memory.load(position + 8)), (8, taken));
                assert_eq!(memory.load(position + 16), 100 + taken);
                taken += 1;
                if taken.is_multiple_of(2) {
                    reading.release();
                }
            }
            None => {
                reading.release();
                thread::yield_now();
            }
        }
    }
    producer.join().expect("no panic");
}
// ANCHOR_END: run

/// Runs `send` in every order that loom knows of, and returns how many there are.
///
/// # Panics
/// At the first order in which something is wrong: with loom's message.
pub(crate) fn check(count: u64, orderings: Orderings) -> usize {
    let orders = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = orders.clone();
    loom::model(move || {
        counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        send(count, orderings);
    });
    orders.load(std::sync::atomic::Ordering::Relaxed)
}
