//! What a thread wants of the kernel when it enters a call, and what came of it when it leaves.
//!
//! Everything that is read of the thread's memory and descriptors is read while it is stopped at the call.

use crate::call::{self, Kind};
use crate::cause::{Deed, Did};
use crate::descriptor::{self, Queue, Source};
use crate::record::Recorder;
use crate::sys::{self, At};
use crate::task::{Ended, InCall, Interrupted, Waited};
use nix::unistd::Pid;
use std::collections::HashMap;
use timeline::{Cause, Wait, What};

/// How many descriptors of one `poll` are looked at.
const POLLED_MAX: u64 = 64;

/// How many times the threshold a call must last that is no wait by its nature.
const OTHER_CALL: u64 = 10;

/// A call that a signal has interrupted returns one of these inside the kernel.
const RESTARTS: std::ops::RangeInclusive<i64> = -516..=-512;

/// What the descriptors of an epoll stand for: by process, epoll and the data that it gives back.
pub(crate) type Epolls = HashMap<(i32, i32, u64), Source>;

impl Recorder {
    /// A thread is stopped at the entry or at the exit of a call.
    pub(crate) fn at_call(&mut self, pid: Pid) {
        if self.is_full() {
            return;
        }
        let now_us = self.now_us();
        match sys::syscall_info(pid) {
            Ok(At::Entry { number, args }) => self.entry(pid, number, args, now_us),
            Ok(At::Exit { value }) => self.exit(pid, value, now_us),
            Ok(At::Elsewhere) => {}
            // A thread that was killed at its stop. Anything else is an old kernel, which a note tells of.
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
            Err(_) => self.note("this kernel has no PTRACE_GET_SYSCALL_INFO (it came with Linux 5.3), so no waits are recorded"),
        }
    }

    fn entry(&mut self, pid: Pid, number: libc::c_long, args: [u64; 6], now_us: u64) {
        let Some(task) = self.tasks.get_mut(&pid) else { return };
        let (lane, tgid) = (task.lane, task.tgid);
        if let Some(cut) = task.interrupted.take() {
            let again = call::kind(number) == Kind::Restart
                || (cut.call.number == number && cut.call.args == args);
            if again {
                task.call = Some(cut.call);
                return;
            }
            if let Some(what) = self.meaning(&cut.call) {
                self.keep_wait(lane, &cut.call, cut.to_us, what, Ended::By(cut.by));
            }
        }
        let kind = call::kind(number);
        let mut call = InCall {
            number,
            args,
            from_us: now_us,
            switches: None,
            queue: None,
            device: None,
            polled: Vec::new(),
            dropped: Vec::new(),
            clone: (0, 0, 0),
            vfork_child: None,
        };
        let queue = |number| match descriptor::source(pid, number) {
            Some(Source::Queue(queue)) => Some(queue),
            _ => None,
        };
        match kind {
            Kind::Read | Kind::Write => match descriptor::source(pid, args[0]) {
                Some(Source::Queue(queue)) => call.queue = Some(queue),
                other => call.device = other,
            },
            Kind::Move(to) => call.queue = queue(args[to]),
            Kind::Futex => {
                call.queue = Some(descriptor::word(tgid, args[0], args[1] & 128 != 0))
            }
            Kind::Poll => call.polled = polled(pid, args),
            Kind::Close => {
                call.dropped = self.closed(pid, args[0] as i32..=args[0] as i32, false)
            }
            Kind::Dup => {
                call.dropped = self.closed(pid, args[1] as i32..=args[1] as i32, false)
            }
            Kind::CloseRange => {
                let last = i32::try_from(args[1] as u32).unwrap_or(i32::MAX);
                if args[2] == 0 {
                    call.dropped = self.closed(pid, args[0] as i32..=last, false);
                }
            }
            Kind::Exec => call.dropped = self.closed(pid, 0..=i32::MAX, true),
            Kind::Clone => {
                call.clone = (
                    args[0] & !0xff,
                    args[0] & 0xff,
                    args[if cfg!(target_arch = "x86_64") { 3 } else { 4 }],
                )
            }
            Kind::Clone3 => call.clone = clone3(pid, args[0]),
            Kind::Vfork => call.clone = (call::VFORK | 0x100, libc::SIGCHLD as u64, 0),
            Kind::Fork => call.clone = (0, libc::SIGCHLD as u64, 0),
            Kind::Unseen(name) => self.note(&unseen(name)),
            _ => {}
        }
        let on_a_file = matches!(kind, Kind::Read | Kind::Write)
            && call.queue.is_none()
            && call.device.is_none();
        if may_block(kind, args[1]) && !on_a_file {
            call.switches = descriptor::switches(pid);
        }
        if let Some(task) = self.tasks.get_mut(&pid) {
            task.call = Some(call);
        }
    }

