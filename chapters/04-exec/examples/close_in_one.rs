//! Shows that closing a descriptor in one process closes nothing in another.
//! Minutes: 4
//!
//! Run it with `cargo run --example close_in_one`.
//! Look at which process holds which end of the pipe, and when the end of the data comes.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use process::{Snapshot, Target};
use std::error::Error;
use std::io::{PipeReader, Read, Write, pipe};
use std::os::fd::{AsFd, AsRawFd};
use std::process::id;
use wait::Child;

fn main() -> Result<(), Box<dyn Error>> {
    let (mut reader, writer) = pipe()?;
    let (gate, bar) = pipe()?;
    let (mut writer, mut bar) = (Some(writer), Some(bar));
    let inode = inode(&reader)?;
    println!("parent {}: made pipe:[{inode}]", id());

    let mut child = Child::fork(|| {
        // The child's copies of the ends that only the parent uses. `reader` it may keep: it
        // does not read.
        drop(bar.take());
        speak(writer.take(), &gate).map_or(1, |()| 0)
    })?;
    let pid = child.pid().as_raw();
    drop(writer.take());
    println!("parent {}: closed its write end", id());
    show("parent", id() as i32, inode)?;
    show("child", pid, inode)?;

    let Some(mut open) = bar.take() else { return Err("the bar is gone".into()) };
    open.write_all(&[1])?;
    let mut text = [0; 64];
    let len = reader.read(&mut text)?;
    println!("parent {}: read {:?}", id(), String::from_utf8_lossy(&text[..len]));

    // Looks without waiting: a pipe is readable if it has bytes, and "hung up" if it has
    // reached its end.
    let mut fds = [PollFd::new(reader.as_fd(), PollFlags::POLLIN)];
    poll(&mut fds, PollTimeout::ZERO)?;
    let is_at_end = fds[0].revents().is_some_and(|events| events.contains(PollFlags::POLLHUP));
    println!("parent {}: has the end come? {}", id(), if is_at_end { "yes" } else { "no" });

    drop(open);
    let len = reader.read(&mut text)?;
    println!("parent {}: read {len} bytes: that is the end", id());
    println!("parent {}: child {pid} ended with {}", id(), child.wait()?);
    Ok(())
}

/// The child: writes when it is told to, and closes its end when it is told that.
fn speak(mut writer: Option<impl Write>, mut gate: &PipeReader) -> std::io::Result<()> {
    gate.read_exact(&mut [0])?;
    println!("child {}: writes through its own write end", id());
    if let Some(writer) = &mut writer {
        writer.write_all(b"still open")?;
    }
    gate.read_to_end(&mut Vec::new())?;
    println!("child {}: closes its write end", id());
    drop(writer);
    Ok(())
}

fn inode(reader: &PipeReader) -> Result<u64, Box<dyn Error>> {
    let snapshot = Snapshot::this()?;
    match snapshot.descriptor(reader.as_raw_fd()).map(|found| &found.target) {
        Some(Target::Pipe { inode, .. }) => Ok(*inode),
        _ => Err("descriptor of the pipe not found in /proc".into()),
    }
}

/// What the process holds of this pipe.
fn show(who: &str, pid: i32, inode: u64) -> Result<(), Box<dyn Error>> {
    for descriptor in Snapshot::of(pid)?.descriptors {
        match descriptor.target {
            Target::Pipe { inode: found, end } if found == inode => {
                println!("{who} {pid}: holds the {end}");
            }
            _ => {}
        }
    }
    Ok(())
}
