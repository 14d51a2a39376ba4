//! The pool of pool v3: forked workers, each with a pair of rings and a doorbell in a segment of its own.
//!
//! The parent owns one doorbell for all answers. Invariant: a worker has at most `ahead` tasks, so neither ring is ever
//! waited for by both sides at once.

use anyhow::{Context, Result, bail};
use byte_ring::{Consumer, Producer, WriteError, bytes_for};
use nix::sys::{prctl::set_pdeathsig, signal::Signal};
use nix::unistd::{getpid, getppid};
use shared::Segment;
use std::{sync::Arc, time::Duration};
use wake::Doorbell;

// ANCHOR: pool
/// Each way. A task or an answer may be a quarter of this, in bytes.
const CAPACITY: usize = 512 << 10;

/// The tag of the record at which a worker ends. Those of the others are the numbers of their tasks.
const END: u64 = u64::MAX;

/// Where things are in a worker's segment: its doorbell, its tasks, its answers.
const BELL: usize = 0;
const TASKS: usize = 128;
const ANSWERS: usize = TASKS + bytes_for(CAPACITY);

/// How often a parent that hears nothing looks whether a worker has died.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

pub(crate) struct Pool {
    workers: Vec<Worker>,
    /// The parent's doorbell, for all answers.
    bell: Arc<Segment>,
    /// How many tasks a worker may have: the one at work, and those that wait in its ring.
    ahead: usize,
}

struct Worker {
    process: wait::Child,
    segment: Arc<Segment>,
    tasks: Producer,
    answers: Consumer,
    at: usize,
}

impl Pool {
    pub(crate) fn fork(
        count: usize,
        ahead: usize,
        function: impl Fn(&[u8]) -> Vec<u8>,
    ) -> Result<Pool> {
        let bell = Arc::new(Segment::create("bell", size_of::<Doorbell>())?.into_mapping());
        let (mut pool, parent) = (Pool { workers: Vec::new(), bell, ahead }, getpid());
        for _ in 0..count {
            let segment = Segment::create("rings", ANSWERS + bytes_for(CAPACITY))?;
            let segment = Arc::new(segment.into_mapping());
            let process = wait::Child::fork(|| {
                // These came with the fork: the older workers' rings.
                pool.workers.clear();
                // Otherwise it would sleep for ever: a ring has no end that closes.
                let bound = set_pdeathsig(Signal::SIGKILL).is_ok() && getppid() == parent;
                let worked = bound && work(&segment, &pool.bell, ahead, &function).is_ok();
                i32::from(!worked)
            })?;
            let tasks = Producer::new(segment.clone(), TASKS, CAPACITY)?;
            let answers = Consumer::new(segment.clone(), ANSWERS, CAPACITY)?;
            pool.workers.push(Worker { process, segment, tasks, answers, at: 0 });
        }
        Ok(pool)
    }

    /// The answers in the order of the inputs. `done` is called for each as it arrives.
    pub(crate) fn map(&mut self, inputs: &[Vec<u8>], done: impl Fn()) -> Result<Vec<Vec<u8>>> {
        let (mut outputs, mut left) = (vec![Vec::new(); inputs.len()], 0..inputs.len());
        loop {
            for worker in &mut self.workers {
                worker.give(&mut left, inputs, self.ahead)?;
            }
            if self.workers.iter().all(|worker| worker.at == 0) {
                return Ok(outputs);
            }
            let workers = &mut self.workers;
            let bell: &Doorbell = self.bell.at(0)?;
            if !bell.wait(Some(LOOK_INTERVAL), || workers.iter_mut().any(Worker::has_answered))
            {
                workers.iter_mut().try_for_each(Worker::lives)?;
            }
            for worker in workers {
                worker.take(&mut outputs, &done)?;
            }
        }
    }

    /// Sends each worker the empty record, at which it ends.
    pub(crate) fn end(mut self) -> Result<()> {
        for worker in &mut self.workers {
            worker.tasks.write(END, &[])?;
            worker.tasks.publish();
            worker.segment.at::<Doorbell>(BELL)?.ring();
        }
        Ok(self.workers.iter_mut().try_for_each(|worker| worker.process.wait().map(drop))?)
    }
}
// ANCHOR_END: pool

// ANCHOR: parent
impl Worker {
    /// Fills up its tasks: many records, one look at its doorbell.
    fn give(
        &mut self,
        left: &mut impl Iterator<Item = usize>,
        inputs: &[Vec<u8>],
        ahead: usize,
    ) -> Result<()> {
        // In halves, so that a batch is a batch also when the answers come one at a time.
        if self.at > ahead / 2 {
            return Ok(());
        }
        let before = self.at;
        while self.at < ahead && self.tasks.free_bytes() >= CAPACITY / 2 {
            let Some(task) = left.next() else { break };
            self.tasks.write(task as u64, &inputs[task]).context("a task")?;
            self.at += 1;
        }
        if self.at > before {
            self.tasks.publish();
            self.segment.at::<Doorbell>(BELL)?.ring();
        }
        Ok(())
    }

    fn has_answered(&mut self) -> bool {
        !self.answers.is_empty()
    }

    fn take(&mut self, outputs: &mut [Vec<u8>], done: impl Fn()) -> Result<()> {
        let pid = self.process.pid();
        while let Some(answer) = self.answers.next().with_context(|| format!("worker {pid}"))? {
            // A number from another process: it may be any.
            let output = outputs.get_mut(answer.tag() as usize).filter(|_| self.at > 0);
            answer.copy_to(output.with_context(|| format!("worker {pid} was not asked"))?);
            self.at -= 1;
            done();
        }
        self.answers.release();
        // It may be waiting for the room.
        self.segment.at::<Doorbell>(BELL)?.ring();
        Ok(())
    }

    fn lives(&mut self) -> Result<()> {
        if let Some(status) = self.process.try_wait()? {
            bail!("worker {} died: {status}", self.process.pid());
        }
        Ok(())
    }
}
// ANCHOR_END: parent

// ANCHOR: worker
/// The worker's life: takes what is in its ring, and rings when half of it is done, or all.
fn work(
    segment: &Arc<Segment>,
    parent: &Segment,
    ahead: usize,
    function: impl Fn(&[u8]) -> Vec<u8>,
) -> Result<()> {
    let mut tasks = Consumer::new(segment.clone(), TASKS, CAPACITY)?;
    let mut answers = Producer::new(segment.clone(), ANSWERS, CAPACITY)?;
    let (own, parent): (&Doorbell, &Doorbell) = (segment.at(BELL)?, parent.at(0)?);
    let (mut task, mut unsent) = (Vec::new(), 0);
    loop {
        if unsent > 0 && (unsent >= ahead / 2 || tasks.is_empty()) {
            tasks.release();
            answers.publish();
            parent.ring();
            unsent = 0;
        }
        own.wait(None, || !tasks.is_empty());
        let Some(record) = tasks.next()? else { continue };
        let number = record.tag();
        if number == END {
            return Ok(());
        }
        task.clear();
        record.copy_to(&mut task);
        let answer = function(&task);
        let mut written = Ok(());
        own.wait(None, || {
            written = answers.write(number, &answer).map(drop);
            if written == Err(WriteError::Full) {
                answers.publish();
                parent.ring();
            }
            written != Err(WriteError::Full)
        });
        written?;
        unsent += 1;
    }
}
// ANCHOR_END: worker
