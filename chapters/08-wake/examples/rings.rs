//! Rings a doorbell again and again, where one lost wake-up would stop everything, and shows that none is lost.
//! Minutes: 3
//!
//! Run it with `cargo run --release --example rings -- 1000000`: so many rings, with one ringer and with two, from
//! other processes and from other threads. `-- 1000000 processes 1` does one of the four only.
//! Look at how many rings found the bell armed: those raced with a waiter on its way to sleep, or woke it.

use shared::Segment;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::thread;
use std::time::{Duration, Instant};
use wait::Child;
use wake::{Doorbell, spin};

/// How many rings there are if the caller does not say.
const RINGS: u64 = 20_000;

/// How many letters are sent before an answer is waited for, at most.
const BURST_MAX: u64 = 4;

/// Nobody gets on for so long: a wake-up was lost.
const STANDSTILL: Duration = Duration::from_secs(60);

/// How long a ringer looks for its answer before it sleeps too.
const SPIN: Duration = Duration::from_micros(20);

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let rings = words.next().map_or(Ok(RINGS), |word| word.parse())?;
    let place = words.next();
    let ringers: Option<u64> = words.next().map(|word| word.parse()).transpose()?;
    for (name, run) in [("processes", in_processes as Run), ("threads", in_threads)] {
        for count in [1, 2] {
            if place.as_deref().is_none_or(|place| place == name)
                && ringers.is_none_or(|ringers| ringers == count)
            {
                report(name, count, rings, run)?;
            }
        }
    }
    Ok(())
}

type Run = fn(&Arc<Hall>) -> Result<(), Box<dyn Error>>;

fn report(name: &str, ringers: u64, rings: u64, run: Run) -> Result<(), Box<dyn Error>> {
    let hall = Arc::new(Hall::new(ringers, rings / ringers)?);
    let begun = Instant::now();
    run(&hall)?;
    let seconds = begun.elapsed().as_secs_f64();
    let armed = hall.number(ARMED_COUNT).load(Relaxed);
    let rings = hall.number(ANSWERED).load(Relaxed);
    println!(
        "{name}, {ringers} ringing: {rings} rings, none lost; {armed} armed, {seconds:.2} s"
    );
    Ok(())
}

// Where things lie in the segment, each in cache lines of its own.
const BELL: usize = 0;
const ANSWERED: usize = 256;
const ARMED_COUNT: usize = 512;
const fn letter_of(ringer: u64) -> usize {
    1024 + 1024 * ringer as usize
}
const fn answer_of(ringer: u64) -> usize {
    letter_of(ringer) + 256
}
const fn bell_of(ringer: u64) -> usize {
    letter_of(ringer) + 512
}

/// The memory that the waiter and its ringers share.
struct Hall {
    segment: Segment,
    ringers: u64,
    rings_of_each: u64,
    /// On a single core, a look that fails will fail until somebody else runs.
    spin_limit: Duration,
}

impl Hall {
    fn new(ringers: u64, rings_of_each: u64) -> Result<Hall, Box<dyn Error>> {
        let segment = Segment::create("rings", letter_of(ringers))?;
        let is_one_core = thread::available_parallelism()?.get() == 1;
        let spin_limit = if is_one_core { Duration::ZERO } else { SPIN };
        Ok(Hall { segment, ringers, rings_of_each, spin_limit })
    }

    fn number(&self, offset_bytes: usize) -> &AtomicU64 {
        self.segment.at(offset_bytes).expect("inside the segment")
    }

    fn bell(&self, offset_bytes: usize) -> &Doorbell {
        self.segment.at(offset_bytes).expect("inside the segment")
    }

    /// Waits for a letter from anybody and answers it, until all letters have come.
    fn wait_for_all(&self) {
        let mut seen = vec![0; self.ringers as usize];
        let rings = self.ringers * self.rings_of_each;
        while seen.iter().sum::<u64>() < rings {
            self.bell(BELL).wait(None, || {
                (0..)
                    .zip(&seen)
                    .any(|(ringer, &seen)| self.number(letter_of(ringer)).load(Acquire) != seen)
            });
            for (ringer, seen) in (0..).zip(&mut seen) {
                let letter = self.number(letter_of(ringer)).load(Acquire);
                if letter != *seen {
                    self.number(ANSWERED).fetch_add(letter - *seen, Relaxed);
                    *seen = letter;
                    self.number(answer_of(ringer)).store(letter, Release);
                    self.bell(bell_of(ringer)).ring();
                }
            }
        }
    }

