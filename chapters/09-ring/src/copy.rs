//! Bytes into the ring and out of it, in words of 8.
//!
//! `memcpy` must not be used on memory that another process may be changing: its reads and writes are ordinary ones,
//! and the compiler takes for granted that nobody interferes with those. Atomic words cost as much as ordinary ones, but
//! for the vector instructions that they rule out.

use crate::memory::Memory;

/// Writes `first` and `second`, one behind the other. What is left of the last word becomes 0.
#[inline]
pub(crate) fn write_parts(memory: &impl Memory, position: u64, first: &[u8], second: &[u8]) {
    if second.is_empty() {
        return write_bytes(memory, position, first);
    }
    let (words, rest) = first.as_chunks::<8>();
    let position = write_words(memory, position, words);
    if rest.is_empty() {
        write_bytes(memory, position, second);
    } else {
        write_seam(memory, position, rest, second);
    }
}

/// Writes the word that has the end of one part and the beginning of the next, and the rest of that.
fn write_seam(memory: &impl Memory, position: u64, end: &[u8], second: &[u8]) {
    let (beginning, second) = second.split_at(second.len().min(8 - end.len()));
    let mut seam = [0; 8];
    seam[..end.len()].copy_from_slice(end);
    seam[end.len()..][..beginning.len()].copy_from_slice(beginning);
    memory.store(position, u64::from_ne_bytes(seam));
    write_bytes(memory, position.wrapping_add(8), second);
}

#[inline]
fn write_bytes(memory: &impl Memory, position: u64, bytes: &[u8]) {
    let (words, rest) = bytes.as_chunks::<8>();
    let position = write_words(memory, position, words);
    if !rest.is_empty() {
        memory.store(position, last_word(bytes, rest));
    }
}

#[inline]
fn write_words(memory: &impl Memory, mut position: u64, words: &[[u8; 8]]) -> u64 {
    for word in words {
        memory.store(position, u64::from_ne_bytes(*word));
        position = position.wrapping_add(8);
    }
    position
}

/// A word that begins with `rest`, the last 1 to 7 bytes of `bytes`, and is 0 behind it.
#[inline]
fn last_word(bytes: &[u8], rest: &[u8]) -> u64 {
    let word = match bytes.last_chunk::<8>() {
        // One load and a shift, where a copy of one to seven bytes would be a call.
        Some(last) => u64::from_le_bytes(*last) >> (64 - 8 * rest.len()),
        None => rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    };
    // The first byte in memory is the lowest one, whatever the machine's order is.
    word.to_le()
}

/// Appends `len` bytes from `position` to `out`.
#[inline]
pub(crate) fn append(memory: &impl Memory, mut position: u64, len: usize, out: &mut Vec<u8>) {
    let (words, old) = (len.div_ceil(8), out.len());
    // Whole words are copied, and the last may be longer than the bytes are.
    out.reserve(words * 8);
    let (room, _) = out.spare_capacity_mut().as_chunks_mut::<8>();
    for word in &mut room[..words] {
        word.write_copy_of_slice(&memory.load(position).to_ne_bytes());
        position = position.wrapping_add(8);
    }
    // SAFETY: the capacity is there, and the bytes up to old + len have just been written.
    unsafe { out.set_len(old + len) };
}
