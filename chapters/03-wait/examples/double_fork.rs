//! Shows where orphans go, and how a program gets rid of a child on purpose by forking twice.
//! Minutes: 8
//!
//! Run it with `cargo run --example double_fork`.
//! Look at who is the grandchild's parent, who has to wait for it, and in whose session it is.

use fork::fork;
use nix::unistd::{getppid, getsid, setsid};
use std::error::Error;
use std::io::{PipeReader, PipeWriter, Read, pipe};
use std::process::id;
use wait::{Child, Pid, become_subreaper, children};

fn main() -> Result<(), Box<dyn Error>> {
    let me = id();
    become_subreaper()?;
    println!("subreaper {me}: what my descendants leave behind comes to me, not to process 1");
    let (gate, bar) = pipe()?;
    let mut bar = Some(bar);

    let mut parent = Child::fork(|| code_of(run_parent(gate, bar.take())))?;
    let status = parent.wait()?;
    let orphans = children()?;
    println!("subreaper {me}: parent {} has ended: {status}", parent.pid());
    println!("subreaper {me}: my children now: {}", list(&orphans));

    for orphan in orphans {
        let mut orphan = Child::adopt(orphan)?;
        // The grandchild waits for the end of this pipe: it speaks when everything above has been said.
        drop(bar.take());
        println!("subreaper {me}: grandchild {} has ended: {}", orphan.pid(), orphan.wait()?);
    }
    Ok(())
}

// ANCHOR: double_fork
/// Starts a process that it will not have to wait for.
fn run_parent(gate: PipeReader, bar: Option<PipeWriter>) -> Result<(), Box<dyn Error>> {
    println!("parent {}: I start a child and wait for it", id());
    let mut child = Child::fork(|| code_of(run_child(gate, bar)))?;
    let status = child.wait()?;
    println!("parent {}: child {} has ended: {status}", id(), child.pid());
    println!("parent {}: my children now: {}", id(), list(&children()?));
    Ok(())
}

/// Leaves the terminal's session and forks again. Its own end makes the grandchild an orphan.
fn run_child(gate: PipeReader, bar: Option<PipeWriter>) -> Result<(), Box<dyn Error>> {
    println!("child {}: my parent is {}; I start a session, fork and end", id(), getppid());
    setsid()?;
    fork(|| code_of(run_grandchild(gate, bar)))?;
    Ok(())
}
// ANCHOR_END: double_fork

fn run_grandchild(mut gate: PipeReader, bar: Option<PipeWriter>) -> Result<(), Box<dyn Error>> {
    drop(bar);
    gate.read_to_end(&mut Vec::new())?;
    let (parent, session) = (getppid(), getsid(None)?);
    println!("grandchild {}: my parent is {parent}, and {session} began my session", id());
    Ok(())
}

fn list(pids: &[Pid]) -> String {
    let pids: Vec<String> = pids.iter().map(Pid::to_string).collect();
    if pids.is_empty() { "none".to_owned() } else { pids.join(", ") }
}

fn code_of(result: Result<(), Box<dyn Error>>) -> i32 {
    match result {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("process {}: {error}", id());
            1
        }
    }
}
