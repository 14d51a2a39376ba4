//! What a word is, and where a text can be cut without cutting one.
//!
//! A word is what Unicode's Annex 29 says (UAX #29, "Word Boundaries"), in lower case: `don't` is one word, `x-ray` are
//! two, and in Chinese each character is one. Bytes that are no UTF-8 belong to no word.

use bstr::ByteSlice;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::ops::Range;

/// How often each word occurs.
pub(crate) type Counts = HashMap<String, u64>;

/// Counts the words of a text.
pub(crate) fn count(text: &[u8]) -> Counts {
    let (mut counts, mut lower) = (Counts::new(), String::new());
    for word in text.words() {
        lower.clear();
        match word.is_ascii() {
            true => {
                lower.extend(word.bytes().map(|byte| char::from(byte.to_ascii_lowercase())))
            }
            false => lower.push_str(&word.to_lowercase()),
        }
        match counts.get_mut(&lower) {
            Some(count) => *count += 1,
            None => drop(counts.insert(lower.clone(), 1)),
        }
    }
    counts
}

/// Adds what a part of the text had.
pub(crate) fn merge(counts: &mut Counts, part: Counts) {
    for (word, count) in part {
        *counts.entry(word).or_default() += count;
    }
}

/// The most frequent words; equals in the order of their characters.
pub(crate) fn top(counts: &Counts, len: usize) -> Vec<(&str, u64)> {
    let mut sorted: Vec<_> =
        counts.iter().map(|(word, count)| (word.as_str(), *count)).collect();
    sorted.sort_unstable_by_key(|(word, count)| (Reverse(*count), *word));
    sorted.truncate(len);
    sorted
}

// ANCHOR: split
/// Cuts a text into parts of `part_len` bytes, each longer by what is left up to the next cut.
///
/// A cut is behind the end of a line, or before a blank between two visible ASCII characters: there
/// a word ends and the next begins, whatever else is in the text. Without any it is one part.
pub(crate) fn split(text: &[u8], part_len: usize) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        if start == text.len() {
            return None;
        }
        let earliest = text.len().min(start + part_len.max(1));
        let cut = (earliest..text.len()).find_map(|at| cut_at(text, at));
        let part = start..cut.unwrap_or(text.len());
        start = part.end;
        Some(part)
    })
}

/// Where the text can be cut for the sake of this byte, which is not the first.
fn cut_at(text: &[u8], at: usize) -> Option<usize> {
    // Any blank would not do: a combining character behind it belongs to it, and blanks in a row belong together.
    let is_visible = |at: usize| text.get(at).is_some_and(u8::is_ascii_graphic);
    match text[at] {
        b'\n' => Some(at + 1),
        b' ' if is_visible(at - 1) && is_visible(at + 1) => Some(at),
        _ => None,
    }
}
// ANCHOR_END: split
