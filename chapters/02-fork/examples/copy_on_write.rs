//! Shows that fork copies no memory: a page is copied when one of the two processes writes to it.
//! Minutes: 8
//!
//! Run it with `cargo run --example copy_on_write`.
//! Look at which memory is whose own after each step, in the child and in the parent, which only waits.

use memmap2::{Advice, MmapMut};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{SysconfVar, sysconf};
use process::{Snapshot, SnapshotError};
use std::error::Error;
use std::hint::black_box;
use std::process::id;

const HEAP_LEN: usize = 64 << 20;

/// The child writes to so many pages, or to a quarter of the heap where pages are so large that this is less.
const WRITTEN_PAGES_MAX: usize = 1000;

/// The heap in pages.
#[derive(Clone, Copy)]
struct Pages {
    len: usize,
    count: usize,
    written: usize,
}

impl Pages {
    fn of_this_machine() -> Result<Self, Box<dyn Error>> {
        let len = usize::try_from(sysconf(SysconfVar::PAGE_SIZE)?.ok_or("no page size")?)?;
        let count = HEAP_LEN / len;
        Ok(Pages { len, count, written: WRITTEN_PAGES_MAX.min(count / 4) })
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let pages = Pages::of_this_machine()?;
    let mut heap = MmapMut::map_anon(HEAP_LEN)?;
    // Small pages, so that the machine's setting for huge ones does not change what is seen. A kernel that knows no
    // huge pages refuses the advice and does not need it.
    let _ = heap.advise(Advice::NoHugePage);
    // Memory that was never written to is not there yet.
    heap.fill(1);
    println!(
        "parent {}: wrote to each of {} pages of {} KiB, {} MiB in all",
        id(),
        pages.count,
        pages.len >> 10,
        HEAP_LEN >> 20
    );
    println!("before the fork:");
    println!("  parent {}: {}", id(), memory(&Snapshot::this()?));

    let parent = id();
    let child = fork::fork(|| match look(parent, &mut heap, pages) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("child {}: {error}", id());
            1
        }
    })?;
    match waitpid(child, None)? {
        WaitStatus::Exited(_, 0) => Ok(()),
        other => Err(format!("the child ended with {other:?}").into()),
    }
}

/// The child's life.
fn look(parent: u32, heap: &mut MmapMut, pages: Pages) -> Result<(), SnapshotError> {
    let forked = show(parent, "after the fork")?;

    let sum: u64 = heap.iter().step_by(pages.len).map(|byte| u64::from(*byte)).sum();
    black_box(sum);
    let read = show(parent, "after the child read every page")?;

    let stride = pages.count / pages.written * pages.len;
    for byte in heap.iter_mut().step_by(stride).take(pages.written) {
        *byte = 2;
    }
    let when = format!("after the child wrote one byte in each of {} pages", pages.written);
    let written = show(parent, &when)?;

    println!();
    let (forked, read, written) =
        (forked.private_dirty_bytes, read.private_dirty_bytes, written.private_dirty_bytes);
    verdict("the fork copied", forked, pages);
    verdict("reading copied", read.abs_diff(forked), pages);
    verdict("writing copied", written.saturating_sub(read), pages);
    Ok(())
}

/// Prints what both processes have in memory, and returns what this one has.
fn show(parent: u32, when: &str) -> Result<process::Memory, SnapshotError> {
    let mine = Snapshot::this()?;
    let theirs = Snapshot::of(parent.try_into().expect("a pid fits an i32"))?;
    println!("{when}:");
    println!("  child {}:  {}", id(), memory(&mine));
    println!("  parent {parent}: {}", memory(&theirs));
    Ok(mine.memory)
}

fn memory(of: &Snapshot) -> String {
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let memory = of.memory;
    format!(
        "{:5.1} MiB resident, {:5.1} MiB of it its own",
        mib(memory.rss_bytes),
        mib(memory.private_dirty_bytes)
    )
}

fn verdict(what: &str, bytes: u64, pages: Pages) {
    let copied = usize::try_from(bytes).unwrap_or(usize::MAX) / pages.len;
    // A page that the measurement itself needs does not change the verdict.
    let tolerance = pages.written / 5;
    let meaning = if copied < tolerance {
        "next to nothing"
    } else if copied.abs_diff(pages.written) < tolerance {
        "the pages that were written to, and no more"
    } else if copied.abs_diff(pages.count) < tolerance {
        "the whole heap"
    } else {
        "something else"
    };
    println!("{what} {meaning}: {copied} pages");
}
