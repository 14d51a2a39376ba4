//! Programs that end with a pool in use: killed, by `exit`, by returning, by a panic, on Ctrl-C.
//!
//! The case starts this test program again as such a program and becomes the parent of whatever it leaves behind.

use crate::gate::{self, Gate};
use crate::observe::{children, is_alive, pool, raw, until};
use nix::fcntl::OFlag;
use nix::pty::{grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::stat::Mode;
use nix::unistd::Pid;
use procpool::StartMethod;
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

crate::over_each_start_method![
    killed_it_leaves_no_worker,
    killed_it_leaves_nobody_within_a_second,
    exiting_it_leaves_no_worker,
    exiting_it_leaves_waiting_threads_behind,
    returning_it_leaves_no_worker,
    returning_it_leaves_a_static_pool,
    panicking_it_leaves_no_worker,
    aborting_it_leaves_no_worker,
    interrupted_it_leaves_no_worker,
    interrupted_in_a_terminal_it_is_gone_at_once,
    output_of_a_program_is_written_once,
];

/// The first argument of such a program. How it ends, its start method and its gate follow.
const ARGUMENT: &str = "--program";

/// Becomes the program that the arguments ask for.
pub(crate) fn run_if_asked() -> Option<ExitCode> {
    let mut words = std::env::args().skip(1);
    if words.next().as_deref() != Some(ARGUMENT) {
        return None;
    }
    let mut word = || words.next().expect("three words");
    let (how, method, gate) = (word(), word(), word());
    let method = match method.as_str() {
        "Fork" => StartMethod::Fork,
        "Spawn" => StartMethod::Spawn,
        _ => StartMethod::Forkserver,
    };
    if how == "output" {
        // Without the line's end it stays in a buffer, which a forked process has too.
        print!("begun ");
    }
    match how.as_str() {
        "linger" => {
            gate::pass(gate);
            return Some(ExitCode::SUCCESS);
        }
        "terminal" => take_terminal(&word()),
        _ => {}
    }
    let pool = pool(method);
    if how == "output" {
        pool.call(say, "in a task ".to_owned()).expect("a result");
        print!("done");
        return Some(ExitCode::SUCCESS);
    }
    let task = if how == "children" { pass_with_a_child } else { gate::pass };
    let handles: Vec<_> = (0..4).map(|_| pool.submit(task, gate.clone())).collect();
    // Both workers are busy, and will be for as long as the case wants.
    until_told(&gate);
    match how.as_str() {
        "exit" => std::process::exit(7),
        "return" => {
            std::mem::forget(pool);
            std::mem::forget(handles);
            Some(ExitCode::from(7))
        }
        "static" => {
            static POOL: OnceLock<procpool::Pool> = OnceLock::new();
            POOL.set(pool).expect("it is empty");
            Some(ExitCode::from(7))
        }
        "threads" => {
            let pool = Arc::new(pool);
            let (begun, has_begun) = std::sync::mpsc::channel();
            for handle in handles {
                let (pool, begun, gate) = (Arc::clone(&pool), begun.clone(), gate.clone());
                std::thread::spawn(move || {
                    let mut results = pool.map(gate::pass, std::iter::repeat(gate));
                    begun.send(()).expect("main counts");
                    (results.next(), handle.join())
                });
            }
            (0..4).for_each(|_| has_begun.recv().expect("four threads"));
            std::process::exit(7)
        }
        "panic" => panic!("the program panics"),
        "abort" => std::process::abort(),
        _ => loop {
            std::thread::park();
        },
    }
}

/// The program comes to the gate itself, when it is ready.
fn until_told(gate: &str) {
    gate::pass(gate.to_owned());
}

/// A task that starts a process, which waits at the gate too.
fn pass_with_a_child(gate: String) -> u32 {
    let words = [ARGUMENT, "linger", "none", &gate];
    let child = Command::new("/proc/self/exe").args(words).spawn().expect("this program");
    // It is nobody's any more: what ends it is the end of its group.
    std::mem::forget(child);
    gate::pass(gate)
}

/// Becomes the foreground program of a terminal.
fn take_terminal(path: &str) {
    nix::unistd::setsid().expect("the program leads no group");
    // The first terminal that the leader of a session opens becomes its own.
    let terminal = nix::fcntl::open(path, OFlag::O_RDWR, Mode::empty()).expect("a terminal");
    nix::unistd::dup2_stdin(&terminal).expect("a descriptor");
    nix::unistd::dup2_stdout(&terminal).expect("a descriptor");
    nix::unistd::dup2_stderr(&terminal).expect("a descriptor");
}

fn say(word: String) {
    print!("{word}");
    std::io::stdout().flush().expect("a pipe");
}

/// A program whose two workers are busy, its processes, and what holds them.
struct Busy {
    program: Child,
    processes: BTreeSet<u32>,
    program_waits: Option<gate::Arrival>,
    workers_wait: Vec<gate::Arrival>,
}

fn start(how: &str, method: StartMethod) -> Busy {
    start_at(how, method, "none")
}

fn start_at(how: &str, method: StartMethod, terminal: &str) -> Busy {
    wait::become_subreaper().expect("any kernel since 3.4");
    let gate = Gate::new();
    let mut command = Command::new("/proc/self/exe");
    command
        .args([ARGUMENT, how, &format!("{method:?}"), &gate.name(), terminal])
        .stdin(Stdio::null());
    if how != "terminal" {
        command.process_group(0);
    }
    let program = command.spawn().expect("this program");
    let (mut workers_wait, mut program_waits) = (Vec::new(), None);
    for _ in 0..if how == "children" { 5 } else { 3 } {
        let arrival = gate.arrival();
        if arrival.pid == program.id() {
            program_waits = Some(arrival);
        } else {
            workers_wait.push(arrival);
        }
    }
    assert!(program_waits.is_some(), "the program has come to the gate");
    let tasks = std::fs::read_dir(format!("/proc/{}/task", program.id())).expect("/proc");
    let mut processes: BTreeSet<u32> = tasks
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("children")).ok())
        .flat_map(|list| {
            list.split_whitespace().map(|pid| pid.parse().expect("a pid")).collect::<Vec<_>>()
        })
        .collect();
    assert!(processes.len() >= 2, "two workers: {processes:?}");
    processes.extend(workers_wait.iter().map(|arrival| arrival.pid));
    Busy { program, processes, program_waits, workers_wait }
}

