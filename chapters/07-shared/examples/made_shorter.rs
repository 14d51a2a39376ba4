//! Shows that a mapping behind the end of its file kills, and how a seal prevents it.
//! Minutes: 7
//!
//! Run it with `cargo run --example made_shorter`.
//! Look at who made the file shorter, and who died.

use memmap2::MmapOptions;
use nix::sys::prctl::set_dumpable;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use rustix::param::page_size;
use shared::Segment;
use std::error::Error;
use std::fs::File;
use std::io::{Read, Write, pipe};
use std::os::unix::fs::MetadataExt;
use std::process::id;
use wait::Child;

fn main() -> Result<(), Box<dyn Error>> {
    println!("a file of 2 pages, which a child has mapped:");
    let pages = |count: usize| (count * page_size()) as u64;
    let file = memfd_create("open end", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    ftruncate(&file, pages(2))?;
    let mapping = MmapOptions::new().map_raw(&file)?;
    let (mut hear, mut tell) = pipe()?;
    let (mut answered, mut answer) = pipe()?;
    let mut child = Child::fork(|| {
        // A crash that is meant leaves no core file.
        let _ = set_dumpable(false);
        for _ in 0..2 {
            if hear.read_exact(&mut [0]).is_err() {
                return 1;
            }
            for page in 0..2 {
                println!("  child {}: reads page {page} ...", id());
                let address = mapping.as_ptr().wrapping_add(page * page_size());
                // SAFETY: both pages are mapped and hold bytes. In the second round the last of them has no file
                // behind it any more, which is what the experiment shows; the process ends by it.
                let byte = unsafe { address.read_volatile() };
                println!("  child {}: ... and finds {byte}", id());
            }
            if answer.write_all(b"!").is_err() {
                return 1;
            }
        }
        0
    })?;
    tell.write_all(b"1")?;
    answered.read_exact(&mut [0])?;
    ftruncate(&file, pages(1))?;
    println!("  parent {}: has made the file 1 page long", id());
    tell.write_all(b"2")?;
    println!("  child {}: {}", child.pid(), child.wait()?);

    println!("the same file, offered as a segment:");
    match Segment::from_descriptor(file.try_clone()?) {
        Ok(_) => println!("  accepted"),
        Err(error) => println!("  {error}"),
    }
    println!("the same file with F_SEAL_SHRINK:");
    fcntl_add_seals(&file, SealFlags::SHRINK)?;
    match ftruncate(&file, 0) {
        Ok(()) => println!("  it is 0 pages long"),
        Err(errno) => println!("  to make it shorter: {}", std::io::Error::from(errno)),
    }
    println!("accepted as a segment now: {}", Segment::from_descriptor(file).is_ok());

    println!("a length is no memory:");
    let long = File::from(memfd_create("promise", MemfdFlags::CLOEXEC)?);
    long.set_len(1 << 50)?;
    let is = long.metadata()?;
    println!("  a file of {} TiB has {} blocks of memory", is.len() >> 40, is.blocks());
    match Segment::create("promise", 1 << 50) {
        Ok(_) => println!("  a segment as long has all of it"),
        Err(error) => println!("  a segment as long: {error}"),
    }
    Ok(())
}
