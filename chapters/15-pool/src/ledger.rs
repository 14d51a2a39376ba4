//! What a worker writes into its lane's header about the tasks that it has run: how many lasted how long, and for how
//! long it was busy.
//!
//! The worker alone writes these words, so plain loads and stores will do, and a short task that is not measured costs
//! nothing at all: it is counted with the next one that is, or when there are no more tasks. The program knows from the
//! number of answers how many are missing until then.

use crate::histogram;
use crate::layout::{Header, Span};
use crate::pace::{Others, Pace};
use std::sync::atomic::Ordering;

/// See the module. `waited_ns` is everywhere how long the worker has waited so far for room for its results.
#[derive(Debug)]
pub(crate) struct Ledger {
    header: Header,
    pace: Pace,
    /// Whether every task is timed, and its result says when it ran.
    traced: bool,
}

impl Ledger {
    pub(crate) fn new(header: Header) -> Ledger {
        let traced = header.traced().load(Ordering::Relaxed) != 0;
        Ledger { header, pace: Pace::default(), traced }
    }

    /// A task begins; the time if it is to be measured.
    #[inline]
    pub(crate) fn begin(&mut self) -> Option<u64> {
        let start_ns = {
            let all = self.traced || self.header.time_all().load(Ordering::Relaxed) != 0;
            self.pace.begin(all)?
        };
        self.header.accounted_ns().store(self.pace.accounted_ns(), Ordering::Relaxed);
        self.header.started_ns().store(start_ns, Ordering::Relaxed);
        Some(start_ns)
    }

    /// What was begun last was no task: it was taken back before.
    pub(crate) fn did_not_begin(&mut self) {
        self.pace.did_not_begin();
    }

    /// A measured task has ended. It is counted before its result is shown. When it ran, if the result is to say so.
    pub(crate) fn end(&mut self, start_ns: u64, waited_ns: u64) -> Option<Span> {
        let measured = self.pace.end(start_ns, waited_ns);
        self.header.task_ns().store(measured.mean_ns, Ordering::Relaxed);
        self.count(measured.took_ns, 1);
        let sum_ns = measured.took_ns.saturating_add(measured.others.sum_ns);
        self.account(measured.others, sum_ns, measured.ended_ns);
        self.traced.then_some(Span { start_ns, end_ns: measured.ended_ns })
    }

    /// There is no task: those that were not measured are counted now.
    pub(crate) fn pause(&mut self, waited_ns: u64) {
        if let Some((others, now_ns)) = self.pace.paused(waited_ns) {
            self.account(others, others.sum_ns, now_ns);
        }
    }

    /// Notes for how long the worker has run tasks, and how long those that were not measured are taken to have lasted.
    fn account(&self, others: Others, sum_ns: u64, now_ns: u64) {
        if let Some(long_ns) = others.long_ns {
            self.count(long_ns, 1);
        }
        let short = others.count - u64::from(others.long_ns.is_some());
        if short > 0 {
            self.count(others.each_ns, short);
        }
        // Nobody else writes these words.
        let busy_ns = self.header.busy_ns().load(Ordering::Relaxed).wrapping_add(sum_ns);
        self.header.busy_ns().store(busy_ns, Ordering::Relaxed);
        self.header.accounted_ns().store(now_ns, Ordering::Release);
    }

    /// Counts tasks that have lasted so long.
    #[inline]
    fn count(&self, ns: u64, times: u64) {
        histogram::record(self.header.run(), ns, times);
        if ns > self.header.longest_ns().load(Ordering::Relaxed) {
            self.header.longest_ns().store(ns, Ordering::Relaxed);
        }
    }
}
