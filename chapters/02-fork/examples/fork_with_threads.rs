//! Shows that the child of a program with threads has one thread, and the locks that the others held.
//! Minutes: 8
//!
//! Run it with `cargo run --example fork_with_threads`.
//! Look at who gets the lock, who never does, and what the checked fork says.

use nix::sys::wait::{WaitStatus, waitpid};
use process::Snapshot;
use std::error::Error;
use std::io::{Read, Write, pipe};
use std::process::id;
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// How long the child tries to get the lock. Without it the child would try for ever.
const TRIES: Duration = Duration::from_millis(300);

/// The child's exit codes.
const LOCKED: i32 = 0;
const GAVE_UP: i32 = 1;

static LOCK: Mutex<()> = Mutex::new(());

fn main() -> Result<(), Box<dyn Error>> {
    let (tell, told) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let holder = thread::spawn(move || {
        let guard = LOCK.lock();
        // Both ends of this talk stop waiting when the other one is gone.
        let _ = tell.send(());
        let _ = released.recv();
        drop(guard);
    });
    told.recv()?;
    let threads = Snapshot::this()?.threads.len();
    println!("parent {}: has {threads} threads; one of them holds the lock", id());

    let refused = fork::fork(|| 0).err().ok_or("the checked fork should have refused")?;
    println!("parent {}: checked fork: {refused}", id());

    let (mut go, to_child) = pipe()?;
    let mut to_child = Some(to_child);
    let life = || {
        // If the parent fails, the read below has to end; it would not while this process could write itself.
        drop(to_child.take());
        if matches!(go.read(&mut [0]), Ok(1)) { try_for(TRIES) } else { GAVE_UP }
    };
    // SAFETY: the child closes and reads a pipe, tries an atomic flag and looks at the clock: no allocation, no lock
    // that it waits for, no output.
    let child = unsafe { fork::fork_unchecked(life)? };
    let threads = Snapshot::of(child.as_raw())?.threads.len();
    println!("child {child}: has {threads} thread");

    drop(release);
    holder.join().map_err(|_| "the thread panicked")?;
    println!("parent {}: its thread released the lock and ended", id());
    let free = LOCK.try_lock().is_ok();
    println!("parent {}: gets the lock: {}", id(), if free { "yes" } else { "no" });

    if let Some(mut to_child) = to_child {
        to_child.write_all(b"g")?;
    }
    match waitpid(child, None)? {
        WaitStatus::Exited(_, LOCKED) => println!("child {child}: gets the lock: yes"),
        WaitStatus::Exited(_, GAVE_UP) => {
            println!("child {child}: gets the lock: no; it tried for {} ms", TRIES.as_millis());
            println!("child {child}: the lock is held by a thread that does not exist there");
        }
        other => return Err(format!("the child ended with {other:?}").into()),
    }

    let child = fork::fork(|| if LOCK.try_lock().is_ok() { LOCKED } else { GAVE_UP })?;
    if waitpid(child, None)? == WaitStatus::Exited(child, LOCKED) {
        println!(
            "child {child}: forked without threads by the checked fork, gets the lock: yes"
        );
    }
    Ok(())
}

/// The child's life.
fn try_for(time: Duration) -> i32 {
    let ends_at = Instant::now() + time;
    while Instant::now() < ends_at {
        if LOCK.try_lock().is_ok() {
            return LOCKED;
        }
        thread::yield_now();
    }
    GAVE_UP
}
