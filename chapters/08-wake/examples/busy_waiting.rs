//! Shows what waiting by looking again and again costs, also the one who is waited for.
//! Minutes: 5
//!
//! Run it with `cargo run --example busy_waiting`.
//! Look at the processor time of a process that only waits, and at what becomes of a round trip on one core.

use nix::sched::{CpuSet, sched_getcpu, sched_setaffinity};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;
use shared::Segment;
use std::error::Error;
use std::hint::spin_loop;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::thread::{sleep, yield_now};
use std::time::{Duration, Instant};
use wait::Child;
use wake::Doorbell;

/// How long the child waits in the first part.
const WAIT: Duration = Duration::from_millis(300);

/// How often the two answer each other in the second part. One round trip of spinning takes milliseconds.
const SPUN_TRIPS: u64 = 20;
const SLEPT_TRIPS: u64 = 1000;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    println!("a child waits 300 ms for a number to change; its time on a processor:");
    let spun = processor_time("looking again and again", by_spinning)?;
    processor_time("with sched_yield between looks", by_yielding)?;
    let slept = processor_time("sleeping", by_sleeping)?;
    println!("busy waiting {} as sleeping", comparison(spun, slept));

    // From here on this process and its children stay on the core that it is on.
    let mut one = CpuSet::new();
    one.set(sched_getcpu()?)?;
    sched_setaffinity(Pid::from_raw(0), &one)?;
    println!("two processes on one core answer each other; the median of a round trip:");
    let spun = round_trip("looking again and again", SPUN_TRIPS, by_spinning)?;
    let slept = round_trip("sleeping", SLEPT_TRIPS, by_sleeping)?;
    println!("busy waiting {} as sleeping", comparison(spun, slept));
    Ok(())
}

/// A way to wait until a number has reached a value. The bell is rung after each change.
type Way = fn(&AtomicU64, u64, &Doorbell);

// ANCHOR: ways
fn by_spinning(number: &AtomicU64, value: u64, _: &Doorbell) {
    while number.load(Acquire) < value {
        spin_loop();
    }
}

fn by_yielding(number: &AtomicU64, value: u64, _: &Doorbell) {
    while number.load(Acquire) < value {
        yield_now();
    }
}

fn by_sleeping(number: &AtomicU64, value: u64, bell: &Doorbell) {
    bell.wait(None, || number.load(Acquire) >= value);
}
// ANCHOR_END: ways

/// What the two share: a number and a bell for each direction, and the child's report.
struct Shared(Segment);

impl Shared {
    fn new() -> Outcome<Shared> {
        Ok(Shared(Segment::create("waiting", 4096)?))
    }

    fn number(&self, of: usize) -> &AtomicU64 {
        self.0.at(512 * of).expect("inside")
    }

    fn bell(&self, of: usize) -> &Doorbell {
        self.0.at(512 * of + 256).expect("inside")
    }

    fn say(&self, of: usize, value: u64) {
        self.number(of).store(value, Release);
        self.bell(of).ring();
    }
}

const QUESTION: usize = 0;
const ANSWER: usize = 1;
const REPORT: usize = 2;

/// How long a child was on a processor that did nothing but wait.
fn processor_time(name: &str, wait: Way) -> Outcome<Duration> {
    let shared = Shared::new()?;
    let mut child = Child::fork(|| {
        let Ok(before) = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID) else { return 1 };
        wait(shared.number(QUESTION), 1, shared.bell(QUESTION));
        let Ok(after) = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID) else { return 1 };
        let used = Duration::from(after) - Duration::from(before);
        shared.number(REPORT).store(used.as_nanos() as u64, Relaxed);
        0
    })?;
    sleep(WAIT);
    shared.say(QUESTION, 1);
    expect_success(&mut child)?;
    let used = Duration::from_nanos(shared.number(REPORT).load(Relaxed));
    println!("{name:>32}: {:7.2} ms", used.as_secs_f64() * 1e3);
    Ok(used)
}

/// How long it takes until a child has answered, both waiting in the same way.
fn round_trip(name: &str, trips: u64, wait: Way) -> Outcome<Duration> {
    let shared = Shared::new()?;
    let mut child = Child::fork(|| {
        for trip in 1..=trips {
            wait(shared.number(QUESTION), trip, shared.bell(QUESTION));
            shared.say(ANSWER, trip);
        }
        0
    })?;
    let mut times = Vec::new();
    for trip in 1..=trips {
        let begun = Instant::now();
        shared.say(QUESTION, trip);
        wait(shared.number(ANSWER), trip, shared.bell(ANSWER));
        times.push(begun.elapsed());
    }
    expect_success(&mut child)?;
    times.sort();
    let median = times[times.len() / 2];
    println!("{name:>32}: {:7.1} us", median.as_secs_f64() * 1e6);
    Ok(median)
}

fn comparison(spun: Duration, slept: Duration) -> &'static str {
    match spun.as_nanos() / slept.as_nanos().max(1) {
        10.. => "takes more than ten times as long",
        3..10 => "takes more than three times as long",
        _ => "takes about as long",
    }
}

fn expect_success(child: &mut Child) -> Outcome<()> {
    let status = child.wait()?;
    if status.success() { Ok(()) } else { Err(format!("the child: {status}").into()) }
}
