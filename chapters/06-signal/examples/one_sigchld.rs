//! Shows three children that end, and one SIGCHLD.
//! Minutes: 5
//!
//! Run it with `cargo run --example one_sigchld`.
//! Look at how many children the signal names, and at what a program misses that reaps one child for each signal.
#![forbid(unsafe_code)]

use signal::{EventLoop, Signal, Signals};
use std::error::Error;
use std::process::id;
use wait::Child;

const CHILDREN: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let signals = Signals::block(&[Signal::SIGCHLD])?;
    let mut children = Vec::new();
    for _ in 0..CHILDREN {
        children.push(Child::fork(|| 0)?);
    }

    let mut events = EventLoop::new()?;
    let mut watched = Vec::new();
    for (place, child) in children.iter().enumerate() {
        watched.push(Some(events.add(child, place)?));
    }
    let mut ended = 0;
    while ended < children.len() {
        for event in events.wait(None)? {
            if let Some(token) = watched[event.key].take() {
                events.remove(token, &children[event.key])?;
                ended += 1;
            }
        }
    }
    println!("parent {}: {ended} pidfds say that their children have ended", id());

    let mut read = 0;
    while let Some(received) = signals.read()? {
        read += 1;
        let of = children.iter().position(|child| Some(child.pid()) == received.process);
        let of = of.map_or("nobody".to_owned(), |place| format!("child {}", place + 1));
        println!("parent {}: {} was read, and names {of}", id(), received.signal);
    }
    let missed = children.len() - read;
    println!("one child reaped for each signal would leave {missed} zombies");
    for child in &mut children {
        child.wait()?;
    }
    println!("parent {}: asked each child, and reaped {}", id(), children.len());
    Ok(())
}
