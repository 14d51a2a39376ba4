//! Shows what an `Arc`, an address and an offset are worth in another process.
//! Minutes: 8
//!
//! Run it with `cargo run --example pointer_elsewhere`.
//! Look at what the child finds each time: an old copy, nothing at all, and at last the value.

use memmap2::MmapMut;
use nix::sys::prctl::set_dumpable;
use shared::Segment;
use std::error::Error;
use std::io::{Read, Write, pipe};
use std::process::id;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use wait::Child;

/// So much that it gets a mapping of its own.
const FRESH_LEN: usize = 64 << 20;

/// Where the segment has room for an address, for an offset, and for a value.
const ADDRESS: usize = 0;
const OFFSET: usize = 8;
const VALUE: usize = 64;

fn main() -> Result<(), Box<dyn Error>> {
    println!("1. an Arc that was made before the fork");
    an_arc()?;
    println!("2. an address of memory that was made after the fork");
    let segment = Segment::create("addresses", 4096)?;
    an_address(&segment)?;
    println!("3. an offset");
    an_offset(&segment)
}

fn an_arc() -> Result<(), Box<dyn Error>> {
    let number = Arc::new(AtomicU64::new(1));
    let (mut hear, mut tell) = pipe()?;
    let child = Child::fork(|| {
        if hear.read_exact(&mut [0]).is_err() {
            return 1;
        }
        report("child", &number);
        0
    })?;
    let _second = Arc::clone(&number);
    number.store(2, Ordering::SeqCst);
    report("parent", &number);
    tell.write_all(b"!")?;
    end(child)
}

fn report(who: &str, number: &Arc<AtomicU64>) {
    println!(
        "   {who} {}: at {:p} is {}, with {} owner(s)",
        id(),
        Arc::as_ptr(number),
        number.load(Ordering::SeqCst),
        Arc::strong_count(number)
    );
}

fn an_address(segment: &Segment) -> Result<(), Box<dyn Error>> {
    let stored: &AtomicUsize = segment.at(ADDRESS)?;
    let (mut hear, mut tell) = pipe()?;
    let child = Child::fork(|| {
        // A crash that is meant leaves no core file.
        let _ = set_dumpable(false);
        if hear.read_exact(&mut [0]).is_err() {
            return 1;
        }
        let address = stored.load(Ordering::SeqCst) as *const u8;
        println!("   child {}: the segment holds {address:p}; what is there?", id());
        // SAFETY: there is none. Nothing is mapped there in this process, which is what the experiment shows; the
        // process ends by it.
        let value = unsafe { address.read_volatile() };
        println!("   child {}: {value}", id());
        0
    })?;
    let mut fresh = MmapMut::map_anon(FRESH_LEN)?;
    fresh[0] = 7;
    println!("   parent {}: at {:p} is {}", id(), fresh.as_ptr(), fresh[0]);
    stored.store(fresh.as_ptr().addr(), Ordering::SeqCst);
    tell.write_all(b"!")?;
    end(child)
}

fn an_offset(segment: &Segment) -> Result<(), Box<dyn Error>> {
    segment.at::<AtomicU64>(VALUE)?.store(7, Ordering::SeqCst);
    segment.at::<AtomicUsize>(OFFSET)?.store(VALUE, Ordering::SeqCst);
    println!(
        "   parent {}: the segment is at {:p}, and 64 bytes on is 7",
        id(),
        segment.as_ptr()
    );
    let child = Child::fork(|| match look(segment) {
        Ok(()) => 0,
        Err(error) => {
            println!("   child {}: {error}", id());
            1
        }
    })?;
    end(child)
}

/// The child's: it maps the segment a second time, as a process would that was not forked.
fn look(segment: &Segment) -> Result<(), Box<dyn Error>> {
    let descriptor = segment.descriptor().ok_or("no descriptor")?.try_clone_to_owned()?;
    let mapped = Segment::from_descriptor(descriptor)?;
    let offset = mapped.at::<AtomicUsize>(OFFSET)?.load(Ordering::SeqCst);
    let value = mapped.at::<AtomicU64>(offset)?.load(Ordering::SeqCst);
    println!(
        "   child {}: the segment is at {:p}, and {offset} bytes on is {value}",
        id(),
        mapped.as_ptr()
    );
    Ok(())
}

fn end(mut child: Child) -> Result<(), Box<dyn Error>> {
    let (pid, status) = (child.pid(), child.wait()?);
    if !status.success() {
        println!("   child {pid}: {status}");
    }
    Ok(())
}
