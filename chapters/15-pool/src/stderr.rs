//! What the workers write to standard error: handed on to the program's, with the end of it kept for each worker.
//!
//! Descriptor 2 of a worker is a pipe. One thread of the pool reads all of these pipes and writes what comes to the
//! program's own descriptor 2, unchanged and at once. It waits there as a worker would have: while it does, the pipes
//! fill, and then the workers wait. The supervisor never does: when a worker has ended it takes what is left in the pipe,
//! without waiting, and leaves it to the thread to be written.
//!
//! Invariant: what a worker has written comes out in the order in which it was written. A pipe is read under its tail's
//! lock only, and only the thread writes: first what it has read itself, then what a supervisor left to it.
//!
//! Nobody waits for a pipe's end, since a child of the worker that has left its group may hold it for ever. The pipe is
//! closed when its worker has ended; such a child then gets SIGPIPE, or EPIPE, when it writes.
//!
//! What cannot be written (descriptor 2 is closed, is a pipe that nobody reads, or a full disk) is dropped in silence;
//! the worker's own writes would have failed. It is evidence all the same.
//!
//! # References
//! man 7 pipe, "I/O on pipes and FIFOs" and "Pipe capacity"; man 7 epoll; man 2 poll.

use crate::builder::spawn;
use crate::limit::os;
use executor::PoolError;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::unistd::{pipe2, read, write};
use signal::Waker;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// How much is kept of what a worker wrote last, in bytes.
pub(crate) const TAIL_BYTES_MAX: usize = 4096;
/// How much is read at once, in bytes: the capacity of a pipe.
const READ_BYTES: usize = 64 << 10;
/// How much is written at once, in bytes. Where `poll` finds room in a pipe there is room for as much as this.
const WRITE_BYTES: usize = libc::PIPE_BUF;
/// How much is taken at most from the pipe of a worker that has ended, in bytes: the most that a pipe holds unless the
/// system was told otherwise. A child that has left its group may write faster than it is read.
const REST_BYTES_MAX: usize = 1 << 20;
/// How much ended workers may leave to be written, in bytes, all of them together. There is that much only when nobody
/// reads the program's standard error.
const RESTS_BYTES_MAX: usize = 16 << 20;
/// How long the end of the pool waits for somebody to read the program's standard error.
const LAST_PATIENCE_MS: u16 = 3000;
/// What an event of the waker is called; the tails are counted from 0.
const WAKER: u64 = u64::MAX;

/// The thread and its pipes.
#[derive(Debug)]
pub(crate) struct Stderr {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    next: u64,
}

/// One worker's pipe, and what came out of it last. Dropping it leaves the rest of it to be written.
#[derive(Debug)]
pub(crate) struct LastWords {
    shared: Arc<Shared>,
    number: u64,
    tail: Arc<Mutex<Tail>>,
}

#[derive(Debug)]
struct Shared {
    epoll: Epoll,
    waker: Waker,
    tails: Mutex<BTreeMap<u64, Arc<Mutex<Tail>>>>,
    /// What workers that have ended left in their pipes.
    rests: Mutex<Vec<u8>>,
    stop: AtomicBool,
}

#[derive(Debug)]
struct Tail {
    /// `None` when it has come to its end.
    reader: Option<OwnedFd>,
    last: Vec<u8>,
    /// Whether there was more than is kept.
    cut: bool,
}

impl Stderr {
    /// Starts the thread.
    pub(crate) fn new() -> Result<Stderr, PoolError> {
        Stderr::to(io::stderr())
    }

