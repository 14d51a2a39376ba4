//! What a task is, what becomes of it, and the bytes for both.
//!
//! Invariant: bytes from another process never panic; what is no message is `None`.

use std::io::Write;
use std::thread;

use nix::sys::signal::{Signal, raise};
use pipe::{ReadEnd, WriteEnd, read_exact};

/// What a worker can be asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Answers with twice the number.
    Double(u64),
    /// Answers with the pid of its worker.
    Pid,
    /// Answers with how many tasks its worker has begun, this one included.
    Count,
    /// Ends with the error of this number.
    Fail(u64),
    /// Panics.
    Panic,
    /// Its process is killed by SIGKILL before it can answer.
    Die,
    /// Its process exits with status 0 before it can answer.
    Exit,
    /// Answers with the number, and then its process is killed by SIGKILL.
    LastWords(u64),
    /// Waits until [`crate::Pool::open_gate`] is called, and answers with the number. Each call lets one task on.
    Gate(u64),
    /// Opens the gate, as [`crate::Pool::open_gate`] does, and answers with the number.
    Open(u64),
    /// Never ends.
    Hang,
}

/// Why a task has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The task itself says so: [`Task::Fail`] and its number.
    Error(u64),
    /// The task has panicked. Its worker lives on.
    Panicked,
    /// The process has ended that was at the task. Another one has taken its place.
    Died,
    /// The task had begun and was not done when its time was over. Its worker was killed and replaced.
    TimedOut,
    /// The pool was aborted before the task was done.
    Cancelled,
}

/// An answer, or why there is none.
pub type Outcome = Result<u64, Failure>;

/// What a worker says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Message {
    /// The task that it was given has begun; or, as its first word, the worker is ready.
    Begun,
    /// It is done.
    Done(Outcome),
}

impl Task {
    /// Does it, in the worker. `begun` counts the tasks of this worker.
    pub(crate) fn run(self, begun: u64, gate: &mut (ReadEnd, WriteEnd)) -> Result<u64, u64> {
        match self {
            Task::Double(number) => Ok(number.wrapping_mul(2)),
            Task::Pid => Ok(u64::from(std::process::id())),
            Task::Count => Ok(begun),
            Task::Fail(number) => Err(number),
            Task::Panic => panic!("as the task says"),
            Task::Die => {
                let _ = raise(Signal::SIGKILL);
                never()
            }
            Task::Exit => std::process::exit(0),
            Task::LastWords(number) => Ok(number),
            Task::Gate(number) => match read_exact(&mut gate.0, &mut [0]) {
                Ok(()) => Ok(number),
                Err(_) => never(),
            },
            Task::Open(number) => match gate.1.write_all(&[0]) {
                Ok(()) => Ok(number),
                Err(_) => never(),
            },
            Task::Hang => never(),
        }
    }

    /// Whether it is done as soon as a processor does it.
    pub(crate) fn is_prompt(self) -> bool {
        !matches!(self, Task::Gate(_) | Task::Hang)
    }

    pub(crate) fn encode(self) -> Vec<u8> {
        let (kind, number) = match self {
            Task::Double(number) => (0, number),
            Task::Pid => (1, 0),
            Task::Count => (2, 0),
            Task::Fail(number) => (3, number),
            Task::Panic => (4, 0),
            Task::Die => (5, 0),
            Task::Exit => (6, 0),
            Task::LastWords(number) => (7, number),
            Task::Gate(number) => (8, number),
            Task::Hang => (9, 0),
            Task::Open(number) => (10, number),
        };
        bytes(kind, number)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Task> {
        let (kind, number) = parts(bytes)?;
        Some(match kind {
            0 => Task::Double(number),
            1 => Task::Pid,
            2 => Task::Count,
            3 => Task::Fail(number),
            4 => Task::Panic,
            5 => Task::Die,
            6 => Task::Exit,
            7 => Task::LastWords(number),
            8 => Task::Gate(number),
            9 => Task::Hang,
            10 => Task::Open(number),
            _ => return None,
        })
    }
}

impl Message {
    pub(crate) fn encode(self) -> Vec<u8> {
        let (kind, number) = match self {
            Message::Begun => (0, 0),
            Message::Done(Ok(number)) => (1, number),
            Message::Done(Err(Failure::Error(number))) => (2, number),
            // The other failures are found by the parent: a worker can only say this one.
            Message::Done(Err(_)) => (3, 0),
        };
        bytes(kind, number)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Message> {
        let (kind, number) = parts(bytes)?;
        Some(match kind {
            0 => Message::Begun,
            1 => Message::Done(Ok(number)),
            2 => Message::Done(Err(Failure::Error(number))),
            3 => Message::Done(Err(Failure::Panicked)),
            _ => return None,
        })
    }
}

fn bytes(kind: u8, number: u64) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend(number.to_le_bytes());
    bytes
}

fn parts(bytes: &[u8]) -> Option<(u8, u64)> {
    let (kind, number) = bytes.split_first()?;
    Some((*kind, u64::from_le_bytes(number.try_into().ok()?)))
}

/// Sleeps until the process is ended.
pub(crate) fn never() -> ! {
    loop {
        thread::park();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        use Task::*;
        for task in [
            Double(7),
            Pid,
            Count,
            Fail(1 << 40),
            Panic,
            Die,
            Exit,
            LastWords(3),
            Gate(4),
            Hang,
            Open(5),
        ] {
            assert_eq!(Task::decode(&task.encode()), Some(task));
        }
        for message in [
            Message::Begun,
            Message::Done(Ok(u64::MAX)),
            Message::Done(Err(Failure::Error(2))),
            Message::Done(Err(Failure::Panicked)),
        ] {
            assert_eq!(Message::decode(&message.encode()), Some(message));
        }
        assert_eq!(Task::decode(&[]), None);
        assert_eq!(Task::decode(&bytes(11, 0)), None);
        assert_eq!(Message::decode(&[1, 2]), None);
    }
}
