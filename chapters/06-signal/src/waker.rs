//! A call from another thread that ends a wait.
//!
//! # References
//! man 2 eventfd.

use nix::errno::Errno;
use nix::sys::eventfd::{EfdFlags, EventFd};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

/// Any thread wakes the one whose loop watches this. It is readable from a [`Waker::wake`] until [`Waker::drain`],
/// however many calls there were in between.
#[derive(Debug)]
pub struct Waker(EventFd);

impl Waker {
    /// A waker that nobody has called yet.
    ///
    /// # Errors
    /// EMFILE or ENFILE: there is no descriptor left.
    pub fn new() -> io::Result<Waker> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        Ok(Waker(EventFd::from_flags(flags)?))
    }

    /// Makes it readable. It never waits.
    pub fn wake(&self) {
        let written = self.0.write(1);
        // EAGAIN: there were more calls than the kernel counts, so it is readable.
        debug_assert!(matches!(written, Ok(_) | Err(Errno::EAGAIN)), "{written:?}");
    }

    /// Takes all calls so far. What they announce is to be looked at afterwards: then a call that comes in between is not
    /// lost.
    pub fn drain(&self) {
        let read = self.0.read();
        debug_assert!(matches!(read, Ok(_) | Err(Errno::EAGAIN)), "{read:?}");
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EventLoop;
    use std::sync::Arc;
    use std::thread;
    use std::time::Duration;

    #[test]
    fn another_thread_ends_a_wait_and_calls_are_counted_as_one() {
        let mut events = EventLoop::new().expect("a loop");
        let waker = Arc::new(Waker::new().expect("a waker"));
        events.add(&*waker, ()).expect("add");
        let caller = Arc::clone(&waker);
        let thread = thread::spawn(move || (0..3).for_each(|_| caller.wake()));
        assert_eq!(events.wait(Some(Duration::from_secs(60))).expect("wait").len(), 1);
        thread.join().expect("joined");
        waker.drain();
        assert_eq!(events.wait(Some(Duration::ZERO)).expect("wait"), []);
        waker.drain();
    }

    #[test]
    fn a_full_counter_still_wakes() {
        let mut events = EventLoop::new().expect("a loop");
        let waker = Waker::new().expect("a waker");
        events.add(&waker, ()).expect("add");
        waker.0.write(u64::MAX - 1).expect("as much as it counts");
        waker.wake();
        assert_eq!(events.wait(Some(Duration::from_secs(60))).expect("wait").len(), 1);
    }
}
