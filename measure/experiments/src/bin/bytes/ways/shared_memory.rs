//! Three ways through memory that both map: a segment with eventfds, a ring with doorbells, and a descriptor that travels.
//!
//! Invariant: only one of the two processes writes to a shared slice at a time; the eventfds say whose turn it is.
//!
//! # References
//! man 2 memfd_create; man 2 eventfd; man 7 unix, SCM_RIGHTS.

use super::streams::ANSWER;
use super::{Halves, Receiver, Sender};
use anyhow::{Context, Result, bail, ensure};
use byte_ring::{Consumer, Producer, WriteError, bytes_for};
use nix::errno::Errno;
use nix::sys::eventfd::{EfdFlags, EventFd};
use shared::{Segment, SharedSlice, SharedSliceMut, passing};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;
use wake::Doorbell;

/// How long one side waits at a bell for the other before it takes it for dead.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a side that looks first looks.
const LOOK: Duration = Duration::from_micros(50);

const RING_BYTES: usize = 1 << 20;

/// Small enough that several are in the ring at once, so that both sides have something to do.
const PIECE_BYTES: usize = 1 << 16;

/// One side of a segment: the memory, the bell that it rings, the bell that it waits for.
struct Side {
    memory: SharedSliceMut<u8>,
    rings: Arc<EventFd>,
    waits: Arc<EventFd>,
}

/// One side before the fork gives each process a mapping of its own: the slice goes to the sender, its twin by message.
pub(super) fn segment(size_max: usize) -> Result<Halves> {
    let bell = || EventFd::from_flags(EfdFlags::EFD_CLOEXEC).map(Arc::new).context("eventfd");
    let (there, back) = (bell()?, bell()?);
    let memory = SharedSliceMut::zeroed(size_max).context("the shared segment")?;
    let twin = twin(&memory)?;
    Ok((
        Box::new(Side { memory, rings: Arc::clone(&there), waits: Arc::clone(&back) }),
        Box::new(Side { memory: twin, rings: back, waits: there }),
    ))
}

/// The same memory once more, as another process would get it.
fn twin(memory: &SharedSliceMut<u8>) -> Result<SharedSliceMut<u8>> {
    let (note, descriptors) = passing::collect(|| serde_json::to_vec(memory));
    let descriptors: std::io::Result<Vec<OwnedFd>> =
        descriptors.iter().map(|descriptor| descriptor.try_clone()).collect();
    let note = note?;
    passing::provide(descriptors?, || serde_json::from_slice(&note))
        .context("the shared segment cannot be mapped twice")
}

impl Side {
    fn ring(&self) -> Result<()> {
        retry(|| self.rings.write(1)).context("eventfd")
    }

    fn wait(&self) -> Result<()> {
        retry(|| self.waits.read()).context("eventfd")
    }
}

fn retry<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<(), Errno> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            done => return done.map(drop),
        }
    }
}

impl Sender for Side {
    fn send(&mut self, message: &[u8]) -> Result<()> {
        self.memory.as_mut_slice()[..message.len()].copy_from_slice(message);
        self.ring()
    }

    fn answered(&mut self) -> Result<()> {
        self.wait()
    }
}

impl Receiver for Side {
    fn clear(&mut self, _buffer: &mut Vec<u8>, size: usize) {
        self.memory.as_mut_slice()[..size].fill(0);
    }

    fn receive(&mut self, _buffer: &mut Vec<u8>, _size: usize) -> Result<()> {
        self.wait()
    }

    fn message<'a>(&'a self, _buffer: &'a [u8], size: usize) -> &'a [u8] {
        &self.memory.as_slice()[..size]
    }

    fn answer(&mut self) -> Result<()> {
        self.ring()
    }
}

/// Where the bells are in the segment: in lines of their own, behind the two rings.
const BELLS_AT: usize = 2 * bytes_for(RING_BYTES);
const LINE_BYTES: usize = byte_ring::layout::LINE_BYTES;

/// One side of two rings.
struct Ringing {
    segment: Arc<Segment>,
    out: Producer,
    inward: Consumer,
    /// Offsets of bells: for news to the other side, for its room, and the same two of this side.
    news_out: usize,
    room_out: usize,
    news_in: usize,
    room_in: usize,
    looks: bool,
}

/// Two rings in one segment, with a bell for news and a bell for room each. A side that `looks` does so before it sleeps.
pub(super) fn ring(looks: bool) -> Result<Halves> {
    let segment = Arc::new(Segment::create("ring", BELLS_AT + 4 * LINE_BYTES)?);
    let side = |out: usize, inward: usize| -> Result<Ringing> {
        let bell = |nth: usize| BELLS_AT + nth * LINE_BYTES;
        let at = |nth: usize| nth * bytes_for(RING_BYTES);
        Ok(Ringing {
            out: Producer::new(Arc::clone(&segment), at(out), RING_BYTES)?,
            inward: Consumer::new(Arc::clone(&segment), at(inward), RING_BYTES)?,
            segment: Arc::clone(&segment),
            news_out: bell(2 * out),
            room_out: bell(2 * out + 1),
            news_in: bell(2 * inward),
            room_in: bell(2 * inward + 1),
            looks,
        })
    };
    Ok((Box::new(side(0, 1)?), Box::new(side(1, 0)?)))
}

