//! The program of `whom-to-wake`: asks a promise as executors do, and says whom it wakes.
//!
//! By hand: `cargo run -p whom-to-wake -- moved`. The word is what happens:
//!
//! - `early`: the result is there before anybody asks;
//! - `late`: it comes after somebody has asked;
//! - `moved`: it comes after somebody has asked, and then somebody else, as with a future that goes to another executor;
//! - `meanwhile`: it comes while somebody asks;
//! - `inline`: whoever is woken asks at once, before `wake` returns.

use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use nix::unistd::gettid;
use process::{Snapshot, State};
use whom_to_wake::Promise;

const RESULT: u32 = 42;

/// One who asks.
struct Asker {
    name: &'static str,
    /// What it asks at once when it is woken.
    asks_at_once: Option<Arc<Promise<u32>>>,
}

impl Asker {
    fn is_woken(&self) {
        say("woken", self.name);
    }
}

impl Wake for Asker {
    fn wake(self: Arc<Asker>) {
        self.is_woken();
        if let Some(promise) = &self.asks_at_once {
            say("in wake", "asks");
            say("in wake", shown(ask(promise, &Waker::from(self.clone()))));
        }
    }
}

/// Says what the promise answers, and who is woken.
pub(crate) fn main() {
    let promise = Arc::new(Promise::open());
    let asker = |name| Asker { name, asks_at_once: None };
    match std::env::args().nth(1).as_deref() {
        Some("early") => {
            promise.fulfil(RESULT);
            let first = Waker::from(Arc::new(asker("first")));
            say("first asks", shown(ask(&promise, &first)));
        }
        Some("late") => {
            let first = Waker::from(Arc::new(asker("first")));
            say("first asks", shown(ask(&promise, &first)));
            say("first asks", shown(ask(&promise, &first)));
            promise.fulfil(RESULT);
            say("result", "there");
            say("first asks again", shown(ask(&promise, &first)));
        }
        Some("moved") => {
            let [first, second] =
                ["first", "second"].map(|name| Waker::from(Arc::new(asker(name))));
            say("first asks", shown(ask(&promise, &first)));
            say("second asks", shown(ask(&promise, &second)));
            promise.fulfil(RESULT);
            say("result", "there");
            say("second asks again", shown(ask(&promise, &second)));
        }
        Some("inline") => {
            let asks_at_once = Some(promise.clone());
            let first = Asker { asks_at_once, ..asker("first") };
            say("first asks", shown(ask(&promise, &Waker::from(Arc::new(first)))));
            promise.fulfil(RESULT);
            say("result", "there");
        }
        Some("meanwhile") => meanwhile(&promise, asker("first")),
        _ => eprintln!("usage: whom-to-wake early|late|moved|meanwhile|inline"),
    }
}

fn ask(promise: &Promise<u32>, waker: &Waker) -> Poll<u32> {
    promise.poll(&mut Context::from_waker(waker))
}

fn shown(answer: Poll<u32>) -> &'static str {
    match answer {
        Poll::Ready(RESULT) => "ready",
        Poll::Ready(_) => "ready with another result",
        Poll::Pending => "pending",
    }
}

/// The result comes at the moment at which the promise takes a copy of the waker, or as soon after it as the promise's lock
/// allows.
fn meanwhile(promise: &Arc<Promise<u32>>, asker: Asker) {
    let progress = Arc::new(Progress::default());
    let helper = {
        let (promise, progress) = (promise.clone(), progress.clone());
        thread::spawn(move || {
            let _ = progress.tid.set(gettid().as_raw());
            while !progress.may_begin.load(SeqCst) {
                thread::park();
            }
            progress.has_begun.store(true, SeqCst);
            promise.fulfil(RESULT);
            progress.is_done.store(true, SeqCst);
        })
    };
    let hook = Arc::new(Hook { asker, thread: helper.thread().clone(), progress });
    let waker = waker(hook.clone());
    say("first asks", shown(ask(promise, &waker)));
    // If no copy was taken, it comes now.
    hook.let_it_come();
    let _ = helper.join();
    say("result", "there");
    say("first asks again", shown(ask(promise, &waker)));
}

/// How far the thread is that puts the result in.
#[derive(Default)]
struct Progress {
    tid: OnceLock<i32>,
    may_begin: AtomicBool,
    has_begun: AtomicBool,
    is_done: AtomicBool,
}

/// A waker of which a copy cannot be taken without the result coming at that moment.
struct Hook {
    asker: Asker,
    thread: Thread,
    progress: Arc<Progress>,
}

impl Hook {
    /// Returns when the result was put in, or when whoever does it sleeps, since it waits for the promise's lock.
    fn let_it_come(&self) {
        let progress = &self.progress;
        progress.may_begin.store(true, SeqCst);
        self.thread.unpark();
        let is_asleep = || progress.tid.get().is_some_and(|tid| is_asleep(*tid));
        let waits_for_lock = || progress.has_begun.load(SeqCst) && is_asleep();
        while !progress.is_done.load(SeqCst) && !waits_for_lock() {
            thread::sleep(Duration::from_micros(200));
        }
    }
}

/// Whether a thread of this process is asleep.
fn is_asleep(tid: i32) -> bool {
    let threads = Snapshot::this().map_or_else(|_| Vec::new(), |this| this.threads);
    threads.iter().any(|thread| thread.tid == tid && thread.state == State::Sleeping)
}

fn waker(hook: Arc<Hook>) -> Waker {
    // SAFETY: the functions of the table treat the pointer as an `Arc` that the waker owns.
    unsafe { Waker::from_raw(RawWaker::new(Arc::into_raw(hook).cast(), &TABLE)) }
}

/// A waker's functions, as `std::task::RawWaker` asks for them.
static TABLE: RawWakerVTable = RawWakerVTable::new(
    |hook| {
        // SAFETY: the waker that is copied owns an `Arc`.
        let hook = unsafe { ManuallyDrop::new(Arc::from_raw(hook.cast::<Hook>())) };
        hook.let_it_come();
        RawWaker::new(Arc::into_raw(Arc::clone(&hook)).cast(), &TABLE)
    },
    |hook| {
        // SAFETY: the waker owns an `Arc`, and is gone after this.
        let hook = unsafe { Arc::from_raw(hook.cast::<Hook>()) };
        hook.asker.is_woken();
    },
    |hook| {
        // SAFETY: the waker owns an `Arc`, and keeps it.
        let hook = unsafe { ManuallyDrop::new(Arc::from_raw(hook.cast::<Hook>())) };
        hook.asker.is_woken();
    },
    |hook| {
        // SAFETY: the waker owns an `Arc`, and is gone after this.
        drop(unsafe { Arc::from_raw(hook.cast::<Hook>()) });
    },
);

fn say(what: &str, value: &str) {
    println!("{what}: {value}");
    gate::tell(what, value);
}
