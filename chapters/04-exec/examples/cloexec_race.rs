//! Shows a descriptor that leaks into a program between its making and its close-on-exec.
//! Minutes: 6
//!
//! Run it with `cargo run --example cloexec_race`.
//! One thread makes a pipe, another starts a program at the worst moment. Look at what the program holds.

use nix::fcntl::{F_SETFD, FdFlag, OFlag, fcntl};
use nix::unistd::{pipe, pipe2};
use process::{Snapshot, Target};
use std::error::Error;
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::id;
use std::thread;

type Ends = (OwnedFd, OwnedFd);

fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => race(),
        [role, inode] if role == "--look" => look(inode.parse()?),
        _ => Err("give no arguments; the program passes itself the ones that it needs".into()),
    }
}

fn race() -> Result<(), Box<dyn Error>> {
    println!("parent {}: pipe(), and fcntl(FD_CLOEXEC) a moment later", id());
    let ends = pipe()?;
    // The worst moment is made to come every time: this thread waits until the other one has
    // started a program.
    start_in_another_thread(&ends, started_by_std)?;
    set_cloexec(&ends)?;

    println!("parent {}: the same a moment later, with the flags set", id());
    start_in_another_thread(&ends, started_by_std)?;

    println!("parent {}: pipe2(O_CLOEXEC), which has no moment between", id());
    let ends = pipe2(OFlag::O_CLOEXEC)?;
    start_in_another_thread(&ends, started_by_std)?;

    println!(
        "parent {}: pipe() again, but the program is started by this chapter's part",
        id()
    );
    let ends = pipe()?;
    start_in_another_thread(&ends, started_by_part)?;
    set_cloexec(&ends)
}

fn set_cloexec(ends: &Ends) -> Result<(), Box<dyn Error>> {
    for end in [&ends.0, &ends.1] {
        fcntl(end, F_SETFD(FdFlag::FD_CLOEXEC))?;
    }
    Ok(())
}

fn start_in_another_thread(
    ends: &Ends,
    start: fn(String) -> Result<(), String>,
) -> Result<(), Box<dyn Error>> {
    let inode = inode(&ends.0)?.to_string();
    let done = thread::spawn(move || start(inode)).join();
    Ok(done.map_err(|_| "the thread panicked")??)
}

fn started_by_std(inode: String) -> Result<(), String> {
    let mut command = std::process::Command::new("/proc/self/exe");
    let status =
        command.args(["--look", &inode]).status().map_err(|error| error.to_string())?;
    status.success().then_some(()).ok_or_else(|| status.to_string())
}

fn started_by_part(inode: String) -> Result<(), String> {
    let command = exec::Command::this_program().args(["--look", &inode]);
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let status = child.wait().map_err(|error| error.to_string())?;
    status.success().then_some(()).ok_or_else(|| status.to_string())
}

fn inode(end: &OwnedFd) -> Result<u64, Box<dyn Error>> {
    match Snapshot::this()?.descriptor(end.as_raw_fd()).map(|found| &found.target) {
        Some(Target::Pipe { inode, .. }) => Ok(*inode),
        _ => Err("the pipe is not in /proc/self/fd".into()),
    }
}

/// The program that was started: it was told nothing of the pipe but its inode, to know what to
/// look for.
fn look(wanted: u64) -> Result<(), Box<dyn Error>> {
    let mut held = 0;
    for descriptor in Snapshot::this()?.descriptors {
        if let Target::Pipe { inode, end } = descriptor.target
            && inode == wanted
        {
            println!("  child {}: holds the {end} of pipe:[{inode}]", id());
            held += 1;
        }
    }
    if held == 0 {
        println!("  child {}: holds no end of pipe:[{wanted}]", id());
    }
    Ok(())
}
