//! The life of a worker: shake hands, run what comes, leave.
//!
//! It runs in a process of its own that has one thread and does nothing else. What it owns: its lane's segment, its
//! socket, and the areas for what does not fit a ring. It claims a task before it runs it and answers in order, so at
//! whatever instant it is killed, the program can tell which task that cost.

use crate::layout::{Extra, Header, TaskTag, mark};
use crate::pace::Pace;
use crate::patience::{ANNOUNCED, Patience};
use crate::reply::Reply;
use byte_ring::Consumer;
use shared::{Growing, Segment, passing};
use start::Kit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use supervise::fault::Point;
use supervise::fault_point;
use task::{Call, Image, Outcome};

/// Exit code of a worker that was asked to leave.
const LEFT: i32 = 0;
/// Exit code of a worker whose initializer failed; what it said is on the socket.
pub(crate) const NOT_INITIALIZED: i32 = 3;
/// Exit code of a worker whose connection with the program is not what it should be.
pub(crate) const NO_CONNECTION: i32 = 4;

/// What the program tells a worker beside its descriptors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Note {
    /// The call of the initializer; its argument is in the last descriptor.
    pub(crate) initializer: Option<(u64, u64)>,
    /// The address of the finalizer less that of the image.
    pub(crate) finalizer: Option<u64>,
    pub(crate) nice: Option<i32>,
    /// The processor to run on.
    pub(crate) processor: Option<u32>,
    pub(crate) fingerprint: [u8; 32],
}

/// What a worker says first, on its socket.
pub(crate) mod hello {
    /// It takes tasks.
    pub(crate) const READY: u8 = 1;
    /// The initializer panicked: a report follows.
    pub(crate) const INITIALIZER_FAILED: u8 = 2;
    /// It is not the same program.
    pub(crate) const STRANGER: u8 = 3;
}

/// What a process that the launcher started runs; see [`start::init`].
pub(crate) fn main(kit: Kit) -> i32 {
    fault_point!(Point::AfterStart);
    match Worker::connect(kit) {
        Ok((mut worker, note)) => {
            if let Err(code) = worker.prepare(&note) {
                return code;
            }
            let code = worker.work();
            fault_point!(Point::WhileLeaving);
            if code == LEFT
                && let Some(finalizer) = note.finalizer
            {
                finalize(finalizer);
            }
            code
        }
        Err(code) => code,
    }
}

struct Worker {
    header: Header,
    socket: OwnedFd,
    tasks: Consumer,
    reply: Reply,
    pace: Pace,
    patience: Patience,
    /// Large arguments; the program writes.
    arguments: Option<Growing>,
    initializer_area: Option<OwnedFd>,
}

impl Worker {
    fn connect(kit: Kit) -> Result<(Worker, Note), i32> {
        let note: Note = task::decode(&kit.note).map_err(|_| NO_CONNECTION)?;
        let mut descriptors = kit.descriptors.into_iter();
        let mut next = || descriptors.next().ok_or(NO_CONNECTION);
        let socket = next()?;
        // Their mappings are enough: a worker has no more descriptors than it needs.
        let segment =
            Segment::from_descriptor(next()?).map_err(|_| NO_CONNECTION)?.into_mapping();
        let bell = Segment::from_descriptor(next()?).map_err(|_| NO_CONNECTION)?.into_mapping();
        let initializer_area = descriptors.next();
        let header = Header::new(Arc::new(segment)).map_err(|_| NO_CONNECTION)?;
        let worker = Worker {
            tasks: header.task_consumer().map_err(|_| NO_CONNECTION)?,
            reply: Reply::new(header.clone(), bell)?,
            pace: Pace::default(),
            patience: Patience::default(),
            header,
            socket,
            arguments: None,
            initializer_area,
        };
        Ok((worker, note))
    }

