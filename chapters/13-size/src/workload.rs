//! How many workers suit a kind of work.

use process::{Cpus, cpus};

/// The most workers that are ever recommended. Beyond it each further worker mostly costs memory, and work that waits for
/// so much of its time is better kept by an event loop (chapter 06).
pub const WORKERS_MAX: usize = 1024;

// ANCHOR: workload
/// What the tasks of a pool do with their time.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Workload {
    /// They compute.
    CpuBound,
    /// They wait for a share of their time, and compute for the rest.
    Blocking {
        /// The share of a task's time in which it waits for a disk, a network, a lock, a clock: 0.0 to 1.0.
        waiting: f64,
    },
}
// ANCHOR_END: workload

// ANCHOR: recommended
/// How many workers keep the processors busy that this process may use: no fewer than for work that computes, and beyond
/// that at most [`WORKERS_MAX`], which is also the answer for work that computes nothing.
///
/// It asks the work and the processors. Whether the system lets the program have so many is for [`room`](crate::room) to
/// say: a pool that is silently smaller than its work needs would be slow for no visible reason.
///
/// # Panics
/// If the share of waiting is not from 0.0 to 1.0. A share is measured or written down; another number is a mistake that
/// no number of workers would reveal.
pub fn recommended_workers(workload: Workload) -> usize {
    recommended(workload, cpus())
}

fn recommended(workload: Workload, cpus: Cpus) -> usize {
    let waiting = match workload {
        Workload::CpuBound => return cpus.recommended,
        Workload::Blocking { waiting } => waiting,
    };
    assert!(
        (0.0..=1.0).contains(&waiting),
        "{waiting} is no share of waiting: it must be from 0.0 to 1.0"
    );
    // One and a half processors' worth of time is as good as that to workers that wait.
    let paid = cpus.quota.unwrap_or(f64::INFINITY).min(cpus.machine.min(cpus.allowed) as f64);
    // Each worker uses a processor for the rest of its time. `as` makes a number above the range its end.
    let busy = (paid / (1.0 - waiting)).round() as usize;
    busy.clamp(cpus.recommended, WORKERS_MAX.max(cpus.recommended))
}
// ANCHOR_END: recommended

/// Workers for tasks that compute: as many as processors that this process may use, by its affinity and its cgroup's
/// quota. For `Pool::builder().workers(size::cpu_bound())`.
pub fn cpu_bound() -> usize {
    recommended_workers(Workload::CpuBound)
}

/// Workers for tasks that wait for the share `waiting` of their time: 0.9 for a task of 10 ms that computes for 1 ms. For
/// `Pool::builder().workers(size::blocking(0.9))`.
///
/// # Panics
/// If `waiting` is not from 0.0 to 1.0.
pub fn blocking(waiting: f64) -> usize {
    recommended_workers(Workload::Blocking { waiting })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Chapter 01 makes a `Cpus` only from a machine: this one's, with other numbers.
    fn machine(machine: usize, allowed: usize, quota: Option<f64>) -> Cpus {
        let mut cpus = cpus();
        let paid = quota.map_or(usize::MAX, |quota| quota as usize);
        cpus.recommended = machine.min(allowed).min(paid).max(1);
        (cpus.machine, cpus.allowed, cpus.quota) = (machine, allowed, quota);
        cpus
    }

    fn waiting(waiting: f64, cpus: Cpus) -> usize {
        recommended(Workload::Blocking { waiting }, cpus)
    }

    #[test]
    fn work_that_computes_gets_the_processors_that_it_may_use() {
        for (machine, expected) in [
            (machine(8, 8, None), 8),
            (machine(8, 2, None), 2),
            (machine(8, 8, Some(1.5)), 1),
            (machine(8, 8, Some(0.2)), 1),
        ] {
            assert_eq!(recommended(Workload::CpuBound, machine), expected, "{machine:?}");
        }
    }

    #[test]
    fn work_that_waits_gets_more_by_the_time_that_it_waits() {
        assert_eq!(waiting(0.0, machine(8, 8, None)), 8);
        assert_eq!(waiting(0.5, machine(8, 8, None)), 16);
        assert_eq!(waiting(0.9, machine(2, 2, None)), 20);
        assert_eq!(waiting(0.9, machine(8, 2, None)), 20);
        assert_eq!(waiting(0.9, machine(8, 8, Some(1.5))), 15);
        assert_eq!(waiting(0.5, machine(8, 8, Some(0.2))), 1);
        assert_eq!(waiting(1.0, machine(2, 2, None)), WORKERS_MAX);
        assert_eq!(waiting(0.5, machine(2000, 2000, None)), 2000);
    }

    #[test]
    fn what_is_no_share_is_refused() {
        for share in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            let refused = std::panic::catch_unwind(|| waiting(share, machine(2, 2, None)));
            assert!(refused.is_err(), "{share}");
        }
    }

    proptest! {
        #[test]
        fn more_waiting_never_asks_for_fewer_workers(
            share in 0.0..=1.0_f64, more in 0.0..=1.0_f64,
            processors in 1_usize..600, allowed in 1_usize..600,
            quota in proptest::option::of(0.01..600.0_f64),
        ) {
            let cpus = machine(processors.max(allowed), allowed, quota);
            let [first, second] = [share.min(more), share.max(more)].map(|it| waiting(it, cpus));
            prop_assert!(cpus.recommended <= first && first <= second && second <= WORKERS_MAX);
        }
    }
}
