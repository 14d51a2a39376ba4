//! The program that is watched: it makes a thread, forks, and starts a program, one after the other.

use std::process::{Command, ExitCode};

/// The first argument of this program when it is to be watched.
pub(crate) const ACTOR: &str = "--actor";
/// And when it is the program that the watched one starts.
const NOTHING: &str = "--nothing";

/// Plays its part, if the arguments ask for one.
pub(crate) fn play() -> Option<ExitCode> {
    match std::env::args().nth(1)?.as_str() {
        ACTOR => Some(if act().is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE }),
        NOTHING => Some(ExitCode::SUCCESS),
        _ => None,
    }
}

fn act() -> Option<()> {
    // The fork comes first: afterwards there would be threads that are only just ending.
    let pid = fork::fork(|| 0).ok()?;
    nix::sys::wait::waitpid(pid, None).ok()?;
    std::thread::spawn(|| ()).join().ok()?;
    let program = std::env::current_exe().ok()?;
    Command::new(program).arg(NOTHING).status().ok().filter(|status| status.success()).map(drop)
}
