//! The part of chapter 06: what happens to a process, as something to read, in one place to wait.
//!
//! A signal, the death of a child, the end of a time and a call from another thread all become descriptors:
//! [`Signals`], `wait::Child`, [`Timer`] and [`Waker`]. An [`EventLoop`] waits for all of them, and for pipes. Nothing
//! runs in between other code, so nothing has to be safe to call from a signal handler.
//!
//! Processes end in order: [`lead_group`] puts a child and all that it starts in a [`Group`], and [`end`] asks groups to
//! leave by SIGTERM before it makes them by SIGKILL.
//!
//! Invariant: every descriptor made here has close-on-exec from the moment it exists and never blocks a read; no signal
//! is ever sent to a number that might have become a stranger's.
//!
//! ```
//! use signal::{EventLoop, Signal, Signals, Timer};
//! use std::time::Duration;
//!
//! #[derive(Clone, Copy, PartialEq, Debug)]
//! enum Key {
//!     Signal,
//!     Late,
//! }
//!
//! let signals = Signals::block(&[Signal::SIGTERM])?;
//! let timer = Timer::new()?;
//! timer.set(Duration::from_millis(5));
//!
//! let mut events = EventLoop::new()?;
//! events.add(&signals, Key::Signal)?;
//! events.add(&timer, Key::Late)?;
//! let first = events.wait(None)?[0];
//! assert_eq!(first.key, Key::Late);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # References
//! man 7 signal; man 2 signalfd; man 7 epoll; man 2 timerfd_create; man 2 eventfd; man 2 setpgid.
#![forbid(unsafe_code)]

mod event_loop;
mod group;
mod sets;
mod signals;
mod timer;
mod waker;

pub use event_loop::{Event, EventLoop, Interest, Token};
pub use group::{Group, end, lead_group};
pub use sets::{SignalSet, SignalSets};
pub use signals::{Received, Signals, unblock_all};
pub use timer::Timer;
pub use wait::{Pid, Signal};
pub use waker::Waker;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