/// Waits for the program, and then for all that it had started; nothing else may be left.
fn expect_nothing_left(busy: Busy) -> ExitStatus {
    time_until_nothing_is_left(busy).0
}

/// The same, and when the last one was gone.
fn time_until_nothing_is_left(mut busy: Busy) -> (ExitStatus, Instant) {
    let status = busy.program.wait().expect("a child");
    until("the workers die with the program", || {
        busy.processes.iter().all(|pid| !is_alive(*pid))
    });
    let gone_at = Instant::now();
    // They stood at the gate all the time.
    drop(busy.workers_wait);
    for orphan in children() {
        let mut orphan =
            wait::Child::adopt(Pid::from_raw(raw(orphan))).expect("a child of this case");
        orphan.wait().expect("an orphan that ends");
    }
    (status, gone_at)
}

/// Repeats what takes too long, a few times: a machine that is busy with something else is slow now and then, and what
/// waits for something is slow each time.
fn expect_within(limit: Duration, mut round: impl FnMut() -> Duration) {
    let mut times = Vec::new();
    for _ in 0..8 {
        times.push(round());
        if times.last() <= Some(&limit) {
            return;
        }
    }
    panic!("never within {limit:?}: {times:?}");
}

fn killed_it_leaves_nobody_within_a_second(method: StartMethod) {
    expect_within(Duration::from_secs(1), || {
        let busy = start("children", method);
        let begun = Instant::now();
        kill(Pid::from_raw(raw(busy.program.id())), Signal::SIGKILL).expect("a child");
        time_until_nothing_is_left(busy).1 - begun
    });
}