    /// The writing ends among these descriptors.
    fn closed(
        &self,
        pid: Pid,
        range: std::ops::RangeInclusive<i32>,
        on_exec: bool,
    ) -> Vec<Queue> {
        if range.start() == range.end() {
            return match descriptor::source(pid, *range.start() as u64) {
                Some(Source::Queue(queue)) => vec![queue],
                _ => Vec::new(),
            };
        }
        let held = descriptor::held(pid).unwrap_or_default().into_iter();
        held.filter(|held| range.contains(&held.number) && (held.close_on_exec || !on_exec))
            .map(|held| held.queue)
            .collect()
    }

    fn exit(&mut self, pid: Pid, value: i64, now_us: u64) {
        let Some(task) = self.tasks.get_mut(&pid) else { return };
        let (lane, tgid) = (task.lane, task.tgid);
        let Some(call) = task.call.take() else { return };
        if RESTARTS.contains(&value) {
            task.interrupted = Some(Interrupted { call, to_us: now_us, by: None });
            return;
        }
        if call::kind(call.number) == Kind::SetTidAddress {
            task.clear_tid = call.args[0];
        }
        self.effect(lane, &call, now_us, Some(value));
        match call::kind(call.number) {
            Kind::Wait4 | Kind::Waitid => drop(self.ended_by(pid, &call, value, now_us)),
            Kind::SocketPair if value == 0 => self.learn_pair(pid, call.args[3]),
            Kind::EpollCtl if value == 0 => self.learn_epoll(pid, tgid, call.args),
            _ => {}
        }
        let is_long = now_us - call.from_us >= self.options.threshold.as_micros() as u64;
        if !is_long || !has_blocked(pid, &call) {
            return;
        }
        if let Some(what) = self.meaning(&call) {
            let ended = self.ended_by(pid, &call, value, now_us);
            self.keep_wait(lane, &call, now_us, what, ended);
        }
    }

    fn learn_pair(&mut self, pid: Pid, address: u64) {
        let Some(bytes) = sys::peek::<8>(pid, address) else { return };
        let number = |at: usize| {
            u64::from(bytes[at])
                | u64::from(bytes[at + 1]) << 8
                | u64::from(bytes[at + 2]) << 16
        };
        let inode = |number| match descriptor::source(pid, number) {
            Some(Source::Queue(Queue::Socket(inode))) => Some(inode),
            _ => None,
        };
        if let (Some(one), Some(other)) = (inode(number(0)), inode(number(4))) {
            self.names.pair(one, other);
        }
    }

    fn learn_epoll(&mut self, pid: Pid, tgid: Pid, args: [u64; 6]) {
        if args[1] != libc::EPOLL_CTL_ADD as u64 {
            return;
        }
        let (Some(source), Some(data)) =
            (descriptor::source(pid, args[2]), epoll_data(pid, args[3]))
        else {
            return;
        };
        self.epolls.insert((tgid.as_raw(), args[0] as i32, data), source);
    }

    /// What the call did that others may have waited for. `value` is `None` if the thread was killed in it.
    pub(crate) fn effect(
        &mut self,
        lane: usize,
        call: &InCall,
        to_us: u64,
        value: Option<i64>,
    ) {
        let kind = call::kind(call.number);
        let given = value.is_none_or(|value| value > 0);
        let deed = |did, verb| Deed { lane, from_us: call.from_us, to_us, did, verb };
        match (kind, call.queue) {
            (Kind::Write | Kind::Move(_), Some(queue)) if given => {
                if let Some(target) = self.names.target(queue) {
                    self.events += 1;
                    self.deeds.push(target, deed(Did::Gave, "wrote"));
                }
            }
            (Kind::Read, Some(queue)) if given => {
                self.events += 1;
                self.deeds.push(queue, deed(Did::Took, "read"));
            }
            (Kind::Futex, Some(queue)) if given && wakes(call.args[1]) => {
                self.events += 1;
                self.deeds.push(queue, deed(Did::Woke, "woke"));
            }
            _ => {}
        }
        if value.is_some_and(|value| value >= 0) && kind != Kind::Exec {
            for queue in &call.dropped {
                self.events += 1;
                self.drop_end(*queue, deed(Did::Dropped, "closed"));
            }
        }
    }

