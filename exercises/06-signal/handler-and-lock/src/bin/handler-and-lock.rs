//! The program of `handler-and-lock`: five tasks, in some of which SIGUSR1 comes.
//!
//! By hand: `cargo run -p handler-and-lock -- alone`, or `... -- 2 5`: the tasks that send the signal to themselves; or
//! `... -- malloc`: it comes while the third task allocates.

use std::alloc::{GlobalAlloc, Layout, System};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use handler_and_lock::{Task, Totals};
use nix::sys::signal::{Signal, raise};

/// How many bytes each file has.
const FILE_LEN: u64 = 1000;

/// How many tasks there are.
const TASKS: usize = 5;

/// The tasks that send the signal, as bits, from the first one on.
static SENDERS: AtomicU64 = AtomicU64::new(0);

/// Whether the signal comes at the next large allocation.
static IS_ARMED: AtomicBool = AtomicBool::new(false);

/// In which task it does.
const ARMED_TASK: u64 = 3;

/// From how many bytes on an allocation is large.
const LARGE_LEN: usize = 1 << 20;

/// An allocator with a lock, as every `malloc` has one for what its threads share. This one has no other way around it.
struct OneLock {
    lock: Mutex<()>,
}

#[global_allocator]
static ALLOCATOR: OneLock = OneLock { lock: Mutex::new(()) };

// SAFETY: all is left to the system's allocator.
unsafe impl GlobalAlloc for OneLock {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _held = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if layout.size() >= LARGE_LEN && IS_ARMED.swap(false, Ordering::Relaxed) {
            // The signal could come from anywhere. It comes from here, so that it always hits the same moment.
            let _ = raise(Signal::SIGUSR1);
        }
        // SAFETY: the caller keeps the same rules.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        let _held = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: `alloc` has got it from there.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// Has the tasks done.
pub(crate) fn main() -> ExitCode {
    for argument in std::env::args().skip(1) {
        match argument.parse::<u32>() {
            Ok(task) if (1..=TASKS as u32).contains(&task) => {
                SENDERS.fetch_or(1 << task, Ordering::Relaxed);
            }
            _ if argument == "malloc" => IS_ARMED.store(true, Ordering::Relaxed),
            _ if argument == "alone" => {}
            _ => {
                eprintln!("usage: handler-and-lock alone|malloc|TASK...");
                return ExitCode::FAILURE;
            }
        }
    }
    gate::pass("start");
    let totals = handler_and_lock::run(&[task as Task; TASKS], say);
    gate::pass("end");
    match totals {
        Ok(totals) => {
            println!("in all: {}", shown(&totals));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// One file more. In between, one of the two numbers has changed and the other has not.
fn task(totals: &mut Totals) {
    totals.files += 1;
    gate::tell("task", totals.files);
    if SENDERS.load(Ordering::Relaxed) & (1 << totals.files) != 0 {
        let _ = raise(Signal::SIGUSR1);
    }
    if totals.files == ARMED_TASK {
        let file: Vec<u8> = std::hint::black_box(vec![1; LARGE_LEN]);
        totals.bytes += file.len() as u64 / LARGE_LEN as u64 * FILE_LEN;
    } else {
        totals.bytes += FILE_LEN;
    }
}

/// What the reader's function says.
fn say(totals: &Totals) {
    let shown = shown(totals);
    gate::tell("said", &shown);
    println!("so far: {shown}");
}

fn shown(totals: &Totals) -> String {
    format!("{} files, {} bytes", totals.files, totals.bytes)
}
