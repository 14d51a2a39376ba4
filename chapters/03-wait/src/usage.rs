//! What a process has used up in its life.

use std::time::Duration;

// ANCHOR: usage
/// What a process had used when it ended, together with those of its descendants that were waited for: by itself, and
/// they by their own parents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Usage {
    /// Processor time outside of the kernel.
    pub user: Duration,
    /// Processor time in the kernel.
    pub system: Duration,
    /// The most memory that one of them had resident at a time, in bytes. What was there before an `exec` counts too: a
    /// new program in the process begins with the peak of the old one.
    pub max_rss_bytes: u64,
}
// ANCHOR_END: usage

impl Usage {
    pub(crate) fn new(raw: &libc::rusage) -> Usage {
        Usage {
            user: duration(raw.ru_utime),
            system: duration(raw.ru_stime),
            // The kernel counts in KiB.
            max_rss_bytes: u64::try_from(raw.ru_maxrss).unwrap_or(0).saturating_mul(1024),
        }
    }
}

fn duration(time: libc::timeval) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let microseconds = u64::try_from(time.tv_usec).unwrap_or(0);
    Duration::from_secs(seconds).saturating_add(Duration::from_micros(microseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_numbers_become_units() {
        // SAFETY: all zeroes is a valid rusage: it consists of numbers.
        let mut raw: libc::rusage = unsafe { std::mem::zeroed() };
        assert_eq!(Usage::new(&raw), Usage::default());
        raw.ru_utime = libc::timeval { tv_sec: 2, tv_usec: 500_000 };
        raw.ru_stime = libc::timeval { tv_sec: 0, tv_usec: 7 };
        raw.ru_maxrss = 3;
        let usage = Usage::new(&raw);
        assert_eq!(usage.user, Duration::from_millis(2_500));
        assert_eq!(usage.system, Duration::from_micros(7));
        assert_eq!(usage.max_rss_bytes, 3_072);
    }
}
