//! The program of `outlives-its-parent`: starts a pool, which has workers started by the reader's function. The pool may
//! be killed.
//!
//! By hand: `cargo run -p outlives-its-parent -- ends`, `... -- stays` or `... -- deaf`: what the workers do. With the
//! last two, kill the pool from another terminal, and look whether its workers are still there.

use std::io;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use nix::errno::Errno;
use nix::sys::signal::{SigHandler, SigSet, Signal, signal};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{Pid, alarm, getpid, pause};

/// What a worker ends with that ends by itself.
const CODE: i32 = 7;

/// After how many seconds a process that stays is ended by its own alarm.
const SAFETY_S: u32 = 300;

/// The pool, whose children stop after their fork and when they ask for their parent; 0 if they do not.
static POOL: AtomicI32 = AtomicI32::new(0);

/// Whether this process is at a gate, whose code may ask anything.
static IS_AT_GATE: AtomicBool = AtomicBool::new(false);

/// Starts a pool and waits for it.
pub(crate) fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let work: fn() -> i32 = match arguments.first().map(String::as_str) {
        Some("ends") => ends,
        Some("stays") => stays,
        Some("deaf") => is_deaf,
        _ => {
            eprintln!("usage: outlives-its-parent ends|stays|deaf [race]");
            return ExitCode::FAILURE;
        }
    };
    let is_race = arguments.get(1).is_some_and(|word| word == "race");
    gate::pass("start");
    let pool = match fork::fork(|| pool(work, is_race)) {
        Ok(pool) => pool,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let end = shown(pool);
    gate::tell("pool ended", &end);
    println!("the pool: {end}");
    gate::pass("end");
    ExitCode::SUCCESS
}

/// Starts two workers, or one whose start is watched, and waits for them.
fn pool(work: fn() -> i32, is_race: bool) -> i32 {
    gate::tell("pool", getpid());
    if is_race {
        POOL.store(getpid().as_raw(), Ordering::Relaxed);
        // SAFETY: the function may be called after a fork: this process has one thread.
        unsafe { libc::pthread_atfork(None, None, Some(after_fork)) };
    }
    let workers = if is_race { 1 } else { 2 };
    let started: io::Result<Vec<Pid>> =
        (0..workers).map(|_| outlives_its_parent::start(work)).collect();
    match started {
        Ok(workers) => {
            for worker in workers {
                let end = shown(worker);
                println!("worker {worker}: {end}");
                gate::tell("worker", end);
            }
            0
        }
        Err(error) => {
            gate::tell("worker", format!("error: {error}"));
            1
        }
    }
}

fn shown(child: Pid) -> String {
    loop {
        match waitpid(child, None) {
            Ok(WaitStatus::Exited(_, code)) => return format!("exit code {code}"),
            Ok(WaitStatus::Signaled(_, signal, _)) => return format!("{signal}"),
            Ok(other) => return format!("{other:?}"),
            Err(Errno::EINTR) => {}
            Err(errno) => return format!("waitpid: {errno}"),
        }
    }
}

/// The C library calls this in each new child, before `fork` returns there.
extern "C" fn after_fork() {
    stop_at("forked");
}

/// Stands in for the C library's function of this name: the same call, and then a gate.
#[unsafe(no_mangle)]
extern "C" fn getppid() -> libc::pid_t {
    // SAFETY: the call has no arguments and touches no memory.
    let parent = unsafe { libc::syscall(libc::SYS_getppid) };
    stop_at("asked");
    libc::pid_t::try_from(parent).unwrap_or(0)
}

/// A gate for what the pool has started. The pool itself goes on.
fn stop_at(gate: &str) {
    let pool = POOL.load(Ordering::Relaxed);
    if pool != 0 && pool != getpid().as_raw() && !IS_AT_GATE.swap(true, Ordering::Relaxed) {
        gate::pass(gate);
        IS_AT_GATE.store(false, Ordering::Relaxed);
    }
}

fn ends() -> i32 {
    gate::pass("work");
    CODE
}

fn stays() -> i32 {
    // Run by hand, it is ended by nobody else if it is forgotten.
    alarm::set(SAFETY_S);
    gate::pass("work");
    loop {
        pause();
    }
}

/// Ignores every signal that can be ignored, and blocks what can be blocked.
fn is_deaf() -> i32 {
    for heard in Signal::iterator().filter(|heard| !matches!(heard, Signal::SIGALRM)) {
        // SAFETY: to ignore a signal makes none of our code run. SIGKILL and SIGSTOP are refused with an error.
        let _ = unsafe { signal(heard, SigHandler::SigIgn) };
    }
    let mut all = SigSet::all();
    all.remove(Signal::SIGALRM);
    let _ = all.thread_block();
    stays()
}
