//! The program of `ctrl-c-twice`: some tasks, of which two are at work at the same time.
//!
//! By hand: `cargo run -p ctrl-c-twice -- 5 sleep`: the number of tasks, and what they do. Press Ctrl-C once or twice.
//! With `family` in place of `sleep`, each task has a child of its own as well.

use std::process::ExitCode;
use std::sync::atomic::{AtomicI32, Ordering};

use nix::sys::signal::{SigHandler, Signal, signal};
use nix::unistd::{alarm, getpid, pause, sleep};

/// How many tasks are at work at the same time.
const AT_ONCE: usize = 2;

/// How long a task takes, run by hand.
const TASK_S: u32 = 3;

/// After how many seconds a process that stays is ended by its own alarm.
const SAFETY_S: u32 = 300;

/// The pid of the program itself.
static MAIN: AtomicI32 = AtomicI32::new(0);

/// Stands in for the C library's function of this name: the same call, before which the program itself, and none of its
/// workers, stops at a gate.
#[unsafe(no_mangle)]
extern "C" fn setpgid(pid: libc::pid_t, group: libc::pid_t) -> libc::c_int {
    if getpid().as_raw() == MAIN.load(Ordering::Relaxed) {
        gate::pass("setpgid");
    }
    // SAFETY: the call takes two numbers and touches no memory.
    let done = unsafe { libc::syscall(libc::SYS_setpgid, pid, group) };
    if done == 0 { 0 } else { -1 }
}

/// Has the tasks done.
pub(crate) fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let tasks = arguments.first().and_then(|tasks| tasks.parse().ok());
    let work: Option<fn(usize) -> i32> = match arguments.get(1).map(String::as_str) {
        Some("quick") => Some(quick),
        Some("sleep") => Some(sleeps),
        Some("family") => Some(has_family),
        _ => None,
    };
    let (Some(tasks), Some(work)) = (tasks.filter(|tasks| *tasks <= 20), work) else {
        eprintln!("usage: ctrl-c-twice TASKS quick|sleep|family");
        return ExitCode::FAILURE;
    };
    MAIN.store(getpid().as_raw(), Ordering::Relaxed);
    gate::pass("start");
    let ends = ctrl_c_twice::run(tasks, AT_ONCE, work);
    gate::tell("returned", "");
    gate::pass("end");
    match ends {
        Ok(ends) => {
            for (task, end) in ends.iter().enumerate() {
                let end = end.map_or("not begun".to_owned(), |end| end.to_string());
                println!("task {task}: {end}");
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What a task ends with.
fn code(task: usize) -> i32 {
    i32::try_from(task).unwrap_or(0) + 10
}

fn quick(task: usize) -> i32 {
    gate::tell("task", task);
    code(task)
}

fn sleeps(task: usize) -> i32 {
    if std::env::var_os(gate::VARIABLE).is_none() {
        sleep(TASK_S);
    }
    quick(task)
}

/// Has a child, and neither of them ends by itself or by a signal that can be ignored.
fn has_family(task: usize) -> i32 {
    alarm::set(SAFETY_S);
    for ignored in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGTERM] {
        // SAFETY: to ignore a signal makes none of our code run.
        let _ = unsafe { signal(ignored, SigHandler::SigIgn) };
    }
    let child = fork::fork(|| {
        alarm::set(SAFETY_S);
        gate::tell("child", task);
        loop {
            pause();
        }
    });
    if child.is_err() {
        return 1;
    }
    eprintln!("task {task} is process {}", getpid());
    gate::tell("task", task);
    if task == 0 {
        // It ends by itself, and leaves its child.
        return code(task);
    }
    loop {
        pause();
    }
}
