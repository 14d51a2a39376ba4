//! Shows that a worker dies with the thread that is its parent, not only with the program.
//! Minutes: 5
//!
//! Run it with `cargo run --example parent_is_a_thread`.
//! Look at which workers end although nobody has killed them and the program runs on.

use start::{Kit, Launcher, StartMethod};
use std::error::Error;
use std::fs::File;
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};
use wait::Child;

const LEAVING_MAX: Duration = Duration::from_secs(10);

type Failure = Box<dyn Error + Send + Sync>;

/// Answers every byte with the same one.
fn worker(kit: Kit) -> i32 {
    let mut ends = kit.descriptors.into_iter().map(File::from);
    let (Some(mut questions), Some(mut answers)) = (ends.next(), ends.next()) else { return 1 };
    let mut byte = [0];
    while questions.read_exact(&mut byte).is_ok() {
        if answers.write_all(&byte).is_err() {
            return 1;
        }
    }
    0
}

/// A worker, and the pipes to and from it.
struct Running {
    child: Child,
    ask: PipeWriter,
    hear: PipeReader,
}

impl Running {
    fn answers(&mut self) -> bool {
        // A worker to which SIGKILL was sent runs no more, so it does not answer what it is asked after that.
        self.ask.write_all(b"?").is_ok() && self.hear.read_exact(&mut [0]).is_ok()
    }
}

fn main() -> Result<(), Failure> {
    start::init(worker);
    for method in [StartMethod::Spawn, StartMethod::Forkserver] {
        // Both on the thread.
        let (launcher, worker) = on_a_thread(move || {
            let mut launcher = make(method)?;
            let worker = running(&mut launcher)?;
            Ok((launcher, worker))
        })?;
        tell(method, "made and used on a thread that has ended", worker)?;
        drop(launcher);

        // The launcher here, `start` there.
        let mut launcher = make(method)?;
        let (launcher, worker) = on_a_thread(move || {
            let worker = running(&mut launcher)?;
            Ok((launcher, worker))
        })?;
        tell(method, "made here, used on a thread that has ended", worker)?;
        drop(launcher);
    }
    Ok(())
}

fn make(method: StartMethod) -> Result<Launcher, Failure> {
    Ok(match method {
        StartMethod::Spawn => Launcher::spawn("worker")?,
        _ => Launcher::forkserver("worker")?,
    })
}

/// A worker whose main has begun.
fn running(launcher: &mut Launcher) -> Result<Running, Failure> {
    let (questions, ask) = pipe()?;
    let (hear, answers) = pipe()?;
    let child = launcher.start(&[questions.as_fd(), answers.as_fd()], b"")?;
    drop((questions, answers));
    let mut worker = Running { child, ask, hear };
    if worker.answers() { Ok(worker) } else { Err("the worker does not answer".into()) }
}

/// Runs `body` on a thread, and returns when the kernel has taken that thread off its list.
fn on_a_thread<T: Send + 'static>(
    body: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let result = std::thread::spawn(body).join().map_err(|_| "the thread panicked")?;
    let begin = Instant::now();
    // A folder has one link for its name, one for its `.` and one for each thread.
    while std::fs::metadata("/proc/self/task")?.nlink() > 3 {
        if begin.elapsed() > LEAVING_MAX {
            return Err("the thread does not end".into());
        }
        std::thread::yield_now();
    }
    result
}

fn tell(method: StartMethod, launcher: &str, mut worker: Running) -> Result<(), Failure> {
    let end = match worker.answers() {
        true => "still answers".to_owned(),
        false => format!("was ended by {}", worker.child.wait()?),
    };
    println!("{method}, launcher {launcher}: the worker {end}");
    Ok(())
}