    fn to(sink: impl AsFd + Send + 'static) -> Result<Stderr, PoolError> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)
            .map_err(|errno| os("epoll_create1")(errno.into()))?;
        let waker = Waker::new().map_err(os("eventfd"))?;
        epoll
            .add(&waker, EpollEvent::new(EpollFlags::EPOLLIN, WAKER))
            .map_err(|errno| os("epoll_ctl")(errno.into()))?;
        let shared = Arc::new(Shared {
            epoll,
            waker,
            tails: Mutex::default(),
            rests: Mutex::default(),
            stop: AtomicBool::new(false),
        });
        let theirs = Arc::clone(&shared);
        // No signal is handled there, and none ends it: SIGPIPE is blocked, and write says EPIPE.
        let thread = spawn("procpool-stderr", move || theirs.forward(&sink))?;
        Ok(Stderr { shared, thread: Some(thread), next: 0 })
    }

    /// A pipe for one more worker, and the worker's end of it.
    pub(crate) fn open(&mut self) -> Result<(LastWords, OwnedFd), PoolError> {
        let failed = |call| move |errno: Errno| os(call)(errno.into());
        let (reader, writer) = pipe2(OFlag::O_CLOEXEC).map_err(failed("pipe2"))?;
        // This end alone; the worker waits for room.
        fcntl(&reader, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(failed("fcntl"))?;
        let number = self.next;
        self.next += 1;
        let event = EpollEvent::new(EpollFlags::EPOLLIN, number);
        self.shared.epoll.add(&reader, event).map_err(failed("epoll_ctl"))?;
        let tail = Tail { reader: Some(reader), last: Vec::new(), cut: false };
        let tail = Arc::new(Mutex::new(tail));
        lock(&self.shared.tails).insert(number, Arc::clone(&tail));
        Ok((LastWords { shared: Arc::clone(&self.shared), number, tail }, writer))
    }
}

impl Drop for Stderr {
    /// Returns when all is written, or nobody reads it.
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.shared.waker.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// In the worker: writes to standard error go to the program from now on.
pub(crate) fn redirect(writer: OwnedFd) -> nix::Result<()> {
    nix::unistd::dup2_stderr(writer)
}

impl LastWords {
    /// The last lines; `None` if there are none. It does not wait, and the worker is not listened to any more.
    pub(crate) fn take(&self) -> Option<String> {
        let mut tail = lock(&self.tail);
        let mut rest = Vec::new();
        let mut buffer = [0; TAIL_BYTES_MAX];
        while rest.len() < REST_BYTES_MAX {
            let len = tail.read(&self.shared.epoll, &mut buffer);
            if len == 0 {
                break;
            }
            rest.extend_from_slice(&buffer[..len]);
        }
        tail.close(&self.shared.epoll);
        let words = tail.words();
        drop(tail);
        if lock(&self.shared.tails).remove(&self.number).is_some() && !rest.is_empty() {
            let mut rests = lock(&self.shared.rests);
            if rests.len() + rest.len() <= RESTS_BYTES_MAX {
                rests.append(&mut rest);
            }
            drop(rests);
            self.shared.waker.wake();
        }
        words
    }
}

impl Drop for LastWords {
    fn drop(&mut self) {
        self.take();
    }
}

impl Tail {
    /// What is there, up to the length of `buffer`; 0 if that is nothing.
    fn read(&mut self, epoll: &Epoll, buffer: &mut [u8]) -> usize {
        loop {
            let Some(reader) = &self.reader else { return 0 };
            match read(reader, buffer) {
                Ok(len) if len > 0 => {
                    self.remember(&buffer[..len]);
                    return len;
                }
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return 0,
                // Its end, which would be an event for ever.
                _ => self.close(epoll),
            }
        }
    }

    fn close(&mut self, epoll: &Epoll) {
        if let Some(reader) = self.reader.take() {
            // Closing it is not enough if a copy of the program has it too.
            let _ = epoll.delete(reader);
        }
    }

    fn remember(&mut self, bytes: &[u8]) {
        let bytes = match bytes.len().checked_sub(TAIL_BYTES_MAX) {
            Some(more) => {
                self.cut |= more > 0 || !self.last.is_empty();
                self.last.clear();
                &bytes[more..]
            }
            None => bytes,
        };
        let more = (self.last.len() + bytes.len()).saturating_sub(TAIL_BYTES_MAX);
        self.cut |= more > 0;
        self.last.drain(..more);
        self.last.extend_from_slice(bytes);
    }

