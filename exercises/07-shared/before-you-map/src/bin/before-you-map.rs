//! The program of `before-you-map`: offers segments to workers, some of which are not what the sender says.
//!
//! By hand: `cargo run -p before-you-map -- good longer empty short nearly open growing unsealable`. Each word is a segment
//! for a worker of its own. Every one is said to have 131072 bytes.

use std::fs::File;
use std::io::{self, Read, Write, pipe};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};

use before_you_map::accept;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use wait::Child;

#[path = "../../../../gate/fault.rs"]
mod fault;

/// How long every sender says that its segment is.
const SAID: u64 = 2 << 16;

/// A touch that often meets every page.
const STEP: usize = 4096;

/// Offers one segment after the other.
pub(crate) fn main() -> io::Result<()> {
    std::env::args().skip(1).try_for_each(|kind| offer(&kind))
}

/// A memfd as the word says.
fn segment(kind: &str) -> io::Result<File> {
    let all = SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
    let (len_bytes, seals) = match kind {
        "good" => (SAID, all),
        "longer" => (SAID + (1 << 16), SealFlags::SHRINK),
        "empty" => (0, all),
        "short" => (SAID / 2, all),
        "nearly" => (SAID - 1, all),
        "growing" => (SAID, SealFlags::GROW | SealFlags::SEAL),
        "open" | "unsealable" => (SAID, SealFlags::empty()),
        _ => return Err(io::Error::other(format!("there is no segment \"{kind}\""))),
    };
    let sealing = match kind {
        "unsealable" => MemfdFlags::empty(),
        _ => MemfdFlags::ALLOW_SEALING,
    };
    let file = File::from(memfd_create(kind, MemfdFlags::CLOEXEC | sealing)?);
    if len_bytes > 0 {
        file.set_len(len_bytes)?;
    }
    if !seals.is_empty() {
        fcntl_add_seals(&file, seals)?;
    }
    Ok(file)
}

fn offer(kind: &str) -> io::Result<()> {
    let file = segment(kind)?;
    let (mut from_worker, to_sender) = pipe()?;
    let (from_sender, mut to_worker) = pipe()?;
    let mut ends = Some((from_sender, to_sender));
    let mut worker = Child::fork(|| {
        let Some((mut hear, mut tell)) = ends.take() else { return 1 };
        match work(kind, &file, &mut hear, &mut tell) {
            Ok(()) => 0,
            Err(_) => 1,
        }
    })
    .map_err(io::Error::other)?;
    drop(ends);
    // The worker has mapped it. Now the sender does what the seals let it do.
    if from_worker.read_exact(&mut [0]).is_ok() {
        if kind != "good" && kind != "longer" && file.set_len(0).is_ok() {
            println!("{kind}: the sender has made it shorter");
        }
        to_worker.write_all(b"!")?;
    }
    let ended = worker.wait().map_err(io::Error::other)?;
    let len_bytes = file.metadata()?.len();
    println!("{kind}: the file has {len_bytes} bytes");
    let mut last = [0];
    if len_bytes >= SAID && file.read_exact_at(&mut last, SAID - 1).is_ok() {
        println!("{kind}: its last byte is {}", last[0]);
    }
    println!("{kind}: the worker ended: {ended}");
    Ok(())
}

/// The worker: maps the segment and touches all of it.
fn work(
    kind: &str,
    file: &File,
    hear: &mut impl Read,
    tell: &mut impl Write,
) -> io::Result<()> {
    fault::tell_address()?;
    let mapping = match accept(file, SAID as usize) {
        Ok(mapping) => mapping,
        Err(error) => {
            println!("{kind}: refused: {error}");
            return Ok(());
        }
    };
    println!("{kind}: accepted");
    gate::tell("mapped", format_args!("{kind} {:x}", mapping.as_ptr().addr()));
    tell.write_all(b"!")?;
    hear.read_exact(&mut [0])?;
    for offset in (0..SAID as usize).step_by(STEP).chain([SAID as usize - 1]) {
        let address = mapping.as_mut_ptr().wrapping_add(offset);
        // SAFETY: the offset is inside of what the reader's function has mapped, and bytes are numbers. Whether there
        // is memory behind it is what this exercise is about: if not, this process ends here.
        unsafe { AtomicU8::from_ptr(address) }.store(7, SeqCst);
    }
    println!("{kind}: touched");
    Ok(())
}