    /// Sends letters in bursts, rings for each, and waits for the answer to a burst. Nobody rings after the last letter
    /// of a burst, so if that ring is lost, everything stands still.
    fn ring_all(&self, ringer: u64) {
        let mut dice = ringer + 1;
        let (mut letter, mut armed) = (0, 0);
        while letter < self.rings_of_each {
            let burst = (throw(&mut dice) % BURST_MAX + 1).min(self.rings_of_each - letter);
            for _ in 0..burst {
                delay(throw(&mut dice));
                letter += 1;
                self.number(letter_of(ringer)).store(letter, Release);
                armed += u64::from(self.bell(BELL).ring());
            }
            let answered = || self.number(answer_of(ringer)).load(Acquire) == letter;
            if !spin(self.spin_limit, answered) {
                self.bell(bell_of(ringer)).wait(None, answered);
            }
        }
        self.number(ARMED_COUNT).fetch_add(armed, Relaxed);
    }
}

/// The next of a series of numbers without a pattern (George Marsaglia, "Xorshift RNGs", 2003).
fn throw(dice: &mut u64) -> u64 {
    *dice ^= *dice << 13;
    *dice ^= *dice >> 7;
    *dice ^= *dice << 17;
    *dice >> 16
}

/// None or a short one, so that rings meet the waiter at every step on its way to sleep. Now and then it is long enough
/// for the waiter to be asleep.
fn delay(throw: u64) {
    let turns = match throw % 256 {
        0 => 2000,
        short @ 1..128 => short % 16,
        _ => 0,
    };
    for _ in 0..turns {
        std::hint::spin_loop();
    }
}

fn in_processes(hall: &Arc<Hall>) -> Result<(), Box<dyn Error>> {
    let mut children = vec![Child::fork(|| {
        hall.wait_for_all();
        0
    })?];
    for ringer in 0..hall.ringers {
        children.push(Child::fork(|| {
            hall.ring_all(ringer);
            0
        })?);
    }
    let mut progress = Progress::new(hall);
    for child in &mut children {
        while child.wait_timeout(Duration::from_millis(100))?.is_none() {
            // Leaving kills the children.
            progress.check()?;
        }
        if !child.wait()?.success() {
            return Err(format!("process {}: {}", child.pid(), child.wait()?).into());
        }
    }
    Ok(())
}

fn in_threads(hall: &Arc<Hall>) -> Result<(), Box<dyn Error>> {
    let mut threads = vec![thread::spawn({
        let hall = Arc::clone(hall);
        move || hall.wait_for_all()
    })];
    for ringer in 0..hall.ringers {
        let hall = Arc::clone(hall);
        threads.push(thread::spawn(move || hall.ring_all(ringer)));
    }
    let mut progress = Progress::new(hall);
    while !threads.iter().all(thread::JoinHandle::is_finished) {
        progress.check()?;
        thread::sleep(Duration::from_millis(1));
    }
    for thread in threads {
        thread.join().map_err(|_| "a thread panicked")?;
    }
    Ok(())
}

/// Notices that the waiter answers no more.
struct Progress<'h> {
    hall: &'h Hall,
    answered: u64,
    since: Instant,
}

impl<'h> Progress<'h> {
    fn new(hall: &'h Hall) -> Progress<'h> {
        Progress { hall, answered: 0, since: Instant::now() }
    }

    fn check(&mut self) -> Result<(), Box<dyn Error>> {
        let answered = self.hall.number(ANSWERED).load(Relaxed);
        if answered != self.answered {
            (self.answered, self.since) = (answered, Instant::now());
        } else if self.since.elapsed() > STANDSTILL {
            return Err(format!("a wake-up was lost after {answered} rings").into());
        }
        Ok(())
    }
}
