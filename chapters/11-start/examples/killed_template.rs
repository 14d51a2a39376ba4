//! Shows that workers do not need the process that forked them, and that its launcher says when it is gone.
//! Minutes: 4
//!
//! Run it with `cargo run --example killed_template`.
//! Look at who is alive after the kill, and at what the next start says.

use nix::sys::signal::kill;
use start::{Kit, Launcher};
use std::error::Error;
use std::fs::File;
use std::io::{Read, Write, pipe};
use std::os::fd::AsFd;
use wait::Signal;

/// Answers each byte with the next one, if it has been given somebody to answer.
fn worker(kit: Kit) -> i32 {
    let mut ends = kit.descriptors.into_iter().map(File::from);
    let (Some(mut questions), Some(mut answers)) = (ends.next(), ends.next()) else { return 0 };
    let mut byte = [0];
    while questions.read_exact(&mut byte).is_ok() {
        if answers.write_all(&[byte[0] + 1]).is_err() {
            return 1;
        }
    }
    0
}

fn main() -> Result<(), Box<dyn Error>> {
    start::init(worker);
    let mut launcher = Launcher::forkserver("worker")?;
    let server = launcher.template_pid().ok_or("a forkserver has a process")?;

    let (questions, mut ask) = pipe()?;
    let (mut hear, answers) = pipe()?;
    let mut child = launcher.start(&[questions.as_fd(), answers.as_fd()], b"")?;
    drop((questions, answers));
    let mut answer = |byte: u8| -> Result<u8, Box<dyn Error>> {
        let mut answer = [0];
        ask.write_all(&[byte])?;
        hear.read_exact(&mut answer)?;
        Ok(answer[0])
    };
    println!(
        "forkserver, process {server}; worker {}: 6 and one is {}",
        child.pid(),
        answer(6)?
    );

    kill(server, Signal::SIGKILL)?;
    match launcher.start(&[], b"") {
        Err(error) => println!("forkserver killed; the next start: {error}"),
        Ok(child) => return Err(format!("worker {} was started by nobody", child.pid()).into()),
    }
    println!("worker {}: 41 and one is {}", child.pid(), answer(41)?);
    println!(
        "its parent is {}",
        if parent_is_this(child.pid().as_raw())? {
            "the program, as before"
        } else {
            "another"
        }
    );
    drop(ask);
    println!("worker {}: ended with {}", child.pid(), child.wait()?);

    let mut next = Launcher::forkserver("worker")?;
    println!("a new forkserver: the next worker ended with {}", next.start(&[], b"")?.wait()?);
    Ok(())
}

fn parent_is_this(pid: i32) -> Result<bool, Box<dyn Error>> {
    Ok(process::Snapshot::of(pid)?.parent == i32::try_from(std::process::id())?)
}
