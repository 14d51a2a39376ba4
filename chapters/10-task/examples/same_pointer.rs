//! Shows that a forked child can use its parent's pointers, but only to what was there before the fork.
//! Minutes: 5
//!
//! Run it with `cargo run --example same_pointer`.
//! Look at the addresses in the processes, and at how each child ends.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use pipe::{ReadEnd, frame, pipe};
use std::error::Error;
use std::process::id;
use std::ptr::{read_volatile, with_exposed_provenance};
use wait::Child;

fn main() -> Result<(), Box<dyn Error>> {
    no_core_file()?;
    let triple: fn(u64) -> u64 = |number| 3 * number;
    let factor = 6;
    let scale = move |number: u64| factor * number;
    println!("parent {}: triple is at {:#x}", id(), triple as usize);
    let end = Child::fork(|| {
        let (address, pid) = (triple as usize, id());
        println!("child {pid}: triple is at {address:#x}, and triple(14) is {}", triple(14));
        println!(
            "child {pid}: a closure that captured {factor} says that scale(7) is {}",
            scale(7)
        );
        0
    })?
    .wait()?;
    println!("parent {}: the child ended with {end}", id());

    let (reader, mut writer) = pipe()?;
    let mut child = Child::fork(|| worker(reader))?;
    // So large that it gets pages of its own, which a process that was forked before does not have.
    let table = vec![9_u64; 1 << 18];
    let look_up = |number: usize| table[number];
    let address = table.as_ptr().expose_provenance();
    println!("parent {}: forked a worker, and then made a closure over a table", id());
    println!("parent {}: the table is at {address:#x}, and look_up(0) is {}", id(), look_up(0));
    frame::write(&mut writer, &address.to_le_bytes(), 8)?;
    println!("parent {}: the worker ended with {}", id(), child.wait()?);
    Ok(())
}

/// Waits for an address and looks at what is there.
fn worker(mut reader: ReadEnd) -> i32 {
    let Ok(Some(address)) = frame::read(&mut reader, 8) else { return 1 };
    let Ok(address) = address.try_into().map(usize::from_le_bytes) else { return 1 };
    println!("worker {}: looks at {address:#x}", id());
    // SAFETY: none. This process has no such memory: that is the experiment, and the kernel ends it.
    let number = unsafe { read_volatile(with_exposed_provenance::<u64>(address)) };
    println!("worker {}: found {number}", id());
    0
}

/// The child that is killed here is no accident to be examined.
fn no_core_file() -> nix::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_CORE)?;
    setrlimit(Resource::RLIMIT_CORE, 0, hard)
}
