//! Shows that a killed process is still there, as a zombie, until its parent has waited for it.
//! Minutes: 6
//!
//! Run it with `cargo run --example zombie`.
//! Look at what the zombie has lost and what it keeps, and at what a second SIGKILL does.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::pause;
use process::{Snapshot, SnapshotError, State};
use std::error::Error;
use std::hint::black_box;
use std::io::{Read, Write, pipe};
use std::os::fd::AsFd;
use wait::{Child, Signal};

const HEAP_LEN: usize = 32 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let me = std::process::id();
    let (mut ready, mut tell) = pipe()?;
    let mut child = Child::fork(move || {
        let heap = black_box(vec![1_u8; HEAP_LEN]);
        if tell.write_all(&heap[..1]).is_ok() {
            pause();
        }
        1
    })?;
    let pid = child.pid();
    ready.read_exact(&mut [0])?;
    let alive = Snapshot::of(pid.as_raw())?;
    println!("parent {me}: child {pid} runs and holds {}", belongings(&alive));

    println!("parent {me}: I send SIGKILL");
    child.kill(Signal::SIGKILL)?;
    // The pidfd is readable when the process has ended. Looking at it reaps nothing.
    poll(&mut [PollFd::new(child.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE)?;
    let dead = Snapshot::of(pid.as_raw())?;
    println!("parent {me}: child {pid} is {} and holds {}", what(&dead), belongings(&dead));
    println!("parent {me}: its name is still `{}`, its parent {}", dead.name, dead.parent);

    println!("parent {me}: I send SIGKILL again");
    child.kill(Signal::SIGKILL)?;
    println!("parent {me}: child {pid} is {}", what(&Snapshot::of(pid.as_raw())?));

    println!("parent {me}: I wait, and learn: {}", child.wait()?);
    match Snapshot::of(pid.as_raw()) {
        Err(SnapshotError::NotFound { .. }) => println!("parent {me}: process {pid} is gone"),
        Err(error) => return Err(error.into()),
        Ok(_) => println!("parent {me}: process {pid} is still there"),
    }
    Ok(())
}

fn what(now: &Snapshot) -> &'static str {
    if now.state == State::Zombie { "a zombie" } else { "no zombie" }
}

fn belongings(of: &Snapshot) -> String {
    if of.memory.rss_bytes == 0 && of.descriptors.is_empty() {
        return "no memory and no descriptors".to_owned();
    }
    format!("{} MiB and {} descriptors", of.memory.rss_bytes >> 20, of.descriptors.len())
}
