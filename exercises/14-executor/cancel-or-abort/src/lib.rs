//! Work in a process, and two ways to say that it is not wanted any more.

use std::io;

use nix::sys::signal::Signal;
use wait::{Child, ExitStatus};

/// A task: what runs in a process of its own, and a handle on it.
pub struct Task<F>(State<F>);

enum State<F> {
    Waiting(F),
    Running(Child),
    Ended(Outcome),
}

/// What has become of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It has returned this, from 0 to 255.
    Returned(i32),
    /// It was never begun.
    Cancelled,
    /// It had begun, and `abort` has ended it.
    Aborted,
    /// Its process has died of this signal, which `abort` did not send.
    Died(i32),
}

impl<F: FnOnce() -> i32> Task<F> {
    /// A task that waits to be begun.
    pub fn waiting(work: F) -> Task<F> {
        Task(State::Waiting(work))
    }

    /// Begins it in a process of its own, if it waits.
    ///
    /// # Errors
    /// If there can be no further process.
    pub fn begin(&mut self) -> io::Result<()> {
        match std::mem::replace(&mut self.0, State::Ended(Outcome::Cancelled)) {
            State::Waiting(work) => {
                self.0 = State::Running(Child::fork(work).map_err(io::Error::other)?);
            }
            other => self.0 = other,
        }
        Ok(())
    }

    /// Takes it back, if it waits: then it is never begun. Says whether it has done so.
    pub fn cancel(&mut self) -> bool {
        self.0 = State::Ended(Outcome::Cancelled);
        true
    }

    /// Takes it back, or ends it if it runs: its process is gone when this returns. Says whether it has done so. What has
    /// returned or died before is left as it is.
    ///
    /// # Errors
    /// If its process cannot be waited for.
    pub fn abort(&mut self) -> io::Result<bool> {
        Ok(self.cancel())
    }

    /// Waits until it has an outcome. One that waits is begun.
    ///
    /// # Errors
    /// If it can be neither begun nor waited for.
    pub fn join(mut self) -> io::Result<Outcome> {
        self.begin()?;
        match &mut self.0 {
            State::Ended(outcome) => Ok(*outcome),
            State::Running(child) => Ok(outcome(child.wait().map_err(io::Error::other)?)),
            State::Waiting(_) => unreachable!("it was begun"),
        }
    }
}

fn outcome(status: ExitStatus) -> Outcome {
    match status {
        ExitStatus::Exited(code) => Outcome::Returned(code),
        other => Outcome::Died(other.signal().unwrap_or_default()),
    }
}
