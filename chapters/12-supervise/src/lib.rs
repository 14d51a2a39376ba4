//! The part of chapter 12: what a pool does when a worker dies, hangs, grows or is no longer wanted.
//!
//! Policy is here, and is pure: no function of this crate reads a clock, starts a process or sends a signal (but for
//! [`fault`], whose one purpose is to kill the caller in tests). Mechanism is in the parts of the chapters before. A
//! pool hands in what it has seen, gets back what it has to do, and does that:
//!
//! - [`life`]: the life of one worker as a table, `(state, event) -> (state, actions)`;
//! - [`Intensity`]: when so many deaths are too many;
//! - [`Retry`]: when a task is run again after its worker died, and when it is given up;
//! - [`Deadlines`]: which limit of time is over next;
//! - [`Recycling`]: when a worker that works is replaced all the same;
//! - [`fault`]: `kill -9` at a named point of the protocol, in debug builds.
//!
//! Invariant: times are a `Duration` since a start that the caller chooses, and stay the same for the same calls.
//!
//! # References
//! Erlang/OTP, "Supervision Principles"; Candea and Fox, "Crash-Only Software" (HotOS 2003).
#![forbid(unsafe_code)]

mod deadlines;
pub mod fault;
mod intensity;
pub mod life;
mod recycling;
mod retry;

pub use deadlines::Deadlines;
pub use intensity::{Intensity, Verdict};
pub use recycling::{Decision, Recycling};
pub use retry::{AfterDeath, Retry};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
