//! What a process uses, as the kernel says: resident memory and processor time.
//!
//! A process that has ended uses nothing that could be read. Once it is reaped its number may belong to somebody else, so
//! whoever asks makes sure that the pool has not given the worker up meanwhile.
//!
//! # References
//! man 5 proc_pid_statm; man 3 clock_getcpuclockid.

use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime};
use nix::unistd::{Pid, SysconfVar, sysconf};
use std::fs::File;
use std::io::Read;
use std::time::Duration;

/// More bytes than the file has: seven numbers of at most 20 digits.
const STATM_BYTES_MAX: usize = 256;

/// Resident memory, in bytes; what it shares with other processes counts too. `None` without `/proc`, or if the process
/// is gone.
pub(crate) fn rss_bytes(pid: u32) -> Option<u64> {
    statm_bytes(pid, 1)
}

/// All addresses that a process has, in bytes: what RLIMIT_AS limits.
pub(crate) fn address_bytes(pid: u32) -> Option<u64> {
    statm_bytes(pid, 0)
}

/// Memory that a process alone may write to, in bytes, with its stack: a little more than what RLIMIT_DATA limits.
pub(crate) fn data_bytes(pid: u32) -> Option<u64> {
    statm_bytes(pid, 5)
}

fn statm_bytes(pid: u32, field: usize) -> Option<u64> {
    let mut text = [0; STATM_BYTES_MAX];
    let len = File::open(format!("/proc/{pid}/statm")).ok()?.read(&mut text).ok()?;
    let text = std::str::from_utf8(&text[..len]).ok()?;
    let pages: u64 = text.split_ascii_whitespace().nth(field)?.parse().ok()?;
    let page_bytes = sysconf(SysconfVar::PAGE_SIZE).ok()??;
    pages.checked_mul(u64::try_from(page_bytes).ok()?)
}

/// Processor time, in user mode and in the kernel, of all threads. `None` if the process is gone.
pub(crate) fn cpu_time(pid: u32) -> Option<Duration> {
    let pid = Pid::from_raw(i32::try_from(pid).ok()?);
    let time: TimeSpec = clock_gettime(ClockId::pid_cpu_clock_id(pid).ok()?).ok()?;
    Some(time.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_runs_uses_something_and_nobody_uses_nothing() {
        let own = std::process::id();
        assert!(rss_bytes(own).is_some_and(|bytes| bytes > 64 << 10 && bytes < 1 << 40));
        let before = cpu_time(own).expect("it runs");
        while cpu_time(own).expect("it runs") == before {}
        // The largest number that a process can have is one less.
        let nobody = 1 << 22;
        assert_eq!((rss_bytes(nobody), cpu_time(nobody)), (None, None));
    }
}
