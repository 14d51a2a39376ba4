//! How long tasks waited and ran, as the pool's state counts it.
//!
//! Run times are the workers' own: each counts its tasks in its lane's segment, and what a lane holds is added up here
//! when it goes. Waiting times are the program's: from acceptance to the ring of a worker. The clock is read once for
//! every batch of a `map`, for every long task, and for one in [`EVERY`] of the short ones, which stands for the others.

use super::State;
use crate::clock::now_ns;
use crate::lane::Lane;
use executor::{Histogram, Tally};
use std::time::Duration;

/// Of short tasks one in so many is stamped.
const EVERY: u32 = 16;
/// Tasks that last longer are all stamped.
const LONG: Duration = Duration::from_micros(10);

/// When a task was accepted, and how many tasks it stands for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Stamp(u64);

impl Stamp {
    /// One that stands for no task: the task was not stamped, or is counted.
    pub(crate) const NONE: Stamp = Stamp(0);

    const FOR_OTHERS: u64 = 1;
    const COUNTED: u64 = 2;

    /// The last two bits of the clock say how many tasks it stands for, one or [`EVERY`], and whether it is counted.
    pub(crate) fn now(for_others: bool) -> Stamp {
        Stamp(now_ns() & !3 | if for_others { Stamp::FOR_OTHERS } else { 0 })
    }

    /// One that stands for itself; the last two bits of the clock are clear.
    pub(crate) fn at(ns: u64) -> Stamp {
        Stamp(ns & !3)
    }

    /// When it was.
    pub(crate) fn ns(self) -> u64 {
        self.0 & !3
    }

    /// Whether its wait is to be counted.
    fn counts(self) -> bool {
        self != Stamp::NONE && self.0 & Stamp::COUNTED == 0
    }

    /// The same, counted.
    pub(crate) fn counted(self) -> Stamp {
        Stamp(self.0 | Stamp::COUNTED)
    }

    pub(crate) fn to_bits(self) -> u64 {
        self.0
    }

    pub(crate) fn from_bits(bits: u64) -> Stamp {
        Stamp(bits)
    }
}

/// What is counted; see the module.
#[derive(Debug, Default)]
pub(crate) struct Times {
    waits: Tally,
    /// What the lanes held that are gone, and how many tasks they had answered.
    runs_before: Tally,
    answered_before: u64,
    /// Tasks that were begun and went with their worker.
    lost: u64,
    /// Tasks since the last one that was stamped.
    unstamped: u32,
}

impl Times {
    /// Tasks that were accepted at this time are handed to a worker now.
    #[inline]
    pub(crate) fn sent(&mut self, stamp: Stamp, tasks: u64) {
        if stamp.counts() && tasks > 0 {
            let for_others = stamp.0 & Stamp::FOR_OTHERS != 0;
            let stands_for = if for_others { u64::from(EVERY) } else { 1 };
            self.waits.record(now_ns().saturating_sub(stamp.ns()), tasks * stands_for);
        }
    }

    /// A task that was begun went with its worker.
    pub(super) fn lost_one(&mut self) {
        self.lost += 1;
    }
}

impl State {
    /// The stamp of a task that is accepted now.
    #[inline]
    pub(crate) fn stamp(&mut self) -> Stamp {
        if let Some(trace) = &mut self.trace {
            return Stamp::at(trace.submitted(1));
        }
        if self.task_ns >= LONG.as_nanos() as u64 {
            return Stamp::now(false);
        }
        self.times.unstamped += 1;
        if self.times.unstamped < EVERY {
            return Stamp::NONE;
        }
        self.times.unstamped = 0;
        Stamp::now(true)
    }

    /// A lane goes, its answers are taken.
    pub(super) fn retire(&mut self, lane: &Lane) {
        let times = &mut self.times;
        lane.said().add_to(&mut times.runs_before);
        times.answered_before += lane.answered;
    }

    /// How long the tasks ran that workers have answered.
    pub(crate) fn run_times(&self) -> Histogram {
        let mut tally = self.times.runs_before.clone();
        let mut answered = self.times.answered_before;
        for lane in self.lanes.values() {
            lane.said().add_to(&mut tally);
            answered += lane.answered;
        }
        tally.summary(answered)
    }

    /// How long tasks waited until they were handed to a worker; a task that was run again counts once more.
    pub(crate) fn waiting_times(&self) -> Histogram {
        let answered: u64 = self.lanes.values().map(|lane| lane.answered).sum();
        let Times { waits, answered_before, lost, .. } = &self.times;
        waits.summary(answered_before + answered + lost + self.in_flight as u64)
    }
}
