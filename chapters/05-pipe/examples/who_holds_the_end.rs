//! Shows that the end of a pipe comes when nobody holds a write end, not when the writer is done.
//! Minutes: 8
//!
//! Run it with `cargo run --example who_holds_the_end`.
//! Look at who still has a write end when a reader waits in vain.

use pipe::{ReadEnd, WriteEnd, pipe};
use process::{PipeEnd, Snapshot, Target};
use std::error::Error;
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd};
use std::process::id;
use std::time::Duration;
use wait::Child;

/// How long the end of a pipe is waited for that never comes.
const PATIENCE: Duration = Duration::from_millis(300);

fn main() -> Result<(), Box<dyn Error>> {
    println!("1. The reader has the write end itself.");
    let (mut reader, writer) = pipe()?;
    let pipe_of_reader = inode(&reader)?;
    let mut child = fork_reader(&mut reader, &mut None)?;
    drop(writer);
    say("closed its write end");
    show_holders(pipe_of_reader, &[&child])?;
    show_end(&mut child)?;
    drop(child);
    say("killed it");

    println!("\n2. A sibling has it, which was forked later.");
    let (mut reader, writer) = pipe()?;
    let pipe_of_reader = inode(&reader)?;
    let mut kept = Some(writer);
    let mut child = fork_reader(&mut reader, &mut kept)?;
    let (mut reader_of_sibling, writer) = pipe()?;
    let mut kept_for_sibling = Some(writer);
    let mut sibling = fork_reader(&mut reader_of_sibling, &mut kept_for_sibling)?;
    kept.take();
    say("closed its write end");
    show_holders(pipe_of_reader, &[&child, &sibling])?;
    show_end(&mut child)?;
    kept_for_sibling.take();
    sibling.wait()?;
    say(&format!("sibling {} has ended", sibling.pid()));
    show_holders(pipe_of_reader, &[&child])?;
    child.wait()?;
    say(&format!("reader {} has seen the end", child.pid()));
    Ok(())
}

/// A child that closes what it should not have, and then reads until there is nothing more to come.
fn fork_reader(
    reader: &mut ReadEnd,
    to_close: &mut Option<WriteEnd>,
) -> Result<Child, Box<dyn Error>> {
    let (mut ready, writer) = pipe()?;
    let mut closed_when_ready = Some(writer);
    let child = Child::fork(|| {
        to_close.take();
        closed_when_ready.take();
        i32::from(reader.read_to_end(&mut Vec::new()).is_err())
    })?;
    // The end of this pipe says that the child has closed both.
    closed_when_ready.take();
    ready.read_to_end(&mut Vec::new())?;
    Ok(child)
}

/// The number of the pipe, which all its ends have in common.
fn inode(reader: &ReadEnd) -> Result<u64, Box<dyn Error>> {
    let this = Snapshot::this()?;
    match this.descriptor(reader.as_fd().as_raw_fd()).map(|it| &it.target) {
        Some(Target::Pipe { inode, .. }) => Ok(*inode),
        other => Err(format!("not a pipe in /proc: {other:?}").into()),
    }
}

/// Prints every write end of the pipe in this process and in the children.
fn show_holders(pipe: u64, children: &[&Child]) -> Result<(), Box<dyn Error>> {
    let mut snapshots = vec![Snapshot::this()?];
    for child in children {
        snapshots.push(Snapshot::of(child.pid().as_raw())?);
    }
    let mut nobody = true;
    for process in snapshots {
        for descriptor in process.descriptors {
            if descriptor.target == (Target::Pipe { inode: pipe, end: PipeEnd::Write }) {
                println!("    process {} has {}", process.pid, descriptor.target);
                nobody = false;
            }
        }
    }
    if nobody {
        println!("    nobody has pipe:[{pipe}] (write end)");
    }
    Ok(())
}

fn show_end(child: &mut Child) -> Result<(), Box<dyn Error>> {
    let ended = child.wait_timeout(PATIENCE)?.is_some();
    let what = if ended { "has seen the end" } else { "still waits for the end" };
    say(&format!("after {} ms reader {} {what}", PATIENCE.as_millis(), child.pid()));
    Ok(())
}

fn say(what: &str) {
    println!("process {}: {what}", id());
}
