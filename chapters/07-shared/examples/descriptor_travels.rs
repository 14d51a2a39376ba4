//! Shows a descriptor that travels over a socket: it arrives with another number, and is the same memory.
//! Minutes: 6
//!
//! Run it with `cargo run --example descriptor_travels`.
//! Look at the numbers and the inodes, and at who made the memory: nobody whom the child could have inherited it from.

use shared::{Segment, passing};
use std::error::Error;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::process::id;
use std::sync::atomic::{AtomicU64, Ordering};
use wait::Child;

fn main() -> Result<(), Box<dyn Error>> {
    let (here, there) = passing::socket_pair()?;
    let mut child = Child::fork(|| match child(&there) {
        Ok(()) => 0,
        Err(error) => {
            println!("child {}: {error}", id());
            1
        }
    })?;

    let segment = Segment::create("made after the fork", 4096)?;
    let counter: &AtomicU64 = segment.at(0)?;
    counter.store(41, Ordering::SeqCst);
    let descriptor = segment.descriptor().ok_or("no descriptor")?;
    let number = descriptor.as_raw_fd();
    println!("parent {}: descriptor {number} {}", id(), what_is(number));
    println!(
        "parent {}: sends number and inode as bytes, and the descriptor beside them",
        id()
    );
    let bytes = postcard::to_allocvec(&(number, inode(descriptor)?))?;
    passing::send(here.as_fd(), &bytes, &[descriptor])?;

    child.wait()?;
    println!("parent {}: the counter is {}", id(), counter.load(Ordering::SeqCst));
    Ok(())
}

fn child(socket: &OwnedFd) -> Result<(), Box<dyn Error>> {
    // So that the lowest free number differs from the parent's.
    let _taken: Vec<File> =
        (0..5).map(|_| File::open("/dev/null")).collect::<Result<_, _>>()?;
    let mut buffer = [0; 32];
    let mut message = passing::receive(socket.as_fd(), &mut buffer)?;
    let (number, inode_there): (i32, u64) = postcard::from_bytes(&buffer[..message.len])?;
    println!("child {}: descriptor {number} {} in this process", id(), what_is(number));
    let descriptor = message.descriptors.pop().ok_or("no descriptor came")?;
    let number = descriptor.as_raw_fd();
    println!("child {}: descriptor {number} has come: it {}", id(), what_is(number));
    let same = inode(descriptor.as_fd())? == inode_there;
    println!("child {}: that is {} inode", id(), if same { "the same" } else { "another" });
    let segment = Segment::from_descriptor(descriptor)?;
    let before = segment.at::<AtomicU64>(0)?.fetch_add(1, Ordering::SeqCst);
    println!("child {}: the counter was {before}; adds 1", id());
    Ok(())
}

/// The kernel's number for the file itself, the same in all processes.
fn inode(descriptor: BorrowedFd<'_>) -> std::io::Result<u64> {
    Ok(File::from(descriptor.try_clone_to_owned()?).metadata()?.ino())
}

/// What `/proc` says of a number in this process.
fn what_is(number: i32) -> String {
    match std::fs::read_link(format!("/proc/self/fd/{number}")) {
        Ok(target) => format!("is {}", target.display()),
        Err(_) => "is nothing".to_owned(),
    }
}
