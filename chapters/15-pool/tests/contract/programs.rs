//! Programs that end with a pool in use: killed, by `exit`, by returning, by a panic, on Ctrl-C.
//!
//! The case starts this test program again as such a program and becomes the parent of whatever it leaves behind.

use crate::gate::{self, Gate};
use crate::observe::{children, is_alive, pool, raw, until};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use procpool::StartMethod;
use std::collections::BTreeSet;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitCode, Stdio};

crate::over_each_start_method![
    killed_it_leaves_no_worker,
    exiting_it_leaves_no_worker,
    returning_it_leaves_no_worker,
    panicking_it_leaves_no_worker,
    interrupted_it_leaves_no_worker,
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
    let pool = pool(method);
    if how == "output" {
        pool.call(say, "in a task ".to_owned()).expect("a result");
        print!("done");
        return Some(ExitCode::SUCCESS);
    }
    let handles: Vec<_> = (0..4).map(|_| pool.submit(gate::pass, gate.clone())).collect();
    // Both workers are busy, and will be for as long as the case wants.
    until_told(&gate);
    match how.as_str() {
        "exit" => std::process::exit(7),
        "return" => {
            std::mem::forget(pool);
            std::mem::forget(handles);
            Some(ExitCode::from(7))
        }
        "panic" => panic!("the program panics"),
        _ => loop {
            std::thread::park();
        },
    }
}

/// The program comes to the gate itself, when it is ready.
fn until_told(gate: &str) {
    gate::pass(gate.to_owned());
}

fn say(word: String) {
    use std::io::Write;
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
    wait::become_subreaper().expect("any kernel since 3.4");
    let gate = Gate::new();
    let program = Command::new("/proc/self/exe")
        .args([ARGUMENT, how, &format!("{method:?}"), &gate.name()])
        .stdin(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("this program");
    let (mut workers_wait, mut program_waits) = (Vec::new(), None);
    for _ in 0..3 {
        let arrival = gate.arrival();
        if arrival.pid == program.id() {
            program_waits = Some(arrival);
        } else {
            workers_wait.push(arrival);
        }
    }
    assert!(program_waits.is_some(), "the program has come to the gate");
    let tasks = std::fs::read_dir(format!("/proc/{}/task", program.id())).expect("/proc");
    let processes: BTreeSet<u32> = tasks
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("children")).ok())
        .flat_map(|list| {
            list.split_whitespace().map(|pid| pid.parse().expect("a pid")).collect::<Vec<_>>()
        })
        .collect();
    assert!(processes.len() >= 2, "two workers: {processes:?}");
    Busy { program, processes, program_waits, workers_wait }
}

/// Waits for the program, and then for all that it had started; nothing else may be left.
fn expect_nothing_left(mut busy: Busy) -> std::process::ExitStatus {
    let status = busy.program.wait().expect("a child");
    until("the workers die with the program", || {
        busy.processes.iter().all(|pid| !is_alive(*pid))
    });
    // They stood at the gate all the time.
    drop(busy.workers_wait);
    for orphan in children() {
        let mut orphan =
            wait::Child::adopt(Pid::from_raw(raw(orphan))).expect("a child of this case");
        orphan.wait().expect("an orphan that ends");
    }
    status
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

fn panicking_it_leaves_no_worker(method: StartMethod) {
    assert_eq!(expect_nothing_left(let_go(start("panic", method))).code(), Some(101));
}

fn interrupted_it_leaves_no_worker(method: StartMethod) {
    let busy = start("wait", method);
    // As the terminal does: to the foreground group, which the workers are not in.
    killpg(Pid::from_raw(raw(busy.program.id())), Signal::SIGINT).expect("a group");
    assert_eq!(expect_nothing_left(busy).signal(), Some(2));
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
