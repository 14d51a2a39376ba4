//! How a slice is written into a message: as a note of three numbers, with its descriptor beside the message.
//!
//! A serializer knows nothing of descriptors, so they are put aside: [`collect`] gathers those of everything that is
//! serialized inside it, [`provide`] lays out those that came for everything that is deserialized inside it. The note
//! says which one of them it is.
//!
//! Invariant: a descriptor that was provided is taken at most once as memory that can be written to; what nobody took
//! is closed.

use crate::slice::Frozen;
use bytemuck::Pod;
use serde::{Deserialize, Serialize};
use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

// ANCHOR: note
/// What is written for a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    /// Which of the descriptors of the message it is; of no meaning for 0 bytes.
    pub(crate) index: u32,
    /// Length in elements.
    pub(crate) len: u64,
    /// The size of an element: both sides must mean the same type.
    pub(crate) element_bytes: u32,
}
// ANCHOR_END: note

/// A descriptor that came with a message.
enum Slot {
    Untouched(OwnedFd),
    /// One memory may stand in a message several times, as clones of one slice.
    Frozen(Arc<Frozen>),
    Taken,
}

/// Whether descriptors are being put aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Collecting {
    No,
    /// None has come yet.
    Empty,
    /// Some lie in `LEAVING`.
    Some,
}

thread_local! {
    // Apart from the vector, because a plain value needs no destructor at the end of the thread: most messages have no
    // slice, and cost two stores.
    static COLLECTING: Cell<Collecting> = const { Cell::new(Collecting::No) };
    static LEAVING: RefCell<Vec<Arc<OwnedFd>>> = const { RefCell::new(Vec::new()) };
    static ARRIVED: RefCell<Option<Vec<Slot>>> = const { RefCell::new(None) };
}

/// Runs `encode`, and collects the descriptors of every slice that it serialized.
///
/// Their order is that of the notes. Clones of one slice share a descriptor. A call inside `encode` collects for
/// itself.
#[inline]
pub fn collect<T>(encode: impl FnOnce() -> T) -> (T, Vec<Arc<OwnedFd>>) {
    let outer = Outer::begin();
    let value = encode();
    let descriptors = left();
    drop(outer);
    (value, descriptors)
}

/// What has been put aside so far.
#[inline]
fn left() -> Vec<Arc<OwnedFd>> {
    match COLLECTING.get() {
        Collecting::Some => LEAVING.take(),
        Collecting::No | Collecting::Empty => Vec::new(),
    }
}

/// What an outer call had put aside; it is put back on drop, also if the caller's code panics.
struct Outer {
    collecting: Collecting,
    leaving: Vec<Arc<OwnedFd>>,
}

impl Outer {
    #[inline]
    fn begin() -> Outer {
        let leaving = left();
        Outer { collecting: COLLECTING.replace(Collecting::Empty), leaving }
    }
}

impl Drop for Outer {
    #[inline]
    fn drop(&mut self) {
        drop(left());
        COLLECTING.set(self.collecting);
        if self.collecting == Collecting::Some {
            LEAVING.set(std::mem::take(&mut self.leaving));
        }
    }
}

/// Runs `decode` with these descriptors at hand: a slice that is deserialized takes its own. What was not taken is
/// closed.
pub fn provide<T>(descriptors: Vec<OwnedFd>, decode: impl FnOnce() -> T) -> T {
    let slots = descriptors.into_iter().map(Slot::Untouched).collect();
    let _outer = Restore { cell: &ARRIVED, before: ARRIVED.replace(Some(slots)) };
    decode()
}

/// Puts back what was there before, also if the caller's code panics.
struct Restore<T: 'static> {
    cell: &'static std::thread::LocalKey<RefCell<Option<T>>>,
    before: Option<T>,
}

impl<T> Drop for Restore<T> {
    fn drop(&mut self) {
        self.cell.set(self.before.take());
    }
}

