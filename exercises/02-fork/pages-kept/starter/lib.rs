//! A large table that a child reads: which rows can be reached from a row.

use std::io;

use nix::sys::wait::waitpid;

/// One row of the table, 256 bytes. A page of 4 KiB has room for 16 rows.
#[derive(Debug, Clone)]
pub struct Row {
    /// The number of the row that follows this one. There always is one.
    pub next: u32,
    /// Whether the search has been here.
    pub seen: bool,
    /// What else belongs to the row.
    pub text: [u8; 251],
}

/// Has a child count the rows that can be reached from the row `first`, that row included.
///
/// The child calls `done` with the number, and ends when `done` returns.
///
/// # Errors
/// If the child cannot be made or waited for.
pub fn count_in_a_child(rows: &mut [Row], first: usize, done: fn(usize)) -> io::Result<()> {
    let child = fork::fork(|| {
        done(reachable(rows, first));
        0
    })
    .map_err(io::Error::other)?;
    waitpid(child, None)?;
    Ok(())
}

/// Follows the rows from `first` on, until it comes to one where it has been.
fn reachable(rows: &mut [Row], first: usize) -> usize {
    let mut count = 0;
    let mut at = first;
    while !rows[at].seen {
        rows[at].seen = true;
        count += 1;
        at = rows[at].next as usize;
    }
    count
}
