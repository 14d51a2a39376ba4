//! DEAD_OWNER: puts the owner's pid into the lock, and asks with kill whether it is alive. A dead child is, until its parent has waited for it.

use std::io;
use std::time::Duration;

use nix::sys::signal::kill;
use nix::unistd::Pid;
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

    /// The word is 0, or the pid of the owner.
    fn lock(&self) -> io::Result<()> {
        let word: &AtomicU32 = self.segment.at(LOCK)?;
        let own = std::process::id();
        loop {
            let Err(owner) = word.compare_exchange(0, own, SeqCst, SeqCst) else { return Ok(()) };
            let pid = Pid::from_raw(owner as i32);
            if kill(pid, None).is_err() && word.compare_exchange(owner, own, SeqCst, SeqCst).is_ok() {
                let [first, second] = self.both()?;
                second.store(TOTAL - first.load(Relaxed), Relaxed);
                return Ok(());
            }
            futex::wait(word, owner, Some(Duration::from_millis(20)))?;
        }
    }

    fn unlock(&self) -> io::Result<()> {
        let word: &AtomicU32 = self.segment.at(LOCK)?;
        word.store(0, SeqCst);
        futex::wake(word, 1);
        Ok(())
    }
}
