//! LOST_RESULT: ends everything at the first Ctrl-C.

use std::io;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use signal::{Group, Signal, Signals, lead_group, unblock_all};
use wait::{Child, ChildError, ExitStatus};

/// A task that is at work.
struct Running {
    task: usize,
    child: Child,
}

/// Does the tasks 0 to `tasks - 1`, each in a process of its own, in which `work` is called with the task's number. At
/// most `at_once` of them are at work at the same time. Returns how each process has ended, in the order of the tasks,
/// and `None` for a task that was not begun.
///
/// After the first SIGINT no task is begun any more, and those that are at work are finished. At the second one they are
/// ended by SIGKILL, with all that they have started. The terminal's SIGINT does not reach them.
///
/// # Errors
/// If a process or a descriptor cannot be made.
pub fn run(
    tasks: usize,
    at_once: usize,
    work: impl Fn(usize) -> i32,
) -> io::Result<Vec<Option<ExitStatus>>> {
    let signals = Signals::block(&[Signal::SIGINT])?;
    let mut ends = vec![None; tasks];
    let mut waiting = 0..tasks;
    let mut running: Vec<Running> = Vec::new();
    let mut is_asked = false;
    loop {
        while !is_asked && running.len() < at_once {
            let Some(task) = waiting.next() else { break };
            let child = start(|| work(task)).map_err(io::Error::other)?;
            running.push(Running { task, child });
        }
        if running.is_empty() {
            return Ok(ends);
        }
        sleep(&signals, &running)?;
        while signals.read()?.is_some() {
            is_asked = true;
            kill(&running)?;
        }
        let mut alive = Vec::new();
        for mut it in running {
            if !has_ended(&it.child)? {
                alive.push(it);
                continue;
            }
            // What the task has left in its group. Its number is the group's until it is reaped.
            Group::led_by(&it.child)?.kill(Signal::SIGKILL)?;
            ends[it.task] = Some(it.child.wait().map_err(io::Error::other)?);
        }
        running = alive;
    }
}

/// Starts a process that leads a group of its own and hears all signals.
fn start(work: impl FnOnce() -> i32) -> Result<Child, ChildError> {
    Child::fork(|| match lead_group().and_then(|()| unblock_all()) {
        Ok(()) => work(),
        Err(_) => 1,
    })
}

/// Kills all tasks that are at work, and all that they have started.
fn kill(running: &[Running]) -> io::Result<()> {
    running.iter().try_for_each(|it| Group::led_by(&it.child)?.kill(Signal::SIGKILL))
}

/// Sleeps until a signal has come or a task has ended.
fn sleep(signals: &Signals, running: &[Running]) -> io::Result<()> {
    let children = running.iter().map(|it| it.child.as_fd());
    let mut waits: Vec<PollFd> = children
        .chain([signals.as_fd()])
        .map(|descriptor| PollFd::new(descriptor, PollFlags::POLLIN))
        .collect();
    match poll(&mut waits, PollTimeout::NONE) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// Whether a child has ended. It is not reaped.
fn has_ended(child: &Child) -> io::Result<bool> {
    let mut wait = [PollFd::new(child.as_fd(), PollFlags::POLLIN)];
    Ok(poll(&mut wait, PollTimeout::ZERO)? > 0)
}