    /// What the call waits for, if it can wait.
    pub(crate) fn meaning(&mut self, call: &InCall) -> Option<What> {
        let named = |name: &str| Some(What::Call { name: name.to_owned() });
        match (call::kind(call.number), call.queue) {
            (Kind::Wait4 | Kind::Waitid, _) => Some(What::Child),
            (Kind::Read, Some(queue)) => {
                Some(What::Read { channel: self.names.channel(queue) })
            }
            // A file on a disk is slow at most; nobody lets a reader of it go on.
            (Kind::Read, None) => match call.device? {
                Source::Signals => Some(What::Signal),
                Source::Timer => Some(What::Sleep),
                _ => named("read"),
            },
            (Kind::Write, Some(queue)) => {
                Some(What::Write { channel: self.names.channel(queue) })
            }
            (Kind::Write, None) => call.device.and_then(|_| named("write")),
            (Kind::Futex, Some(queue)) if waits(call.args[1]) => {
                Some(What::Futex { word: self.names.word(queue) })
            }
            (Kind::Poll | Kind::Epoll | Kind::Select, _) => Some(What::Poll),
            (Kind::Sleep, _) => Some(What::Sleep),
            (Kind::SigTimedWait | Kind::SigSuspend, _) => Some(What::Signal),
            _ if call.vfork_child.is_some() => Some(What::Vfork),
            (Kind::Fork | Kind::Clone | Kind::Clone3, _) => named("clone"),
            _ => call::other(call.number),
        }
    }

    /// Takes note of a wait that was long enough.
    pub(crate) fn keep_wait(
        &mut self,
        lane: usize,
        call: &InCall,
        to_us: u64,
        what: What,
        ended: Ended,
    ) {
        let threshold = self.options.threshold.as_micros() as u64;
        let factor = if matches!(what, What::Call { .. }) { OTHER_CALL } else { 1 };
        if to_us - call.from_us >= threshold * factor {
            self.events += 1;
            let wait = Wait { from_us: call.from_us, to_us, what, ended_by: None };
            self.waits.push(Waited { lane, wait, ended });
        }
    }

    /// How a call that has returned `value` was ended.
    fn ended_by(&mut self, pid: Pid, call: &InCall, value: i64, now_us: u64) -> Ended {
        let unknown = Ended::By(None);
        match call::kind(call.number) {
            Kind::Wait4 if value > 0 => self.child_ended(value as i32, true, now_us),
            Kind::Waitid if value == 0 && call.args[2] != 0 => {
                let child = siginfo_pid(pid, call.args[2]);
                let taken = call.args[3] & libc::WNOWAIT as u64 == 0;
                child.map_or(unknown, |child| self.child_ended(child, taken, now_us))
            }
            Kind::Read => match call.queue {
                Some(queue) if value > 0 => Ended::Deed(queue, Did::Gave),
                Some(queue) if value == 0 => Ended::Deed(queue, Did::Dropped),
                _ => unknown,
            },
            Kind::Write if value > 0 => {
                match call.queue.and_then(|queue| self.names.target(queue)) {
                    Some(queue) => Ended::Deed(queue, Did::Took),
                    None => unknown,
                }
            }
            Kind::Futex if value == 0 => {
                call.queue.map_or(unknown, |queue| Ended::Deed(queue, Did::Woke))
            }
            Kind::Poll if value == 1 => self.first_ready(pid, call),
            Kind::Epoll if value == 1 => self.first_event(pid, call),
            Kind::SigTimedWait if value > 0 && call.args[1] != 0 => {
                let sender = siginfo_pid(pid, call.args[1])
                    .and_then(|sender| self.lane_of.get(&sender).copied());
                Ended::By(sender.map(|lane| Cause {
                    lane,
                    at_us: now_us,
                    did: "signalled".to_owned(),
                }))
            }
            _ => call.vfork_child.map_or(unknown, Ended::Vfork),
        }
    }

    fn child_ended(&mut self, child: i32, taken: bool, now_us: u64) -> Ended {
        let Some(&lane) = self.lane_of.get(&child) else { return Ended::By(None) };
        if let Some(end) =
            self.lanes[lane].end.as_mut().filter(|end| taken && end.reaped_us.is_none())
        {
            end.reaped_us = Some(now_us);
        }
        Ended::Child(lane)
    }

    fn first_ready(&self, pid: Pid, call: &InCall) -> Ended {
        let ready = call.polled.iter().find_map(|(place, source)| {
            let revents =
                u16::from_ne_bytes(sys::peek::<8>(pid, *place)?[6..].try_into().ok()?);
            (revents != 0).then_some((*source, i32::from(revents)))
        });
        ready.map_or(Ended::By(None), |(source, revents)| self.source_ready(source, revents))
    }

    fn first_event(&self, pid: Pid, call: &InCall) -> Ended {
        let Some(revents) = sys::peek::<8>(pid, call.args[1]) else { return Ended::By(None) };
        let revents = i32::from_ne_bytes([revents[0], revents[1], revents[2], revents[3]]);
        let Some(data) = epoll_data(pid, call.args[1]) else { return Ended::By(None) };
        let tgid = self.tasks.get(&pid).map_or(pid, |task| task.tgid);
        match self.epolls.get(&(tgid.as_raw(), call.args[0] as i32, data)) {
            Some(source) => self.source_ready(*source, revents),
            None => Ended::By(None),
        }
    }

