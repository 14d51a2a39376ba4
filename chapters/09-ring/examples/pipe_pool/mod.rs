//! Pool v1's way to hand tasks over, for tasks that do nothing: two pipes per worker, one task at a time.
//!
//! The parent owns one end of each pipe. Invariant: a worker never has two tasks, so it reads whenever it is written to.

use anyhow::{Context, Result, ensure};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pipe::{ReadEnd, WriteEnd, frame, pipe};
use std::os::fd::AsFd;
use wait::Child;

/// Limit of a task and of an answer, in bytes.
const LEN_MAX: u64 = 4096;

/// Pool v1's way: a frame to each worker that is idle, `poll`, and a frame back.
pub(crate) struct PipePool {
    ends: Vec<(WriteEnd, ReadEnd)>,
    processes: Vec<Child>,
}

impl PipePool {
    pub(crate) fn fork(workers: usize) -> Result<PipePool> {
        let mut pool = PipePool { ends: Vec::new(), processes: Vec::new() };
        for _ in 0..workers {
            let ((mut tasks_in, tasks), (answers, mut answers_out)) = (pipe()?, pipe()?);
            pool.ends.push((tasks, answers));
            pool.processes.push(Child::fork(|| {
                pool.ends.clear();
                while let Ok(Some(task)) = frame::read(&mut tasks_in, LEN_MAX) {
                    let Ok(()) = frame::write(&mut answers_out, &task, LEN_MAX) else {
                        return 1;
                    };
                }
                0
            })?);
        }
        Ok(pool)
    }

    /// Sends so many tasks through, and compares each answer.
    pub(crate) fn map(&mut self, count: usize) -> Result<()> {
        let (mut next, mut answered) = (0, 0);
        let mut at = vec![None; self.ends.len()];
        while answered < count {
            for (worker, task) in at.iter_mut().enumerate().filter(|(_, task)| task.is_none()) {
                if next < count {
                    let bytes = next.to_string().into_bytes();
                    frame::write(&mut self.ends[worker].0, &bytes, LEN_MAX)?;
                    *task = Some(bytes);
                    next += 1;
                }
            }
            let reads = self.ends.iter().map(|ends| ends.1.as_fd());
            let mut fds: Vec<_> = reads.map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
            let _ = poll(&mut fds, PollTimeout::NONE);
            let ready: Vec<_> = fds.iter().map(|fd| fd.any() == Some(true)).collect();
            for worker in (0..at.len()).filter(|worker| ready[*worker]) {
                let answer = frame::read(&mut self.ends[worker].1, LEN_MAX)?;
                let answer = answer.context("a worker died")?;
                ensure!(at[worker].take() == Some(answer), "an answer is wrong");
                answered += 1;
            }
        }
        Ok(())
    }

    pub(crate) fn end(mut self) -> Result<()> {
        self.ends.clear();
        Ok(self.processes.iter_mut().try_for_each(|process| process.wait().map(drop))?)
    }
}
