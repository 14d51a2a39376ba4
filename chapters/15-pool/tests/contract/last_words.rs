//! What workers write to standard error: it comes out of the program's, and the end of it is evidence of their death.

use crate::gate::{self, Gate};
use crate::observe::{builder, descriptors, is_alive, kill_9, pool, raw, until, worker_pids};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use procpool::{Evidence, ExitStatus, Pool, PoolError, Shutdown, StartMethod, TaskError};
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

crate::over_each_start_method![
    what_a_dying_worker_wrote_is_evidence,
    a_killed_worker_has_its_last_words_too,
    of_much_the_end_is_kept,
    a_silent_worker_has_no_last_words,
    a_stack_that_overflows_is_told,
    a_fault_and_a_signal_that_was_sent_are_what_they_are,
    a_child_that_holds_the_pipe_delays_nothing,
    a_crash_in_the_initializer_names_the_last_line,
    a_worker_that_closed_its_standard_error,
    it_takes_one_descriptor_for_a_worker,
    all_comes_out_in_order_before_the_pool_has_ended,
    a_closed_standard_error_harms_nothing,
    a_standard_error_that_breaks_harms_nothing,
    a_standard_error_that_nobody_reads_keeps_no_pool_from_ending,
];

/// The first argument of a program of this module. What it does and its start method follow.
const ARGUMENT: &str = "--talkative";
/// How many lines a task writes that writes many.
const LINES: u32 = 5000;
/// How many such tasks are far more than the three pipes on the way hold.
const TASKS_UNREAD: u64 = 20;

/// The evidence of a task's death.
fn evidence<R: std::fmt::Debug>(result: Result<R, TaskError>) -> Evidence {
    match result {
        Err(TaskError::WorkerDied { evidence, .. }) => evidence,
        other => panic!("{other:?}"),
    }
}

fn tail<R: std::fmt::Debug>(result: Result<R, TaskError>) -> Option<String> {
    evidence(result).stderr_tail
}

fn say_and_abort(word: String) {
    eprintln!("first {word}");
    eprint!("then {word}");
    std::process::abort();
}

fn what_a_dying_worker_wrote_is_evidence(method: StartMethod) {
    let pool = pool(method);
    let error = pool.call(say_and_abort, "a straw".into()).expect_err("it aborts");
    assert!(!error.to_string().contains('\n'), "one line: {error}");
    assert_eq!(tail::<()>(Err(error)).as_deref(), Some("first a straw\nthen a straw"));
    // Another worker's words are not this one's.
    let words = tail(pool.call(say_and_abort, "a camel".into()));
    assert_eq!(words.as_deref(), Some("first a camel\nthen a camel"));
}

fn say_and_pass((word, gate): (String, String)) -> u32 {
    eprintln!("{word}");
    gate::pass(gate)
}

fn a_killed_worker_has_its_last_words_too(method: StartMethod) {
    let pool = pool(method);
    let gate = Gate::new();
    let handle = pool.submit(say_and_pass, ("until here".into(), gate.name()));
    let arrival = gate.arrival();
    kill_9(arrival.pid);
    assert_eq!(tail(handle.join()).as_deref(), Some("until here"));
}

fn write_lines_and(exit: bool) {
    let mut text = String::new();
    for n in 0..LINES {
        text += &format!("{} {n}\n", std::process::id());
    }
    std::io::stderr().write_all(text.as_bytes()).expect("a pipe");
    if exit {
        std::process::exit(3);
    }
}

fn of_much_the_end_is_kept(method: StartMethod) {
    let pool = pool(method);
    let words = tail(pool.call(write_lines_and, true)).expect("lines");
    let mut numbers = Vec::new();
    for line in words.lines() {
        let (_, number) = line.split_once(' ').expect("a whole line");
        numbers.push(number.parse::<u32>().expect("a whole line"));
    }
    assert!(words.len() <= 4096 && words.len() > 4000, "{} bytes", words.len());
    let len = u32::try_from(numbers.len()).expect("few");
    assert!(numbers.iter().copied().eq(LINES - len..LINES), "{numbers:?}");
}

fn end_silently(code: i32) {
    std::process::exit(code);
}

fn a_silent_worker_has_no_last_words(method: StartMethod) {
    assert_eq!(tail(pool(method).call(end_silently, 3)), None);
}

#[expect(unconditional_recursion)]
fn overflow(depth: u64) -> u64 {
    // Not a loop: the frame is still needed after the call.
    std::hint::black_box(overflow(depth + 1)) + std::hint::black_box(depth)
}

/// The death of a worker: the signal, and its last words.
fn death<R: std::fmt::Debug>(result: Result<R, TaskError>) -> (i32, String) {
    match result {
        Err(TaskError::WorkerDied { status, evidence, .. }) => {
            let ExitStatus::Signaled { signal, .. } = status else { panic!("{status}") };
            (signal, evidence.stderr_tail.unwrap_or_default())
        }
        other => panic!("{other:?}"),
    }
}

