//! What `wake` promises between processes, case by case.
//!
//! The crate `contract` runs each in a process of its own with one thread, and looks at what it leaves behind.

mod bells;
mod mutexes;

use process::{Snapshot, State};
use shared::Segment;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::time::{Duration, Instant};
use wait::{Child, ExitStatus};

fn main() -> ExitCode {
    contract::run_also_as_nobody(&[bells::CASES, mutexes::CASES].concat())
}

/// How long anything may take that happens at once on a machine with nothing else to do.
const DEADLINE: Duration = Duration::from_secs(60);

/// Where a child says that it is about to sleep.
const ABOUT: usize = 2048;

fn segment() -> Arc<Segment> {
    Arc::new(Segment::create("contract", 4096).unwrap())
}

/// For a child: what it does next, it will sleep in.
fn about_to_sleep(segment: &Segment) {
    segment.at::<AtomicU32>(ABOUT).unwrap().store(1, Release);
}

/// Waits until the child has said so and sleeps.
fn until_asleep(segment: &Segment, child: &Child) {
    let about: &AtomicU32 = segment.at(ABOUT).unwrap();
    let ends_at = Instant::now() + DEADLINE;
    while about.load(Acquire) == 0
        || Snapshot::of(child.pid().as_raw()).unwrap().state != State::Sleeping
    {
        assert!(Instant::now() < ends_at, "the child does not sleep");
        std::thread::yield_now();
    }
    about.store(0, Release);
}

/// How the child ended, which is soon.
fn end_of(child: &mut Child) -> ExitStatus {
    child.wait_timeout(DEADLINE).unwrap().expect("the child still runs")
}