    /// Proves that it is the same program, takes its place among the processes, runs the initializer.
    fn prepare(&mut self, note: &Note) -> Result<(), i32> {
        fault_point!(Point::BeforeHandshake);
        if note.fingerprint != Image::current().fingerprint() {
            return self.say(&[hello::STRANGER]).and(Err(NO_CONNECTION));
        }
        task::catch_panics();
        if let Some(nice) = note.nice {
            // SAFETY: no memory is involved.
            unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, nice) };
        }
        if let Some(processor) = note.processor {
            let mut set = nix::sched::CpuSet::new();
            let _ = set.set(processor as usize);
            let _ = nix::sched::sched_setaffinity(nix::unistd::Pid::from_raw(0), &set);
        }
        if let Some((call, len)) = note.initializer {
            self.initialize(call, len)?;
        }
        self.say(&[hello::READY])?;
        fault_point!(Point::AfterHandshake);
        Ok(())
    }

    fn initialize(&mut self, call: u64, len: u64) -> Result<(), i32> {
        let area = self.initializer_area.take().ok_or(NO_CONNECTION)?;
        let area = Segment::from_descriptor(area).map_err(|_| NO_CONNECTION)?;
        let len = usize::try_from(len)
            .ok()
            .filter(|len| *len <= area.len_bytes())
            .ok_or(NO_CONNECTION)?;
        // SAFETY: the call comes from the program, whose fingerprint is this one's.
        let call = unsafe { Call::from_bits(call) }.map_err(|_| NO_CONNECTION)?;
        // SAFETY: so many bytes are mapped, and the program wrote them before it started this process.
        let argument = unsafe { std::slice::from_raw_parts(area.as_ptr().as_ptr(), len) };
        let mut out = Vec::new();
        match call.run(argument, &mut out) {
            Outcome::Returned => Ok(()),
            outcome => {
                let mut message = vec![hello::INITIALIZER_FAILED, outcome as u8];
                // What does not fit one message is not read by anybody either.
                message.extend_from_slice(&out[..out.len().min(16 << 10)]);
                self.say(&message).and(Err(NOT_INITIALIZED))
            }
        }
    }

    fn say(&self, message: &[u8]) -> Result<(), i32> {
        passing::send(self.socket.as_fd(), message, &[]).map_err(|_| NO_CONNECTION)
    }

    /// Runs tasks until it is asked to leave.
    fn work(&mut self) -> i32 {
        loop {
            match self.step() {
                Ok(Step::Ran) => {}
                Ok(Step::Empty) => self.wait_for_tasks(),
                Ok(Step::Leave) => return LEFT,
                // The program is gone or is no program of ours any more.
                Err(code) => return code,
            }
        }
    }

    /// Runs the next task, if there is one.
    #[inline]
    fn step(&mut self) -> Result<Step, i32> {
        let Some(record) = self.tasks.next().map_err(|_| NO_CONNECTION)? else {
            return Ok(Step::Empty);
        };
        let tag = TaskTag::from_bits(record.tag()).ok_or(NO_CONNECTION)?;
        let position = record.position().to_bits();
        let claimed = record
            .mark()
            .compare_exchange(mark::SENT, mark::STARTED, Ordering::AcqRel, Ordering::Acquire)
            .is_ok();
        fault_point!(Point::AfterClaim);
        // SAFETY: the program does not write to a record between `publish` and the `release` below.
        let payload = unsafe { record.payload() };
        let measured = self.pace.begin();
        let answer = match tag {
            TaskTag::Call(call) if claimed => {
                // SAFETY: the call comes from the program, whose fingerprint is this one's.
                let call = unsafe { Call::from_bits(call) }.map_err(|_| NO_CONNECTION)?;
                self.reply.run(call, payload, Vec::new())
            }
            TaskTag::Call(_) => {
                self.tasks.release();
                return Ok(Step::Ran);
            }
            TaskTag::Leave => {
                // The finalizer may take its time.
                self.reply.ring_if_unrung();
                return Ok(Step::Leave);
            }
            TaskTag::Extra => {
                let (extra, inline) = Extra::split(payload).ok_or(NO_CONNECTION)?;
                let descriptors =
                    receive_extra(self.socket.as_fd(), &mut self.arguments, &extra)?;
                if !claimed {
                    self.tasks.release();
                    return Ok(Step::Ran);
                }
                let argument = match extra.area_len {
                    None => inline,
                    Some(len) => area_bytes(&mut self.arguments, len)?,
                };
                // SAFETY: the call comes from the program, whose fingerprint is this one's.
                let call = unsafe { Call::from_bits(extra.call) }.map_err(|_| NO_CONNECTION)?;
                self.reply.run(call, argument, descriptors)
            }
        };
        if let Some(start) = measured {
            self.header.task_ns().store(self.pace.end(start), Ordering::Relaxed);
        }
        fault_point!(Point::AfterTask);
        self.reply.answer(self.socket.as_fd(), position, answer)?;
        fault_point!(Point::BeforeRelease);
        self.tasks.release();
        Ok(Step::Ran)
    }

    /// Nothing to do: tells the program, looks for a moment, then sleeps.
    fn wait_for_tasks(&mut self) {
        self.pace.paused();
        self.reply.ring_if_unrung();
        let may_look = self.header.may_look().load(Ordering::Relaxed) != 0;
        let tasks = &mut self.tasks;
        if may_look && self.patience.look(|| !tasks.is_empty()) {
            return;
        }
        let bell = self.header.tasks();
        loop {
            bell.arm();
            if !tasks.is_empty() {
                return bell.disarm();
            }
            bell.sleep(None);
            bell.disarm();
            // The program rings before it copies a large argument, so that this process wakes up meanwhile.
            if !tasks.is_empty() || (may_look && wake::spin(ANNOUNCED, || !tasks.is_empty())) {
                return;
            }
        }
    }
}

