//! What travels: chunks of tasks to the hosts, their answers back, and what hosts tell of themselves.
//!
//! All numbers are little-endian. The layout is that of serde through [`task::encode`], but for the payloads, which are
//! taken out of the message without a copy.
//!
//! Invariant: whatever bytes arrive, they decode to a value or to an error, never to a panic, and the memory that takes
//! is bounded by their length.

use bytes::Bytes;
use executor::{Evidence, ExitStatus, TaskError};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The first bytes of a message, so that another version of this layout is not taken for this one.
const CHUNK: [u8; 4] = *b"ppC1";
const ANSWERS: [u8; 4] = *b"ppA1";
/// More than this is in no message, whatever its length field says.
const COUNT_MAX: u32 = 1 << 20;

/// What all tasks of a chunk share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ChunkHead {
    /// Which executable the calls are of.
    pub(crate) build: [u8; 32],
    pub(crate) caller: u64,
    pub(crate) chunk: u64,
    /// How long a task may run, in nanoseconds.
    pub(crate) timeout_ns: Option<u64>,
    /// How often a task whose worker died is run again on its host.
    pub(crate) retries: u32,
    /// The longest result that the caller wants, in bytes.
    pub(crate) payload_max: u64,
    /// A host runs the chunk while it runs nothing else, and says so before.
    pub(crate) alone: bool,
}

/// A payload: in the message, or in the object store under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Payload {
    Here(Bytes),
    Stored(String),
}

/// One task of a chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// [`task::Call::to_bits`].
    pub(crate) call: u64,
    pub(crate) argument: Payload,
}

/// What a host says about a chunk, or about some of its tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AnswerHead {
    pub(crate) chunk: u64,
    /// The host's name.
    pub(crate) host: String,
    /// How often the server has given the chunk to a host, this time included.
    pub(crate) delivered: u32,
    pub(crate) about: About,
}

/// What a host has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum About {
    /// What came of the tasks that follow.
    Answers,
    /// It begins the chunk, which is to run alone.
    Begun,
    /// It does not run the chunk: it was delivered too often.
    GivenUp,
}

/// What came of one task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Which of the chunk's tasks.
    pub(crate) index: u32,
    /// For how long it ran.
    pub(crate) run_ns: u64,
    /// [`task::Outcome`] as a number, or [`FAILED`] and then the payload is a [`Failed`].
    pub(crate) outcome: u8,
    pub(crate) payload: Payload,
}

/// The outcome of a task that has none: its host says why.
pub(crate) const FAILED: u8 = 255;

/// Why a host has no outcome for a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Failed {
    WorkerDied {
        pid: u32,
        status: Status,
        evidence: Found,
    },
    TimedOut {
        after: Duration,
        backtrace: Option<String>,
    },
    Aborted,
    /// The result is longer than a payload may be.
    TooLarge {
        bytes: u64,
        limit: u64,
    },
    /// The argument is not in the object store any more: the caller has to put it there again.
    ArgumentGone,
    /// It could not even be begun.
    Refused(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Status {
    Exited(i32),
    Signaled { signal: i32, core_dumped: bool },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Found {
    max_rss_bytes: Option<u64>,
    stderr_tail: Option<String>,
    note: Option<String>,
}

impl Failed {
    /// What a host's pool said of a task.
    pub(crate) fn of(error: TaskError) -> Failed {
        match error {
            TaskError::WorkerDied { pid, status, evidence } => Failed::WorkerDied {
                pid,
                status: match status {
                    ExitStatus::Signaled { signal, core_dumped } => {
                        Status::Signaled { signal, core_dumped }
                    }
                    other => Status::Exited(other.code().unwrap_or(-1)),
                },
                evidence: Found {
                    max_rss_bytes: evidence.max_rss_bytes,
                    stderr_tail: evidence.stderr_tail,
                    note: evidence.note,
                },
            },
            TaskError::TimedOut { after, backtrace } => Failed::TimedOut { after, backtrace },
            TaskError::Aborted | TaskError::Cancelled => Failed::Aborted,
            other => Failed::Refused(other.to_string()),
        }
    }

    /// The same for the caller; `None` for what is the cluster's own.
    pub(crate) fn into_error(self, host: &str) -> Option<TaskError> {
        Some(match self {
            Failed::WorkerDied { pid, status, evidence } => {
                let mut found = Evidence::default();
                found.max_rss_bytes = evidence.max_rss_bytes;
                found.stderr_tail = evidence.stderr_tail;
                found.note = Some(match evidence.note {
                    Some(note) => format!("on host {host}; {note}"),
                    None => format!("on host {host}"),
                });
                let status = match status {
                    Status::Exited(code) => ExitStatus::Exited(code),
                    Status::Signaled { signal, core_dumped } => {
                        ExitStatus::Signaled { signal, core_dumped }
                    }
                };
                TaskError::WorkerDied { pid, status, evidence: found }
            }
            Failed::TimedOut { after, backtrace } => TaskError::TimedOut { after, backtrace },
            Failed::Aborted => TaskError::Aborted,
            Failed::Refused(cause) => {
                TaskError::PoolBroken { cause: format!("host {host}: {cause}") }
            }
            Failed::TooLarge { .. } | Failed::ArgumentGone => return None,
        })
    }
}

/// What a host tells of itself, every second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HostReport {
    pub(crate) name: String,
    pub(crate) pid: u32,
    pub(crate) workers: u32,
    /// Tasks that it has and has not answered.
    pub(crate) held: u64,
    /// Tasks that it has answered since it started.
    pub(crate) done: u64,
    /// It takes no more tasks.
    pub(crate) leaving: bool,
}

/// Tasks that are to be ended, as (chunk, index).
pub(crate) type Aborts = Vec<(u64, u32)>;

/// A small message as bytes. Numbers and strings: neither their code nor a vector in memory refuses anything.
pub(crate) fn small<T: Serialize + 'static>(value: &T) -> Bytes {
    let mut out = Vec::new();
    let _ = task::encode(value, &mut out);
    out.into()
}

