//! Pool v1: forked workers behind pipes compute the SHA-256 of every file in some folders.
//! Minutes: 15
//!
//! `cargo run --release --example pool_v1 -- [-j WORKERS] [FOLDER]...`; without a folder, the chapters of this book.
//! Standard output is that of `sha256sum`. Look at the last line, and at `pstree -p` meanwhile.

mod sha256sum;

use anyhow::{Context, Error, Result, anyhow};
use bstr::ByteSlice;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pipe::{ReadEnd, WriteEnd, frame, pipe};
use sha256sum::{FILES_MAX, line, sha256, sha256_each};
use std::io::{ErrorKind::BrokenPipe, Write, stderr, stdout};
use std::{iter::zip, num::NonZero, process::ExitCode, time::Instant};
use std::{os::fd::AsFd, os::unix::ffi::OsStringExt, path::Path, path::PathBuf};
use walkdir::WalkDir;

// ANCHOR: pool
/// Limit of a task and of an answer, in bytes.
const LEN_MAX: u64 = 1 << 20;

/// Forked workers, and the parent's ends of two pipes for each: to its tasks, from its answers.
struct Pool {
    ends: Vec<(WriteEnd, ReadEnd)>,
    processes: Vec<wait::Child>,
}

impl Pool {
    fn fork(count: usize, function: impl Fn(&[u8]) -> Vec<u8>) -> Result<Pool> {
        let mut pool = Pool { ends: Vec::new(), processes: Vec::new() };
        for _ in 0..count {
            let ((mut tasks_in, tasks), (answers, mut answers_out)) = (pipe()?, pipe()?);
            pool.ends.push((tasks, answers));
            pool.processes.push(wait::Child::fork(|| {
                // These came with the fork: the parent's ends for this worker and for all older ones.
                // A write end left open here would keep a worker from seeing the end of its tasks.
                pool.ends.clear();
                while let Ok(Some(task)) = frame::read(&mut tasks_in, LEN_MAX) {
                    let sent = frame::write(&mut answers_out, &function(&task), LEN_MAX);
                    let Ok(()) = sent else { return 1 };
                }
                0
            })?);
        }
        Ok(pool)
    }

    /// The answers in the order of the inputs. `done` is called for each as it arrives.
    fn map(&mut self, inputs: &[Vec<u8>], done: impl Fn()) -> Result<Vec<Vec<u8>>> {
        let (mut outputs, mut left) = (vec![Vec::new(); inputs.len()], 0..inputs.len());
        // What each worker is at. It never has two tasks, so it reads whenever it is written to.
        let mut at = vec![None; self.ends.len()];
        loop {
            let idle: Vec<_> = (0..at.len()).filter(|worker| at[*worker].is_none()).collect();
            for (worker, task) in zip(idle, left.by_ref()) {
                let sent = frame::write(&mut self.ends[worker].0, &inputs[task], LEN_MAX);
                sent.map_err(|_| self.died(worker))?;
                at[worker] = Some(task);
            }
            if at.iter().all(Option::is_none) {
                return Ok(outputs);
            }
            let reads = self.ends.iter().map(|ends| ends.1.as_fd());
            let mut fds: Vec<_> = reads.map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
            // Until a worker has answered or died. After EINTR nobody is ready, and the loop is back.
            let _ = poll(&mut fds, PollTimeout::NONE);
            let ready: Vec<_> = fds.iter().map(|fd| fd.any() == Some(true)).collect();
            for worker in (0..at.len()).filter(|worker| ready[*worker]) {
                let answer = frame::read(&mut self.ends[worker].1, LEN_MAX).ok().flatten();
                let task = at[worker].take().zip(answer);
                let (task, answer) = task.ok_or_else(|| self.died(worker))?;
                outputs[task] = answer;
                done();
            }
        }
    }

    fn died(&mut self, worker: usize) -> Error {
        self.ends.clear();
        let worker = &mut self.processes[worker];
        match worker.wait() {
            Ok(status) => anyhow!("worker {} died: {status}", worker.pid()),
            Err(error) => error.into(),
        }
    }

    /// Closes the pipes of the tasks, at whose end the workers end.
    fn end(mut self) -> Result<()> {
        self.ends.clear();
        Ok(self.processes.iter_mut().try_for_each(|process| process.wait().map(drop))?)
    }
}
// ANCHOR_END: pool

// ANCHOR: main
/// Prints the SHA-256 of every regular file in the folders, as sha256sum does.
#[derive(clap::Parser)]
struct Arguments {
    /// How many processes work; if not given, one for each processor that they may use
    #[arg(short = 'j')]
    workers: Option<NonZero<usize>>,
    #[arg(default_values_os_t = Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(PathBuf::from))]
    folders: Vec<PathBuf>,
}

fn main() -> Result<ExitCode> {
    let Arguments { workers, folders } = clap::Parser::parse();
    let (mut names, mut errors, mut lines) = (Vec::new(), Vec::new(), Vec::new());
    for entry in folders.iter().flat_map(|folder| WalkDir::new(folder).sort_by_file_name()) {
        match entry {
            Ok(entry) if !entry.file_type().is_file() => {}
            Ok(entry) => names.push(entry.into_path().into_os_string().into_vec()),
            Err(error) => errors.push(error.to_string()),
        }
    }
    let workers = workers.map_or(process::cpus().recommended, NonZero::get).min(names.len());
    let files = names.len().div_ceil(8 * workers.max(1)).clamp(1, FILES_MAX);
    let tasks: Vec<_> = names.chunks(files).map(|names| names.join(&0)).collect();
    let start = Instant::now();
    let mut pool = Pool::fork(workers, sha256_each)
        .context("cannot start the workers: lower -j, or raise `ulimit -n` or `ulimit -u`")?;
    let bar = indicatif::ProgressBar::new(tasks.len() as u64);
    let answers = pool.map(&tasks, || bar.inc(1))?.join(&b'\n');
    bar.finish_and_clear();
    let by_pool = start.elapsed().as_secs_f64();
    for (name, answer) in zip(&names, answers.split(|byte| *byte == b'\n')) {
        match answer.strip_prefix(b"!") {
            None => lines.extend(line(name, answer)),
            Some(why) => errors.push(format!("{:?}: {}", name.as_bstr(), why.as_bstr())),
        }
    }
    match stdout().write_all(&lines) {
        // Nobody reads on. This is what a shell shows of a program that SIGPIPE has ended.
        Err(error) if error.kind() == BrokenPipe => return Ok(ExitCode::from(128 + 13)),
        written => written?,
    }
    errors.iter().try_for_each(|error| writeln!(stderr(), "pool_v1: {error}"))?;
    pool.end()?;

    // The pool went first: what had to come from the disk is in memory now, for this pass.
    let start = Instant::now();
    names.iter().for_each(|name| drop(sha256(name)));
    let alone = start.elapsed().as_secs_f64();
    let times = format!("{by_pool:.2} s, then one process: {alone:.2} s");
    writeln!(stderr(), "{} files; {workers} workers: {times}", names.len())?;
    Ok(ExitCode::from(u8::from(!errors.is_empty())))
}
// ANCHOR_END: main
