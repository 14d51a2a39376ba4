//! WRONG_ANSWER: counted all deaths since the start, so a pool that lives long gives up some day.

use std::io;
use std::time::Duration;

use wait::ExitStatus;

/// What the loop can do. Time is what [`Machine::now`] says: nobody else looks at a clock.
pub trait Machine {
    /// Starts a worker. There is one at a time.
    ///
    /// # Errors
    /// If there can be no further process.
    fn start(&mut self) -> io::Result<()>;

    /// Waits until the worker has ended, and says how.
    ///
    /// # Errors
    /// If nobody was started.
    fn wait(&mut self) -> io::Result<ExitStatus>;

    /// Sleeps.
    fn sleep(&mut self, time: Duration);

    /// The time since some start.
    fn now(&self) -> Duration;
}

/// How many deaths are too many, and how long to wait after one.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// So many deaths within `period` are allowed. One more is too many.
    pub deaths_max: usize,
    /// Any time of this length, wherever it begins. A death that is just so old does not count any more.
    pub period: Duration,
    /// How long to sleep after the first death.
    pub pause: Duration,
    /// Each further pause is twice as long as the one before, and never longer than this.
    pub pause_max: Duration,
}

/// Why the loop has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A worker has left in good order, with exit code 0.
    Left,
    /// There were too many deaths. This was the last one.
    GaveUp(ExitStatus),
}

/// Starts a worker, and another one whenever one dies, until one leaves or too many have died.
///
/// After a death it sleeps for a while. A worker that has lived for `pause_max` or longer has shown that it can: the
/// pause after its death is the first one again.
///
/// # Errors
/// If a worker cannot be started or waited for: it does not try again.
pub fn keep_one(machine: &mut impl Machine, limits: &Limits) -> io::Result<Outcome> {
    let mut deaths: Vec<Duration> = Vec::new();
    let mut pause = limits.pause;
    loop {
        let started = machine.now();
        machine.start()?;
        let status = machine.wait()?;
        if status.success() {
            return Ok(Outcome::Left);
        }
        let now = machine.now();
        deaths.push(now);
        if deaths.len() > limits.deaths_max {
            return Ok(Outcome::GaveUp(status));
        }
        if now - started >= limits.pause_max {
            pause = limits.pause;
        }
        machine.sleep(pause);
        pause = limits.pause_max.min(pause * 2);
    }
}
