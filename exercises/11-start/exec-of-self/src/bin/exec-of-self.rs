//! The program of `exec-of-self`: starts itself as its worker, once or several times.
//!
//! By hand: `cargo run -p exec-of-self -- 1`. The number is how many workers there are. With `tool` behind it, program and
//! worker each run a tool: an ordinary program that is built with the same library. Here it is this one, told apart by its
//! arguments. A program that has started itself too often gives up, so that a run without a grader ends too.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// How many processes of one chain may be this program, by the number of workers that each starts. Together they are not
/// more than 130.
fn generations_max(workers: usize) -> usize {
    match workers {
        0 | 1 => 40,
        2 => 6,
        3 => 4,
        _ => 2,
    }
}

/// Either the program and its workers, or the tool.
pub(crate) fn main() -> ExitCode {
    ExitCode::from(if env::args().nth(1).as_deref() == Some("--tool") {
        exec_of_self::begin(|| {}, tool, tool_as_worker)
    } else {
        exec_of_self::begin(prepare, program, work)
    })
}

/// What only the program does: a program opens its log, starts its threads and greets its user here.
fn prepare() {
    gate::tell("prepare", "");
}

fn program() -> u8 {
    gate::tell("program", variables());
    let count = env::args().nth(1).and_then(|word| word.parse().ok()).unwrap_or(1);
    let generation = generation();
    if generation > generations_max(count) {
        eprintln!("this is the program for the {generation}th time in a chain: it gives up");
        return 1;
    }
    let workers: Vec<_> = (0..count).map(|_| exec_of_self::start_worker()).collect();
    if with_tool() {
        run_tool();
    }
    let mut status = 0;
    for worker in workers {
        match worker.and_then(|mut worker| worker.wait()) {
            Ok(end) => println!("a worker has ended: {end}"),
            Err(error) => {
                eprintln!("error: {error}");
                status = 1;
            }
        }
    }
    status
}

fn work() -> u8 {
    gate::pass("work");
    if with_tool() {
        run_tool();
    }
    7
}

fn with_tool() -> bool {
    env::args().any(|word| word == "tool")
}

/// Runs the tool, and waits for its end.
fn run_tool() {
    if let Err(error) = Command::new("/proc/self/exe").arg("--tool").status() {
        eprintln!("error: {error}");
    }
}

fn tool() -> u8 {
    gate::tell("tool", variables());
    0
}

fn tool_as_worker() -> u8 {
    gate::tell("taken for a worker", variables());
    0
}

/// The names of the variables of the environment.
fn variables() -> String {
    let mut names: Vec<String> =
        env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names.join(" ")
}

/// How many processes of this chain are this program: parents, their parents, and so on.
fn generation() -> usize {
    let Ok(own) = fs::read_link("/proc/self/exe") else { return 0 };
    let mut count = 0;
    let mut process = PathBuf::from("/proc/self");
    while fs::read_link(process.join("exe")).is_ok_and(|program| program == own) {
        count += 1;
        let status = fs::read_to_string(process.join("status")).unwrap_or_default();
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
        process = PathBuf::from("/proc").join(parent.unwrap_or_default().trim());
    }
    count
}
