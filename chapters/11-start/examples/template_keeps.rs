//! Shows that a template of fork keeps the memory that the program had when it was made.
//! Minutes: 4
//!
//! Run it with `cargo run --example template_keeps`.
//! Look at the template's memory, which grows although the template does nothing.

use memmap2::{Advice, MmapMut};
use start::{Kit, Launcher};
use std::error::Error;

const HEAP_MIB: usize = 64;

fn worker(_kit: Kit) -> i32 {
    0
}

fn main() -> Result<(), Box<dyn Error>> {
    start::init(worker);
    for fork in [true, false] {
        let mut heap = MmapMut::map_anon(HEAP_MIB << 20)?;
        // In small pages, so that the program's writes are copied page by page.
        heap.advise(Advice::NoHugePage)?;
        heap.fill(1);
        let mut launcher = if fork {
            Launcher::fork("worker", worker)?
        } else {
            Launcher::forkserver("worker")?
        };
        // A template that answers has become what it is.
        launcher.start(&[], b"")?.wait()?;
        let pid = launcher.template_pid().ok_or("this launcher has a process")?.as_raw();
        let own = || -> Result<u64, Box<dyn Error>> {
            Ok(process::Snapshot::of(pid)?.memory.uss_bytes >> 20)
        };
        let before = own()?;
        heap.fill(2);
        let after = own()?;
        println!(
            "{}: a template with {before} MiB of its own; the program has written to its heap of {HEAP_MIB} MiB: {after} MiB",
            launcher.method()
        );
        println!(
            "{}: the template {}",
            launcher.method(),
            if after >= before + HEAP_MIB as u64 * 3 / 4 {
                "keeps what the program had"
            } else {
                "keeps nothing of the program's"
            }
        );
    }
    Ok(())
}