fn a_stack_that_overflows_is_told(method: StartMethod) {
    let pool = pool(method);
    let (signal, words) = death(pool.call(overflow, 0));
    assert_eq!(signal, Signal::SIGABRT as i32, "{words}");
    assert!(words.contains("has overflowed its stack"), "{words}");
    pool.call(write_lines_and, false).expect("the pool goes on");
}

fn fault(address: usize) {
    let nowhere = std::ptr::without_provenance_mut::<u8>(address);
    // SAFETY: nothing is ever mapped in the first page, so no memory changes; the process ends.
    unsafe { nowhere.write_volatile(0) };
}

fn a_fault_and_a_signal_that_was_sent_are_what_they_are(method: StartMethod) {
    let pool = pool(method);
    assert_eq!(death(pool.call(fault, 16)), (Signal::SIGSEGV as i32, String::new()));
    for signal in [Signal::SIGSEGV, Signal::SIGBUS] {
        let gate = Gate::new();
        let handle = pool.submit(gate::pass, gate.name());
        let arrival = gate.arrival();
        kill(Pid::from_raw(raw(arrival.pid)), signal).expect("a worker");
        until("it ends by the first one", || !is_alive(arrival.pid));
        assert_eq!(death(handle.join()), (signal as i32, String::new()));
    }
}

/// Leaves a child that is in a group of its own and has the worker's standard error.
fn leave_a_child(seconds: u32) {
    let child = Command::new("sleep").arg(seconds.to_string()).process_group(0).spawn();
    eprintln!("{}", child.expect("a child").id());
    std::process::exit(3);
}

fn a_child_that_holds_the_pipe_delays_nothing(method: StartMethod) {
    wait::become_subreaper().expect("any kernel since 3.4");
    let pool = pool(method);
    let words = tail(pool.call(leave_a_child, 150)).expect("a number");
    let child: u32 = words.parse().expect("a process id");
    drop(pool);
    assert!(is_alive(child), "it has left its worker's group");
    kill(Pid::from_raw(raw(child)), Signal::SIGKILL).expect("a child of this case");
    let child = wait::Child::adopt(Pid::from_raw(raw(child)));
    child.expect("a child of this case").wait().expect("it ends");
}

