//! When a worker that works well is replaced all the same.
//!
//! A library that a task uses may leak, and memory that was once taken is seldom given back to the system. A process
//! that ends gives everything back, so a worker is replaced from time to time.
//!
//! Invariant: only a worker that has done a task is replaced or killed, so a limit that is too low makes a pool slow,
//! but every worker still does one task.

/// What a worker may use up before it is replaced. By default there is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recycling {
    /// Tasks that one worker does in its life.
    pub max_tasks: Option<u64>,
    /// Resident memory, in bytes.
    pub max_rss_bytes: Option<u64>,
}

/// What to do with a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It goes on.
    Keep,
    /// It leaves in good order, after its task if it runs one: [`life::Event::Leave`](crate::life::Event::Leave).
    Replace,
    /// It may not even finish: [`life::Event::OverMemory`](crate::life::Event::OverMemory).
    Kill,
}

impl Recycling {
    /// What to do with a worker that has begun `tasks` tasks and has `rss_bytes` of resident memory now.
    ///
    /// Ask after each task, and now and then while one runs long.
    ///
    /// ```
    /// use supervise::{Decision, Recycling};
    ///
    /// let recycling = Recycling { max_tasks: Some(100), max_rss_bytes: Some(1 << 30) };
    /// assert_eq!(recycling.decide(99, 1 << 30), Decision::Keep);
    /// assert_eq!(recycling.decide(100, 0), Decision::Replace);
    /// assert_eq!(recycling.decide(1, (1 << 30) + 1), Decision::Replace);
    /// assert_eq!(recycling.decide(1, (2 << 30) + 1), Decision::Kill);
    /// ```
    pub fn decide(&self, tasks: u64, rss_bytes: u64) -> Decision {
        if tasks == 0 {
            return Decision::Keep;
        }
        let above = |factor: u64| {
            self.max_rss_bytes.is_some_and(|max| rss_bytes > max.saturating_mul(factor))
        };
        if above(2) {
            Decision::Kill
        } else if above(1) || self.max_tasks.is_some_and(|max| tasks >= max) {
            Decision::Replace
        } else {
            Decision::Keep
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_limits_everything_is_kept() {
        assert_eq!(Recycling::default().decide(u64::MAX, u64::MAX), Decision::Keep);
    }

    #[test]
    fn a_worker_that_has_done_nothing_is_kept() {
        let tight = Recycling { max_tasks: Some(0), max_rss_bytes: Some(0) };
        assert_eq!(tight.decide(0, u64::MAX), Decision::Keep);
        assert_eq!(tight.decide(1, 0), Decision::Replace);
    }

    #[test]
    fn the_largest_limit_overflows_nothing() {
        let wide = Recycling { max_tasks: None, max_rss_bytes: Some(u64::MAX) };
        assert_eq!(wide.decide(1, u64::MAX), Decision::Keep);
    }
}