/// Puts a descriptor aside for the message that is being written, and says where it stands.
pub(crate) fn put(descriptor: &Arc<OwnedFd>) -> Result<u32, &'static str> {
    if COLLECTING.get() == Collecting::No {
        return Err(
            "shared memory has no bytes to write down: a shared slice can only be sent through a pool",
        );
    }
    COLLECTING.set(Collecting::Some);
    LEAVING.with_borrow_mut(|leaving| {
        let index = leaving.iter().position(|other| Arc::ptr_eq(other, descriptor));
        let index = index.unwrap_or_else(|| {
            leaving.push(Arc::clone(descriptor));
            leaving.len() - 1
        });
        u32::try_from(index).map_err(|_| "more than 4294967295 shared slices in one message")
    })
}

/// The memory that a note speaks of: made by `freeze` when the first of its clones arrives.
pub(crate) fn take_frozen<E>(
    index: u32,
    freeze: impl FnOnce(OwnedFd) -> Result<Frozen, E>,
) -> Result<Result<Arc<Frozen>, E>, &'static str> {
    with_slot(index, |slot| match std::mem::replace(slot, Slot::Taken) {
        Slot::Untouched(descriptor) => Ok(freeze(descriptor).map(|frozen| {
            let frozen = Arc::new(frozen);
            *slot = Slot::Frozen(Arc::clone(&frozen));
            frozen
        })),
        Slot::Frozen(frozen) => {
            *slot = Slot::Frozen(Arc::clone(&frozen));
            Ok(Ok(frozen))
        }
        Slot::Taken => Err(TAKEN),
    })
}

/// The descriptor that a note speaks of, for one that nobody else has.
pub(crate) fn take(index: u32) -> Result<OwnedFd, &'static str> {
    with_slot(index, |slot| match std::mem::replace(slot, Slot::Taken) {
        Slot::Untouched(descriptor) => Ok(descriptor),
        other => {
            *slot = other;
            Err(TAKEN)
        }
    })
}

const TAKEN: &str = "a shared slice came twice, and it can have one owner only";

fn with_slot<T>(
    index: u32,
    take: impl FnOnce(&mut Slot) -> Result<T, &'static str>,
) -> Result<T, &'static str> {
    ARRIVED.with_borrow_mut(|arrived| {
        let slots = arrived.as_mut().ok_or(
            "a shared slice comes with a descriptor: it can only be received from a pool",
        )?;
        let slot = usize::try_from(index).ok().and_then(|index| slots.get_mut(index));
        take(slot.ok_or("a shared slice came without its descriptor")?)
    })
}

/// What is written for a slice; its descriptor is put aside.
pub(crate) fn note<T, E: serde::ser::Error>(
    descriptor: Option<&Arc<OwnedFd>>,
    len: usize,
) -> Result<Note, E> {
    let index = descriptor.map_or(Ok(0), put).map_err(E::custom)?;
    let len = u64::try_from(len).map_err(E::custom)?;
    let element_bytes = u32::try_from(size_of::<T>()).map_err(E::custom)?;
    Ok(Note { index, len, element_bytes })
}

/// How many bytes the slice of a note has.
pub(crate) fn note_bytes<T: Pod>(note: Note) -> Result<u64, String> {
    check_alignment::<T>().map_err(|error| error.to_string())?;
    if usize::try_from(note.element_bytes) != Ok(size_of::<T>()) {
        return Err(format!(
            "a shared slice came with elements of {} bytes where {} were expected",
            note.element_bytes,
            size_of::<T>()
        ));
    }
    note.len
        .checked_mul(u64::from(note.element_bytes))
        .ok_or_else(|| format!("a shared slice of {} elements cannot exist", note.len))
}

pub(crate) fn check_len(bytes: u64, memory_bytes: usize) -> Result<(), String> {
    if u64::try_from(memory_bytes) == Ok(bytes) {
        return Ok(());
    }
    Err(format!("a shared slice of {bytes} bytes came with memory of {memory_bytes} bytes"))
}

/// Every mapping begins at a page.
pub(crate) fn check_alignment<T>() -> io::Result<()> {
    if align_of::<T>() <= rustix::param::page_size() {
        return Ok(());
    }
    let why = format!("elements are aligned to {} bytes, more than a page", align_of::<T>());
    Err(io::Error::new(io::ErrorKind::InvalidInput, why))
}
