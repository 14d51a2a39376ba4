//! The program of `only-on-this-machine`: two threads send records through a ring, with the memory of the model checker
//! loom. It runs them in the orders that Rust's memory model allows, and stops at the first that goes wrong.
//!
//! By hand: `cargo run -p only-on-this-machine`. With `alone`, one thread does both, and loom has one order to try.

use std::collections::BTreeMap;
use std::panic::{self, Location, PanicHookInfo};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64 as Plain, AtomicUsize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use loom::cell::UnsafeCell;
use loom::model::Builder;
use loom::sync::atomic::{AtomicU64, Ordering, fence};
use loom::thread;
use only_on_this_machine::{Index, Ring, Slot};

/// How many records the ring has room for, and how many go through it: the third takes the place of the first.
const SLOTS: usize = 2;
const RECORDS: u64 = 3;

/// How often loom takes the processor from a thread that could go on. Each missing ordering here shows with one; more cost
/// time.
const PREEMPTIONS_MAX: usize = 2;

/// How loom's findings begin: an access that nothing separates from another one, and a thread that never stops looking.
const RACE: &str = "Causality violation";
const ENDLESS: &str = "Model exceeded maximum number of branches";

/// Runs the model, and says what loom has found.
pub(crate) fn main() {
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !is_a_finding(info) {
            print(info);
        }
    }));
    let orders = Arc::new(AtomicUsize::new(0));
    let counted = orders.clone();
    let alone = std::env::args().nth(1).is_some_and(|word| word == "alone");
    let run = panic::catch_unwind(move || {
        let mut model = Builder::new();
        model.preemption_bound = Some(PREEMPTIONS_MAX);
        model.check(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            let log = Arc::default();
            if alone { one_after_another(&ring(&log)) } else { send(ring(&log), &log) }
        });
    });
    if run.is_ok() && !alone {
        println!("right in all {} orders of events", orders.load(Ordering::Relaxed));
    }
}

/// Whether loom has stopped the model, or `send` has. Both have told what they found.
fn is_a_finding(info: &PanicHookInfo) -> bool {
    let text = info.payload_as_str().unwrap_or_default();
    if text.starts_with(ENDLESS) {
        gate::tell("endless", "");
        println!("found: a thread that never stops looking");
    }
    [RACE, ENDLESS, WRONG].iter().any(|begin| text.starts_with(begin))
}

const WRONG: &str = "a wrong record";

/// Fills the ring and empties it, twice.
fn one_after_another<I: Index, S: Slot>(ring: &Ring<I, S>) {
    println!("read {:?}", ring.pop());
    for record in [10, 20] {
        for record in record..=record + SLOTS as u64 {
            println!("write {record}: {}", ring.push(record));
        }
        for _ in 0..=SLOTS {
            println!("read {:?}", ring.pop());
        }
    }
}

/// A producer and a consumer. The producer's thread is loom's second one.
fn send(ring: Ring<Watched, Place>, log: &Arc<Mutex<Log>>) {
    // Loom runs all its threads on one of the system's.
    let ring = Rc::new(ring);
    let consumers = ring.clone();
    lock(log).consumer = Some(thread::current().id());
    let producer = thread::spawn(move || {
        for record in 0..RECORDS {
            while !ring.push(record) {
                thread::yield_now();
            }
        }
    });
    for expected in 0..RECORDS {
        let record = loop {
            match consumers.pop() {
                Some(record) => break record,
                None => thread::yield_now(),
            }
        };
        if record != expected {
            gate::tell("wrong", format!("{expected} {record}"));
            println!("found: record {record} instead of {expected}");
            panic!("{WRONG}");
        }
    }
    let _ = producer.join();
}

/// What has happened in one order of events.
#[derive(Default)]
struct Log {
    consumer: Option<thread::ThreadId>,
    /// Index, side and verb, with the last ordering and its place.
    indices: BTreeMap<
        (&'static str, &'static str, &'static str),
        (Ordering, &'static Location<'static>),
    >,
}

fn lock(log: &Mutex<Log>) -> MutexGuard<'_, Log> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Log {
    fn side(&self) -> &'static str {
        if self.consumer == Some(thread::current().id()) { "consumer" } else { "producer" }
    }

    /// How an index was published and looked at: the pair that hands something over.
    fn pair(&self, index: &str) -> Vec<String> {
        let writer = if index == "tail" { "producer" } else { "consumer" };
        self.indices
            .iter()
            .filter(|((name, side, verb), _)| {
                *name == index && (*side == writer) == (*verb == "stores")
            })
            .map(|((name, side, verb), (ordering, place))| {
                format!("the {side} {verb} the {name} with {ordering:?}, {}", line(place))
            })
            .collect()
    }
}

