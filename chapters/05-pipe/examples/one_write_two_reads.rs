//! Shows that a pipe keeps the bytes and forgets the writes that brought them.
//! Minutes: 6
//!
//! Run it with `cargo run --example one_write_two_reads`.
//! Count, for each child, its writes and the parent's reads.

use nix::fcntl::{FcntlArg, fcntl};
use pipe::{WriteEnd, frame, pipe};
use std::error::Error;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::id;
use wait::Child;

/// What the parent has room for in each read, in bytes: more than any child here sends, also with pages of 64 KiB.
const BUF_LEN: usize = 4 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let reads = reads_from(Order::WriteFirst, |writer| {
        for word in ["one", "two", "three"] {
            say(&format!("write took {}", writer.write(word.as_bytes())?));
        }
        Ok(())
    })?;
    for read in reads {
        say(&format!("read gave {}: {:?}", read.len(), String::from_utf8_lossy(&read)));
    }
    println!();

    let reads = reads_from(Order::Together, |writer| {
        let room = fcntl(writer.as_fd(), FcntlArg::F_GETPIPE_SZ)?;
        let bytes = vec![b'x'; room as usize / 2 * 3];
        say(&format!("write took {}", writer.write(&bytes)?));
        Ok(())
    })?;
    for read in reads {
        say(&format!("read gave {}", read.len()));
    }
    println!();

    let (mut reader, mut writer) = pipe()?;
    let mut child = Child::fork(|| {
        let words = ["one", "", "three"];
        let sent = words.iter().try_for_each(|word| {
            frame::write(&mut writer, word.as_bytes(), 100)?;
            say(&format!("wrote a frame of {}", word.len()));
            Ok::<(), frame::FrameError>(())
        });
        i32::from(sent.is_err())
    })?;
    drop(writer);
    child.wait()?;
    while let Some(payload) = frame::read(&mut reader, 100)? {
        let text = String::from_utf8_lossy(&payload);
        say(&format!("read a frame of {}: {text:?}", payload.len()));
    }
    say("no more frames");
    Ok(())
}

/// Whether the parent reads when the child has ended, or at the same time.
#[derive(PartialEq)]
enum Order {
    WriteFirst,
    Together,
}

/// What each read gives of what a child writes, the end of the file last.
fn reads_from(
    order: Order,
    write: impl Fn(&mut WriteEnd) -> std::io::Result<()>,
) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    let (mut reader, mut writer) = pipe()?;
    let mut child = Child::fork(|| i32::from(write(&mut writer).is_err()))?;
    // The parent's copy: while it is open, the end does not come.
    drop(writer);
    let mut reads = Vec::new();
    let mut buf = vec![0; BUF_LEN];
    if order == Order::WriteFirst {
        child.wait()?;
    }
    loop {
        let len = reader.read(&mut buf)?;
        reads.push(buf[..len].to_vec());
        if len == 0 {
            child.wait()?;
            return Ok(reads);
        }
    }
}

fn say(what: &str) {
    println!("process {}: {what}", id());
}
