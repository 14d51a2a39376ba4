//! The program of `hostile-producer`: a consumer, and a child that writes to the ring what it is told to.
//!
//! By hand: `cargo run -p hostile-producer -- 0=2 1=7 2=8 t=3 take take`. `0=2` writes 2 to the first word of the ring,
//! `t=3` writes 3 to the tail, and `h=` would write to the head. `0!=9` writes 9 to the first word as soon as the consumer
//! has read it. `take` asks the consumer for a record.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU32, Ordering};

use hostile_producer::{CAPACITY, Consumer, Memory};
use shared::Segment;
use wait::Child;

/// What the two sides call the places of the indices. A place below the capacity is a word of the ring.
const TAIL: u32 = CAPACITY;
const HEAD: u32 = CAPACITY + 1;

/// The places of the segment.
const PLACES: usize = CAPACITY as usize + 2;

/// More looks than any record needs.
const LOOKS_MAX: u32 = 1000;

/// With what a run is ended that reads outside or without end. It is told before.
struct Stopped;

/// Does what the arguments say, and prints what the consumer gets.
pub(crate) fn main() -> io::Result<()> {
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !info.payload().is::<Stopped>() {
            print(info);
        }
    }));
    let segment = Segment::create("ring", size_of::<[AtomicU32; PLACES]>());
    let segment = segment.map_err(io::Error::other)?;
    let words: &[AtomicU32; PLACES] = segment.at(0).map_err(io::Error::other)?;
    let (own, theirs) = UnixStream::pair()?;
    let mut theirs = Some(theirs);
    let mut producer = Child::fork(|| {
        let ended = theirs.take().map(|parent| produce(words, parent));
        i32::from(!matches!(ended, Some(Ok(()))))
    })
    .map_err(io::Error::other)?;
    drop(theirs);

    let stream = RefCell::new(own);
    let looks = Cell::new(0);
    let mut consumer = Consumer::new(Watched { words, producer: &stream, looks: &looks });
    for step in std::env::args().skip(1) {
        if step != "take" {
            let order =
                order(&step).ok_or_else(|| io::Error::other(format!("{step}: no step")))?;
            send(&stream, order)?;
            continue;
        }
        looks.set(0);
        match panic::catch_unwind(AssertUnwindSafe(|| consumer.take())) {
            Ok(Ok(Some(payload))) => print!("{payload:?}"),
            Ok(Ok(None)) => print!("nothing"),
            Ok(Err(_)) => print!("corrupt"),
            Err(cause) if cause.is::<Stopped>() => break,
            Err(cause) => panic::resume_unwind(cause),
        }
        println!(" | head {}", words[HEAD as usize].load(Ordering::Relaxed));
    }
    send(&stream, [END, 0, 0])?;
    producer.wait().map_err(io::Error::other)?;
    Ok(())
}

/// What the child is told: what to do, at which place, and with which number.
type Order = [u32; 3];

/// Write now; write as soon as the place was read; it was read; end.
const NOW: u32 = 0;
const ONCE_READ: u32 = 1;
const WAS_READ: u32 = 2;
const END: u32 = 3;

fn order(step: &str) -> Option<Order> {
    let (place, number) = step.split_once('=')?;
    let (verb, place) = match place.strip_suffix('!') {
        Some(place) => (ONCE_READ, place),
        None => (NOW, place),
    };
    let place = match place {
        "t" => TAIL,
        "h" => HEAD,
        word => word.parse().ok().filter(|word| *word < CAPACITY)?,
    };
    Some([verb, place, number.parse().ok()?])
}

/// Tells the child something, and waits until it has done it.
fn send(producer: &RefCell<UnixStream>, order: Order) -> io::Result<()> {
    let mut stream = producer.borrow_mut();
    stream.write_all(&order.map(u32::to_ne_bytes).concat())?;
    stream.read_exact(&mut [0])
}

/// The child: the producer, which writes what it likes.
fn produce(words: &[AtomicU32; PLACES], mut parent: UnixStream) -> io::Result<()> {
    let mut later = HashMap::new();
    loop {
        let mut bytes = [0; 12];
        parent.read_exact(&mut bytes)?;
        let number =
            |at: usize| u32::from_ne_bytes([0, 1, 2, 3].map(|byte| bytes[at * 4 + byte]));
        let (place, value) = (number(1), number(2));
        let write = |value| words[place as usize].store(value, Ordering::Relaxed);
        match number(0) {
            NOW => write(value),
            ONCE_READ => {
                later.insert(place, value);
            }
            WAS_READ => {
                later.remove(&place).into_iter().for_each(write);
            }
            _ => {
                parent.write_all(&[0])?;
                return Ok(());
            }
        }
        parent.write_all(&[0])?;
    }
}

/// The ring's memory. The producer learns of every look, and may write before the next one.
struct Watched<'a> {
    words: &'a [AtomicU32; PLACES],
    producer: &'a RefCell<UnixStream>,
    looks: &'a Cell<u32>,
}

impl Watched<'_> {
    fn look(&self, place: u32) -> u32 {
        self.looks.set(self.looks.get() + 1);
        if self.looks.get() > LOOKS_MAX {
            gate::tell("endless", LOOKS_MAX);
            println!("stopped: more than {LOOKS_MAX} looks for one record");
            panic::panic_any(Stopped);
        }
        let value = self.words[place as usize].load(Ordering::Relaxed);
        if send(self.producer, [WAS_READ, place, 0]).is_err() {
            panic::panic_any(Stopped);
        }
        value
    }
}

impl Memory for Watched<'_> {
    fn load_tail(&self) -> u32 {
        self.look(TAIL)
    }

    fn load_head(&self) -> u32 {
        self.look(HEAD)
    }

    fn store_head(&self, head: u32) {
        self.words[HEAD as usize].store(head, Ordering::Relaxed);
    }

    fn load(&self, place: u32) -> u32 {
        if place >= CAPACITY {
            gate::tell("outside", place);
            println!("stopped: place {place} is no part of the ring");
            panic::panic_any(Stopped);
        }
        self.look(place)
    }
}
