//! The worker's side: takes tasks out of its socket, says which it has begun, and answers.

use super::Options;
use anyhow::Result;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::sys::socket::{MsgFlags, recv, send as send_bytes};
use nix::unistd::Pid;
use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use supervise::fault::{Point, arm};
use supervise::fault_point;

/// What goes through the socket, as three numbers.
#[derive(Debug)]
pub(crate) enum Message {
    Task(usize, u64),
    Ready,
    Begun(usize),
    Answer(usize, u64),
    Unknown,
}

/// Sends one message. That nobody is there to receive it is no error: the end of the process says so.
pub(crate) fn send(socket: &OwnedFd, message: Message) -> Result<()> {
    let numbers = match message {
        Message::Task(task, input) => [1, task as u64, input],
        Message::Ready => [2, 0, 0],
        Message::Begun(task) => [3, task as u64, 0],
        Message::Answer(task, answer) => [4, task as u64, answer],
        Message::Unknown => [0; 3],
    };
    let bytes = numbers.map(u64::to_le_bytes).concat();
    loop {
        match send_bytes(socket.as_raw_fd(), &bytes, MsgFlags::MSG_NOSIGNAL) {
            Err(Errno::EINTR) => {}
            Ok(_) | Err(Errno::EPIPE | Errno::ECONNRESET) => return Ok(()),
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Takes one message out; `None` if there is none, or none any more.
pub(crate) fn receive(socket: &OwnedFd, flags: MsgFlags) -> Result<Option<Message>> {
    let mut bytes = [0; 24];
    let len = loop {
        match recv(socket.as_raw_fd(), &mut bytes, flags) {
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) | Ok(0) => return Ok(None),
            received => break received?,
        }
    };
    let numbers: Vec<u64> =
        bytes.as_chunks().0.iter().map(|it| u64::from_le_bytes(*it)).collect();
    let task = usize::try_from(numbers[1])?;
    Ok(Some(match (len, numbers[0]) {
        (24, 1) => Message::Task(task, numbers[2]),
        (24, 2) => Message::Ready,
        (24, 3) => Message::Begun(task),
        (24, 4) => Message::Answer(task, numbers[2]),
        _ => Message::Unknown,
    }))
}

// ANCHOR: live
/// The whole life of a worker; returns its exit code.
pub(crate) fn live(
    socket: &OwnedFd,
    options: &Options,
    fault: Option<Point>,
    ledger: &Ledger,
) -> i32 {
    if let Some(point) = fault {
        arm(point, 0);
    }
    // If the program dies, so does a worker that is in the middle of a task.
    if set_pdeathsig(Signal::SIGKILL).is_err() {
        return 1;
    }
    fault_point!(Point::AfterStart);
    (options.initializer)();
    fault_point!(Point::BeforeHandshake);
    if send(socket, Message::Ready).is_err() {
        return 1;
    }
    fault_point!(Point::AfterHandshake);
    while let Ok(Some(Message::Task(task, input))) = receive(socket, MsgFlags::empty()) {
        fault_point!(Point::AfterClaim);
        let begun = send(socket, Message::Begun(task));
        let answer = (options.work)(input);
        ledger.write(task);
        fault_point!(Point::AfterTask);
        let message = Message::Answer(task, answer);
        fault_point!(Point::BeforePublish);
        // Here one system call publishes the answer, wakes the program and gives the room back.
        if begun.and(send(socket, message)).is_err() {
            return 1;
        }
        fault_point!(Point::AfterPublish);
        fault_point!(Point::BeforeRing);
        fault_point!(Point::BeforeRelease);
    }
    fault_point!(Point::WhileLeaving);
    0
}
// ANCHOR_END: live

/// What the work leaves in the world, whether or not its answer arrives: the number of each task that was done.
pub(crate) struct Ledger(File);

impl Ledger {
    pub(crate) fn new() -> Result<Self> {
        let file = memfd_create("ledger", MFdFlags::MFD_CLOEXEC)?;
        // Every write goes to the end, whoever writes.
        fcntl(&file, FcntlArg::F_SETFL(OFlag::O_APPEND))?;
        Ok(Ledger(file.into()))
    }

    fn write(&self, task: usize) {
        let _ = (&self.0).write_all(&(task as u64).to_le_bytes());
    }

    /// How often each of `tasks` tasks is in it.
    pub(crate) fn read(&self, tasks: usize) -> io::Result<Vec<u32>> {
        let (mut bytes, mut done) = (Vec::new(), vec![0; tasks]);
        (&self.0).rewind()?;
        (&self.0).read_to_end(&mut bytes)?;
        for task in bytes.as_chunks().0.iter().map(|task| u64::from_le_bytes(*task)) {
            if let Some(count) = usize::try_from(task).ok().and_then(|task| done.get_mut(task))
            {
                *count += 1;
            }
        }
        Ok(done)
    }
}

/// The resident memory of a process that is not reaped yet; 0 where there is no `/proc`.
pub(crate) fn rss_bytes(pid: Pid) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) << 10
}
