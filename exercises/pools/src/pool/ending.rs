//! How a pool ends: by a shutdown, by an abort, or by being dropped.
//!
//! Invariant: in a right version no worker is left when one of the three has returned.

use std::mem;
use std::thread;

use super::Pool;
use crate::task;
use crate::worker::{self, Job, Worker};
use crate::{Failure, Version};

impl Pool {
    /// Takes no more tasks, does those that it has, and ends the workers. When it returns they have ended. Outcomes that
    /// nobody has fetched still wait for [`Pool::next`]. After the first time there is nothing to do.
    pub fn shutdown(&mut self) {
        self.memory.shutdowns += 1;
        assert!(
            !(self.is(Version::PanicsAtTheSecond) && self.memory.shutdowns > 1),
            "the pool is shut down already"
        );
        self.is_open = false;
        self.spoil_shutdown();
        while self.has_work() {
            self.turn();
        }
        self.end_workers();
    }

    /// Takes no more tasks and kills the workers. When it returns they have ended. Tasks whose
    /// outcome had not come have the outcome [`Failure::Cancelled`].
    pub fn abort(&mut self) {
        if self.is(Version::AbortWaits) {
            return self.shutdown();
        }
        self.is_open = false;
        for worker in mem::take(&mut self.workers) {
            worker.kill();
            worker.reap();
            if let Some(job) = worker.job {
                self.cancel(job);
            }
        }
        for job in mem::take(&mut self.queue) {
            self.cancel(job);
        }
        self.gate = None;
    }

    fn cancel(&mut self, job: Job) {
        if !self.is(Version::AbortSaysNothing) {
            self.deliver(job.id, Err(Failure::Cancelled));
        }
    }

    /// Closes the pipes of tasks, at whose end a worker ends, and waits for all.
    fn end_workers(&mut self) {
        let mut pids = Vec::new();
        for worker in mem::take(&mut self.workers) {
            let Worker { pid, answers, tasks, .. } = worker;
            drop(tasks);
            if self.is(Version::DescriptorsAtShutdown) && pids.is_empty() {
                mem::forget(answers);
            }
            pids.push(pid);
        }
        let is_left = |at: usize| match self.version {
            Version::ReturnsEarly => true,
            Version::ZombieAtShutdown | Version::WorkerStays => at == 0,
            _ => false,
        };
        for (at, pid) in pids.into_iter().enumerate() {
            if !is_left(at) {
                worker::reap(pid);
            }
        }
        self.gate = None;
        if self.is(Version::ThreadAtShutdown) {
            // Not before: a program with threads cannot fork.
            thread::spawn(|| task::never());
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        match self.version {
            Version::DropWaits => self.shutdown(),
            Version::DropLeavesWorkers => return,
            _ => {}
        }
        for worker in mem::take(&mut self.workers) {
            worker.kill();
            worker.reap();
        }
    }
}
