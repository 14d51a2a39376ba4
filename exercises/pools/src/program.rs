//! The program of an exercise over these pools: runs the reader's test with one of them, and says what the test says.
//!
//! Invariant: when it returns, nothing is left of the pool or of the test, whatever their faults.
//!
//! # References
//! man 2 PR_SET_CHILD_SUBREAPER.

use std::env;
use std::fs;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

use nix::sys::signal::{Signal, kill};
use wait::Child;

use crate::{Version, finishes, worker};

/// What the line of the verdict begins with.
pub const VERDICT: &str = "verdict: ";

/// The verdict of a test that finds nothing wrong.
pub const ACCEPTED: &str = "accepted";

/// How many characters of a reason are shown.
const REASON_LEN_MAX: usize = 160;

/// Runs the test with the pool that the command line names. Without a name, with each of the right ones and of `broken`.
pub fn main(broken: &[Version], test: impl Fn(Version) -> Result<(), String>) -> ExitCode {
    let done = match env::args().nth(1).as_deref().map(Version::of_name) {
        None => try_all(broken, &test),
        Some(Some(version)) => try_one(|| {
            println!("{VERDICT}{}", said(judged(version, &test)));
            0
        }),
        Some(None) => {
            Err(io::Error::other("there is no such pool; without a name, all are tried"))
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn try_all(
    broken: &[Version],
    test: &impl Fn(Version) -> Result<(), String>,
) -> io::Result<()> {
    for version in Version::RIGHT.iter().chain(broken) {
        try_one(|| {
            // A test that hangs is not to keep the others waiting.
            let said = said(finishes(|| judged(*version, test)));
            let is_right = version.is_right() == (said == ACCEPTED);
            let mark = if is_right { "  " } else { "! " };
            println!("{mark}{:28}{said}", version.name());
            0
        })?;
    }
    Ok(())
}

/// What the test says of a pool. A panic is a way to say no.
fn judged(
    version: Version,
    test: &impl Fn(Version) -> Result<(), String>,
) -> Result<(), String> {
    panic::catch_unwind(AssertUnwindSafe(|| test(version)))
        .unwrap_or_else(|_| Err("it panics".to_owned()))
}

fn said(verdict: Result<(), String>) -> String {
    match verdict {
        Ok(()) => ACCEPTED.to_owned(),
        Err(reason) => format!("rejected: {}", shown(&reason)),
    }
}

/// The beginning of a reason, in one line.
fn shown(reason: &str) -> String {
    let line: String =
        reason.chars().take(REASON_LEN_MAX).map(|c| if c == '\n' { ' ' } else { c }).collect();
    if line.len() < reason.len() { line + " ..." } else { line }
}

/// Runs `test` in a process and a folder of its own, and then ends and removes whatever is left.
fn try_one(test: impl FnOnce() -> i32) -> io::Result<()> {
    wait::become_subreaper().map_err(io::Error::other)?;
    let folder = env::temp_dir().join(format!("pools-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let mut child = Child::fork(|| match env::set_current_dir(&folder) {
        Ok(()) => test(),
        Err(_) => 1,
    })
    .map_err(io::Error::other)?;
    let ended = child.wait().map_err(io::Error::other);
    loop {
        let left = wait::children()?;
        if left.is_empty() {
            break;
        }
        for pid in left {
            // It is no number of somebody else's: only this process reaps it.
            let _ = kill(pid, Signal::SIGKILL);
            worker::reap(pid);
        }
    }
    fs::remove_dir_all(&folder)?;
    ended.map(drop)
}
