//! The program of `unheard-unlock`: some processes take the lock, one after the other, and each adds 1 to a number.
//!
//! By hand: `cargo run -p unheard-unlock -- 3`. Each keeps the lock for 100 ms, so that the others come to sleep.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use shared::Segment;
use unheard_unlock::Lock;
use wait::Child;

/// Where the number lies in the segment, in bytes: behind the lock.
const NUMBER: usize = 256;

/// How long each process has the lock, if no grader holds it there.
const BY_HAND: Duration = Duration::from_millis(100);

/// Lets the processes take their turns, and prints the number.
pub(crate) fn main() -> ExitCode {
    let processes = std::env::args().nth(1).and_then(|word| word.parse().ok()).unwrap_or(3);
    gate::pass("start");
    let number = take_turns(processes);
    gate::pass("end");
    match number {
        Ok(number) => {
            println!("{processes} processes have counted to {number}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn take_turns(processes: usize) -> Result<u32, Box<dyn Error>> {
    let segment = Arc::new(Segment::create("lock", 4096)?);
    let number: &AtomicU32 = segment.at(NUMBER)?;
    let lock = Lock::new(Arc::clone(&segment))?;
    let mut children = Vec::new();
    for _ in 0..processes {
        children.push(Child::fork(|| {
            gate::pass("ready");
            let done = lock.with(|| {
                let before = number.load(Relaxed);
                gate::pass("inside");
                if std::env::var_os(gate::VARIABLE).is_none() {
                    std::thread::sleep(BY_HAND);
                }
                number.store(before + 1, Relaxed);
            });
            if let Err(error) = &done {
                gate::tell("error", error);
            }
            i32::from(done.is_err())
        })?);
    }
    for child in &mut children {
        child.wait()?;
    }
    Ok(number.load(Relaxed))
}
