//! The POSIX message queue: messages with a limit, longer ones in pieces.
//!
//! Invariant: a queue has a name only until it is open; nothing is left in the system, however the program ends.
//!
//! # References
//! man 7 mq_overview.

use super::streams::ANSWER;
use super::{Halves, Receiver, Sender};
use anyhow::{Context, Result, ensure};
use nix::errno::Errno;
use nix::mqueue::{MQ_OFlag, MqAttr, MqdT, mq_open, mq_receive, mq_send, mq_unlink};
use nix::sys::stat::Mode;
use std::rc::Rc;

/// The longest message, in bytes, and the most messages in a queue: what a system allows everybody, unless it was changed.
const PIECE_MAX: usize = 8192;
const MESSAGES_MAX: usize = 10;

/// One side: both queues, since a descriptor of a queue is for both directions here.
struct Side {
    out: Rc<MqdT>,
    inward: Rc<MqdT>,
    piece_bytes: usize,
    /// For pieces that are shorter than the queue's longest message.
    scratch: Vec<u8>,
}

/// Two queues, one for each direction.
pub(super) fn queues() -> Result<Halves> {
    let limit = |name: &str, most: usize| {
        let text = std::fs::read_to_string(format!("/proc/sys/fs/mqueue/{name}"));
        text.ok()
            .and_then(|text| text.trim().parse().ok())
            .map_or(most, |it: usize| it.min(most))
    };
    let piece_bytes = limit("msgsize_max", PIECE_MAX);
    let messages = limit("msg_max", MESSAGES_MAX);
    let open = |nth: u32| -> Result<Rc<MqdT>> {
        let name = format!("/from-fork-to-pool-{}-{nth}", std::process::id());
        let how = MQ_OFlag::O_CREAT | MQ_OFlag::O_EXCL | MQ_OFlag::O_RDWR | MQ_OFlag::O_CLOEXEC;
        let attributes = MqAttr::new(0, messages.try_into()?, piece_bytes.try_into()?, 0);
        let queue = mq_open(name.as_str(), how, Mode::S_IRUSR | Mode::S_IWUSR, Some(&attributes))
            .context(
                "there is no POSIX message queue here (the kernel needs CONFIG_POSIX_MQUEUE, a container the call \
                 mq_open, the user room below `ulimit -q`)",
            )?;
        mq_unlink(name.as_str()).context("the name of a message queue cannot be taken away")?;
        Ok(Rc::new(queue))
    };
    let (there, back) = (open(0)?, open(1)?);
    let side = |out: &Rc<MqdT>, inward: &Rc<MqdT>| Side {
        out: Rc::clone(out),
        inward: Rc::clone(inward),
        piece_bytes,
        scratch: vec![0; piece_bytes],
    };
    Ok((Box::new(side(&there, &back)), Box::new(side(&back, &there))))
}

impl Side {
    fn put(&self, bytes: &[u8]) -> Result<()> {
        for piece in bytes.chunks(self.piece_bytes) {
            retry(|| mq_send(&self.out, piece, 0)).context("mq_send")?;
        }
        Ok(())
    }

    fn take(&mut self, buffer: &mut [u8]) -> Result<()> {
        let mut priority = 0;
        for piece in buffer.chunks_mut(self.piece_bytes) {
            // The kernel wants room for the longest message, even if a short one comes.
            let len = if piece.len() == self.piece_bytes {
                retry(|| mq_receive(&self.inward, piece, &mut priority))
                    .context("mq_receive")?
            } else {
                let len = retry(|| mq_receive(&self.inward, &mut self.scratch, &mut priority))
                    .context("mq_receive")?;
                let whole = len.min(piece.len());
                piece[..whole].copy_from_slice(&self.scratch[..whole]);
                len
            };
            ensure!(len == piece.len(), "a piece of {len} bytes instead of {}", piece.len());
        }
        Ok(())
    }
}

fn retry<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            done => return done,
        }
    }
}

impl Sender for Side {
    fn send(&mut self, message: &[u8]) -> Result<()> {
        self.put(message)
    }

    fn answered(&mut self) -> Result<()> {
        self.take(&mut [0; ANSWER.len()])
    }
}

impl Receiver for Side {
    fn receive(&mut self, buffer: &mut Vec<u8>, _size: usize) -> Result<()> {
        self.take(buffer)
    }

    fn answer(&mut self) -> Result<()> {
        self.put(&ANSWER)
    }
}
