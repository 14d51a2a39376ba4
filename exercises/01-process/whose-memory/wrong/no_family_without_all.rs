//! WRONG_ANSWER: gave up on all because one has ended.

use process::{Snapshot, SnapshotError};

/// The memory that these processes use together, in bytes: what they share is counted once.
///
/// A process that is not there any more uses none.
///
/// # Errors
/// If a process may not be looked into.
pub fn family_bytes(pids: &[i32]) -> Result<u64, SnapshotError> {
    let mut bytes = 0;
    for pid in pids {
        bytes += share_bytes(Snapshot::of(*pid))?;
    }
    Ok(bytes)
}

/// What one process adds to the sum, from a look at it.
fn share_bytes(looked: Result<Snapshot, SnapshotError>) -> Result<u64, SnapshotError> {
    match looked {
        // Each page is divided by the number of processes that map it, so the sum has it once.
        Ok(snapshot) => Ok(snapshot.memory.pss_bytes),
        Err(error) => Err(error),
    }
}