impl Ringing {
    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        let room = self.segment.at::<Doorbell>(self.room_out)?;
        for piece in bytes.chunks(PIECE_BYTES) {
            loop {
                match self.out.write(0, piece) {
                    Ok(_) => break,
                    Err(WriteError::Full) => {
                        let out = &mut self.out;
                        // Twice the piece: it may not fit at the end of the ring.
                        let enough = 2 * (piece.len() + 32);
                        if !room.wait(Some(PATIENCE), || out.free_bytes() >= enough) {
                            bail!("nobody takes anything out of the ring");
                        }
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            self.out.publish();
            self.segment.at::<Doorbell>(self.news_out)?.ring();
        }
        Ok(())
    }

    /// Appends a message of `size` bytes to `buffer`.
    fn take(&mut self, buffer: &mut Vec<u8>, size: usize) -> Result<()> {
        let news = self.segment.at::<Doorbell>(self.news_in)?;
        while buffer.len() < size {
            let inward = &mut self.inward;
            let seen = self.looks && wake::spin(LOOK, || !inward.is_empty());
            if !seen && !news.wait(Some(PATIENCE), || !inward.is_empty()) {
                bail!("nobody puts anything into the ring");
            }
            if let Some(record) = inward.next()? {
                record.copy_to(buffer);
            }
            inward.release();
            self.segment.at::<Doorbell>(self.room_in)?.ring();
        }
        ensure!(buffer.len() == size, "{} bytes came instead of {size}", buffer.len());
        Ok(())
    }
}

impl Sender for Ringing {
    fn send(&mut self, message: &[u8]) -> Result<()> {
        self.put(message)
    }

    fn answered(&mut self) -> Result<()> {
        let mut answer = Vec::with_capacity(ANSWER.len());
        self.take(&mut answer, ANSWER.len())
    }
}

impl Receiver for Ringing {
    fn receive(&mut self, buffer: &mut Vec<u8>, size: usize) -> Result<()> {
        buffer.clear();
        self.take(buffer, size)
    }

    fn answer(&mut self) -> Result<()> {
        self.put(&ANSWER)
    }
}

/// One side of a socket that descriptors travel through.
struct Passing {
    socket: OwnedFd,
    /// The message: at the sender as it was made, at the receiver as it came.
    slice: Option<SharedSlice<u8>>,
}

/// Messages that lie in shared memory from the beginning. Only their descriptor travels.
pub(super) fn descriptor() -> Result<Halves> {
    let (here, there) = passing::socket_pair().context("socketpair")?;
    let side = |socket| Box::new(Passing { socket, slice: None });
    Ok((side(here), side(there)))
}

/// More than the note of a slice needs.
const NOTE_MAX: usize = 256;

impl Sender for Passing {
    fn prepare(&mut self, message: &[u8]) -> Result<()> {
        // The last one goes first: two at once would be more memory than was planned for.
        self.slice = None;
        self.slice = Some(SharedSlice::from_slice(message)?);
        Ok(())
    }

    fn send(&mut self, _message: &[u8]) -> Result<()> {
        let (note, descriptors) = passing::collect(|| serde_json::to_vec(&self.slice));
        let descriptors: Vec<_> = descriptors.iter().map(|it| it.as_fd()).collect();
        passing::send(self.socket.as_fd(), &note?, &descriptors)
            .context("cannot send a descriptor")
    }

    fn answered(&mut self) -> Result<()> {
        let mut answer = [0; ANSWER.len()];
        let got = passing::receive(self.socket.as_fd(), &mut answer)?;
        ensure!(got.len == ANSWER.len(), "there was no answer");
        Ok(())
    }
}

impl Receiver for Passing {
    fn clear(&mut self, _buffer: &mut Vec<u8>, _size: usize) {
        self.slice = None;
    }

    fn receive(&mut self, _buffer: &mut Vec<u8>, size: usize) -> Result<()> {
        let mut note = [0; NOTE_MAX];
        let got = passing::receive(self.socket.as_fd(), &mut note)?;
        let slice: Option<SharedSlice<u8>> =
            passing::provide(got.descriptors, || serde_json::from_slice(&note[..got.len]))
                .context("a message did not arrive")?;
        let len = slice.as_ref().map_or(0, SharedSlice::len);
        ensure!(len == size, "{len} bytes came instead of {size}");
        self.slice = slice;
        Ok(())
    }

    fn message<'a>(&'a self, _buffer: &'a [u8], _size: usize) -> &'a [u8] {
        self.slice.as_ref().map_or(&[], SharedSlice::as_slice)
    }

    fn brings_memory(&self) -> bool {
        true
    }

    fn forget(&mut self) {
        self.slice = None;
    }

    fn answer(&mut self) -> Result<()> {
        passing::send(self.socket.as_fd(), &ANSWER, &[]).context("cannot answer")
    }
}