    /// Whole lines, unless one is longer than what is kept.
    fn words(&self) -> Option<String> {
        let first_end = self.last.iter().position(|byte| *byte == b'\n');
        let begin = match first_end {
            Some(end) if self.cut && end + 1 < self.last.len() => end + 1,
            _ => 0,
        };
        let words = String::from_utf8_lossy(&self.last[begin..]);
        let words = words.trim_end_matches('\n');
        (!words.is_empty()).then(|| words.to_owned())
    }
}

impl Shared {
    /// What the thread runs.
    fn forward(&self, sink: &impl AsFd) {
        // A number that is free now may be anybody's file later.
        let sink = fcntl(sink, FcntlArg::F_GETFD).is_ok().then(|| sink.as_fd());
        let mut buffer = vec![0; READ_BYTES];
        let mut events = [EpollEvent::empty(); 16];
        loop {
            // In this order: whoever stops it has left everything before.
            let stop = self.stop.load(Ordering::SeqCst);
            let rests = std::mem::take(&mut *lock(&self.rests));
            if !rests.is_empty() {
                self.write(sink, &rests);
                // A call that came meanwhile has been taken: what it announced is to be looked at before the next wait.
                continue;
            }
            if stop {
                return;
            }
            let count = match self.epoll.wait(&mut events, EpollTimeout::NONE) {
                Ok(count) => count,
                Err(_) => continue,
            };
            for event in &events[..count] {
                if event.data() == WAKER {
                    self.waker.drain();
                    continue;
                }
                let tail = lock(&self.tails).get(&event.data()).cloned();
                let len = tail.map_or(0, |tail| lock(&tail).read(&self.epoll, &mut buffer));
                self.write(sink, &buffer[..len]);
            }
        }
    }

    /// Takes the waker's calls while it waits.
    fn write(&self, sink: Option<BorrowedFd<'_>>, mut bytes: &[u8]) {
        let Some(sink) = sink else { return };
        while !bytes.is_empty() {
            let stop = self.stop.load(Ordering::SeqCst);
            let patience = match stop {
                true => PollTimeout::from(LAST_PATIENCE_MS),
                false => PollTimeout::NONE,
            };
            let mut ready = [
                PollFd::new(sink, PollFlags::POLLOUT),
                PollFd::new(self.waker.as_fd(), PollFlags::POLLIN),
            ];
            match poll(&mut ready, patience) {
                Ok(0) => return,
                Err(Errno::EINTR) => continue,
                Err(_) => return,
                Ok(_) => {}
            }
            let [has_room, woken] = ready.map(|one| one.any().unwrap_or(true));
            if woken {
                self.waker.drain();
            }
            if has_room {
                match write_some(sink, bytes) {
                    Ok(len) => bytes = &bytes[len..],
                    Err(Errno::EINTR | Errno::EAGAIN) => {}
                    Err(_) => return,
                }
            }
        }
    }
}

/// Not through std's `Stderr`: the program may hold its lock while it waits for a task.
fn write_some(sink: BorrowedFd<'_>, bytes: &[u8]) -> nix::Result<usize> {
    write(sink, &bytes[..bytes.len().min(WRITE_BYTES)])
}

/// Nothing under these locks is half done when somebody panics.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::{Read, Write};
    use std::sync::mpsc::channel;
    use std::thread;
    use std::time::{Duration, Instant};

    /// Far longer than anything here takes.
    const PATIENCE: Duration = Duration::from_secs(60);

    fn pipe() -> (File, File) {
        let (reader, writer) = pipe2(OFlag::O_CLOEXEC).expect("a pipe");
        (reader.into(), writer.into())
    }

