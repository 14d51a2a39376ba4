//! A watched thread, between two of its stops.

use crate::cause::Did;
use crate::descriptor::{Queue, Source};
use nix::unistd::Pid;
use timeline::{Cause, Wait};

/// One thread.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) lane: usize,
    /// The process that it is a thread of.
    pub(crate) tgid: Pid,
    pub(crate) call: Option<InCall>,
    pub(crate) interrupted: Option<Interrupted>,
    /// Where its end is written and waited for; 0 if nowhere.
    pub(crate) clear_tid: u64,
    pub(crate) is_exiting: bool,
    pub(crate) exit_from_us: Option<u64>,
    /// The writing ends that its end closes; `None` if they could not be seen.
    pub(crate) held: Option<Vec<Queue>>,
}

impl Task {
    pub(crate) fn new(lane: usize, tgid: Pid, clear_tid: u64) -> Task {
        Task {
            lane,
            tgid,
            call: None,
            interrupted: None,
            clear_tid,
            is_exiting: false,
            exit_from_us: None,
            held: Some(Vec::new()),
        }
    }
}

/// A system call that has been entered.
#[derive(Debug, Clone)]
pub(crate) struct InCall {
    pub(crate) number: libc::c_long,
    pub(crate) args: [u64; 6],
    pub(crate) from_us: u64,
    /// How often the thread had given up its processor by then, if the call is one that may wait.
    pub(crate) switches: Option<u64>,
    /// What it is about.
    pub(crate) queue: Option<Queue>,
    /// What it reads or writes, if that is no queue.
    pub(crate) device: Option<Source>,
    /// The descriptors that it polls, with their places in the array.
    pub(crate) polled: Vec<(u64, Source)>,
    /// The writing ends that it closes.
    pub(crate) dropped: Vec<Queue>,
    /// The flags, the signal and the place of the number, if it makes a thread or a process.
    pub(crate) clone: (u64, u64, u64),
    pub(crate) vfork_child: Option<usize>,
}

/// A call that a signal has interrupted, and that the kernel may take up again.
#[derive(Debug)]
pub(crate) struct Interrupted {
    pub(crate) call: InCall,
    pub(crate) to_us: u64,
    pub(crate) by: Option<Cause>,
}

/// A wait, before it is known who ended it.
#[derive(Debug)]
pub(crate) struct Waited {
    pub(crate) lane: usize,
    pub(crate) wait: Wait,
    pub(crate) ended: Ended,
}

/// How a wait was ended.
#[derive(Debug)]
pub(crate) enum Ended {
    By(Option<Cause>),
    /// Somebody did that with a queue.
    Deed(Queue, Did),
    /// The end of a lane.
    Child(usize),
    /// The exec or the end of a lane.
    Vfork(usize),
}
