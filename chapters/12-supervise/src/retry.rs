//! When a task is run again after its worker died.
//!
//! Invariant: a task is begun at most `retries + 1` times, so one that kills every worker it meets is out of the pool
//! after as many deaths, and what waited behind it is run. That is its quarantine.
//!
//! # References
//! Amazon Builders' Library, "Timeouts, retries, and backoff with jitter", for what a retry must not do.

/// How often a task is begun again after the death of the worker that ran it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retry {
    /// 0: a task whose worker dies is failed at once. Nobody knows how far it had come, so only a task that may be
    /// done twice should be given more.
    pub retries: u32,
}

/// What becomes of a task whose worker has died.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AfterDeath {
    /// It goes to another worker.
    RunAgain,
    /// Its caller is told that the worker died.
    Fail,
}

impl Retry {
    /// What becomes of a task that was running at `deaths_of_this_task` deaths, this one included.
    ///
    /// Only deaths count at which this task was *running*. A task that was waiting for its turn has done nothing.
    ///
    /// ```
    /// use supervise::{AfterDeath, Retry};
    ///
    /// let retry = Retry { retries: 2 };
    /// assert_eq!(retry.after_death(2), AfterDeath::RunAgain);
    /// assert_eq!(retry.after_death(3), AfterDeath::Fail);
    /// ```
    pub fn after_death(&self, deaths_of_this_task: u32) -> AfterDeath {
        if deaths_of_this_task <= self.retries {
            AfterDeath::RunAgain
        } else {
            AfterDeath::Fail
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_begun_once_more_than_it_has_retries() {
        for retries in 0..10 {
            let retry = Retry { retries };
            let begun = (1..).find(|deaths| retry.after_death(*deaths) == AfterDeath::Fail);
            assert_eq!(begun, Some(retries + 1));
        }
    }

    #[test]
    fn the_largest_number_of_retries_overflows_nothing() {
        assert_eq!(Retry { retries: u32::MAX }.after_death(u32::MAX), AfterDeath::RunAgain);
        assert_eq!(Retry { retries: 0 }.after_death(u32::MAX), AfterDeath::Fail);
    }
}
