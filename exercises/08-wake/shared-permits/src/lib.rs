//! A counting semaphore between processes: a number of permits, and how many processes sleep for want of one.

use gate::Word;

/// Takes a permit; sleeps as long as there is none.
///
/// `sleepers` is 0 at the start, and yours to use.
pub fn acquire(permits: &Word<'_>, sleepers: &Word<'_>) {
    todo!("take one of the permits, or sleep until there is one")
}

/// Gives a permit back, and wakes one process that sleeps for want of one.
pub fn release(permits: &Word<'_>, sleepers: &Word<'_>) {
    todo!("give one back, and wake one who sleeps, if anybody does")
}