/// A small message from bytes.
pub(crate) fn read_small<T: serde::de::DeserializeOwned + 'static>(bytes: &[u8]) -> Option<T> {
    task::decode(bytes).ok()
}

/// How many bytes a task takes in a chunk beside its argument, or an answer beside its payload; at most.
pub(crate) const ENTRY_BYTES: usize = 32;

pub(crate) fn write_chunk(head: &ChunkHead, entries: &[Entry]) -> Bytes {
    let mut out = begin(CHUNK, head, entries.len());
    for entry in entries {
        out.extend_from_slice(&entry.call.to_le_bytes());
        write_payload(&entry.argument, &mut out);
    }
    out.into()
}

pub(crate) fn read_chunk(bytes: &Bytes) -> Option<(ChunkHead, Vec<Entry>)> {
    let mut from = Reader { bytes: bytes.clone() };
    let (head, count) = from.begin(CHUNK)?;
    let mut entries = Vec::with_capacity(from.room_for(count));
    for _ in 0..count {
        entries.push(Entry { call: from.u64()?, argument: from.payload()? });
    }
    from.bytes.is_empty().then_some((head, entries))
}

pub(crate) fn write_answers(head: &AnswerHead, answers: &[Answer]) -> Bytes {
    let mut out = begin(ANSWERS, head, answers.len());
    for answer in answers {
        out.extend_from_slice(&answer.index.to_le_bytes());
        out.extend_from_slice(&answer.run_ns.to_le_bytes());
        out.push(answer.outcome);
        write_payload(&answer.payload, &mut out);
    }
    out.into()
}

pub(crate) fn read_answers(bytes: &Bytes) -> Option<(AnswerHead, Vec<Answer>)> {
    let mut from = Reader { bytes: bytes.clone() };
    let (head, count) = from.begin(ANSWERS)?;
    let mut answers = Vec::with_capacity(from.room_for(count));
    for _ in 0..count {
        answers.push(Answer {
            index: from.u32()?,
            run_ns: from.u64()?,
            outcome: from.u8()?,
            payload: from.payload()?,
        });
    }
    from.bytes.is_empty().then_some((head, answers))
}

fn begin<T: Serialize + 'static>(magic: [u8; 4], head: &T, count: usize) -> Vec<u8> {
    let head = small(head);
    let mut out = Vec::with_capacity(64 + head.len() + count * ENTRY_BYTES);
    out.extend_from_slice(&magic);
    out.extend_from_slice(&(head.len() as u32).to_le_bytes());
    out.extend_from_slice(&head);
    out.extend_from_slice(&(count as u32).to_le_bytes());
    out
}

