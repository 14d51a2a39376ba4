//! Shows what happens to a process when the value that stands for it is dropped.
//! Minutes: 6
//!
//! Run it with `cargo run --example dropped_child`.
//! Look at what each process is after its `Child` is gone: the standard library's twice, then this chapter's.

use nix::unistd::pause;
use process::{Snapshot, SnapshotError, State};
use std::error::Error;
use std::process::Command;
use std::time::{Duration, Instant};
use wait::{Child, Pid, Signal};

const DEADLINE: Duration = Duration::from_secs(10);

fn main() -> Result<(), Box<dyn Error>> {
    let sleeper = Command::new("sleep").arg("60").spawn()?;
    let pid = Pid::from_raw(i32::try_from(sleeper.id())?);
    drop(sleeper);
    println!("std: `sleep` is process {pid}; dropped: {}", what_is(pid)?);
    let mut sleeper = Child::adopt(pid)?;

    let ended = Command::new("true").spawn()?;
    let pid = Pid::from_raw(i32::try_from(ended.id())?);
    wait_for_zombie(pid)?;
    drop(ended);
    println!("std: `true` is process {pid}; ended and dropped: {}", what_is(pid)?);
    let mut ended = Child::adopt(pid)?;

    let child = Child::fork(|| {
        pause();
        1
    })?;
    let pid = child.pid();
    drop(child);
    println!("wait: a child that pauses is process {pid}; dropped: {}", what_is(pid)?);

    println!();
    sleeper.kill(Signal::SIGKILL)?;
    println!("wait: I adopted process {} and kill it: {}", sleeper.pid(), sleeper.wait()?);
    println!("wait: I adopted process {} and reap it: {}", ended.pid(), ended.wait()?);
    Ok(())
}

fn what_is(pid: Pid) -> Result<&'static str, Box<dyn Error>> {
    match Snapshot::of(pid.as_raw()) {
        Ok(now) if now.state == State::Zombie => Ok("a zombie"),
        Ok(_) => Ok("still running"),
        Err(SnapshotError::NotFound { .. }) => Ok("gone"),
        Err(error) => Err(error.into()),
    }
}

fn wait_for_zombie(pid: Pid) -> Result<(), Box<dyn Error>> {
    let deadline = Instant::now() + DEADLINE;
    while what_is(pid)? != "a zombie" {
        if Instant::now() > deadline {
            return Err(format!("process {pid} has not ended within {DEADLINE:?}").into());
        }
        std::thread::yield_now();
    }
    Ok(())
}
