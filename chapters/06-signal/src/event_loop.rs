//! One place to wait for many descriptors: an epoll instance with the caller's keys.
//!
//! The kernel keeps the list of what is watched. It knows each entry by a number, which is the place of the entry in
//! `slots` and how often that place was given out before. So an event that was on its way when its entry was removed
//! belongs to nobody, even if the place has a new owner.
//!
//! Invariant: a place is in `free` if and only if its key is `None`.
//!
//! # References
//! man 7 epoll, "Questions and answers"; man 2 epoll_ctl; man 2 epoll_wait.

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// Events that one call of [`EventLoop::wait`] returns, at most. The others come with the next call.
const EVENTS_MAX: usize = 64;

// ANCHOR: event_loop
/// Waits for many descriptors at once; each is watched under a key of the caller's.
///
/// It is *level-triggered*: as long as there is something to read, every wait says so
/// again. A caller that reads only a part of it is not forgotten.
///
/// # Remove before you close
/// The kernel watches what the descriptor stands for, not its number. If another
/// process has a copy, from a fork, a closed descriptor is watched on, its events keep
/// coming, and it can no longer be removed. So [`EventLoop::remove`] comes first.
#[derive(Debug)]
pub struct EventLoop<K> {
    epoll: Epoll,
    slots: Vec<Slot<K>>,
    free: Vec<u32>,
}

/// What happened to the descriptor that is watched under `key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<K> {
    /// The key that was given when the descriptor was added.
    pub key: K,
    /// A read returns at once: with bytes, with the end, or with an error.
    pub readable: bool,
    /// A write returns at once: there is room, or nobody reads.
    pub writable: bool,
    /// The other side is gone, or the descriptor failed. It is told whatever the interest.
    pub hang_up: bool,
}
// ANCHOR_END: event_loop

/// What to wait for. A hang-up is always told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// Something to read.
    Read,
    /// Room to write.
    Write,
    /// Either.
    Both,
}

/// Names one descriptor in the loop that gave it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    index: u32,
    generation: u32,
}

#[derive(Debug)]
struct Slot<K> {
    generation: u32,
    key: Option<K>,
}

impl<K: Copy> EventLoop<K> {
    /// A loop that watches nothing.
    ///
    /// # Errors
    /// EMFILE or ENFILE: there is no descriptor left.
    pub fn new() -> io::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        Ok(EventLoop { epoll, slots: Vec::new(), free: Vec::new() })
    }

    /// Watches whether `descriptor` has something to read. It stays the caller's, to be removed and then closed.
    ///
    /// # Errors
    /// EEXIST if it is watched already; EPERM for regular files and folders, which are always ready; ENOSPC and ENOMEM
    /// if the user watches too many (`/proc/sys/fs/epoll/max_user_watches`).
    pub fn add(&mut self, descriptor: impl AsFd, key: K) -> io::Result<Token> {
        self.add_interest(descriptor, key, Interest::Read)
    }

    /// As [`EventLoop::add`], for reading, writing or both.
    ///
    /// # Errors
    /// As [`EventLoop::add`].
    pub fn add_interest(
        &mut self,
        descriptor: impl AsFd,
        key: K,
        interest: Interest,
    ) -> io::Result<Token> {
        let flags = match interest {
            Interest::Read => EpollFlags::EPOLLIN,
            Interest::Write => EpollFlags::EPOLLOUT,
            Interest::Both => EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT,
        };
        let token = self.vacant()?;
        self.epoll.add(descriptor, EpollEvent::new(flags, token.to_bits()))?;
        self.slots[token.index as usize].key = Some(key);
        // It was the last one: `vacant` says so.
        self.free.pop();
        Ok(token)
    }

    /// Watches `descriptor` no longer. From now on no event has its key, but those of an earlier wait may.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if `token` was removed before, or the loop does not watch `descriptor`.
    pub fn remove(&mut self, token: Token, descriptor: impl AsFd) -> io::Result<()> {
        let slot = self.slots.get_mut(token.index as usize);
        let Some(slot) = slot.filter(|slot| slot.generation == token.generation) else {
            return Err(io::Error::new(ErrorKind::NotFound, "this token was removed before"));
        };
        slot.key = None;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(token.index);
        Ok(self.epoll.delete(descriptor)?)
    }

    // ANCHOR: wait
    /// Waits until something happens, for at most `timeout`, without limit if there is
    /// none. Nothing in the result says that the time is over.
    ///
    /// The kernel counts in milliseconds here, so a wait may be up to one longer than
    /// asked for, never shorter. A signal handler that runs meanwhile does not end it.
    ///
    /// # Errors
    /// None that the kernel documents for a loop that exists.
    pub fn wait(&mut self, timeout: Option<Duration>) -> io::Result<Vec<Event<K>>> {
        // A time beyond what the clock can tell is no limit.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut events = [EpollEvent::empty(); EVENTS_MAX];
        loop {
            let left = deadline.map(|it| it.saturating_duration_since(Instant::now()));
            match self.epoll.wait(&mut events, whole_milliseconds(left)) {
                Ok(0) if left.is_some_and(|left| left.is_zero()) => return Ok(Vec::new()),
                Ok(0) | Err(Errno::EINTR) => {}
                Ok(len) => {
                    let events = events[..len].iter().filter_map(|event| self.known(event));
                    return Ok(events.collect());
                }
                Err(errno) => return Err(errno.into()),
            }
        }
    }
    // ANCHOR_END: wait

    /// The event in the caller's terms, if its descriptor was not removed.
    fn known(&self, event: &EpollEvent) -> Option<Event<K>> {
        let token = Token::from_bits(event.data());
        let slot = self.slots.get(token.index as usize)?;
        let key = slot.key.filter(|_| slot.generation == token.generation)?;
        let has = |flags| event.events().intersects(flags);
        Some(Event {
            key,
            readable: has(EpollFlags::EPOLLIN | EpollFlags::EPOLLHUP),
            writable: has(EpollFlags::EPOLLOUT | EpollFlags::EPOLLERR),
            hang_up: has(EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR),
        })
    }

    /// The last free place, or a new one, which then is the last. It stays free until `add_interest` takes it.
    fn vacant(&mut self) -> io::Result<Token> {
        if let Some(index) = self.free.last().copied() {
            return Ok(Token { index, generation: self.slots[index as usize].generation });
        }
        let index = u32::try_from(self.slots.len()).map_err(|_| Errno::ENOSPC)?;
        self.slots.push(Slot { generation: 0, key: None });
        self.free.push(index);
        Ok(Token { index, generation: 0 })
    }
}

