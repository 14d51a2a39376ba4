//! Each case several times, side by side, each round in a process of its own.

use std::io::Read;
use std::process::{Child, Command, ExitCode, Stdio};
use std::slice::Iter;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// The first argument of a process that plays one round. The second is the case.
const ROUND: &str = "--round";
/// How often each case is played.
const ROUNDS: &str = "CLUSTER_ROUNDS";
const ROUNDS_DEFAULT: usize = 5;
/// Rounds that run side by side: they sleep most of the time.
const LANES: usize = 5;
/// And cases.
const CASES_AT_ONCE: usize = 2;

/// The name of a case, and what plays it and says what it has found.
pub(crate) type Case = (&'static str, fn() -> String);

/// Plays the cases that the arguments of this program ask for, and says so as `cargo test` does.
pub(crate) fn run(cases: &[Case]) -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [first, name] = &words[..]
        && first == ROUND
    {
        let (_, play) = cases.iter().find(|(known, _)| known == name).expect("a known case");
        println!("{}", play());
        return ExitCode::SUCCESS;
    }
    let is_chosen = |name: &str| {
        let mut names = words.iter().filter(|word| !word.starts_with('-')).peekable();
        names.peek().is_none() || names.any(|word| name.contains(word.as_str()))
    };
    let chosen: Vec<&str> =
        cases.iter().map(|(name, _)| *name).filter(|name| is_chosen(name)).collect();
    if words.iter().any(|word| word == "--list") {
        chosen.iter().for_each(|name| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let rounds = std::env::var(ROUNDS).ok().and_then(|count| count.parse().ok());
    let rounds: usize = rounds.unwrap_or(ROUNDS_DEFAULT);
    println!("\nrunning {} tests, each {rounds} times", chosen.len());
    let (left, failed) = (Mutex::new(chosen.iter()), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..CASES_AT_ONCE {
            scope.spawn(|| {
                while let Some(name) = take(&left) {
                    failed.fetch_add(usize::from(!is_well(name, rounds)), Ordering::Relaxed);
                }
            });
        }
    });
    let failed = failed.into_inner();
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    let passed = chosen.len() - failed;
    println!("\ntest result: {verdict}. {passed} passed; {failed} failed\n");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn take<'a>(left: &Mutex<Iter<'a, &'static str>>) -> Option<&'a &'static str> {
    left.lock().unwrap_or_else(PoisonError::into_inner).next()
}

/// Plays a case, and says what its rounds have found.
fn is_well(name: &str, rounds: usize) -> bool {
    let results = play(name, rounds);
    let wrong: Vec<&String> = results.iter().filter_map(|it| it.as_ref().err()).collect();
    let mut said = if wrong.is_empty() {
        format!("test {name} ... ok\n")
    } else {
        format!("test {name} ... FAILED in {} of {rounds} rounds\n", wrong.len())
    };
    wrong.iter().for_each(|why| said += &format!("{why}\n"));
    for found in results.iter().flatten().filter(|found| !found.is_empty()) {
        said += &format!("    {found}\n");
    }
    // In one piece: another case may be done at the same time.
    print!("{said}");
    wrong.is_empty()
}

fn play(name: &str, rounds: usize) -> Vec<Result<String, String>> {
    let mut results = Vec::new();
    while results.len() < rounds {
        let lanes = LANES.min(rounds - results.len());
        let started: Vec<Child> = (0..lanes).map(|_| start(name)).collect();
        results.extend(started.into_iter().map(finish));
    }
    results
}

fn start(name: &str) -> Child {
    let mut command = Command::new("/proc/self/exe");
    command.args([ROUND, name]).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("this program can be started")
}

/// A round ends by itself: whatever it waits for has a deadline.
fn finish(mut round: Child) -> Result<String, String> {
    let (mut said, mut complained) = (String::new(), String::new());
    let stdout = round.stdout.take().expect("a pipe").read_to_string(&mut said);
    let stderr = round.stderr.take().expect("a pipe").read_to_string(&mut complained);
    let status = round.wait().map_err(|error| error.to_string())?;
    stdout.and(stderr).map_err(|error| error.to_string())?;
    if status.success() {
        Ok(said.trim().to_owned())
    } else {
        Err(format!("{status}\n{said}{complained}"))
    }
}
