//! Shows an event loop that tells of a descriptor which its program has closed.
//! Minutes: 5
//!
//! Run it with `cargo run --example still_watched`.
//! Look at who has a copy, and at the order of remove and close that helps.
#![forbid(unsafe_code)]

use nix::unistd::pause;
use signal::EventLoop;
use std::error::Error;
use std::io::{Write, pipe};
use std::time::Duration;
use wait::{Child, Signal};

fn main() -> Result<(), Box<dyn Error>> {
    println!("closed, and nobody has a copy:    {} events", after_close(false, false)?);
    println!("closed, and a child has a copy:   {} events", after_close(true, false)?);
    println!("removed first, and then closed:   {} events", after_close(true, true)?);
    Ok(())
}

// ANCHOR: after_close
/// Events in three waits after the read end of a pipe with a byte in it was closed.
fn after_close(has_copy: bool, removes: bool) -> Result<usize, Box<dyn Error>> {
    let mut events = EventLoop::new()?;
    let (reader, mut writer) = pipe()?;
    let token = events.add(&reader, ())?;
    let mut child = has_copy.then(|| Child::fork(pause_for_ever)).transpose()?;
    writer.write_all(&[0])?;
    if removes {
        events.remove(token, &reader)?;
    }
    drop(reader);
    let mut seen = 0;
    for _ in 0..3 {
        seen += events.wait(Some(Duration::ZERO))?.len();
    }
    if let Some(child) = &mut child {
        child.kill(Signal::SIGKILL)?;
        child.wait()?;
    }
    Ok(seen)
}
// ANCHOR_END: after_close

fn pause_for_ever() -> i32 {
    loop {
        pause();
    }
}
