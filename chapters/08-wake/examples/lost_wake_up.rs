//! Shows a wake-up that is lost, step by step and then at full speed, and a doorbell that loses none.
//! Minutes: 8
//!
//! Run it with `cargo run --example lost_wake_up`.
//! Look at what stands between the waiter's look and its sleep, in the first part and in the second.

use shared::Segment;
use std::error::Error;
use std::process::id;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::thread::yield_now;
use std::time::{Duration, Instant};
use wait::Child;
use wake::futex::{self, Waited};
use wake::{Doorbell, spin};

/// How long a sleeper is given before it is called lost.
const LOST_AFTER: Duration = Duration::from_millis(300);

/// How many letters are sent at full speed, at most.
const LETTERS: u64 = 20_000;
const TIME_MAX: Duration = Duration::from_secs(20);

fn main() -> Result<(), Box<dyn Error>> {
    println!("step by step: look, then sleep");
    let hall = Hall::new()?;
    with_waiter(|| hall.look_then_sleep(), || hall.wake_in_between())?;
    println!("step by step: arm, look, then sleep if still armed");
    let hall = Hall::new()?;
    with_waiter(|| hall.arm_look_then_sleep(), || hall.ring_in_between())?;
    println!("at full speed: look, then sleep");
    let hall = Hall::new()?;
    with_waiter(|| hall.take_letters_carelessly(), || hall.send_letters_carelessly())?;
    println!("at full speed: arm, look, then sleep if still armed");
    let hall = Hall::new()?;
    with_waiter(|| hall.take_letters(), || hall.send_letters())
}

type Outcome = Result<(), Box<dyn Error>>;

/// Runs `waiter` in a child and `ringer` here.
fn with_waiter(waiter: impl Fn() -> Outcome, ringer: impl Fn() -> Outcome) -> Outcome {
    let mut child = Child::fork(|| match waiter() {
        Ok(()) => 0,
        Err(error) => {
            say("waiter, child", &error.to_string());
            1
        }
    })?;
    // If this fails, dropping the child kills it.
    ringer()?;
    let Some(status) = child.wait_timeout(TIME_MAX)? else {
        return Err("the waiter sleeps for ever".into());
    };
    if status.success() { Ok(()) } else { Err(format!("the waiter: {status}").into()) }
}

/// What both processes see.
struct Hall {
    segment: Segment,
}

impl Hall {
    fn new() -> Result<Hall, Box<dyn Error>> {
        Ok(Hall { segment: Segment::create("hall", 4096)? })
    }

    /// The number of the last letter that was sent, of the last that was taken, and of the last that was rung for.
    fn sent(&self) -> &AtomicU64 {
        self.segment.at(0).expect("inside")
    }

    fn taken(&self) -> &AtomicU64 {
        self.segment.at(128).expect("inside")
    }

    fn rung(&self) -> &AtomicU64 {
        self.segment.at(256).expect("inside")
    }

    /// A word that is slept on and never changes.
    fn bare(&self) -> &AtomicU32 {
        self.segment.at(384).expect("inside")
    }

    fn bell(&self) -> &Doorbell {
        self.segment.at(512).expect("inside")
    }

    /// Waits until the other side has done a step, so that the lines below come in one order only.
    fn until(&self, step: u64) -> Outcome {
        let done = || {
            yield_now();
            self.step().load(Acquire) >= step
        };
        if spin(TIME_MAX, done) { Ok(()) } else { Err(format!("no step {step}").into()) }
    }

    fn step(&self) -> &AtomicU64 {
        self.segment.at(640).expect("inside")
    }

    fn has_letter(&self) -> bool {
        self.sent().load(Acquire) == 1
    }
}

// ANCHOR: steps
impl Hall {
    fn look_then_sleep(&self) -> Outcome {
        say("waiter, child", if self.has_letter() { "a letter" } else { "looks: no letter" });
        self.step().store(1, Release);
        self.until(2)?;
        say("waiter, child", "goes to sleep");
        let waited = futex::wait(self.bare(), 0, Some(LOST_AFTER))?;
        if waited == Waited::TimedOut && self.has_letter() {
            say("waiter, child", "still asleep after 300 ms, and the letter is there");
        }
        Ok(())
    }

    fn wake_in_between(&self) -> Outcome {
        self.until(1)?;
        self.sent().store(1, Release);
        let woken = futex::wake(self.bare(), 1);
        say("ringer, parent", &format!("sends a letter, and wakes {woken} sleepers"));
        self.step().store(2, Release);
        Ok(())
    }

    fn arm_look_then_sleep(&self) -> Outcome {
        self.bell().arm();
        say(
            "waiter, child",
            if self.has_letter() { "a letter" } else { "arms, looks: no letter" },
        );
        self.step().store(1, Release);
        self.until(2)?;
        let armed = if self.bell().is_armed() { "armed" } else { "not armed any more" };
        say("waiter, child", &format!("goes to sleep on the bell, which is {armed}"));
        self.bell().sleep(None);
        say(
            "waiter, child",
            if self.has_letter() { "is awake: a letter" } else { "no letter" },
        );
        Ok(())
    }

    fn ring_in_between(&self) -> Outcome {
        self.until(1)?;
        self.sent().store(1, Release);
        let was_armed = if self.bell().ring() { "was armed" } else { "was not armed" };
        say(
            "ringer, parent",
            &format!("sends a letter, and rings the bell, which {was_armed}"),
        );
        self.step().store(2, Release);
        Ok(())
    }
}
// ANCHOR_END: steps

impl Hall {
    fn take_letters_carelessly(&self) -> Outcome {
        for letter in 1..=LETTERS {
            while self.sent().load(Acquire) < letter {
                // Here an interrupt may come at any time, and another process run.
                yield_now();
                let waited = futex::wait(self.bare(), 0, Some(LOST_AFTER))?;
                let was_rung = self.rung().load(Acquire) >= letter;
                if waited == Waited::TimedOut && was_rung {
                    say("waiter, child", &format!("a wake-up was lost, at ring {letter}"));
                    self.taken().store(u64::MAX, Release);
                    return Ok(());
                }
            }
            self.taken().store(letter, Release);
        }
        say("waiter, child", "no wake-up was lost, this time");
        Ok(())
    }

    fn send_letters_carelessly(&self) -> Outcome {
        self.send(|| {
            futex::wake(self.bare(), 1);
        })
    }

    fn take_letters(&self) -> Outcome {
        for letter in 1..=LETTERS {
            self.bell().wait(None, || self.sent().load(Acquire) >= letter);
            self.taken().store(letter, Release);
        }
        say("waiter, child", "20,000 rings, none was lost");
        Ok(())
    }

    fn send_letters(&self) -> Outcome {
        self.send(|| {
            self.bell().ring();
        })
    }

    /// Sends each letter when the one before was taken, so no ring can stand in for another.
    fn send(&self, ring: impl Fn()) -> Outcome {
        let ends_at = Instant::now() + TIME_MAX;
        for letter in 1..=LETTERS {
            self.sent().store(letter, Release);
            ring();
            self.rung().store(letter, Release);
            while self.taken().load(Relaxed) < letter {
                if Instant::now() > ends_at {
                    return Err(format!("letter {letter} is not taken").into());
                }
                yield_now();
            }
        }
        Ok(())
    }
}

fn say(who: &str, what: &str) {
    println!("{who} {}: {what}", id());
}