fn a_crash_in_the_initializer_names_the_last_line(method: StartMethod) {
    let error = builder(method).initializer(say_and_abort, "a \"db\"".into()).build();
    match error {
        Err(PoolError::InitializerFailed { message }) => {
            assert!(message.contains("SIGABRT"), "{message}");
            assert!(message.ends_with(r#"wrote: "then a \"db\"""#), "{message}");
        }
        other => panic!("{other:?}"),
    }
}

fn close_standard_error(code: i32) {
    eprintln!("before");
    nix::unistd::close(2).expect("standard error");
    if code != 0 {
        std::process::exit(code);
    }
}

fn a_worker_that_closed_its_standard_error(method: StartMethod) {
    let pool = builder(method).workers(1).build().expect("a pool");
    pool.call(close_standard_error, 0).expect("it goes on");
    // The pipe has come to its end, which nobody is to be busy with.
    idle(std::process::id());
    let gate = Gate::new();
    let handle = pool.submit(gate::pass, gate.name());
    kill_9(gate.arrival().pid);
    assert_eq!(tail(handle.join()).as_deref(), Some("before"));
    assert_eq!(tail(pool.call(close_standard_error, 3)).as_deref(), Some("before"));
}

/// Waits until no thread of the pool that has to do with standard error runs any more.
fn idle(program: u32) {
    // `None` until the thread has begun: only then it has its name, which is cut after 15 bytes.
    let switches = || -> Option<String> {
        let threads = std::fs::read_dir(format!("/proc/{program}/task")).expect("/proc");
        let status = |thread: std::io::Result<std::fs::DirEntry>| {
            std::fs::read_to_string(thread.ok()?.path().join("status")).ok()
        };
        let one = threads.filter_map(status).find(|it| it.contains("procpool-stderr"))?;
        Some(one.lines().filter(|line| line.contains("ctxt")).collect())
    };
    let mut before = switches();
    until("the thread sleeps", || {
        std::thread::sleep(Duration::from_millis(100));
        let now = switches();
        let last = std::mem::replace(&mut before, now);
        before.is_some() && last == before
    });
}

fn it_takes_one_descriptor_for_a_worker(method: StartMethod) {
    let pipes = |pid: u32| {
        let is_pipe = |it: &&(i32, String, u64)| it.1.starts_with("pipe:");
        descriptors(pid).iter().filter(is_pipe).map(|it| it.1.clone()).collect::<Vec<_>>()
    };
    let before = pipes(std::process::id()).len();
    let pool = pool(method);
    for _ in 0..3 {
        let pids = worker_pids(&pool, 2);
        assert_eq!(pipes(std::process::id()).len(), before + 2);
        for pid in &pids {
            let own = descriptors(*pid);
            let stderr = &own.iter().find(|it| it.0 == 2).expect("standard error").1;
            assert!(pipes(std::process::id()).contains(stderr), "{own:?}");
            assert_eq!(own.iter().filter(|it| it.1 == *stderr).count(), 1, "{own:?}");
        }
        kill_9(*pids.first().expect("two"));
    }
}

// --- programs of their own ---

/// Becomes the program that the arguments ask for.
pub(crate) fn run_if_asked() -> Option<ExitCode> {
    let mut words = std::env::args().skip(1);
    if words.next().as_deref() != Some(ARGUMENT) {
        return None;
    }
    let mut word = || words.next().expect("two words");
    let (what, method) = (word(), word());
    if what == "closed" {
        nix::unistd::close(2).expect("standard error");
    }
    let pool = pool(match method.as_str() {
        "Fork" => StartMethod::Fork,
        "Spawn" => StartMethod::Spawn,
        _ => StartMethod::Forkserver,
    });
    let tasks = if what == "unread" { TASKS_UNREAD } else { 4 };
    let handles: Vec<_> = (0..tasks).map(|_| pool.submit(write_lines_and, false)).collect();
    if what == "unread" {
        return Some(end_without_a_reader(&pool));
    }
    let written = handles.into_iter().all(|handle| handle.join().is_ok());
    // The end of it lies in the pipes of workers that are gone.
    let died = (0..2).all(|_| pool.call(write_lines_and, true).is_err());
    pool.shutdown(Shutdown::Finish, None).expect("it ends");
    if what == "whole" {
        eprint!("the end");
    }
    Some(if written && died { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Both workers wait for room in their standard error, and so does the thread that empties it.
fn end_without_a_reader(pool: &Pool) -> ExitCode {
    let pids: Vec<u32> = pool.stats().workers.iter().map(|worker| worker.pid).collect();
    let sleep = || pids.iter().all(|pid| crate::observe::state(*pid) == Some('S'));
    until("the workers wait", || {
        (0..5).all(|_| {
            std::thread::sleep(Duration::from_millis(20));
            sleep()
        })
    });
    assert!(pool.stats().completed < TASKS_UNREAD, "they do not wait for tasks");
    // The supervisor is not held up: it sees them die.
    pids.iter().for_each(|pid| kill_9(*pid));
    until("two others take their places", || {
        let workers = pool.stats().workers;
        workers.len() == pids.len() && workers.iter().all(|worker| !pids.contains(&worker.pid))
    });
    let ended = pool.shutdown(Shutdown::Kill, None);
    if ended.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn start(what: &str, method: StartMethod) -> Child {
    Command::new("/proc/self/exe")
        .args([ARGUMENT, what, &format!("{method:?}")])
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("this program")
}

fn all_comes_out_in_order_before_the_pool_has_ended(method: StartMethod) {
    let output = start("whole", method).wait_with_output().expect("a child");
    assert!(output.status.success(), "{}", output.status);
    let text = String::from_utf8(output.stderr).expect("what the tasks wrote");
    let text = text.strip_suffix("the end").expect("the program's own words come last");
    assert_eq!(text.matches('\n').count(), LINES as usize * 6);
    // What two workers write at once may be mixed, and in the middle of a line. So only what one of them wrote alone
    // is compared, and that is the last.
    let last: Vec<&str> = text.lines().skip(LINES as usize * 5).collect();
    let (pid, _) = last[0].split_once(' ').expect("a line");
    for (n, line) in last.iter().enumerate() {
        assert_eq!(*line, format!("{pid} {n}"));
    }
}

fn a_closed_standard_error_harms_nothing(method: StartMethod) {
    let output = start("closed", method).wait_with_output().expect("a child");
    assert!(output.status.success(), "{}", output.status);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

fn a_standard_error_that_breaks_harms_nothing(method: StartMethod) {
    let mut program = start("broken", method);
    // It reads a little, as `head` does.
    let mut stderr = program.stderr.take().expect("piped");
    stderr.read_exact(&mut [0; 100]).expect("the first lines");
    drop(stderr);
    let status = program.wait().expect("a child");
    assert!(status.success(), "{status}");
}

fn a_standard_error_that_nobody_reads_keeps_no_pool_from_ending(method: StartMethod) {
    let mut program = start("unread", method);
    let status = program.wait().expect("a child");
    assert!(status.success(), "{status}");
}
