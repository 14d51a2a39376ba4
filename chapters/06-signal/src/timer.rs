//! A time that becomes readable when it is over.
//!
//! # References
//! man 2 timerfd_create.

use nix::errno::Errno;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

/// The longest time that is kept, 136 years. The kernel would take no number that is negative as signed.
const DURATION_MAX: Duration = Duration::from_secs(u32::MAX as u64);

/// The shortest. To the kernel, zero means "never".
const DURATION_MIN: Duration = Duration::from_nanos(1);

/// One alarm, on the clock that nobody can set (CLOCK_MONOTONIC). It is readable from the moment the alarm goes off
/// until [`Timer::expired`] was asked, or the alarm is set anew or cleared.
#[derive(Debug)]
pub struct Timer(TimerFd);

impl Timer {
    /// A timer without an alarm.
    ///
    /// # Errors
    /// EMFILE or ENFILE: there is no descriptor left.
    pub fn new() -> io::Result<Timer> {
        let flags = TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK;
        Ok(Timer(TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?))
    }

    /// Goes off once, `after` from now, at once for zero, and forgets what was set before.
    pub fn set(&self, after: Duration) {
        let after = after.clamp(DURATION_MIN, DURATION_MAX);
        let alarm = Expiration::OneShot(TimeSpec::from_duration(after));
        let set = self.0.set(alarm, TimerSetTimeFlags::empty());
        debug_assert_eq!(set, Ok(()), "the kernel refuses only what is no timer and no time");
    }

    /// Does not go off.
    pub fn clear(&self) {
        let cleared = self.0.unset();
        debug_assert_eq!(cleared, Ok(()), "the kernel refuses only what is no timer");
    }

    /// Whether the alarm has gone off since this was last asked.
    ///
    /// # Errors
    /// None that the kernel documents for a timer that exists.
    pub fn expired(&self) -> io::Result<bool> {
        match self.0.wait() {
            Ok(()) => Ok(true),
            Err(Errno::EAGAIN) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }
}

impl AsFd for Timer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EventLoop;

    const NOW: Option<Duration> = Some(Duration::ZERO);
    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn it_goes_off_once_for_each_time_it_is_set() {
        let mut events = EventLoop::new().expect("a loop");
        let timer = Timer::new().expect("a timer");
        events.add(&timer, ()).expect("add");
        assert!(!timer.expired().expect("not set"));
        for after in [Duration::ZERO, Duration::from_nanos(1), Duration::from_millis(3)] {
            timer.set(after);
            assert_eq!(events.wait(Some(HOUR)).expect("wait").len(), 1, "{after:?}");
            assert!(timer.expired().expect("a timer"));
            assert!(!timer.expired().expect("told once"));
            assert_eq!(events.wait(NOW).expect("wait"), []);
        }
    }

    #[test]
    fn setting_it_anew_and_clearing_it_forget_what_was() {
        let mut events = EventLoop::new().expect("a loop");
        let timer = Timer::new().expect("a timer");
        events.add(&timer, ()).expect("add");
        for later in [None, Some(HOUR), Some(Duration::MAX)] {
            timer.set(Duration::ZERO);
            events.wait(Some(HOUR)).expect("wait");
            later.map_or_else(|| timer.clear(), |later| timer.set(later));
            assert!(!timer.expired().expect("a timer"), "{later:?}");
            assert_eq!(events.wait(NOW).expect("wait"), []);
        }
    }
}
