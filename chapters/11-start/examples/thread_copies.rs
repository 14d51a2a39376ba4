//! Shows that fork copies one thread, and who can start workers from a program with several.
//! Minutes: 5
//!
//! Run it with `cargo run --example thread_copies`.
//! Look at the names of the threads, and at which of the launchers refuses.

use fork::Pid;
use start::{Kit, Launcher};
use std::error::Error;
use std::sync::Barrier;
use std::thread;
use wait::{Child, Signal};

fn worker(_kit: Kit) -> i32 {
    loop {
        nix::unistd::pause();
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    start::init(worker);
    let early = Launcher::fork("worker", worker)?;
    let barrier = Barrier::new(3);
    thread::scope(|scope| {
        for name in ["reader", "logger"] {
            thread::Builder::new().name(name.to_owned()).spawn_scoped(scope, || {
                // A thread sets its name before it runs anything.
                barrier.wait();
                barrier.wait();
            })?;
        }
        barrier.wait();
        let shown = show(early);
        barrier.wait();
        shown
    })
}

fn show(early: Launcher) -> Result<(), Box<dyn Error>> {
    let program = Pid::this();
    println!("program, process {program}: threads {}", threads(program)?);

    // SAFETY: the child calls nothing but a system call that a signal handler may make.
    let pid = unsafe {
        fork::fork_unchecked(|| {
            loop {
                nix::unistd::pause();
            }
        })
    }?;
    let child = Child::adopt(pid)?;
    println!("bare fork, process {pid}: threads {}", threads(pid)?);
    drop(child);

    match Launcher::fork("worker", worker) {
        Err(error) => println!("fork now: {error}"),
        Ok(launcher) => return Err(format!("it was not refused: {launcher:?}").into()),
    }
    let launchers = [
        ("fork, made earlier", early),
        ("spawn", Launcher::spawn("worker")?),
        ("forkserver", Launcher::forkserver("worker")?),
    ];
    for (what, mut launcher) in launchers {
        let child = launcher.start(&[], b"")?;
        println!("{what}: a worker with {}", count(child.pid())?);
        child.kill(Signal::SIGKILL)?;
    }
    Ok(())
}

fn names(pid: Pid) -> Result<Vec<String>, Box<dyn Error>> {
    Ok(process::Snapshot::of(pid.as_raw())?
        .threads
        .into_iter()
        .map(|thread| thread.name)
        .collect())
}

fn threads(pid: Pid) -> Result<String, Box<dyn Error>> {
    Ok(names(pid)?.join(", "))
}

fn count(pid: Pid) -> Result<String, Box<dyn Error>> {
    let count = names(pid)?.len();
    Ok(format!("{count} thread{}", if count == 1 { "" } else { "s" }))
}