impl Token {
    fn to_bits(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }

    fn from_bits(bits: u64) -> Token {
        Token { index: bits as u32, generation: (bits >> 32) as u32 }
    }
}

/// Rounded up: a wait that is cut short would make its caller spin through the last millisecond.
fn whole_milliseconds(left: Option<Duration>) -> EpollTimeout {
    let Some(left) = left else { return EpollTimeout::NONE };
    let milliseconds = left.as_nanos().div_ceil(1_000_000);
    // The kernel takes at most 24 days at once; the loop in `wait` asks again.
    let milliseconds = i32::try_from(milliseconds).unwrap_or(i32::MAX);
    EpollTimeout::try_from(milliseconds).unwrap_or(EpollTimeout::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write, pipe};

    const NOW: Option<Duration> = Some(Duration::ZERO);
    const DEADLINE: Option<Duration> = Some(Duration::from_secs(60));

    fn keys<K: Copy>(events: &[Event<K>]) -> Vec<K> {
        events.iter().map(|event| event.key).collect()
    }

    #[test]
    fn it_tells_which_one_is_ready_and_tells_it_again() {
        let mut events = EventLoop::new().expect("a loop");
        let (mut quiet, mut to_quiet) = pipe().expect("pipe");
        let (mut busy, mut to_busy) = pipe().expect("pipe");
        events.add(&quiet, 'q').expect("add");
        events.add(&busy, 'b').expect("add");
        assert_eq!(events.wait(NOW).expect("wait"), []);
        to_busy.write_all(b"two").expect("write");
        let ready = Event { key: 'b', readable: true, writable: false, hang_up: false };
        for _ in 0..3 {
            assert_eq!(events.wait(DEADLINE).expect("wait"), [ready]);
            busy.read_exact(&mut [0]).expect("read");
        }
        assert_eq!(events.wait(NOW).expect("wait"), []);
        to_quiet.write_all(b"x").expect("write");
        assert_eq!(keys(&events.wait(DEADLINE).expect("wait")), ['q']);
        quiet.read_exact(&mut [0]).expect("read");
    }

    #[test]
    fn a_closed_other_side_is_a_hang_up_of_either_end() {
        let mut events = EventLoop::new().expect("a loop");
        let (reader, writer) = pipe().expect("pipe");
        events.add(&reader, 'r').expect("add");
        drop(writer);
        let gone = Event { key: 'r', readable: true, writable: false, hang_up: true };
        assert_eq!(events.wait(DEADLINE).expect("wait"), [gone]);

        let mut events = EventLoop::new().expect("a loop");
        let (reader, writer) = pipe().expect("pipe");
        events.add_interest(&writer, 'w', Interest::Write).expect("add");
        let room = Event { key: 'w', readable: false, writable: true, hang_up: false };
        assert_eq!(events.wait(DEADLINE).expect("wait"), [room]);
        drop(reader);
        assert_eq!(events.wait(DEADLINE).expect("wait"), [Event { hang_up: true, ..room }]);
    }

    #[test]
    fn what_was_removed_is_not_told_and_its_place_is_used_again() {
        let mut events = EventLoop::new().expect("a loop");
        let (reader, mut writer) = pipe().expect("pipe");
        writer.write_all(b"x").expect("write");
        let first = events.add(&reader, 1).expect("add");
        events.remove(first, &reader).expect("remove");
        assert_eq!(events.wait(NOW).expect("wait"), []);
        let second = events.add(&reader, 2).expect("add");
        assert_eq!((second.index, events.slots.len()), (first.index, 1));
        let stale = EpollEvent::new(EpollFlags::EPOLLIN, first.to_bits());
        assert_eq!(events.known(&stale), None);
        assert_eq!(keys(&events.wait(DEADLINE).expect("wait")), [2]);
        let error = events.remove(first, &reader).expect_err("removed before");
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(keys(&events.wait(DEADLINE).expect("wait")), [2]);
    }

    #[test]
    fn what_cannot_be_watched_takes_no_place() {
        let mut events = EventLoop::new().expect("a loop");
        let file = tempfile::tempfile().expect("a file");
        let (reader, _writer) = pipe().expect("pipe");
        for _ in 0..3 {
            let error = events.add(&file, 'f').expect_err("always ready");
            assert_eq!(error.raw_os_error(), Some(Errno::EPERM as i32));
        }
        let token = events.add(&reader, 'r').expect("add");
        let error = events.add(&reader, 'r').expect_err("watched already");
        assert_eq!(error.raw_os_error(), Some(Errno::EEXIST as i32));
        assert_eq!(events.slots.len(), 2);
        let (other, _writer) = pipe().expect("pipe");
        let error = events.remove(token, &other).expect_err("not watched");
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }

    #[test]
    fn more_than_fit_into_one_answer_come_with_the_next() {
        let mut events = EventLoop::new().expect("a loop");
        let mut pipes: Vec<_> =
            (0..EVENTS_MAX * 2 + 1).map(|_| pipe().expect("pipe")).collect();
        for (key, (reader, writer)) in pipes.iter_mut().enumerate() {
            events.add(&*reader, key).expect("add");
            writer.write_all(b"x").expect("write");
        }
        let mut seen = vec![false; pipes.len()];
        for _ in 0..3 {
            keys(&events.wait(DEADLINE).expect("wait"))
                .iter()
                .for_each(|key| seen[*key] = true);
        }
        assert!(seen.iter().all(|seen| *seen));
    }

    #[test]
    fn a_wait_is_never_shorter_than_asked_for() {
        let mut events = EventLoop::<()>::new().expect("a loop");
        for microseconds in [0, 1, 300, 1_000, 1_001, 20_500] {
            let timeout = Duration::from_micros(microseconds);
            let start = Instant::now();
            assert_eq!(events.wait(Some(timeout)).expect("wait"), []);
            assert!(start.elapsed() >= timeout, "{microseconds}");
        }
    }

    #[test]
    fn times_are_rounded_up_and_cut_at_what_the_kernel_takes() {
        let of = |timeout| i32::from(whole_milliseconds(timeout));
        assert_eq!(of(None), -1);
        assert_eq!(of(Some(Duration::ZERO)), 0);
        assert_eq!(of(Some(Duration::from_nanos(1))), 1);
        assert_eq!(of(Some(Duration::from_millis(7))), 7);
        assert_eq!(of(Some(Duration::from_nanos(7_000_001))), 8);
        assert_eq!(of(Some(Duration::MAX)), i32::MAX);
    }
}
