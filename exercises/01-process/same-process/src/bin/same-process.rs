//! The program of `same-process`: ends a worker that has used up its time, if it is still that worker.
//!
//! By hand: `cargo run -p same-process -- CASE`, where the case is what happens to the worker between the first look at it
//! and the second: `nothing`, `change` (it becomes another program, with another name, another process group and more
//! memory), `session` (it begins a session of its own), `adopted` (its parent ends, and it gets another), `zombie`, `nobody`
//! (it ends and is waited for), or `again` (the same, and another worker gets its number).
//!
//! The kernel gives a number again when it has been through all others, which can be four million. So in `again` the number
//! is written into what `/proc` says of the second worker; everything else is as it would be.

use std::convert::Infallible;
use std::hint::black_box;
use std::io::{self, BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use nix::sys::prctl::{set_child_subreaper, set_name};
use nix::sys::signal::{Signal, kill, raise};
use nix::sys::wait::{Id, WaitPidFlag, waitid, waitpid};
use nix::unistd::{Pid, pause, setpgid, setsid};
use procfs::FromRead;
use procfs::process::Stat;
use same_process::Known;

/// The unit of start times, on every machine that Linux runs on today (`getconf CLK_TCK`).
const TICKS_PER_SECOND: u64 = 100;

/// What a worker allocates as another program, in bytes.
const MORE_BYTES: usize = 16 << 20;

/// Plays one case, and says what became of whom.
pub(crate) fn main() -> io::Result<()> {
    let case = std::env::args().nth(1).unwrap_or_else(|| "again".to_owned());
    match case.as_str() {
        "worker" => return work(&std::env::args().nth(2).unwrap_or_default()),
        "changed" => return work_changed(),
        "parent" => match be_a_parent()? {},
        _ => {}
    }
    let (mut worker, mut parent, before) = loop {
        let (mut worker, mut parent) = match case.as_str() {
            "adopted" => start_by_another()?,
            _ => (Worker::start(&case)?, None),
        };
        let before = stat(worker.pid).ok_or(io::ErrorKind::NotFound)?;
        // The next tick is to lie in the same second.
        if before.starttime % TICKS_PER_SECOND != TICKS_PER_SECOND - 1 {
            break (worker, parent, before);
        }
        end(&mut parent)?;
        worker.end()?;
    };
    gate::pass("start");
    let known = Known::remember(&before);

    let mut other = None;
    match case.as_str() {
        "change" | "session" => {
            kill(worker.pid, Signal::SIGCONT)?;
            worker.until_stopped()?;
        }
        "adopted" => end(&mut parent)?,
        "zombie" => {
            kill(worker.pid, Signal::SIGKILL)?;
            waitid(Id::Pid(worker.pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT)?;
        }
        "nobody" | "again" => {
            worker.end()?;
            other = Some(Worker::start(&case)?);
        }
        _ => {}
    }
    let now = match (case.as_str(), &other) {
        ("nobody", _) => None,
        ("again", Some(other)) => stat(other.pid).map(|mut stat| {
            stat.pid = before.pid;
            // Two that are started in the same tick of 10 ms have the same start time. A number is not given again so
            // soon.
            stat.starttime = before.starttime + 1;
            stat
        }),
        _ => stat(worker.pid),
    };

    let is_still = known.is_still(now.as_ref());
    // The child that has the number now would be ended, whoever it is.
    let victim = other.as_mut().unwrap_or(&mut worker);
    let victim_pid = victim.pid;
    if is_still {
        victim.end()?;
    }
    println!("process {} is {}", before.pid, if is_still { "ended" } else { "left alone" });
    for mut child in [Some(worker), other].into_iter().flatten() {
        child.end()?;
    }
    gate::pass("end");

    gate::tell("is still", is_still);
    gate::tell("worker", before.pid);
    gate::tell("victim", victim_pid);
    gate::tell("before", describe(&before));
    gate::tell("now", now.as_ref().map_or_else(|| "nothing".to_owned(), describe));
    Ok(())
}

/// A process that this program has to wait for.
struct Worker {
    pid: Pid,
    is_over: bool,
}

impl Worker {
    /// A worker that stands still.
    fn start(case: &str) -> io::Result<Worker> {
        let child = Command::new("/proc/self/exe").args(["worker", case]).spawn()?;
        let worker = Worker { pid: Pid::from_raw(child.id() as i32), is_over: false };
        worker.until_stopped()?;
        Ok(worker)
    }

    fn until_stopped(&self) -> io::Result<()> {
        waitpid(self.pid, Some(WaitPidFlag::WUNTRACED))?;
        Ok(())
    }

    /// Ends it, unless that was done already, and waits for it.
    fn end(&mut self) -> io::Result<()> {
        if !self.is_over {
            kill(self.pid, Signal::SIGKILL)?;
            waitpid(self.pid, None)?;
            self.is_over = true;
        }
        Ok(())
    }
}

/// A worker that stands still, and its parent, which is not this program. When the parent ends, this program adopts it.
fn start_by_another() -> io::Result<(Worker, Option<Child>)> {
    set_child_subreaper(true)?;
    let mut parent =
        Command::new("/proc/self/exe").arg("parent").stdout(Stdio::piped()).spawn()?;
    let output = parent.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    let pid = line.trim().parse().map_err(io::Error::other)?;
    Ok((Worker { pid: Pid::from_raw(pid), is_over: false }, Some(parent)))
}

/// Ends the parent of a worker and waits for it.
fn end(parent: &mut Option<Child>) -> io::Result<()> {
    if let Some(mut parent) = parent.take() {
        parent.kill()?;
        parent.wait()?;
    }
    Ok(())
}

/// Some of what `/proc` says of a process.
fn describe(stat: &Stat) -> String {
    format!(
        "name {:?}, state {}, parent {}, group {}, session {}, {} KiB mapped, started at tick {}",
        stat.comm,
        stat.state,
        stat.ppid,
        stat.pgrp,
        stat.session,
        stat.vsize / 1024,
        stat.starttime
    )
}

/// What `/proc/PID/stat` says; `None` if nobody has the number.
fn stat(pid: Pid) -> Option<Stat> {
    Stat::from_file(format!("/proc/{pid}/stat")).ok()
}

/// What a worker does: stands still; if it may go on, changes as the case wants it; stands still again.
fn work(case: &str) -> io::Result<()> {
    set_name(c"worker")?;
    raise(Signal::SIGSTOP)?;
    if case == "session" {
        setsid()?;
        raise(Signal::SIGSTOP)?;
        return Ok(());
    }
    setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
    Err(Command::new("/proc/self/exe").arg("changed").exec())
}

/// The other program that a worker becomes: it has changed all that it can change by itself.
fn work_changed() -> io::Result<()> {
    set_name(c"worker: busy")?;
    let more = vec![1_u8; MORE_BYTES];
    raise(Signal::SIGSTOP)?;
    black_box(more);
    Ok(())
}

/// What the parent of a worker does: starts it, says its pid, and sleeps until it is ended.
fn be_a_parent() -> io::Result<Infallible> {
    let worker = Worker::start("adopted")?;
    println!("{}", worker.pid);
    loop {
        pause();
    }
}
