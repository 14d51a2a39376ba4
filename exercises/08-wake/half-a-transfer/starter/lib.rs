//! Two accounts in shared memory, whose sum is always the same, and a lock around them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicU32, AtomicU64};

use shared::Segment;
use wake::{Guard, LockError, RobustMutex, futex};

/// What the two accounts hold together, whenever nobody has the lock.
pub const TOTAL: u64 = 1000;

/// Where things lie in the segment, in bytes. The lock may have all that is before the accounts.
const LOCK: usize = 0;
const FIRST: usize = 256;
const SECOND: usize = 264;

/// The accounts. A process that is forked has the same ones.
pub struct Accounts {
    segment: Arc<Segment>,
}

impl Accounts {
    /// Puts [`TOTAL`] into the first account of a new segment of zeros.
    ///
    /// # Errors
    /// If the segment is too short, or the lock cannot be made.
    pub fn new(segment: Arc<Segment>) -> io::Result<Accounts> {
        segment.at::<AtomicU64>(FIRST)?.store(TOTAL, Relaxed);
        Ok(Accounts { segment })
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
        self.lock()?;
        first.fetch_sub(amount, Relaxed);
        halfway();
        second.fetch_add(amount, Relaxed);
        self.unlock()
    }

    /// What the accounts hold while nobody is in the middle of a transfer.
    ///
    /// # Errors
    /// If the lock cannot be taken.
    pub fn balances(&self) -> io::Result<[u64; 2]> {
        let both = self.both()?;
        self.lock()?;
        let balances = both.map(|account| account.load(Relaxed));
        self.unlock()?;
        Ok(balances)
    }

    fn both(&self) -> io::Result<[&AtomicU64; 2]> {
        Ok([self.segment.at(FIRST)?, self.segment.at(SECOND)?])
    }

    /// A lock of three states, for several processes.
    fn lock(&self) -> io::Result<()> {
        let word: &AtomicU32 = self.segment.at(LOCK)?;
        if word.compare_exchange(0, 1, SeqCst, SeqCst).is_err() {
            while word.swap(2, SeqCst) != 0 {
                futex::wait(word, 2, None)?;
            }
        }
        Ok(())
    }

    fn unlock(&self) -> io::Result<()> {
        let word: &AtomicU32 = self.segment.at(LOCK)?;
        if word.swap(0, SeqCst) == 2 {
            futex::wake(word, 1);
        }
        Ok(())
    }
}
