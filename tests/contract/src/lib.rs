//! Contracts: what a part promises, case by case, each case in a process of its own.
//!
//! libtest runs its tests in threads of one process. Parts that fork, that close descriptors or that change how signals
//! are handled need a process with one thread, and a failure there must not be lost. So their tests are programs
//! (`harness = false`) whose `main` hands its cases to this crate:
//!
//! ```no_run
//! fn a_child_can_be_started() { /* panics if the promise is broken */ }
//!
//! fn main() -> std::process::ExitCode {
//!     contract::run(&[("a_child_can_be_started", a_child_can_be_started)])
//! }
//! ```
//!
//! A case fails if it panics, if it is not done within [`DEADLINE_S`], or if its process has other descriptors or
//! children afterwards than before. The program understands what `cargo test` passes on: names, `--exact`, `--skip`,
//! `--list`.
//!
//! Invariant: when a case is over, nobody of its process group is alive, however it ended.

mod arguments;
mod belongings;

use arguments::Arguments;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, killpg, sigaction};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::{Pid, geteuid};
use std::io::{self, ErrorKind, Read, Seek};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

pub use belongings::{assert_no_children, leaving_nothing};

/// The name of a case and what it does.
pub type Case = (&'static str, fn());

/// A case that takes longer is killed. Only a machine under heavy load comes near it.
pub const DEADLINE_S: u32 = 120;

/// How often the runner looks whether a case has ended.
const LOOK_INTERVAL: Duration = Duration::from_millis(2);

/// The first argument of a process that runs one case. The second is its name.
const CASE: &str = "--contract-case";

/// The user and the group that own nothing, on every Linux.
const NOBODY: u32 = 65_534;

/// Runs the cases that the arguments of this program ask for, and says so as `cargo test` does.
pub fn run(cases: &[Case]) -> ExitCode {
    run_as(cases, &[As::Caller], 1, |_| Ok(()))
}

/// As [`run`], so many cases at a time. For long lists of cases that mostly wait and that count nothing of the machine's.
pub fn run_side_by_side(cases: &[Case], lanes: usize) -> ExitCode {
    run_as(cases, &[As::Caller], lanes, |_| Ok(()))
}

/// As [`run`], and with root's rights each case once more as an ordinary user, since root is refused nothing.
pub fn run_also_as_nobody(cases: &[Case]) -> ExitCode {
    let nobody_too = [As::Caller, As::Nobody];
    let users = if geteuid().is_root() { &nobody_too[..] } else { &nobody_too[..1] };
    run_as(cases, users, 1, |_| Ok(()))
}

/// As [`run`], and then `judge` looks at all of it: at the name of each case that passed, and at what it printed. If it
/// refuses, the whole has failed, for the reason that it gives.
pub fn run_and_judge(
    cases: &[Case],
    judge: impl FnOnce(&[(&str, String)]) -> Result<(), String>,
) -> ExitCode {
    run_as(cases, &[As::Caller], 1, judge)
}

/// Whose rights a case runs with.
#[derive(Clone, Copy)]
enum As {
    Caller,
    Nobody,
}

fn run_as(
    cases: &[Case],
    users: &[As],
    lanes: usize,
    judge: impl FnOnce(&[(&str, String)]) -> Result<(), String>,
) -> ExitCode {
    let mut words = std::env::args().skip(1);
    if words.next().as_deref() == Some(CASE) {
        return run_here(cases, &words.next().unwrap_or_default());
    }
    let arguments = Arguments::parse(std::env::args().skip(1));
    let chosen: Vec<&str> =
        cases.iter().map(|(name, _)| *name).filter(|name| arguments.choose(name)).collect();
    if arguments.list {
        chosen.iter().for_each(|name| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    println!("\nrunning {} tests", chosen.len());
    let left = Mutex::new(chosen.iter());
    // A lane lasts until its cases have ended: each of them is killed at the end of the thread that started it.
    let lane = || {
        let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
        let mut passed = Vec::new();
        while let Some(name) = next() {
            passed.extend(play(name, users).map(|said| (*name, said)));
        }
        passed
    };
    let mut said: Vec<(&str, String)> = thread::scope(|scope| {
        let lanes: Vec<_> = (0..lanes).map(|_| scope.spawn(lane)).collect();
        lanes.into_iter().flat_map(|lane| lane.join().expect("no lane panics")).collect()
    });
    let place = |name| chosen.iter().position(|known| *known == name);
    said.sort_by_key(|(name, _)| place(*name));
    let failed = chosen.len() - said.len();
    let judged = judge(&said);
    if let Err(why) = &judged {
        println!("\n{why}");
    }
    let all_is_well = failed == 0 && judged.is_ok();
    println!(
        "\ntest result: {}. {} passed; {failed} failed; 0 ignored; 0 measured; {} filtered out\n",
        if all_is_well { "ok" } else { "FAILED" },
        chosen.len() - failed,
        cases.len() - chosen.len()
    );
    // 101 is what libtest ends with.
    if all_is_well { ExitCode::SUCCESS } else { ExitCode::from(101) }
}

/// Plays a case with the rights of each of the users, and says how it went. What it printed, if it passed.
fn play(name: &str, users: &[As]) -> Option<String> {
    let passed: Result<Vec<_>, _> = users.iter().map(|user| run_apart(name, *user)).collect();
    match passed {
        Ok(passed) => {
            let added: String = passed.iter().filter_map(Passed::added).collect();
            println!("test {name} ... ok{added}");
            Some(passed.into_iter().filter_map(Passed::said).collect())
        }
        Err(why) => {
            println!("test {name} ... FAILED\n{why}");
            None
        }
    }
}

/// A case that did not fail.
enum Passed {
    /// What it printed.
    Ran(String),
    /// Why it could not be run with the other rights.
    NotRun(io::Error),
}

impl Passed {
    fn added(&self) -> Option<String> {
        match self {
            Passed::Ran(_) => None,
            Passed::NotRun(error) => Some(format!(" (not as an ordinary user: {error})")),
        }
    }

    fn said(self) -> Option<String> {
        match self {
            Passed::Ran(said) => Some(said),
            Passed::NotRun(_) => None,
        }
    }
}

/// Runs one case: this is its process.
fn run_here(cases: &[Case], name: &str) -> ExitCode {
    let Some((_, case)) = cases.iter().find(|(known, _)| *known == name) else {
        eprintln!("there is no case `{name}`");
        return ExitCode::FAILURE;
    };
    // If the runner is ended, by Ctrl-C for example, nobody would look after this process.
    let _ = set_pdeathsig(Signal::SIGKILL);
    heed_signals();
    belongings::close_inherited();
    leaving_nothing(case);
    assert_no_children();
    ExitCode::SUCCESS
}

/// Whoever started the runner may ignore these signals, as a shell does for what it runs in the background. The ones whom
/// a case starts would ignore them too.
fn heed_signals() {
    use Signal::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGCHLD] {
        // SAFETY: the default action runs no code of this program.
        let _ = unsafe { sigaction(signal, &default) };
    }
}

/// Starts this program again for one case. If it fails, says how it ended and what it printed.
fn run_apart(name: &str, user: As) -> Result<Passed, String> {
    let (end, said) = match start(name, user) {
        // A container's root may lack the right to become somebody else, or the program be one that only root may read.
        Err(error) if is_denied(&error) && matches!(user, As::Nobody) => {
            return Ok(Passed::NotRun(error));
        }
        Err(error) => return Err(format!("cannot run the case: {error}")),
        Ok(ended) => ended,
    };
    let who = if matches!(user, As::Nobody) { ", as an ordinary user" } else { "" };
    match end {
        Some(status) if status.success() => Ok(Passed::Ran(said)),
        Some(status) => Err(format!("{status}{who}\n{said}")),
        None => Err(format!("killed after {DEADLINE_S} s{who}\n{said}")),
    }
}

/// How the case ended, `None` if it had to be killed; and what it printed.
fn start(name: &str, user: As) -> io::Result<(Option<ExitStatus>, String)> {
    // A file, because a process that a failed case left behind would hold a pipe open.
    let mut said = tempfile::tempfile()?;
    // The link works also for a user who may not enter the folder that this program lies in.
    let mut command = Command::new("/proc/self/exe");
    command
        .args([CASE, name])
        .env_remove("RUST_BACKTRACE")
        .stdin(Stdio::null())
        .stdout(said.try_clone()?)
        .stderr(said.try_clone()?)
        .process_group(0);
    if let As::Nobody = user {
        command.uid(NOBODY).gid(NOBODY).current_dir("/");
    }
    let mut child = command.spawn()?;
    let pid = Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?);
    let in_time = has_ended_within(pid, Duration::from_secs(u64::from(DEADLINE_S)))?;
    // What a broken case left running must not disturb the next one. As long as the leader is not reaped, its number
    // and that of its group belong to nobody else.
    let _ = killpg(pid, Signal::SIGKILL);
    let status = child.wait()?;
    let mut text = Vec::new();
    said.rewind()?;
    said.read_to_end(&mut text)?;
    Ok((in_time.then_some(status), String::from_utf8_lossy(&text).into_owned()))
}

/// Waits for the end of a child without reaping it.
fn has_ended_within(child: Pid, limit: Duration) -> io::Result<bool> {
    let ends_at = Instant::now() + limit;
    let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    loop {
        if waitid(Id::Pid(child), look)? != WaitStatus::StillAlive {
            return Ok(true);
        }
        if Instant::now() >= ends_at {
            return Ok(false);
        }
        std::thread::sleep(LOOK_INTERVAL);
    }
}

fn is_denied(error: &io::Error) -> bool {
    // Where a user namespace does not map nobody, the kernel says "invalid argument".
    matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::InvalidInput)
}
