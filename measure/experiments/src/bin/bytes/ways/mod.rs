//! The eight ways, each a sender and a receiver that were made together before the fork.

mod lent;
mod queue;
mod shared_memory;
mod streams;

use crate::plan::{Kind, MIB};
use anyhow::{Result, bail};
use claims::Fact;
use experiments::fact;
use nix::unistd::Pid;

/// The half of a way that sends.
pub(crate) trait Sender {
    /// Before a step: what the way assumes that it was done when the message was made.
    fn prepare(&mut self, _message: &[u8]) -> Result<()> {
        Ok(())
    }

    /// Hands over a message.
    fn send(&mut self, message: &[u8]) -> Result<()>;

    /// Waits for eight bytes that come back.
    fn answered(&mut self) -> Result<()>;
}

/// The half of a way that receives.
pub(crate) trait Receiver {
    /// Once, before the first step: whether this process may receive from that one. In both, `address` is the beginning of
    /// the same bytes.
    ///
    /// # Errors
    /// Why not, and the way out: for the notes.
    fn meet(&mut self, _sender: Pid, _address: usize) -> Result<()> {
        Ok(())
    }

    /// Before a step: forgets the bytes of the last one, and makes `buffer` so long.
    fn clear(&mut self, buffer: &mut Vec<u8>, size: usize) {
        buffer.clear();
        buffer.resize(size, 0);
    }

    /// Waits until a message of `size` bytes is in `buffer`, or in memory that [`Receiver::message`] shows.
    fn receive(&mut self, buffer: &mut Vec<u8>, size: usize) -> Result<()>;

    /// The message that was received last.
    fn message<'a>(&'a self, buffer: &'a [u8], size: usize) -> &'a [u8] {
        &buffer[..size]
    }

    /// Whether every message comes in pages that were not touched here before.
    fn brings_memory(&self) -> bool {
        false
    }

    /// After a message was read: lets go of memory that it brought. To take away pages that were read costs more than to
    /// take away those that nobody looked at, and would be counted for the next message.
    fn forget(&mut self) {}

    /// Sends eight bytes back.
    fn answer(&mut self) -> Result<()>;
}

/// A way with both its halves.
pub(crate) struct Way {
    pub(crate) name: &'static str,
    pub(crate) only: Option<(Kind, usize)>,
    /// The sender's memory is in use until the answer comes, so there is an answer to each message.
    pub(crate) lends: bool,
    /// Whether its bytes per second mean anything: not if no byte moves.
    pub(crate) streams: bool,
    pub(crate) sender: Box<dyn Sender>,
    pub(crate) receiver: Box<dyn Receiver>,
}

type Halves = (Box<dyn Sender>, Box<dyn Receiver>);

/// What the larger pipe holds.
const LARGE_PIPE_BYTES: usize = MIB;

/// All ways for messages of up to `size_max` bytes, in the order of the curves; and why some do not work here.
pub(crate) fn all(size_max: usize) -> Result<(Vec<Way>, Vec<String>)> {
    let mut notes = Vec::new();
    let mut ways = vec![
        copying("pipe", streams::pipe(None)?),
        copying("socketpair", streams::socket()?),
        copying("message queue", refused_or(&mut notes, queue::queues())),
        lending("eventfd + memfd", shared_memory::segment(size_max)?),
        copying("ring", shared_memory::ring(false)?),
        lending("process_vm_readv", lent::read_from_outside()?),
        lending("vmsplice", refused_or(&mut notes, lent::splice())),
        Way { streams: false, ..lending("descriptor", shared_memory::descriptor()?) },
    ];
    let large = Some((Kind::Stream, if size_max > MIB { 2 * MIB } else { MIB }));
    match streams::pipe(Some(LARGE_PIPE_BYTES)) {
        Ok(halves) => {
            ways.push(Way { only: large, ..copying("pipe of 1 MiB, one direction", halves) })
        }
        Err(why) => notes.push(format!("{why:#}")),
    }
    if process_count() > 1 {
        let looking = shared_memory::ring(true)?;
        let name = "ring whose two sides look for 50 µs before they sleep, there and back";
        ways.push(Way { only: Some((Kind::RoundTrip, 8)), ..copying(name, looking) });
        let name = "pipe whose two sides have a core each, there and back";
        ways.push(Way {
            only: Some((Kind::RoundTrip, 8)),
            ..copying(name, streams::pipe(None)?)
        });
    }
    Ok((ways, notes))
}

/// The limits of this system that the page speaks of.
pub(crate) fn limits() -> Vec<Fact> {
    let mut facts = Vec::new();
    let files = [
        (
            "longest message of a queue (fs.mqueue.msgsize_max)",
            "/proc/sys/fs/mqueue/msgsize_max",
        ),
        ("most messages in a queue (fs.mqueue.msg_max)", "/proc/sys/fs/mqueue/msg_max"),
        ("largest pipe without privilege (fs.pipe-max-size)", "/proc/sys/fs/pipe-max-size"),
    ];
    for (name, path) in files {
        if let Ok(text) = std::fs::read_to_string(path) {
            let unit = if name.contains("most") { "" } else { "B" };
            if let Ok(value) = text.trim().parse::<f64>() {
                facts.push(fact(name, claims::amount(value, unit)));
            }
        }
    }
    facts
}

/// How many processors this process may run on.
fn process_count() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn copying(name: &'static str, (sender, receiver): Halves) -> Way {
    Way { name, only: None, lends: false, streams: true, sender, receiver }
}

fn lending(name: &'static str, halves: Halves) -> Way {
    Way { lends: true, ..copying(name, halves) }
}

/// The halves, or two that are never used: the receiver says no at [`Receiver::meet`].
fn refused_or(notes: &mut Vec<String>, halves: Result<Halves>) -> Halves {
    halves.unwrap_or_else(|why| {
        notes.push(format!("{why:#}"));
        (Box::new(Refused), Box::new(Refused))
    })
}

/// A half of a way that this system does not have.
struct Refused;

impl Sender for Refused {
    fn send(&mut self, _message: &[u8]) -> Result<()> {
        bail!("this way does not work here")
    }

    fn answered(&mut self) -> Result<()> {
        bail!("this way does not work here")
    }
}

impl Receiver for Refused {
    fn meet(&mut self, _sender: Pid, _address: usize) -> Result<()> {
        bail!("its curves are empty")
    }

    fn receive(&mut self, _buffer: &mut Vec<u8>, _size: usize) -> Result<()> {
        bail!("this way does not work here")
    }

    fn answer(&mut self) -> Result<()> {
        bail!("this way does not work here")
    }
}
