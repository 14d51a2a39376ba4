//! What the versions with a fault do in addition, or instead.

use std::fs::File;
use std::mem;

use super::Pool;
use crate::worker::Worker;
use crate::{Failure, Id, Outcome, Version};

/// What only the versions with a fault need.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) delivered: u64,
    pub(super) error: Option<u64>,
    pub(super) first_of_map: Option<Outcome>,
    pub(super) deaths: u64,
    pub(super) shutdowns: u64,
}

impl Pool {
    /// A task's own outcome, as its worker says it.
    pub(super) fn done(&mut self, id: Id, outcome: Outcome) {
        let outcome = match (self.version, outcome) {
            (Version::DefaultForAnError, Err(Failure::Error(_)))
            | (Version::PanicIsSuccess, Err(Failure::Panicked)) => Ok(0),
            (Version::ErrorOfAnother, Err(Failure::Error(number))) => {
                Err(Failure::Error(*self.memory.error.get_or_insert(number)))
            }
            (Version::CutsLargeNumbers, Ok(number)) => Ok(number & u64::from(u32::MAX)),
            (Version::ZeroIsNothing, Ok(0)) => return,
            (_, outcome) => outcome,
        };
        self.deliver(id, outcome);
        if self.is(Version::PanicEndsThePool) && outcome == Err(Failure::Panicked) {
            for worker in mem::take(&mut self.workers) {
                worker.kill();
                worker.reap();
                if let Some(job) = worker.job {
                    self.deliver(job.id, Err(Failure::Died));
                }
            }
            for job in mem::take(&mut self.queue) {
                self.deliver(job.id, Err(Failure::Died));
            }
            self.is_open = false;
        }
    }

    /// Takes an answer of worker `at` for that of the oldest task that runs.
    pub(super) fn mix_up(&mut self, at: usize) {
        let oldest = (0..self.workers.len()).filter(|at| self.workers[*at].job.is_some());
        let oldest = oldest.min_by_key(|at| self.workers[*at].job.map(|job| job.id));
        self.swap_ids(at, oldest.unwrap_or(at));
    }

    /// Exchanges the ids of what two workers are at.
    pub(super) fn swap_ids(&mut self, one: usize, other: usize) {
        let id = |at: usize| self.workers[at].job.map(|job| job.id);
        let (Some(first), Some(second)) = (id(one), id(other)) else { return };
        for (at, id) in [(one, second), (other, first)] {
            if let Some(job) = &mut self.workers[at].job {
                job.id = id;
            }
        }
    }

    /// What a death leaves behind in the versions that leave something.
    pub(super) fn spoil_death(&mut self, worker: Worker) {
        match self.version {
            Version::DescriptorPerDeath => mem::forget(worker.answers),
            Version::FilePerDeath => {
                let _ = File::create(format!("worker-{}.lock", worker.pid));
            }
            _ => {}
        }
    }

    /// What a death does to others in the versions that make more of it.
    pub(super) fn spoil_queue(&mut self) {
        let count = match self.version {
            Version::DeathCostsTwo => 1,
            Version::OneDeathFailsAll => self.queue.len(),
            _ => 0,
        };
        for _ in 0..count {
            if let Some(job) = self.queue.pop_front() {
                self.deliver(job.id, Err(Failure::Died));
            }
        }
    }

    /// What goes wrong at a shutdown before anything else happens.
    pub(super) fn spoil_shutdown(&mut self) {
        match self.version {
            Version::HangsWhenBusy => {
                for worker in self.workers.iter().filter(|worker| worker.job.is_some()) {
                    worker.reap();
                }
            }
            Version::HangsWhenIdle => {
                for worker in self.workers.iter().filter(|worker| worker.given == 0) {
                    worker.reap();
                }
            }
            Version::ForgetsTheQueue => self.queue.clear(),
            Version::KillsAtShutdown => {
                for at in (0..self.workers.len()).rev() {
                    if let Some(job) = self.workers[at].job {
                        let worker = self.workers.remove(at);
                        worker.kill();
                        worker.reap();
                        self.deliver(job.id, Err(Failure::Died));
                        self.start_worker();
                    }
                }
                self.hand_out();
            }
            Version::LosesTheUnfetched => self.outcomes.clear(),
            _ => {}
        }
    }
}
