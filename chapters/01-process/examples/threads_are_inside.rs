//! Shows that threads live inside one process and share its memory and descriptors.
//! Minutes: 5
//!
//! Run it: `cargo run --example threads_are_inside`
//!
//! Look at the pid that each thread reports, at who can use the pipe that a thread has made, and at the folders in
//! `/proc/PID/task`.

use nix::unistd::gettid;
use process::Snapshot;
use std::error::Error;
use std::io::{self, PipeReader, Read, Write};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread;

/// Each thread adds to it.
static COUNTER: AtomicU32 = AtomicU32::new(0);

/// What a thread says about itself, and one end of a pipe that it has made.
struct Told {
    pid: u32,
    tid: i32,
    reader: PipeReader,
}

fn main() -> Result<(), Box<dyn Error>> {
    let pid = std::process::id();
    println!("process {pid}: I start two threads");
    let mut threads = Vec::new();
    let mut readers = Vec::new();
    for name in ["first", "second"] {
        let (tell, told) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            // Both fail only if `main` has given up.
            let _ = tell.send(work());
            // The thread stays alive until it has been looked at: then `release` is dropped.
            let _ = released.recv();
        })?;
        let told = told.recv()??;
        println!("thread {}: I am the {name} thread, in process {}", told.tid, told.pid);
        readers.push(told.reader);
        threads.push((release, thread));
    }
    println!("process {pid}: my counter is {}", COUNTER.load(Ordering::Relaxed));
    for mut reader in readers {
        let mut text = String::new();
        reader.read_to_string(&mut text)?;
        println!("process {pid}: I read from a thread's pipe: {text}");
    }
    for thread in Snapshot::this()?.threads {
        println!("process {pid}: /proc/{pid}/task/{} is {}", thread.tid, thread.name);
    }
    for (release, thread) in threads {
        drop(release);
        thread.join().map_err(|_| "a thread panicked")?;
    }
    Ok(())
}

/// What each thread does: changes a variable and opens two descriptors.
fn work() -> io::Result<Told> {
    let (reader, mut writer) = io::pipe()?;
    let tid = gettid().as_raw();
    write!(writer, "made by thread {tid}")?;
    COUNTER.fetch_add(1, Ordering::Relaxed);
    Ok(Told { pid: std::process::id(), tid, reader })
}
