//! Shows what the kernel keeps for a process: here for the one that looks.
//! Minutes: 5
//!
//! Run it: `cargo run --example whoami_really`
//!
//! Look at the two counts of descriptors and the two counts of threads: the program stayed the same in between.

use process::Snapshot;
use std::error::Error;
use std::io;
use std::sync::mpsc;
use std::thread;

fn main() -> Result<(), Box<dyn Error>> {
    let before = Snapshot::this()?;
    let pid = before.pid;
    println!(
        "process {pid}: my name is {}, my parent is process {}",
        before.name, before.parent
    );
    println!("process {pid}: at this moment I am {}", before.state);
    for fd in 0..3 {
        match before.descriptor(fd) {
            Some(descriptor) => {
                println!("process {pid}: descriptor {fd} is {}", descriptor.target)
            }
            None => println!("process {pid}: descriptor {fd} is closed"),
        }
    }
    println!("process {pid}: I have {}", count(before.threads.len(), "thread"));

    let (_reader, _writer) = io::pipe()?;
    let (release, released) = mpsc::channel::<()>();
    let second = thread::Builder::new().name("second".to_owned()).spawn(move || {
        // Ends when `release` is dropped.
        let _ = released.recv();
    })?;

    let after = Snapshot::this()?;
    println!("process {pid}: I made a pipe and a thread");
    let is_new = |fd: i32| before.descriptor(fd).is_none();
    for descriptor in after.descriptors.iter().filter(|descriptor| is_new(descriptor.fd)) {
        println!("process {pid}: new descriptor {} is {}", descriptor.fd, descriptor.target);
    }
    println!("process {pid}: I have {}", count(after.threads.len(), "thread"));

    drop(release);
    second.join().map_err(|_| "the second thread panicked")?;
    Ok(())
}

fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("{n} {what}") } else { format!("{n} {what}s") }
}
