//! Shows how many bytes a pipe takes before it is full, and that they are counted in pages.
//! Minutes: 6
//!
//! Run it with `cargo run --example how_much_fits`.
//! Look at the last column: the same pipe is full when it has all the bytes that it has room for, or half as many.

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::{SysconfVar, sysconf};
use pipe::{WriteEnd, pipe};
use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;

fn main() -> Result<(), Box<dyn Error>> {
    let page = usize::try_from(sysconf(SysconfVar::PAGE_SIZE)?.ok_or("no size of a page")?)?;
    let (_reader, writer) = pipe()?;
    println!("a new pipe has room for {} bytes (F_GETPIPE_SZ)", capacity(&writer)?);

    for len in [1, 100, page / 2, page / 2 + 1, 3000, page, 100_000] {
        let (_reader, mut writer) = pipe()?;
        set_non_blocking(&writer)?;
        let (writes, bytes) = fill(&mut writer, &vec![0; len])?;
        println!("full after {writes:5} writes of {len:6} bytes: {bytes:5} bytes are in it");
    }

    let (mut reader, mut writer) = pipe()?;
    set_non_blocking(&writer)?;
    fill(&mut writer, &vec![0; page])?;
    println!("a full pipe, and a reader that takes 100 bytes of the first page:");
    reader.read_exact(&mut [0; 100])?;
    println!("    a write of 50 bytes: {}", outcome(writer.write(&[0; 50])));
    println!("and then the {} bytes that are left of that page:", page - 100);
    reader.read_exact(&mut vec![0; page - 100])?;
    let more = vec![0; page + 1000];
    println!("    a write of {} bytes: {}", more.len(), outcome(writer.write(&more)));

    let (_reader, writer) = pipe()?;
    for wanted in [1, 100_000] {
        fcntl(writer.as_fd(), FcntlArg::F_SETPIPE_SZ(wanted))?;
        let given = capacity(&writer)?;
        println!("asked for room for {wanted} bytes (F_SETPIPE_SZ): it is {given} bytes now");
    }
    Ok(())
}

/// Writes `piece` until there is no room, and says how often and how many bytes that was.
fn fill(writer: &mut WriteEnd, piece: &[u8]) -> Result<(usize, usize), Box<dyn Error>> {
    let (mut writes, mut bytes) = (0, 0);
    loop {
        match writer.write(piece) {
            Ok(len) => {
                writes += 1;
                bytes += len;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok((writes, bytes)),
            Err(error) => return Err(error.into()),
        }
    }
}

fn outcome(written: std::io::Result<usize>) -> String {
    match written {
        Ok(len) => format!("it took {len}"),
        Err(error) if error.kind() == ErrorKind::WouldBlock => "no room (EAGAIN)".to_owned(),
        Err(error) => error.to_string(),
    }
}

fn capacity(writer: &WriteEnd) -> nix::Result<i32> {
    fcntl(writer.as_fd(), FcntlArg::F_GETPIPE_SZ)
}

/// A write that finds no room fails with EAGAIN from now on, where it would have waited.
fn set_non_blocking(writer: &WriteEnd) -> nix::Result<()> {
    fcntl(writer.as_fd(), FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map(drop)
}