    /// Drops it elsewhere, and says when that is done.
    fn end(stderr: Stderr) -> std::sync::mpsc::Receiver<()> {
        let (sender, receiver) = channel();
        thread::spawn(move || {
            drop(stderr);
            let _ = sender.send(());
        });
        receiver
    }

    /// A thread that writes what a worker has left, and finds no room for it.
    fn stuck_with_a_rest() -> (Stderr, File) {
        let (reader, mut writer) = pipe();
        writer.write_all(&[b'f'; READ_BYTES]).expect("a pipe of the usual size");
        let stderr = Stderr::to(writer).expect("a thread");
        lock(&stderr.shared.rests).extend_from_slice(b"rest");
        stderr.shared.waker.wake();
        let ends_at = Instant::now() + PATIENCE;
        while !lock(&stderr.shared.rests).is_empty() {
            assert!(Instant::now() < ends_at, "nobody takes the rest");
            thread::sleep(Duration::from_millis(1));
        }
        (stderr, reader)
    }

    #[test]
    fn it_ends_though_nobody_reads() {
        let (stderr, reader) = stuck_with_a_rest();
        assert_eq!(end(stderr).recv_timeout(PATIENCE), Ok(()));
        drop(reader);
    }

    #[test]
    fn what_was_left_while_it_was_stuck_is_written_too() {
        let (mut stderr, mut reader) = stuck_with_a_rest();
        let (words, writer) = stderr.open().expect("a pipe");
        File::from(writer).write_all(b", last").expect("a pipe");
        assert_eq!(words.take().as_deref(), Some(", last"));
        drop(words);
        let mut all = vec![0; READ_BYTES + 10];
        reader.read_exact(&mut all).expect("a pipe");
        assert_eq!(&all[READ_BYTES..], b"rest, last");
        assert_eq!(end(stderr).recv_timeout(PATIENCE), Ok(()));
        assert_eq!(reader.read(&mut all).expect("a pipe"), 0);
    }

    fn tail_of(parts: &[&[u8]]) -> Tail {
        let mut tail = Tail { reader: None, last: Vec::new(), cut: false };
        parts.iter().for_each(|part| tail.remember(part));
        tail
    }

    #[test]
    fn little_is_kept_whole() {
        assert_eq!(tail_of(&[]).words(), None);
        assert_eq!(tail_of(&[b"\n"]).words(), None);
        let tail = tail_of(&[b"one\nt", b"wo\n"]);
        assert_eq!(tail.words().as_deref(), Some("one\ntwo"));
    }

    #[test]
    fn of_much_the_last_whole_lines_are_kept() {
        let lines: Vec<String> = (0..2000).map(|n| format!("line {n}\n")).collect();
        let all = lines.concat();
        let parts: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
        for tail in [tail_of(&parts), tail_of(&[all.as_bytes()])] {
            let words = tail.words().expect("lines");
            assert!(words.len() <= TAIL_BYTES_MAX && words.len() > TAIL_BYTES_MAX - 16);
            assert!(words.starts_with("line ") && words.ends_with("\nline 1999"));
            assert!(all.ends_with(&format!("\n{words}\n")));
        }
    }

    #[test]
    fn a_tail_of_exactly_its_length_is_not_cut() {
        let bytes = [&b"first\n"[..], &[b'x'; TAIL_BYTES_MAX - 6]].concat();
        assert!(tail_of(&[&bytes]).words().expect("words").starts_with("first\n"));
        let words = tail_of(&[b"y", &bytes]).words().expect("words");
        assert_eq!(words, "x".repeat(TAIL_BYTES_MAX - 6));
    }

    #[test]
    fn a_line_that_is_too_long_is_cut_and_no_bytes_are_refused() {
        let words = tail_of(&[&[b'a'; 5000], &[0xff]]).words().expect("words");
        assert!(words.starts_with("aaa") && words.ends_with('\u{fffd}'));
    }
}