fn write_payload(payload: &Payload, out: &mut Vec<u8>) {
    let (stored, bytes) = match payload {
        Payload::Here(bytes) => (0, &bytes[..]),
        Payload::Stored(name) => (1, name.as_bytes()),
    };
    out.push(stored);
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// Takes a message apart from its front.
struct Reader {
    bytes: Bytes,
}

impl Reader {
    fn take(&mut self, len: usize) -> Option<Bytes> {
        (len <= self.bytes.len()).then(|| self.bytes.split_to(len))
    }

    fn number<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.as_ref().try_into().ok()
    }

    fn u8(&mut self) -> Option<u8> {
        self.number().map(u8::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.number().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.number().map(u64::from_le_bytes)
    }

    fn payload(&mut self) -> Option<Payload> {
        let stored = self.u8()?;
        let len = usize::try_from(self.u32()?).ok()?;
        let bytes = self.take(len)?;
        match stored {
            0 => Some(Payload::Here(bytes)),
            1 => String::from_utf8(bytes.to_vec()).ok().map(Payload::Stored),
            _ => None,
        }
    }

    fn begin<T: serde::de::DeserializeOwned + 'static>(
        &mut self,
        magic: [u8; 4],
    ) -> Option<(T, u32)> {
        if self.number::<4>()? != magic {
            return None;
        }
        let len = usize::try_from(self.u32()?).ok()?;
        let head = read_small(&self.take(len)?)?;
        let count = self.u32()?;
        (count <= COUNT_MAX).then_some((head, count))
    }

    /// How many entries there can be, whatever the count says: each takes some bytes.
    fn room_for(&self, count: u32) -> usize {
        (count as usize).min(self.bytes.len() / 13)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn payload() -> impl Strategy<Value = Payload> {
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..40)
                .prop_map(|bytes| Payload::Here(bytes.into())),
            "[a-z0-9.]{0,20}".prop_map(Payload::Stored),
        ]
    }

    fn head() -> ChunkHead {
        let (timeout_ns, retries) = (Some(5), 2);
        let (build, payload_max) = ([7; 32], 1 << 20);
        ChunkHead { build, caller: 1, chunk: 2, timeout_ns, retries, payload_max, alone: true }
    }

    fn answer_head() -> AnswerHead {
        AnswerHead { chunk: 9, host: "node7".into(), delivered: 2, about: About::Begun }
    }

    proptest! {
        #[test]
        fn chunks_come_back(calls in proptest::collection::vec((any::<u64>(), payload()), 0..20)) {
            let entries: Vec<Entry> =
                calls.into_iter().map(|(call, argument)| Entry { call, argument }).collect();
            let bytes = write_chunk(&head(), &entries);
            prop_assert_eq!(read_chunk(&bytes), Some((head(), entries)));
        }

        #[test]
        fn answers_come_back(
            all in proptest::collection::vec((any::<u32>(), any::<u64>(), any::<u8>(), payload()), 0..20),
        ) {
            let answers: Vec<Answer> = (all.into_iter())
                .map(|(index, run_ns, outcome, payload)| Answer { index, run_ns, outcome, payload })
                .collect();
            let bytes = write_answers(&answer_head(), &answers);
            prop_assert_eq!(read_answers(&bytes), Some((answer_head(), answers)));
        }

        #[test]
        fn no_bytes_make_it_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            at in 0_usize..100,
            changed in any::<u8>(),
        ) {
            let _ = read_chunk(&bytes.clone().into());
            let _ = read_answers(&bytes.into());
            let entry = Entry { call: 3, argument: Payload::Here(Bytes::from_static(b"abc")) };
            let mut damaged = write_chunk(&head(), &[entry]).to_vec();
            let at = at % damaged.len();
            damaged[at] = changed;
            let _ = read_chunk(&damaged.clone().into());
            damaged.truncate(at);
            prop_assert_eq!(read_chunk(&damaged.into()), None);
        }
    }

    #[test]
    fn what_a_host_says_of_a_death_comes_back_with_its_name() {
        let status = ExitStatus::Signaled { signal: 9, core_dumped: false };
        let evidence = Evidence::note("out of memory");
        let failed = Failed::of(TaskError::WorkerDied { pid: 7, status, evidence });
        let failed: Failed = read_small(&small(&failed)).unwrap();
        let error = failed.into_error("node7").unwrap();
        let said = error.to_string();
        assert!(said.contains("on host node7; out of memory"), "{said}");
        assert!(
            matches!(error, TaskError::WorkerDied { pid: 7, status: got, .. } if got == status)
        );
    }
}
