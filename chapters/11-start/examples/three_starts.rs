//! Shows one worker of each start method: whose child it is, who made it, and what it knows of the program.
//! Minutes: 6
//!
//! Run it with `cargo run --example three_starts`.
//! Look at the parents, which are all the same, and at the counter, which is not.

use start::{Kit, Launcher};
use std::error::Error;
use std::fs::File;
use std::io::{Write, pipe, read_to_string};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU32, Ordering};

/// 1 where `main` has not run.
static COUNTER: AtomicU32 = AtomicU32::new(1);

// ANCHOR: worker
fn worker(kit: Kit) -> i32 {
    let counter = COUNTER.load(Ordering::Relaxed);
    let Some(answer) = kit.descriptors.into_iter().next() else { return 1 };
    let parent = std::os::unix::process::parent_id();
    match writeln!(File::from(answer), "parent {parent}; COUNTER is {counter}") {
        Ok(()) => 0,
        Err(_) => 1,
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    start::init(worker);
    COUNTER.store(42, Ordering::Relaxed);
    println!("process {}: the program; its main has set COUNTER to 42", std::process::id());

    let launchers = [
        Launcher::fork("worker", worker)?,
        Launcher::spawn("worker")?,
        Launcher::forkserver("worker")?,
    ];
    for mut launcher in launchers {
        let (reader, writer) = pipe()?;
        let mut child = launcher.start(&[writer.as_fd()], b"a note")?;
        drop(writer);
        let answer = read_to_string(reader)?;
        println!(
            "{:11} worker {}, made by {}, {}",
            format!("{}:", launcher.method()),
            child.pid(),
            maker(&launcher)?,
            answer.trim_end()
        );
        println!("{:11} ended with {}", "", child.wait()?);
    }
    Ok(())
}
// ANCHOR_END: worker

fn maker(launcher: &Launcher) -> Result<String, Box<dyn Error>> {
    let Some(pid) = launcher.template_pid() else {
        return Ok(format!("process {}, the program", std::process::id()));
    };
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm"))?;
    Ok(format!("process {pid}, the {}", name.trim_end()))
}
