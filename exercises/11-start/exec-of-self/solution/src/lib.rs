//! A program that is executed again as its own worker.

use std::env;
use std::io;
use std::process::{Child, Command};

/// The variable of the environment that says to a process that it is a worker.
const MARK: &str = "WORKER_OF_ITSELF";

/// All that `main` does. The program calls `prepare` and then `program`, whose result is the exit status. A process that
/// [`start_worker`] has started calls `work` and nothing else, and ends with its result.
pub fn begin(prepare: fn(), program: fn() -> u8, work: fn() -> u8) -> u8 {
    if env::var_os(MARK).is_some() {
        // What the worker starts is no worker of this program, so it must not see the mark.
        // SAFETY: this is the first thing that the process does, so no other thread reads the environment.
        unsafe { env::remove_var(MARK) };
        return work();
    }
    prepare();
    program()
}

/// Starts a worker: this program, executed again. The caller waits for it.
///
/// # Errors
/// If it could not be started.
pub fn start_worker() -> io::Result<Child> {
    Command::new("/proc/self/exe").args(env::args_os().skip(1)).env(MARK, "1").spawn()
}
