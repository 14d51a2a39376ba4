//! What a number of a watched process stands for: a pipe, a socket, a counter, another process; and which word of memory an
//! address is. Both are read from `/proc` while the thread is stopped, so they are what the call will find.
//!
//! The source is man 5 proc_pid_fd, proc_pid_fdinfo, proc_pid_maps.

use nix::unistd::Pid;
use std::collections::HashMap;
use std::fs;

/// Where bytes or wake-ups wait to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Queue {
    /// A pipe, by its inode.
    Pipe(u64),
    /// What can be read from the socket with this inode.
    Socket(u64),
    /// An eventfd.
    Event(u64),
    /// A word of a process's own memory.
    Private { process: i32, address: u64 },
    /// A word of a file, or of shared memory.
    Shared { device: (u32, u32), inode: u64, offset: u64 },
}

/// What a descriptor stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Queue(Queue),
    /// A pidfd.
    Process(i32),
    /// A signalfd.
    Signals,
    /// A timerfd.
    Timer,
    /// A terminal.
    Terminal,
}

/// What descriptor `number` of `pid` is, if it is one of those.
pub(crate) fn source(pid: Pid, number: u64) -> Option<Source> {
    // Descriptors are integers of 32 bits, whatever the upper half of the register holds.
    let number = number as i32;
    let link = fs::read_link(format!("/proc/{pid}/fd/{number}")).ok()?;
    let link = link.to_str()?;
    if let Some(inode) = inside(link, "pipe:[") {
        return Some(Source::Queue(Queue::Pipe(inode)));
    }
    if let Some(inode) = inside(link, "socket:[") {
        return Some(Source::Queue(Queue::Socket(inode)));
    }
    match link {
        "anon_inode:[eventfd]" => {
            Some(Source::Queue(Queue::Event(info(pid, number, "eventfd-id:")?.parse().ok()?)))
        }
        "anon_inode:[pidfd]" => Some(Source::Process(info(pid, number, "Pid:")?.parse().ok()?)),
        "anon_inode:[signalfd]" => Some(Source::Signals),
        "anon_inode:[timerfd]" => Some(Source::Timer),
        _ if link.starts_with("/dev/pts/") || link == "/dev/tty" => Some(Source::Terminal),
        _ => None,
    }
}

fn inside(link: &str, before: &str) -> Option<u64> {
    link.strip_prefix(before)?.strip_suffix(']')?.parse().ok()
}

fn info(pid: Pid, number: i32, key: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/fdinfo/{number}")).ok()?;
    text.lines().find_map(|line| Some(line.strip_prefix(key)?.trim().to_owned()))
}

/// One descriptor through which bytes can be given.
pub(crate) struct Held {
    pub(crate) number: i32,
    pub(crate) queue: Queue,
    pub(crate) close_on_exec: bool,
}

/// All descriptors of `pid` that hold the writing end of something, or `None` if they cannot be read any more.
pub(crate) fn held(pid: Pid) -> Option<Vec<Held>> {
    let mut held = Vec::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fd")).ok()? {
        let name = entry.ok()?.file_name();
        let Some(number) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
        let Some(Source::Queue(queue)) = source(pid, number as u64) else { continue };
        let flags = u32::from_str_radix(&info(pid, number, "flags:")?, 8).ok()?;
        let reads_only = flags as i32 & libc::O_ACCMODE == libc::O_RDONLY;
        if !(reads_only && matches!(queue, Queue::Pipe(_))) {
            let close_on_exec = flags as i32 & libc::O_CLOEXEC != 0;
            held.push(Held { number, queue, close_on_exec });
        }
    }
    Some(held)
}

/// How often a thread has given up its processor by itself: to wait, or at a stop.
pub(crate) fn switches(thread: Pid) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{thread}/status")).ok()?;
    text.lines()
        .rev()
        .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")?.trim().parse().ok())
}

/// The word at `address` of a thread of `process`.
pub(crate) fn word(process: Pid, address: u64, private: bool) -> Queue {
    let own = Queue::Private { process: process.as_raw(), address };
    if private {
        return own;
    }
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).unwrap_or_default();
    maps.lines().find_map(|line| shared_word(line, address)).unwrap_or(own)
}

/// The word, if the line is that of the shared mapping it is in.
fn shared_word(line: &str, address: u64) -> Option<Queue> {
    let mut fields = line.split_ascii_whitespace();
    let (from, to) = fields.next()?.split_once('-')?;
    let hex = |text| u64::from_str_radix(text, 16).ok();
    let (from, to) = (hex(from)?, hex(to)?);
    if !(from..to).contains(&address) || !fields.next()?.ends_with('s') {
        return None;
    }
    let offset = hex(fields.next()?)?;
    let (major, minor) = fields.next()?.split_once(':')?;
    let device = (hex(major)? as u32, hex(minor)? as u32);
    let inode = fields.next()?.parse().ok()?;
    Some(Queue::Shared { device, inode, offset: offset + (address - from) })
}

/// The two ends of each socket pair, and the numbers that queues are shown with.
#[derive(Debug, Default)]
pub(crate) struct Names {
    peers: HashMap<u64, u64>,
    channels: HashMap<Queue, u32>,
    words: HashMap<Queue, u32>,
    channel_count: u32,
}

impl Names {
    /// Learns that what is written to one can be read from the other.
    pub(crate) fn pair(&mut self, one: u64, other: u64) {
        self.peers.insert(one, other);
        self.peers.insert(other, one);
    }

    /// Where bytes go that are written to `queue`: to itself, or to a socket's other end if that is known.
    pub(crate) fn target(&self, queue: Queue) -> Option<Queue> {
        match queue {
            Queue::Socket(inode) => self.peers.get(&inode).map(|peer| Queue::Socket(*peer)),
            other => Some(other),
        }
    }

    /// The number of a pipe, a socket or a counter. Both ends have the same.
    pub(crate) fn channel(&mut self, queue: Queue) -> u32 {
        let other = self.target(queue).and_then(|other| self.channels.get(&other).copied());
        let next = &mut self.channel_count;
        *self.channels.entry(queue).or_insert_with(|| {
            other.unwrap_or_else(|| {
                *next += 1;
                *next
            })
        })
    }

    /// The number of a word.
    pub(crate) fn word(&mut self, queue: Queue) -> u32 {
        let next = self.words.len() as u32 + 1;
        *self.words.entry(queue).or_insert(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_word_is_known_by_its_file() {
        let line = "7f0000001000-7f0000003000 rw-s 00001000 00:01 42    /memfd:ring (deleted)";
        let word = Queue::Shared { device: (0, 1), inode: 42, offset: 0x1010 };
        assert_eq!(shared_word(line, 0x7f00_0000_1010), Some(word));
        assert_eq!(shared_word(line, 0x7f00_0000_3000), None);
        assert_eq!(shared_word(&line.replace("rw-s", "rw-p"), 0x7f00_0000_1010), None);
        assert_eq!(shared_word("nonsense", 1), None);
    }

    #[test]
    fn both_ends_of_a_pair_have_one_number() {
        let mut names = Names::default();
        names.pair(10, 11);
        assert_eq!(names.channel(Queue::Socket(10)), 1);
        assert_eq!(names.channel(Queue::Pipe(10)), 2);
        assert_eq!(names.channel(Queue::Socket(11)), 1);
        assert_eq!(names.target(Queue::Socket(12)), None);
        assert_eq!(names.word(Queue::Private { process: 1, address: 8 }), 1);
    }
}
