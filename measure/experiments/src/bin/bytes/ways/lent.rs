//! Two ways in which the kernel reads the sender's own memory: `process_vm_readv` and `vmsplice`.
//!
//! Invariant: the sender does not touch the message between sending it and the answer.
//!
//! # References
//! man 2 process_vm_readv; man 2 vmsplice; man 2 ptrace, "Ptrace access mode checking".

use super::streams::{ANSWER, Line, side_channel};
use super::{Halves, Receiver, Sender};
use anyhow::{Context, Result, ensure};
use nix::errno::Errno;
use nix::fcntl::{SpliceFFlags, vmsplice};
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;
use pipe::{ReadEnd, WriteEnd};
use std::io::{IoSlice, IoSliceMut, Read};

/// Says where its message is.
struct Told {
    line: Line,
}

/// Reads there.
struct Reading {
    line: Line,
    sender: Option<Pid>,
}

pub(super) fn read_from_outside() -> Result<Halves> {
    let (here, there) = side_channel()?;
    Ok((Box::new(Told { line: here }), Box::new(Reading { line: there, sender: None })))
}

impl Sender for Told {
    fn send(&mut self, message: &[u8]) -> Result<()> {
        self.line.say((message.as_ptr().addr() as u64).to_le_bytes())
    }

    fn answered(&mut self) -> Result<()> {
        self.line.hear().map(|_: [u8; 8]| ())
    }
}

impl Receiver for Reading {
    fn meet(&mut self, sender: Pid, address: usize) -> Result<()> {
        read_all(sender, address, &mut [0; 8]).context(
            "process_vm_readv is refused (it needs the rights of a debugger: see kernel.yama.ptrace_scope, and \
             CAP_SYS_PTRACE or the seccomp profile of a container)",
        )?;
        self.sender = Some(sender);
        Ok(())
    }

    fn receive(&mut self, buffer: &mut Vec<u8>, _size: usize) -> Result<()> {
        let sender = self.sender.context("the sender is not known")?;
        let address = u64::from_le_bytes(self.line.hear()?);
        read_all(sender, usize::try_from(address)?, buffer).context("process_vm_readv")
    }

    fn answer(&mut self) -> Result<()> {
        self.line.say(ANSWER)
    }
}

/// As many bytes as `buffer` has, from `address` of that process.
fn read_all(sender: Pid, address: usize, buffer: &mut [u8]) -> Result<()> {
    let mut got = 0;
    while got < buffer.len() {
        let there = RemoteIoVec { base: address + got, len: buffer.len() - got };
        let here = IoSliceMut::new(&mut buffer[got..]);
        let read = process_vm_readv(sender, &mut [here], &[there])?;
        ensure!(read > 0, "no byte was read");
        got += read;
    }
    Ok(())
}

/// Puts its pages into a pipe.
struct Splicing {
    pipe: WriteEnd,
    line: Line,
}

/// Reads them out of it.
struct Copying {
    pipe: ReadEnd,
    line: Line,
}

pub(super) fn splice() -> Result<Halves> {
    let (mut reader, writer) = pipe::pipe()?;
    let (here, there) = side_channel()?;
    splice_all(&writer, &ANSWER)
        .and_then(|()| Ok(reader.read_exact(&mut [0; ANSWER.len()])?))
        .context("vmsplice is refused (see the seccomp profile of the container)")?;
    Ok((
        Box::new(Splicing { pipe: writer, line: here }),
        Box::new(Copying { pipe: reader, line: there }),
    ))
}

fn splice_all(pipe: &WriteEnd, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        match vmsplice(pipe, &[IoSlice::new(bytes)], SpliceFFlags::empty()) {
            Ok(spliced) => bytes = bytes.get(spliced..).unwrap_or(&[]),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error).context("vmsplice"),
        }
    }
    Ok(())
}

impl Sender for Splicing {
    fn send(&mut self, message: &[u8]) -> Result<()> {
        splice_all(&self.pipe, message)
    }

    fn answered(&mut self) -> Result<()> {
        self.line.hear().map(|_: [u8; 8]| ())
    }
}

impl Receiver for Copying {
    fn receive(&mut self, buffer: &mut Vec<u8>, _size: usize) -> Result<()> {
        self.pipe.read_exact(buffer).context("a message did not arrive")
    }

    fn answer(&mut self) -> Result<()> {
        self.line.say(ANSWER)
    }
}
