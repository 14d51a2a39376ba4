//! The program of `dead-forkserver`: has a server make workers, and goes on if the server dies.
//!
//! By hand: `cargo run -p dead-forkserver -- serve`, which has four workers made. With `dies` the program asks for one
//! worker, kills the server, unless the grader does that, and asks again. Then it starts another server.

use std::env;
use std::io;
use std::process::ExitCode;

use dead_forkserver::Server;
use nix::sys::signal::{Signal, kill};
use nix::unistd::pause;

/// How many workers run at the same time.
const WORKERS: usize = 3;

/// Calls the reader's functions, and prints what they say.
pub(crate) fn main() -> ExitCode {
    let done = match env::args().nth(1).as_deref() {
        Some("serve") => serve(),
        Some("dies") => dies(),
        _ => Err(io::Error::other("usage: dead-forkserver serve|dies")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            gate::tell("error", &error);
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Three workers, and one more when those have ended.
fn serve() -> io::Result<()> {
    gate::pass("start");
    let mut server = Server::start(short)?;
    gate::tell("server", server.pid());
    for _ in 0..WORKERS {
        gate::tell("made", server.worker()?);
    }
    // One name with the gate of the workers, so that all of them can be held together.
    gate::pass("here");
    gate::tell("made", server.worker()?);
    gate::pass("here");
    drop(server);
    gate::pass("end");
    println!("the server has made {} workers", WORKERS + 1);
    Ok(())
}

/// A worker, the death of its server, and a worker of another server.
fn dies() -> io::Result<()> {
    gate::pass("start");
    let mut server = Server::start(long)?;
    gate::tell("server", server.pid());
    gate::tell("made", server.worker()?);
    if gate::ask("ready").is_none() {
        kill(server.pid(), Signal::SIGKILL)?;
    }
    match server.worker() {
        Ok(pid) => {
            gate::tell("made by the dead", pid);
            println!("a worker of the dead server: {pid}");
        }
        Err(error) => println!("no worker: {error}"),
    }
    gate::pass("after");
    drop(server);
    let mut server = Server::start(short)?;
    gate::tell("server", server.pid());
    gate::tell("made", server.worker()?);
    drop(server);
    gate::pass("end");
    println!("the second server has made a worker");
    Ok(())
}

/// Work that ends soon.
fn short() -> i32 {
    gate::pass("here");
    0
}

/// Work that takes for ever.
fn long() -> i32 {
    gate::pass("here");
    loop {
        pause();
    }
}
