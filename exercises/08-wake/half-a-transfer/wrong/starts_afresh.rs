//! LOST_RESULT: puts everything back to where it was at the start.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use shared::Segment;
use wake::{Guard, LockError, RobustMutex};

/// What the two accounts hold together, whenever nobody has the lock.
pub const TOTAL: u64 = 1000;

/// Where things lie in the segment, in bytes. The lock may have all that is before the accounts.
const LOCK: usize = 0;
const FIRST: usize = 256;
const SECOND: usize = 264;

/// The accounts. A process that is forked has the same ones.
pub struct Accounts {
    segment: Arc<Segment>,
    mutex: RobustMutex,
}

impl Accounts {
    /// Puts [`TOTAL`] into the first account of a new segment of zeros.
    ///
    /// # Errors
    /// If the segment is too short, or the lock cannot be made.
    pub fn new(segment: Arc<Segment>) -> io::Result<Accounts> {
        segment.at::<AtomicU64>(FIRST)?.store(TOTAL, Relaxed);
        const { assert!(LOCK + RobustMutex::LEN_BYTES <= FIRST) };
        // SAFETY: the bytes before the accounts are the lock's alone, and none was made there before.
        let mutex = unsafe { RobustMutex::create(Arc::clone(&segment), LOCK) };
        Ok(Accounts { segment, mutex: mutex.map_err(io::Error::other)? })
    }

    /// Takes `amount` from the first account, calls `halfway`, and adds it to the second one.
    ///
    /// A process may be killed at any moment, also in `halfway`. Its own transfer may be done or not then; those of others
    /// are, and the sum is right.
    ///
    /// # Errors
    /// If the lock cannot be taken.
    pub fn transfer(&self, amount: u64, halfway: impl FnOnce()) -> io::Result<()> {
        let [first, second] = self.both()?;
        let _guard = self.lock()?;
        first.fetch_sub(amount, Relaxed);
        halfway();
        second.fetch_add(amount, Relaxed);
        Ok(())
    }

    /// What the accounts hold while nobody is in the middle of a transfer.
    ///
    /// # Errors
    /// If the lock cannot be taken.
    pub fn balances(&self) -> io::Result<[u64; 2]> {
        let both = self.both()?;
        let _guard = self.lock()?;
        Ok(both.map(|account| account.load(Relaxed)))
    }

    fn both(&self) -> io::Result<[&AtomicU64; 2]> {
        Ok([self.segment.at(FIRST)?, self.segment.at(SECOND)?])
    }

    /// Whoever gets the lock from a dead owner brings its transfer to an end first.
    fn lock(&self) -> io::Result<Guard> {
        match self.mutex.lock() {
            Ok(guard) => Ok(guard),
            Err(LockError::OwnerDied(died)) => {
                let [first, second] = self.both()?;
                first.store(TOTAL, Relaxed);
                second.store(0, Relaxed);
                Ok(died.repaired())
            }
            Err(error) => Err(io::Error::other(error.to_string())),
        }
    }
}
