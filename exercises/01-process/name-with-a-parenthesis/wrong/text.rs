//! PANIC: thought that what the kernel writes is always text.

use std::fs;
use std::io;

/// The first fields of `/proc/PID/stat`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// The name that the process has given itself. Bytes that are not UTF-8 are replaced by U+FFFD.
    pub name: String,
    /// What it is doing: `R` running, `S` sleeping, `T` stopped, `Z` zombie, and others.
    pub state: char,
    /// Its parent.
    pub parent: i32,
    /// Its process group.
    pub group: i32,
}

/// Reads what the kernel says of process `pid`.
///
/// # Errors
/// If nobody has this pid, or the line cannot be understood.
///
/// # References
/// man 5 proc_pid_stat.
pub fn stat(pid: i32) -> io::Result<Stat> {
    let bytes = fs::read(format!("/proc/{pid}/stat"))?;
    let text = str::from_utf8(&bytes).expect("the kernel writes text");
    parse(text).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Only the name can hold a parenthesis, so it ends at the last one, and begins at the first.
fn parse(text: &str) -> Option<Stat> {
    let (head, tail) = text.rsplit_once(')')?;
    let (_pid, name) = head.split_once('(')?;
    let mut fields = tail.split_whitespace();
    Some(Stat {
        name: name.to_owned(),
        state: fields.next()?.chars().next()?,
        parent: fields.next()?.parse().ok()?,
        group: fields.next()?.parse().ok()?,
    })
}
