//! What each fault has to cost, by the contract: the error of the one task, with its evidence.

use crate::fault::Fault;
use crate::scene::{MEMORY_LIMIT_BYTES, TASK_TIMEOUT, words};
use procpool::TaskError;
use std::fmt::Debug;

/// What a fault does to the process that it happens in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cost {
    /// It ends the process: the signal or the exit code, in words.
    Death(&'static str),
    /// It unwinds, with this message.
    Unwinds(&'static str),
    /// The process does not go on by itself.
    Hangs,
    /// The pool has to kill it for its memory.
    TooLarge,
    /// The pool has to kill it, because it breaks the protocol.
    Breach,
    Nothing,
}

impl Fault {
    pub(crate) fn cost(self) -> Cost {
        match self {
            Fault::Kill | Fault::KillAgain => Cost::Death("SIGKILL"),
            Fault::Segv => Cost::Death("SIGSEGV"),
            // Of an overflow a handler of std's says so, and aborts.
            Fault::Abort | Fault::PanicTwice | Fault::StackOverflow => Cost::Death("SIGABRT"),
            Fault::ExitZero => Cost::Death("exit 0"),
            Fault::ExitThree => Cost::Death("exit 3"),
            Fault::Panic => Cost::Unwinds("told to panic"),
            Fault::PanicNoText => Cost::Unwinds("no text"),
            Fault::Stop | Fault::Loop => Cost::Hangs,
            Fault::Memory => Cost::TooLarge,
            Fault::Garbage => Cost::Breach,
            Fault::Undecodable | Fault::Callback | Fault::Children | Fault::CloseAll => {
                Cost::Nothing
            }
        }
    }
}

/// What a worker said when it ended is part of the evidence.
pub(crate) fn check_last_words<R: Debug>(fault: Fault, result: &Result<R, TaskError>) {
    let words = match fault {
        Fault::PanicTwice => "the destructor panics too",
        Fault::StackOverflow => "stack overflow",
        _ => return,
    };
    let Err(TaskError::WorkerDied { evidence, .. }) = result else { panic!("{result:?}") };
    let tail = evidence.stderr_tail.as_deref().unwrap_or_default();
    assert!(tail.contains(words), "`{tail}` does not say `{words}`");
}

/// The task of worker `pid` ended as its fault demands.
///
/// # Panics
/// If it did not.
pub(crate) fn check<R: Debug>(cost: Cost, pid: u32, result: &Result<R, TaskError>) {
    match (cost, result) {
        (Cost::Nothing, Ok(_)) => {}
        (Cost::Death(how), Err(TaskError::WorkerDied { pid: dead, status, evidence })) => {
            assert_eq!((*dead, words(*status).as_str()), (pid, how));
            assert!(evidence.max_rss_bytes.is_some_and(|bytes| bytes > 0), "{evidence:?}");
        }
        (Cost::Unwinds(what), Err(TaskError::Panicked { message, backtrace, .. })) => {
            assert!(message.contains(what), "`{message}` does not say `{what}`");
            assert!(backtrace.contains("strike"), "{backtrace}");
        }
        (Cost::Hangs, Err(TaskError::TimedOut { after, .. })) => {
            assert!(*after >= TASK_TIMEOUT, "killed after {after:?}");
        }
        (Cost::TooLarge, Err(TaskError::WorkerDied { pid: dead, status, evidence })) => {
            assert_eq!((*dead, words(*status).as_str()), (pid, "SIGKILL"));
            let note = evidence.note.as_deref().unwrap_or_default();
            assert!(note.contains("over its memory limit"), "{evidence:?}");
            let enough = |most| most > 2 * MEMORY_LIMIT_BYTES;
            assert!(evidence.max_rss_bytes.is_some_and(enough), "{evidence:?}");
        }
        (Cost::Breach, Err(TaskError::WorkerDied { pid: dead, status, evidence })) => {
            assert_eq!((*dead, words(*status).as_str()), (pid, "SIGKILL"));
            assert!(evidence.note.is_some(), "nothing says what it did: {evidence:?}");
        }
        (cost, other) => panic!("{cost:?} was expected, and this came: {other:?}"),
    }
    if let Err(error) = result {
        let line = error.to_string();
        assert!(!line.is_empty() && !line.contains('\n'), "{line:?} is not one line");
    }
}