    fn source_ready(&self, source: Source, revents: i32) -> Ended {
        let has = |events: i16| revents & i32::from(events) != 0;
        match source {
            Source::Process(pid) => {
                self.lane_of.get(&pid).map_or(Ended::By(None), |lane| Ended::Child(*lane))
            }
            // A socket whose other end is gone is readable, too; a pipe is so only while it holds bytes.
            Source::Queue(Queue::Socket(_))
                if has(libc::POLLIN) && has(libc::POLLHUP | libc::POLLRDHUP) =>
            {
                Ended::By(None)
            }
            Source::Queue(queue) if has(libc::POLLIN) => Ended::Deed(queue, Did::Gave),
            Source::Queue(queue) if has(libc::POLLHUP) => Ended::Deed(queue, Did::Dropped),
            _ => Ended::By(None),
        }
    }

    /// A thread is about to get a signal.
    pub(crate) fn signalled(&mut self, pid: Pid) {
        let Some(sender) = sys::sender(pid) else { return };
        let at_us = self.now_us();
        let Some(&lane) = self.lane_of.get(&sender) else { return };
        if let Some(cut) = self.tasks.get_mut(&pid).and_then(|task| task.interrupted.as_mut()) {
            let at_us = at_us.min(cut.to_us);
            cut.by.get_or_insert(Cause { lane, at_us, did: "signalled".to_owned() });
        }
    }
}

/// Whether the switches of a thread tell if this call has waited.
fn may_block(kind: Kind, operation: u64) -> bool {
    match kind {
        Kind::Futex => waits(operation),
        Kind::Read | Kind::Write | Kind::Move(_) | Kind::Wait4 | Kind::Waitid => true,
        Kind::Poll
        | Kind::Epoll
        | Kind::Select
        | Kind::Sleep
        | Kind::SigTimedWait
        | Kind::SigSuspend => true,
        _ => false,
    }
}

/// Whether the thread slept between entry and exit. The stop at the exit is one switch; a call that slept has another one.
/// A call can be slow without that: its processor was busy, or it had much to copy.
fn has_blocked(pid: Pid, call: &InCall) -> bool {
    let Some((before, after)) = call.switches.zip(descriptor::switches(pid)) else {
        return true;
    };
    after >= before + 2
}

/// `FUTEX_WAIT`, `FUTEX_LOCK_PI`, `FUTEX_WAIT_BITSET`.
fn waits(operation: u64) -> bool {
    matches!(operation & 0x7f, 0 | 6 | 9)
}

/// `FUTEX_WAKE`, `FUTEX_REQUEUE`, `FUTEX_CMP_REQUEUE`, `FUTEX_WAKE_OP`, `FUTEX_UNLOCK_PI`, `FUTEX_WAKE_BITSET`.
fn wakes(operation: u64) -> bool {
    matches!(operation & 0x7f, 1 | 3 | 4 | 5 | 7 | 10)
}

fn unseen(name: &str) -> String {
    match name {
        "ptrace" => "it called ptrace itself; a process that is watched already cannot be watched by it, so it may behave differently",
        "seccomp" => "it installed a seccomp filter; what the filter refuses is in the record as a call that fails",
        "io_uring_setup" => "it uses io_uring, whose reads and writes are not in the record",
        _ => "it waits for several futexes at once, and who ended such a wait is not in the record",
    }
    .to_owned()
}

fn polled(pid: Pid, args: [u64; 6]) -> Vec<(u64, Source)> {
    let places = (0..args[1].min(POLLED_MAX)).map(|index| args[0].wrapping_add(8 * index));
    places
        .filter_map(|place| {
            let bytes = sys::peek::<8>(pid, place)?;
            let number = i32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            Some((place, descriptor::source(pid, u64::try_from(number).ok()?)?))
        })
        .collect()
}

/// Flags, signal and the place of the child's number, from `struct clone_args`.
fn clone3(pid: Pid, address: u64) -> (u64, u64, u64) {
    let word = |index: u64| {
        sys::peek::<8>(pid, address.wrapping_add(8 * index)).map_or(0, u64::from_ne_bytes)
    };
    (word(0), word(4), word(2))
}

/// The data of a `struct epoll_event`, which x86_64 packs.
fn epoll_data(pid: Pid, address: u64) -> Option<u64> {
    let offset = if cfg!(target_arch = "x86_64") { 4 } else { 8 };
    sys::peek::<8>(pid, address.checked_add(offset)?).map(u64::from_ne_bytes)
}

/// The pid in a `siginfo_t`, if it has one.
fn siginfo_pid(pid: Pid, address: u64) -> Option<i32> {
    let bytes = sys::peek::<24>(pid, address)?;
    let number = |at: usize| {
        i32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
    };
    sys::sent_by_a_process(number(8), number(0))
        .then(|| number(16))
        .filter(|sender| *sender != 0)
}