/// How far a step came.
enum Step {
    Ran,
    Empty,
    Leave,
}

/// Receives the area and the descriptors that belong to a task.
fn receive_extra(
    socket: BorrowedFd<'_>,
    arguments: &mut Option<Growing>,
    extra: &Extra,
) -> Result<Vec<OwnedFd>, i32> {
    let receive = |count: usize| {
        let received = passing::receive(socket, &mut [0; 8]).map_err(|_| NO_CONNECTION)?;
        if received.descriptors.len() == count {
            Ok(received.descriptors)
        } else {
            Err(NO_CONNECTION)
        }
    };
    if extra.new_area {
        let area = receive(1)?.pop().ok_or(NO_CONNECTION)?;
        *arguments = Some(Growing::from_descriptor(area).map_err(|_| NO_CONNECTION)?);
    }
    let mut descriptors = Vec::new();
    let mut left = extra.descriptors as usize;
    while left > 0 {
        let part = left.min(passing::DESCRIPTORS_MAX);
        descriptors.extend(receive(part)?);
        left -= part;
    }
    Ok(descriptors)
}

/// The large argument, in the program's own area.
fn area_bytes(arguments: &mut Option<Growing>, len: u64) -> Result<&[u8], i32> {
    let area = arguments.as_mut().ok_or(NO_CONNECTION)?;
    let len = usize::try_from(len).map_err(|_| NO_CONNECTION)?;
    area.map_at_least(len).map_err(|_| NO_CONNECTION)?;
    // SAFETY: so many bytes are mapped, and the program does not write there before this task is answered.
    Ok(unsafe { std::slice::from_raw_parts(area.as_ptr().as_ptr(), len) })
}

fn finalize(bits: u64) {
    // SAFETY: the number comes from the program, whose fingerprint is this one's.
    let Ok(finalizer) = (unsafe { task::function_at(bits) }) else { return };
    // A finalizer that panics has nobody to tell: the worker leaves all the same.
    let _ = std::panic::catch_unwind(finalizer);
}
