//! The life of a worker: shake hands, run what comes, leave.
//!
//! It runs in a process of its own that has one thread and does nothing else. What it owns: its lane's segment, its
//! socket, and the areas for what does not fit a ring. It claims a task before it runs it and answers in order, so at
//! whatever instant it is killed, the program can tell which task that cost.

use crate::argument::{Arguments, Missing};
use crate::layout::{Extra, Header, TaskTag, mark};
use crate::ledger::Ledger;
use crate::patience::{ANNOUNCED, Patience};
use crate::reply::Reply;
use crate::{overflow, stderr, tether};
use byte_ring::Consumer;
use shared::{Segment, passing};
use start::Kit;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use supervise::fault::Point;
use supervise::fault_point;
use task::{Call, Image, Outcome};

/// Exit code of a worker that was asked to leave.
const LEFT: i32 = 0;
/// Exit code of a worker whose initializer failed; what it said is on the socket.
const NOT_INITIALIZED: i32 = 3;
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
        Ok((worker, note)) => {
            // The process ends right behind this, and all that it owns with it. A task may have closed some of that
            // already, which std would end a debug build for.
            let mut worker = ManuallyDrop::new(worker);
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
    ledger: Ledger,
    patience: Patience,
    arguments: Arguments,
    initializer_area: Option<OwnedFd>,
}

impl Worker {
    fn connect(kit: Kit) -> Result<(Worker, Note), i32> {
        let note: Note = task::decode(&kit.note).map_err(|_| NO_CONNECTION)?;
        let mut descriptors = kit.descriptors.into_iter();
        let mut next = || descriptors.next().ok_or(NO_CONNECTION);
        let socket = next()?;
        // A task may build a pool by fork.
        start::keep_from_templates(socket.as_fd());
        // Their mappings are enough: a worker has no more descriptors than it needs.
        let segment =
            Segment::from_descriptor(next()?).map_err(|_| NO_CONNECTION)?.into_mapping();
        let bell = Segment::from_descriptor(next()?).map_err(|_| NO_CONNECTION)?.into_mapping();
        // Before the initializer, whose children are to die with the program too. A worker that cannot be tied still dies.
        let _ = tether::tie(next()?);
        // What cannot be redirected goes where it went before.
        let _ = stderr::redirect(next()?);
        let initializer_area = descriptors.next();
        let header = Header::new(Arc::new(segment)).map_err(|_| NO_CONNECTION)?;
        let worker = Worker {
            tasks: header.task_consumer().map_err(|_| NO_CONNECTION)?,
            reply: Reply::new(header.clone(), bell)?,
            ledger: Ledger::new(header.clone()),
            patience: Patience::default(),
            header,
            socket,
            arguments: Arguments::default(),
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
        overflow::tell();
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
        let area = Segment::from_descriptor(area).map_err(|_| NO_CONNECTION)?.into_mapping();
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

    // ANCHOR: step
    /// Runs the next task, if there is one.
    #[inline]
    fn step(&mut self) -> Result<Step, i32> {
        let Some(record) = self.tasks.next().map_err(|_| NO_CONNECTION)? else {
            return Ok(Step::Empty);
        };
        let tag = TaskTag::from_bits(record.tag()).ok_or(NO_CONNECTION)?;
        let position = record.position().to_bits();
        // Before the claim: whoever sees that the task is begun sees when, or when a later one was.
        let measured = self.ledger.begin();
        let claimed = record
            .mark()
            .compare_exchange(mark::SENT, mark::STARTED, Ordering::AcqRel, Ordering::Acquire)
            .is_ok();
        fault_point!(Point::AfterClaim);
        // SAFETY: the program does not write to a record between `publish` and the `release` below.
        let payload = unsafe { record.payload() };
        let answer = match tag {
            TaskTag::Call(call) if claimed => {
                // SAFETY: the call comes from the program, whose fingerprint is this one's.
                let call = unsafe { Call::from_bits(call) }.map_err(|_| NO_CONNECTION)?;
                self.reply.run(call, payload, Vec::new())
            }
            TaskTag::Call(_) => {
                self.ledger.did_not_begin();
                self.tasks.release();
                return Ok(Step::Ran);
            }
            TaskTag::Leave => {
                self.ledger.did_not_begin();
                self.ledger.pause(self.reply.waited_ns());
                // The finalizer may take its time.
                self.reply.ring_if_unrung();
                return Ok(Step::Leave);
            }
            TaskTag::Extra => {
                let (extra, inline) = Extra::split(payload).ok_or(NO_CONNECTION)?;
                let received =
                    self.arguments.receive(self.socket.as_fd(), &self.header, &extra);
                if let Err(Missing::Broken) = received {
                    return Err(NO_CONNECTION);
                }
                if !claimed {
                    self.ledger.did_not_begin();
                    self.tasks.release();
                    return Ok(Step::Ran);
                }
                // SAFETY: the call comes from the program, whose fingerprint is this one's.
                let call = unsafe { Call::from_bits(extra.call) }.map_err(|_| NO_CONNECTION)?;
                let argument = match extra.area_len {
                    None => Ok(inline),
                    Some(len) => self.arguments.bytes(&self.header, len),
                };
                match (argument, received) {
                    (Ok(argument), Ok(descriptors)) => {
                        self.reply.run(call, argument, descriptors)
                    }
                    (Err(Missing::Refused(why)), _) | (_, Err(Missing::Refused(why))) => {
                        self.reply.refuse(why)
                    }
                    _ => return Err(NO_CONNECTION),
                }
            }
        };
        let span = match measured {
            Some(start_ns) => self.ledger.end(start_ns, self.reply.waited_ns()),
            None => None,
        };
        fault_point!(Point::AfterTask);
        self.reply.answer(self.socket.as_fd(), position, answer, span)?;
        fault_point!(Point::BeforeRelease);
        self.tasks.release();
        Ok(Step::Ran)
    }
    // ANCHOR_END: step

    /// Nothing to do: tells the program, looks for a moment, then sleeps.
    fn wait_for_tasks(&mut self) {
        self.ledger.pause(self.reply.waited_ns());
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

fn finalize(bits: u64) {
    // SAFETY: the number comes from the program, whose fingerprint is this one's.
    let Ok(finalizer) = (unsafe { task::function_at(bits) }) else { return };
    // A finalizer that panics has nobody to tell: the worker leaves all the same.
    let _ = std::panic::catch_unwind(finalizer);
}
