//! How many workers for work that computes, by what this process may use.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// As many workers as processors that this process may use, at least 1. `root` stands for `/` in all files that are read.
///
/// What cannot be read is no limit.
pub fn workers(root: &Path) -> usize {
    todo!("the smallest of what the files say")
}

/// Given: a file's text, or `None` if it cannot be read.
fn read(root: &Path, path: impl AsRef<Path>) -> Option<String> {
    fs::read_to_string(root.join(path)).ok()
}

/// Given: the processors of a list such as `0-3,6`.
fn cpus(list: &str) -> BTreeSet<usize> {
    let ranges = list.trim().split(',').filter_map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(first.parse().ok()?..=last.parse().ok()?)
    });
    ranges.flatten().collect()
}
