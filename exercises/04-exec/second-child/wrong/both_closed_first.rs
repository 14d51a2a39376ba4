//! INHERITED_FD: closed both ends before the first wait. Nobody hangs, and the second still holds what is not its own.

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, close, dup2_stdin, execv, pipe};

/// Starts two counters, which run at the same time, gives each its text, and waits for both.
///
/// # Errors
/// If a pipe or a process cannot be made, or a counter does not take its text.
pub fn count_both(first: &str, second: &str) -> io::Result<()> {
    let mut one = Counter::start(c"first")?;
    let mut two = Counter::start(c"second")?;
    one.input.write_all(first.as_bytes())?;
    two.input.write_all(second.as_bytes())?;
    drop(one.input);
    drop(two.input);
    for pid in [one.pid, two.pid] {
        while waitpid(pid, None) == Err(Errno::EINTR) {}
    }
    Ok(())
}

/// A process that counts the bytes of its standard input, up to the end.
struct Counter {
    pid: Pid,
    input: File,
}

impl Counter {
    fn start(name: &CStr) -> io::Result<Counter> {
        let (reader, writer) = pipe()?;
        let pid = fork::fork(|| {
            // The child does not write to itself.
            let _ = close(writer.as_raw_fd());
            if dup2_stdin(&reader).is_err() || close(reader.as_raw_fd()).is_err() {
                return 127;
            }
            let _ = execv(c"/proc/self/exe", &[c"second-child", c"--count", name]);
            127
        });
        Ok(Counter { pid: pid.map_err(io::Error::other)?, input: File::from(writer) })
    }
}
