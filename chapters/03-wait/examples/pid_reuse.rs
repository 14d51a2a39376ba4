//! Shows that a pid can come to name another process, and that a pidfd cannot.
//! Minutes: 8
//!
//! Run it with `cargo run --example pid_reuse`. It needs a pid namespace of its own; where it may not have one, it
//! says why and ends with code 2.
//! Look at the two processes with one number, and at which of the two ways to kill hits the wrong one.

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::kill;
use nix::unistd::pause;
use std::error::Error;
use std::fs;
use wait::{Child, Pid, Signal};

/// The kernel gives out numbers in ascending order, and begins again at the end: this file says where it is.
const LAST_PID: &str = "/proc/sys/kernel/ns_last_pid";
const COULD_NOT_SHOW: i32 = 2;

fn main() -> Result<(), Box<dyn Error>> {
    if let Err(errno) = enter_namespace() {
        println!("this cannot be shown here: no new pid namespace ({errno})");
        println!(
            "on a machine of your own, run the built example as root: sudo target/debug/examples/pid_reuse"
        );
        std::process::exit(COULD_NOT_SHOW);
    }
    // Only processes forked from here on are in the new namespace. The first one is its init: when it ends, the
    // kernel kills all others in it.
    let status = Child::fork(|| match show() {
        Ok(()) => 0,
        Err(error) => {
            println!("this cannot be shown here: {error}");
            COULD_NOT_SHOW
        }
    })?
    .wait()?;
    std::process::exit(status.code().unwrap_or(1));
}

/// Root may do it at once. Anybody else needs a user namespace around it, which some systems do not allow.
fn enter_namespace() -> Result<(), Errno> {
    unshare(CloneFlags::CLONE_NEWPID)
        .or_else(|_| unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWPID))
}

fn show() -> Result<(), Box<dyn Error>> {
    let pid = Pid::from_raw(4001);
    let mut first = child_with(pid)?;
    println!(
        "parent: my first child is process {pid}; I keep its pidfd and write down its pid"
    );
    first.kill(Signal::SIGTERM)?;
    println!("parent: the first child has ended: {}; it is reaped", first.wait()?);

    let mut second = child_with(pid)?;
    println!("parent: my second child is process {pid}; the kernel gave the number out again");

    first.kill(Signal::SIGKILL)?;
    let ended = if second.try_wait()?.is_some() { "has ended" } else { "still runs" };
    println!("parent: SIGKILL through the pidfd of the first: the second {ended}");

    kill(pid, Signal::SIGKILL)?;
    println!("parent: SIGKILL to the pid of the first: the second ended, {}", second.wait()?);
    Ok(())
}

/// Forks a child that gets this number.
fn child_with(pid: Pid) -> Result<Child, Box<dyn Error>> {
    fs::write(LAST_PID, (pid.as_raw() - 1).to_string())
        .map_err(|error| format!("writing {LAST_PID}: {error}"))?;
    let child = Child::fork(|| {
        pause();
        1
    })?;
    if child.pid() != pid {
        return Err(format!("asked for number {pid}, got {}", child.pid()).into());
    }
    Ok(child)
}