fn killed_it_leaves_no_worker(method: StartMethod) {
    let busy = start("wait", method);
    kill(Pid::from_raw(raw(busy.program.id())), Signal::SIGKILL).expect("a child");
    assert_eq!(expect_nothing_left(busy).signal(), Some(9));
}

/// Lets the program go on, but not its tasks.
fn let_go(mut busy: Busy) -> Busy {
    drop(busy.program_waits.take());
    busy
}

fn exiting_it_leaves_no_worker(method: StartMethod) {
    assert_eq!(expect_nothing_left(let_go(start("exit", method))).code(), Some(7));
}

fn returning_it_leaves_no_worker(method: StartMethod) {
    assert_eq!(expect_nothing_left(let_go(start("return", method))).code(), Some(7));
}

fn exiting_it_leaves_waiting_threads_behind(method: StartMethod) {
    assert_eq!(expect_nothing_left(let_go(start("threads", method))).code(), Some(7));
}

fn returning_it_leaves_a_static_pool(method: StartMethod) {
    assert_eq!(expect_nothing_left(let_go(start("static", method))).code(), Some(7));
}

fn aborting_it_leaves_no_worker(method: StartMethod) {
    let status = expect_nothing_left(let_go(start("abort", method)));
    assert_eq!(status.signal(), Some(libc::SIGABRT));
}

fn panicking_it_leaves_no_worker(method: StartMethod) {
    assert_eq!(expect_nothing_left(let_go(start("panic", method))).code(), Some(101));
}

fn interrupted_it_leaves_no_worker(method: StartMethod) {
    let busy = start("wait", method);
    // As the terminal does: to the foreground group, which the workers are not in.
    killpg(Pid::from_raw(raw(busy.program.id())), Signal::SIGINT).expect("a group");
    assert_eq!(expect_nothing_left(busy).signal(), Some(2));
}

/// A terminal of its own, and a key that is pressed there.
fn interrupted_in_a_terminal_it_is_gone_at_once(method: StartMethod) {
    expect_within(Duration::from_millis(300), || {
        let terminal = match posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC) {
            Ok(terminal) => terminal,
            Err(errno) => {
                println!("no terminals here: {errno}");
                return Duration::ZERO;
            }
        };
        grantpt(&terminal).expect("a terminal of this user's");
        unlockpt(&terminal).expect("a terminal of this user's");
        let busy = start_at("terminal", method, &ptsname_r(&terminal).expect("it has a name"));
        let mut terminal = std::fs::File::from(OwnedFd::from(terminal));
        let begun = Instant::now();
        terminal.write_all(b"\x03").expect("somebody has it open");
        let (status, gone_at) = time_until_nothing_is_left(busy);
        assert_eq!(status.signal(), Some(libc::SIGINT));
        // The terminal's own echo, what was printed, and then an error: nobody has it open any more.
        let (mut printed, mut buffer) = (Vec::new(), [0; 4096]);
        while let Ok(len @ 1..) = terminal.read(&mut buffer) {
            printed.extend_from_slice(&buffer[..len]);
        }
        let printed = String::from_utf8_lossy(&printed).replace("^C", "");
        let lines: Vec<&str> = printed.lines().filter(|line| !line.trim().is_empty()).collect();
        assert!(lines.len() <= 1, "{lines:?}");
        gone_at - begun
    });
}

fn output_of_a_program_is_written_once(method: StartMethod) {
    let output = Command::new("/proc/self/exe")
        .args([ARGUMENT, "output", &format!("{method:?}"), "none"])
        .output()
        .expect("this program");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut words: Vec<&str> = text.split_whitespace().collect();
    words.sort_unstable();
    assert_eq!(words, ["a", "begun", "done", "in", "task"], "{text:?}");
    assert!(output.status.success());
}