fn line(place: &Location) -> String {
    format!("line {} of {}", place.line(), place.file())
}

/// An index of loom's.
struct Watched {
    name: &'static str,
    number: AtomicU64,
    log: Arc<Mutex<Log>>,
}

impl Watched {
    fn note(&self, verb: &'static str, ordering: Ordering, place: &'static Location<'static>) {
        let mut log = lock(&self.log);
        let side = log.side();
        log.indices.insert((self.name, side, verb), (ordering, place));
    }
}

impl Index for Watched {
    #[track_caller]
    fn load(&self, ordering: Ordering) -> u64 {
        // The standard library refuses an ordering that a load cannot have. Loom does not.
        Plain::new(0).load(ordering);
        self.note("loads", ordering, Location::caller());
        self.number.load(ordering)
    }

    #[track_caller]
    fn store(&self, number: u64, ordering: Ordering) {
        Plain::new(0).store(number, ordering);
        self.note("stores", ordering, Location::caller());
        self.number.store(number, ordering);
    }

    fn fence(&self, ordering: Ordering) {
        fence(ordering);
    }
}

/// A place for a record. Loom's cell says who comes to it when; what is in it needs no order of its own.
struct Place {
    at: usize,
    cell: UnsafeCell<()>,
    record: Plain,
    reads: AtomicUsize,
    writes: AtomicUsize,
    last: Mutex<Option<String>>,
    log: Arc<Mutex<Log>>,
}

impl Place {
    /// Comes to the cell. If loom ends the run there, it is told who was too near to whom.
    fn visit(&self, verb: &str, place: &Location, access: impl FnOnce()) {
        let (reads, writes) =
            (self.reads.load(Ordering::Relaxed), self.writes.load(Ordering::Relaxed));
        // The record that is being written needs the room of the one before. One that is read needs to be there.
        let index = match verb {
            "writes" if reads <= writes => "head",
            "reads" if writes > reads + 1 => "head",
            _ => "tail",
        };
        let (now, last) = {
            let log = lock(&self.log);
            let now = format!("the {} {verb} slot {}, {}", log.side(), self.at, line(place));
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            let before = last.replace(now.clone());
            (now, before.unwrap_or_default())
        };
        let report = Report { index, now, last, log: &self.log };
        access();
        std::mem::forget(report);
    }
}

/// Tells of a race if it is dropped: the access has not come back.
struct Report<'a> {
    index: &'static str,
    now: String,
    last: String,
    log: &'a Mutex<Log>,
}

impl Drop for Report<'_> {
    fn drop(&mut self) {
        let mut lines = vec![self.index.to_owned(), self.last.clone(), self.now.clone()];
        lines.extend(lock(self.log).pair(self.index));
        gate::tell("race", lines.join("\n"));
        println!("found: a data race\n  {}", lines[1..].join("\n  "));
    }
}

impl Slot for Place {
    #[track_caller]
    fn read(&self) -> u64 {
        self.visit("reads", Location::caller(), || self.cell.with(|_| ()));
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.record.load(Ordering::Relaxed)
    }

    #[track_caller]
    fn write(&self, record: u64) {
        self.visit("writes", Location::caller(), || self.cell.with_mut(|_| ()));
        self.writes.fetch_add(1, Ordering::Relaxed);
        self.record.store(record, Ordering::Relaxed);
    }
}

/// An empty ring.
fn ring(log: &Arc<Mutex<Log>>) -> Ring<Watched, Place> {
    let index = |name| Watched { name, number: AtomicU64::new(0), log: log.clone() };
    let slot = |at| Place {
        at,
        cell: UnsafeCell::new(()),
        record: Plain::new(0),
        reads: AtomicUsize::new(0),
        writes: AtomicUsize::new(0),
        last: Mutex::default(),
        log: log.clone(),
    };
    Ring { tail: index("tail"), head: index("head"), slots: (0..SLOTS).map(slot).collect() }
}
