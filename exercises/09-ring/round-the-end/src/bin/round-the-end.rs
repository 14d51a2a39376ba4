//! The program of `round-the-end`: a producer, and a child that reads from the same memory when it is told to.
//!
//! By hand: `cargo run -p round-the-end -- 0 20 30 r 20 r r`. The first number is what tail and head begin with. After it
//! each number is a record of so many bytes to write, and `r` is to read one. The ring has 64 bytes.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU8, Ordering};

use round_the_end::Ring;
use shared::Segment;
use wait::Child;

/// How many bytes the ring has.
const CAPACITY: usize = 64;

/// Where the three parts of the ring are in the segment.
const TAIL: usize = 0;
const HEAD: usize = 128;
const DATA: usize = 256;

/// Makes the ring and the child, does the steps, and prints what comes of each.
pub(crate) fn main() -> io::Result<()> {
    let mut args = std::env::args().skip(1);
    let Some(start) = args.next().and_then(|word| word.parse().ok()) else {
        return Err(io::Error::other("usage: round-the-end START [LENGTH|r]..."));
    };
    let segment = Segment::create("ring", DATA + CAPACITY).map_err(io::Error::other)?;
    let ring = ring(&segment)?;
    ring.tail.store(start, Ordering::Relaxed);
    ring.head.store(start, Ordering::Relaxed);

    let (mut own, theirs) = UnixStream::pair()?;
    let mut theirs = Some(theirs);
    let mut consumer = Child::fork(|| {
        let ended = theirs.take().map(|parent| consume(&ring, parent));
        i32::from(!matches!(ended, Some(Ok(()))))
    })
    .map_err(io::Error::other)?;
    drop(theirs);
    for (number, step) in (0_u8..).zip(args) {
        match step.parse() {
            Ok(len) => {
                let payload = payload(number, len);
                let written = ring.write(&payload).map_or("does not fit", |()| "is written");
                print!("{} {written}", payload.escape_ascii());
            }
            Err(_) => match read(&mut own)? {
                Some(payload) => print!("{} is read", payload.escape_ascii()),
                None => print!("nothing is read"),
            },
        }
        let [tail, head] = [ring.tail, ring.head].map(|it| it.load(Ordering::Relaxed));
        println!(" | tail {tail}, head {head}");
    }
    own.write_all(b"q")?;
    consumer.wait().map_err(io::Error::other)?;
    Ok(())
}

fn ring(segment: &Segment) -> io::Result<Ring<'_>> {
    Ok(Ring {
        tail: segment.at(TAIL).map_err(io::Error::other)?,
        head: segment.at(HEAD).map_err(io::Error::other)?,
        data: segment.at::<[AtomicU8; CAPACITY]>(DATA).map_err(io::Error::other)?,
    })
}

/// The bytes of the record of step `number`: no two records have the same.
fn payload(number: u8, len: usize) -> Vec<u8> {
    (0..len).map(|at| b'a' + ((usize::from(number) * 7 + at) % 26) as u8).collect()
}

/// Lets the child read a record.
fn read(child: &mut UnixStream) -> io::Result<Option<Vec<u8>>> {
    child.write_all(b"r")?;
    let mut answer = [0; 2];
    child.read_exact(&mut answer)?;
    let mut payload = vec![0; answer[1].into()];
    child.read_exact(&mut payload)?;
    Ok((answer[0] == 1).then_some(payload))
}

/// What the child does: reads a record for each `r`, and hands it to the parent.
fn consume(ring: &Ring, mut parent: UnixStream) -> io::Result<()> {
    let mut command = [0];
    loop {
        parent.read_exact(&mut command)?;
        if command != *b"r" {
            return Ok(());
        }
        let record = ring.read();
        let payload = record.as_deref().unwrap_or_default();
        let len = u8::try_from(payload.len()).map_err(io::Error::other)?;
        parent.write_all(&[u8::from(record.is_some()), len])?;
        parent.write_all(payload)?;
    }
}
