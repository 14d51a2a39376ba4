//! How much memory a family of processes uses together.

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
        Ok(snapshot) => todo!("one of the figures in snapshot.memory"),
        Err(error) => todo!("it has ended meanwhile, or may not be looked into"),
    }
}
