//! Measures tasks that do nothing, sent to two workers in three ways: by pipes, by rings, by rings in batches.
//! Minutes: 5
//!
//! Run it with `cargo run --release --example three_transports`.
//! Look at what a task costs in each way, and how little of that is the bytes.

mod ring_pool;

use anyhow::{Context, Result, ensure};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pipe::{ReadEnd, WriteEnd, frame, pipe};
use std::os::fd::AsFd;
use std::time::Instant;
use wait::Child;

/// All three have as many. Here they have hardly any work, so more would not help.
const WORKERS: usize = 2;
const ROUNDS: usize = 3;
const LEN_MAX: u64 = 4096;

fn main() -> Result<()> {
    let mut pipes = PipePool::fork()?;
    let piped = best(10_000, |count| pipes.map(count))?;
    pipes.end()?;
    let [single, batched] = [(1, 10_000), (512, 200_000)].map(|(ahead, count)| {
        let mut pool = ring_pool::Pool::fork(WORKERS, ahead, <[u8]>::to_vec)?;
        let tasks: Vec<_> = (0..count).map(|number| number.to_string().into_bytes()).collect();
        let per_second = best(count, |_| {
            ensure!(pool.map(&tasks, || ())? == tasks, "an answer is wrong");
            Ok(())
        });
        pool.end()?;
        per_second
    });
    let (single, batched) = (single?, batched?);
    println!("pipes and poll, one task at a time:    {piped:9.0} tasks/s");
    println!("rings and bells, one task at a time:   {single:9.0} tasks/s");
    println!("rings and bells, up to 512 tasks:      {batched:9.0} tasks/s");
    let more = if batched > 3.0 * single { "more than" } else { "less than" };
    println!("in batches, {more} 3 times as many as one at a time, through the same rings");
    Ok(())
}

/// Tasks per second in the fastest of some rounds: the others were interrupted.
fn best(count: usize, mut map: impl FnMut(usize) -> Result<()>) -> Result<f64> {
    let mut seconds = f64::INFINITY;
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        map(count)?;
        seconds = seconds.min(begun.elapsed().as_secs_f64());
    }
    Ok(count as f64 / seconds)
}

/// Pool v1's way: a frame to each worker that is idle, `poll`, and a frame back.
struct PipePool {
    ends: Vec<(WriteEnd, ReadEnd)>,
    processes: Vec<Child>,
}

impl PipePool {
    fn fork() -> Result<PipePool> {
        let mut pool = PipePool { ends: Vec::new(), processes: Vec::new() };
        for _ in 0..WORKERS {
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

    fn map(&mut self, count: usize) -> Result<()> {
        let (mut next, mut answered) = (0, 0);
        let mut at = [const { None }; WORKERS];
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
            for worker in (0..WORKERS).filter(|worker| ready[*worker]) {
                let answer = frame::read(&mut self.ends[worker].1, LEN_MAX)?;
                let answer = answer.context("a worker died")?;
                ensure!(at[worker].take() == Some(answer), "an answer is wrong");
                answered += 1;
            }
        }
        Ok(())
    }

    fn end(mut self) -> Result<()> {
        self.ends.clear();
        Ok(self.processes.iter_mut().try_for_each(|process| process.wait().map(drop))?)
    }
}
