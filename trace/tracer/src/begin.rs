//! The two processes that a recording begins: the program, watched before its first instruction, and the clock.
//!
//! Both are children of the thread that watches, and both end by themselves if it ends: the program because of
//! `PTRACE_O_EXITKILL`, and before that, as the clock, because its pipe has lost its writer.

use crate::{Output, TraceError, sys};
use fork::Pid;
use nix::sys::ptrace::{self, Options};
use nix::unistd::pipe2;
use nix::{errno::Errno, fcntl::OFlag};
use std::ffi::{CString, OsString};
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::ptr;
use std::time::Duration;

/// The exit code of the clock when its time is over.
pub(crate) const TIME_IS_OVER: i32 = 0;

/// The program, which has been let go but has not yet executed.
pub(crate) struct Begun {
    pub(crate) pid: Pid,
    failure: OwnedFd,
}

impl Begun {
    /// Why it could not be executed; `None` if it was. To be asked when the process has ended.
    pub(crate) fn failure(self) -> Option<io::Error> {
        let mut errno = [0; 4];
        File::from(self.failure).read_exact(&mut errno).ok()?;
        Some(io::Error::from_raw_os_error(i32::from_ne_bytes(errno)))
    }
}

fn pipe() -> Result<(OwnedFd, OwnedFd), TraceError> {
    pipe2(OFlag::O_CLOEXEC)
        .map_err(|errno| TraceError::Os { call: "pipe2", source: errno.into() })
}

fn c_strings(of: impl Iterator<Item = OsString>) -> Result<Vec<CString>, io::Error> {
    of.map(|text| CString::new(text.into_vec()).map_err(io::Error::from)).collect()
}

fn pointers(of: &[CString]) -> Vec<*const libc::c_char> {
    of.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect()
}

/// The file of `program`: a name without a slash is looked for in `PATH`.
fn find(program: &Path) -> PathBuf {
    if program.as_os_str().as_bytes().contains(&b'/') {
        return program.to_owned();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
        .unwrap_or_else(|| program.to_owned())
}

/// Starts the program and watches it with `options`.
pub(crate) fn program(
    program: &Path,
    arguments: &[OsString],
    output: Output,
    options: Options,
) -> Result<Begun, TraceError> {
    let file = find(program);
    let refused = |source| TraceError::Program { path: file.clone(), source };
    let path =
        CString::new(file.as_os_str().as_bytes()).map_err(|error| refused(error.into()))?;
    let strings = [program.as_os_str().to_owned()].into_iter().chain(arguments.iter().cloned());
    let arguments = c_strings(strings).map_err(refused)?;
    let environment = c_strings(std::env::vars_os().map(|(mut text, value)| {
        text.push("=");
        text.push(value);
        text
    }))
    .map_err(refused)?;
    let (argv, envp) = (pointers(&arguments), pointers(&environment));
    let null = match output {
        Output::Inherit => None,
        Output::Null => Some(
            OpenOptions::new()
                .read(true)
                .write(true)
                .open("/dev/null")
                .map_err(|source| TraceError::Os { call: "open of /dev/null", source })?,
        ),
    };

    let (go, ready) = pipe()?;
    let (failure, failed) = pipe()?;
    let (ready_number, null_number) =
        (ready.as_raw_fd(), null.as_ref().map(|null| null.as_raw_fd()));
    let child = || {
        // SAFETY: the number is that of this process's own copy, which nothing else here uses.
        unsafe { libc::close(ready_number) };
        if read_a_byte(&go) != Ok(1) {
            // Whoever wanted to watch has gone.
            return 0;
        }
        if let Some(null) = null_number {
            for number in 0..3 {
                // SAFETY: `null` is open, and the three are to be replaced.
                unsafe { libc::dup2(null, number) };
            }
        }
        // Rust's start-up ignores SIGPIPE; no program expects to find that.
        // SAFETY: the default action is no function of ours.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        // SAFETY: all three point to strings and arrays with their ends, which the closure's caller owns.
        unsafe { libc::execve(path.as_ptr(), argv.as_ptr(), envp.as_ptr()) };
        let errno = Errno::last_raw().to_ne_bytes();
        let _ = nix::unistd::write(&failed, &errno);
        127
    };
    // SAFETY: between its beginning and execve the child makes system calls only: no allocation, no lock.
    let pid = unsafe { fork::fork_unchecked(child) }
        .map_err(|error| TraceError::Os { call: "fork", source: io::Error::other(error) })?;
    drop(failed);

    if let Err(errno) = ptrace::seize(pid, options) {
        // The child reads the end of `go` and leaves.
        drop(ready);
        let _ = nix::sys::wait::waitpid(pid, None);
        return Err(TraceError::refused(errno.into()));
    }
    // If somebody has killed it by now, its end is the next thing to be seen.
    let _ = nix::unistd::write(&ready, &[1]);
    Ok(Begun { pid, failure })
}

fn read_a_byte(from: &OwnedFd) -> nix::Result<usize> {
    loop {
        match nix::unistd::read(from, &mut [0]) {
            Err(Errno::EINTR) => {}
            other => return other,
        }
    }
}

/// A child that ends when a time is over, and on Ctrl-C. So the one wait for children is a wait for these, too.
pub(crate) struct Clock {
    pub(crate) pid: Pid,
    /// The clock ends as well when this is closed.
    wanted: Option<OwnedFd>,
}

impl Clock {
    /// Starts a clock that ends after `time`.
    pub(crate) fn start(time: Duration) -> Result<Clock, TraceError> {
        let (unwanted, wanted) = pipe()?;
        let timeout_ms = i32::try_from(time.as_millis()).unwrap_or(i32::MAX);
        let child = || {
            // The program that asks may have a handler of its own for Ctrl-C. A clock has none.
            // SAFETY: the default action is no function of ours.
            unsafe { libc::signal(libc::SIGINT, libc::SIG_DFL) };
            // SAFETY: the first descriptor of this process is replaced by a copy of the pipe.
            unsafe { libc::dup2(unwanted.as_raw_fd(), 0) };
            // It must not hold the ends of anybody's pipes.
            // SAFETY: nothing below uses a descriptor above 0; this process leaves by `_exit`.
            unsafe { libc::syscall(libc::SYS_close_range, 1_u32, u32::MAX, 0) };
            let mut pipe = libc::pollfd { fd: 0, events: libc::POLLIN, revents: 0 };
            // SAFETY: one pollfd, in this process's own memory.
            unsafe { libc::poll(&raw mut pipe, 1, timeout_ms) };
            TIME_IS_OVER
        };
        // SAFETY: the child makes system calls only.
        let pid = unsafe { fork::fork_unchecked(child) }.map_err(|error| TraceError::Os {
            call: "fork",
            source: io::Error::other(error),
        })?;
        Ok(Clock { pid, wanted: Some(wanted) })
    }

    /// Ends the clock and waits for it.
    pub(crate) fn stop(mut self) {
        self.wanted = None;
        let _ = nix::sys::wait::waitpid(self.pid, None);
    }
}

/// Ends everything that is still watched.
pub(crate) fn kill_all(pids: impl Iterator<Item = Pid>) {
    for pid in pids {
        // It may have gone already; its number is not given away before this thread has waited for it.
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
    }
}

/// Waits for everything that is left, after [`kill_all`], without keeping a record.
pub(crate) fn reap_all() {
    while let Ok((pid, status)) = sys::wait() {
        if libc::WIFSTOPPED(status) {
            let _ = sys::go_on(pid, 0);
        }
    }
}
