//! The program of `closed-queue`: threads that wait at a queue, and what then happens to it.
//!
//! By hand: `cargo run -p closed-queue -- 2 push:a push:b push:c close`. The first word is how many items it has room for.
//! Each further word is a step: `push:X` and `pop` begin a thread, and the next step comes when that thread is done or
//! asleep; `close` closes the queue. At the end all threads are waited for.

use std::error::Error;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use closed_queue::Queue;
use nix::unistd::gettid;

/// A thread that has had a processor for so long, in ticks of 10 ms, is not about to sleep.
const BUSY_TICKS: u64 = 10;

/// Performs the steps, and says how each has ended.
pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let capacity = words.next().unwrap_or_default().parse()?;
    let queue = Arc::new(Queue::with_capacity(capacity));
    let mut threads = Vec::new();
    for (nth, word) in words.enumerate() {
        let step = format!("{} {word}", nth + 1);
        if word == "close" {
            say("begins", &step);
            queue.close();
            say("done", &format!("{step}: closed"));
            continue;
        }
        let (queue, marks) = (queue.clone(), Arc::new(Marks::default()));
        let (of_thread, of_step) = (marks.clone(), step.clone());
        threads.push(thread::spawn(move || {
            say("begins", &step);
            of_thread.tid.store(gettid().as_raw(), SeqCst);
            let end = match word.split_once(':') {
                Some((_, item)) => match queue.push(item.to_owned()) {
                    Ok(()) => "put in".to_owned(),
                    Err(item) => format!("refused, {item} is back"),
                },
                None => queue.pop().unwrap_or_else(|| "nothing".to_owned()),
            };
            of_thread.is_done.store(true, SeqCst);
            say("done", &format!("{step}: {end}"));
        }));
        marks.until_done_or_asleep(&of_step);
    }
    for thread in threads {
        let _ = thread.join();
    }
    Ok(())
}

/// How far a thread is.
#[derive(Default)]
struct Marks {
    /// 0 until it is about to call the queue.
    tid: AtomicI32,
    is_done: AtomicBool,
}

impl Marks {
    /// Waits until the thread of `step` is done, sleeps, or has kept a processor busy for long.
    fn until_done_or_asleep(&self, step: &str) {
        while !self.is_done.load(SeqCst) {
            match state(self.tid.load(SeqCst)) {
                Some(('S', _)) => return,
                Some((_, ticks)) if ticks >= BUSY_TICKS => return say("busy", step),
                // It runs, or has not come to its call yet. It is not to be kept from a processor by this loop.
                _ => thread::sleep(Duration::from_micros(200)),
            }
        }
    }
}

/// The state of a thread of this process, if there is one with this number, and how many ticks it has had (man 5 proc_pid_stat, fields 3, 14 and 15).
fn state(tid: i32) -> Option<(char, u64)> {
    let stat = fs::read_to_string(format!("/proc/self/task/{tid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |nth: usize| fields.get(nth)?.parse::<u64>().ok();
    Some((fields.first()?.chars().next()?, ticks(11)? + ticks(12)?))
}

fn say(what: &str, step: &str) {
    println!("{what}: {step}");
    gate::tell(what, step);
}
