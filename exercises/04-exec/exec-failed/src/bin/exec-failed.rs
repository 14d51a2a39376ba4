//! The program of `exec-failed`: starts another program and says what came of it.
//!
//! By hand: `cargo run -p exec-failed -- /bin/echo hello`, or any other path and arguments. As `--stay` it is itself a
//! program that sleeps until it is killed, as `--end CODE` one that ends at once.

use std::ffi::{CStr, CString};
use std::io;
use std::process::exit;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::pause;

/// Starts what it is told to, by the reader's function.
pub(crate) fn main() -> io::Result<()> {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    match args.first().map(String::as_str) {
        Some("--stay") => loop {
            pause();
        },
        Some("--end") => exit(args.get(1).and_then(|code| code.parse().ok()).unwrap_or(0)),
        Some(_) => {}
        None => args.push("/no/such/program".to_owned()),
    }
    let stays = args.iter().any(|arg| arg == "--stay");
    let args: Vec<CString> = args
        .into_iter()
        .map(CString::new)
        .collect::<Result<_, _>>()
        .map_err(io::Error::other)?;
    let args: Vec<&CStr> = args.iter().map(CString::as_c_str).collect();

    gate::pass("start");
    let outcome = match exec_failed::start(args[0], &args) {
        Ok(pid) => {
            gate::tell("pid", pid);
            if stays {
                kill(pid, Signal::SIGKILL)?;
            }
            match waitpid(pid, None) {
                Ok(WaitStatus::Exited(_, code)) => format!("started, and ended with {code}"),
                Ok(WaitStatus::Signaled(_, signal, _)) => {
                    format!("started, and ended by {signal}")
                }
                Ok(other) => format!("started, and {other:?}"),
                Err(errno) => format!("started, and nobody to wait for: {errno:?}"),
            }
        }
        Err(error) => match error.raw_os_error() {
            Some(number) => format!("not started: {:?}", Errno::from_raw(number)),
            None => format!("not started: {error}"),
        },
    };
    gate::pass("end");

    gate::tell("outcome", &outcome);
    println!("{outcome}");
    Ok(())
}
