//! A recorded run as data. Lanes and pipes are named by small numbers, so that a record is the same however often a
//! machine has counted its pids before.

use serde::{Deserialize, Serialize};

/// The form of a [`Timeline`] as JSON. A file of another version is not read.
pub const VERSION: u32 = 1;

/// One traced run of a program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// [`VERSION`].
    pub version: u32,
    /// What the reader called it: an example's name, or an exercise's.
    pub name: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// From the start of the program to the end of the last process, in microseconds.
    pub duration_us: u64,
    /// How the watching slowed the run down, if that is known: its time divided by that of an untraced run.
    pub slowdown: Option<f64>,
    /// A lane for each process and each thread, in the order of their births. The first is the program.
    pub lanes: Vec<Lane>,
    /// What could not be seen, each as a sentence with its reason. Mostly empty.
    pub notes: Vec<String>,
}

/// One process, or one further thread of a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lane {
    /// The number that it is shown with: 4001 for the first, and so on.
    pub pid: u32,
    /// The name of the program that it ran last, or the thread's name.
    pub name: String,
    /// How it came to be.
    pub born: Born,
    /// The programs that it executed, in order. Those of the first lane do not contain the start itself.
    pub execs: Vec<Exec>,
    /// Its waits, in order; they do not overlap.
    pub waits: Vec<Wait>,
    /// How it ended; `None` if it still lived when the record ended.
    pub end: Option<End>,
}

/// How a lane came to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Born {
    /// When.
    pub at_us: u64,
    /// By what call.
    pub by: Birth,
    /// The index of the lane that made the call; `None` for the first.
    pub from: Option<usize>,
    /// The index of the lane that is its parent: whom its end is reported to. Differs from `from` after `CLONE_PARENT`. For a thread the
    /// lane of the process's first thread.
    pub parent: Option<usize>,
    /// The flags that the kernel was given, by their names without `CLONE_`, if the call had any.
    pub flags: Vec<String>,
}

/// By what a lane came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Birth {
    /// It is the program itself.
    Program,
    /// `fork`, or `clone` with the meaning of fork: a process with a memory of its own.
    Fork,
    /// `vfork`, or `clone` with its meaning: a process in the memory of the caller, who waits.
    Vfork,
    /// `clone` with `CLONE_THREAD`: one more thread of the same process.
    Thread,
}

/// An executed program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exec {
    /// When.
    pub at_us: u64,
    /// The file's name without its folder.
    pub program: String,
}

/// A time in which a lane could not go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// When it began.
    pub from_us: u64,
    /// When it was over.
    pub to_us: u64,
    /// What the lane waited for.
    pub what: What,
    /// Who ended it, if that could be seen. `None` for a wait that time ended, and for one that was cut off by a death.
    pub ended_by: Option<Cause>,
}

/// What a lane can wait for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// The end of a child: `wait4`, `waitid`.
    Child,
    /// Bytes, or the end, from pipe or socket number `channel`.
    Read {
        /// Counted from 1 in the order of first use.
        channel: u32,
    },
    /// Room in pipe or socket number `channel`.
    Write {
        /// Counted from 1 in the order of first use.
        channel: u32,
    },
    /// A word of memory: a futex. Words are counted from 1 in the order of first use.
    Futex {
        /// The word's number.
        word: u32,
    },
    /// One of several descriptors: `poll`, `ppoll`, `epoll_wait`, `select`.
    Poll,
    /// Time: `nanosleep`, `clock_nanosleep`.
    Sleep,
    /// A signal: `pause`, `sigtimedwait`, `sigsuspend`.
    Signal,
    /// The child of a `vfork`, until it has executed or ended.
    Vfork,
    /// Any other call that took long, by its name.
    Call {
        /// The name of the call.
        name: String,
    },
}

/// What ended a wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The index of the lane that did it.
    pub lane: usize,
    /// When it did.
    pub at_us: u64,
    /// What it did, as a verb: `ended`, `wrote`, `closed`, `read`, `woke`, `signalled`, `executed`.
    pub did: String,
}

/// The end of a lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// When.
    pub at_us: u64,
    /// The exit code, if it exited.
    pub code: Option<i32>,
    /// The name of the signal that killed it, as `SIGKILL`.
    pub signal: Option<String>,
    /// When its parent had waited for it; `None` for threads, and if nobody in the record did. From `at_us` to then it was a zombie.
    pub reaped_us: Option<u64>,
}
