//! One chunk in a host's own pool: its tasks are handed over together, and answered as they finish.

use crate::wire::{Answer, ChunkHead, FAILED, Failed, Payload, small};
use bytes::Bytes;
use executor::{TaskControl, TaskError, as_completed};
use procpool::Pool;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use task::{Call, Outcome, PanicReport};

/// Answers do not wait longer than this for those of the same chunk, as long as some come.
const ANSWERS_WAIT: Duration = Duration::from_millis(20);
/// What a worker's answer begins with: the outcome, and for how long it ran.
const HEAD_BYTES: usize = 9;

/// By what the tasks of a chunk are ended while they run.
#[derive(Debug, Default)]
pub(super) struct Controls(Mutex<Ending>);

#[derive(Debug, Default)]
struct Ending {
    tasks: Vec<TaskControl>,
    /// Those that are to be ended as soon as they are there.
    early: Vec<u32>,
    /// All are to be ended, also those that are not there yet.
    all: bool,
}

impl Controls {
    /// Ends one task.
    pub(super) fn abort(&self, index: u32) {
        let mut ending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match ending.tasks.get(index as usize) {
            Some(task) => {
                task.abort();
            }
            None => ending.early.push(index),
        }
    }

    /// Ends all of them.
    pub(super) fn abort_all(&self) {
        let mut ending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ending.all = true;
        for task in &ending.tasks {
            task.abort();
        }
    }

    fn add(&self, task: TaskControl) {
        let mut ending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ending.all || ending.early.contains(&(ending.tasks.len() as u32)) {
            task.abort();
        }
        ending.tasks.push(task);
    }
}

/// The host's pool gave up: its tasks are for other hosts.
#[derive(Debug)]
pub(super) struct Broken(pub(super) String);

/// Runs all tasks of a chunk; `answer` gets what has finished, now and then, and the last ones at the end. Returns for how
/// long they ran, all together.
pub(super) fn run(
    pool: &Pool,
    head: &ChunkHead,
    calls: Vec<(u64, Bytes)>,
    controls: &Controls,
    mut answer: impl FnMut(Vec<Answer>),
) -> Result<u64, Broken> {
    let limit = head.timeout_ns.map(Duration::from_nanos);
    let mut handles = Vec::with_capacity(calls.len());
    for (call, argument) in calls {
        let mut message = Vec::with_capacity(8 + argument.len());
        message.extend_from_slice(&call.to_le_bytes());
        message.extend_from_slice(&argument);
        let task = pool.task(serve).retries(head.retries);
        let task = match limit {
            Some(limit) => task.timeout(limit),
            None => task,
        };
        let handle = task.submit(message);
        controls.add(handle.control());
        handles.push(handle);
    }
    let ids: Vec<_> = handles.iter().map(|handle| handle.id()).collect();
    let (mut answers, mut answered_at, mut total_ns) = (Vec::new(), Instant::now(), 0_u64);
    for (id, result) in as_completed(handles) {
        // Numbers grow in the order of submission.
        let index = ids.binary_search(&id).unwrap_or(usize::MAX) as u32;
        let (outcome, run_ns, bytes) = match result {
            Ok(bytes) => taken_apart(bytes.into()),
            Err(TaskError::PoolBroken { cause }) => return Err(Broken(cause)),
            Err(TaskError::PoolClosed) => return Err(Broken("it is closed".into())),
            Err(error) => (FAILED, 0, small(&Failed::of(error))),
        };
        total_ns = total_ns.saturating_add(run_ns);
        answers.push(Answer { index, run_ns, outcome, payload: Payload::Here(bytes) });
        if answered_at.elapsed() >= ANSWERS_WAIT {
            answer(std::mem::take(&mut answers));
            answered_at = Instant::now();
        }
    }
    answer(answers);
    Ok(total_ns)
}

fn taken_apart(mut bytes: Bytes) -> (u8, u64, Bytes) {
    if bytes.len() < HEAD_BYTES {
        let failed = Failed::Refused("its worker has answered nothing".into());
        return (FAILED, 0, small(&failed));
    }
    let head = bytes.split_to(HEAD_BYTES);
    let run_ns = head[1..].try_into().map_or(0, u64::from_le_bytes);
    (head[0], run_ns, bytes)
}

/// What a worker runs for every task of a cluster: the call that the message names.
fn serve(message: Vec<u8>) -> Vec<u8> {
    let mut out = vec![0; HEAD_BYTES];
    let begun = Instant::now();
    out[0] = match message.split_first_chunk::<8>().map(|(call, argument)| {
        // SAFETY: the number comes from `Call::to_bits` in a caller of the same executable: the agent compares the chunk's
        // fingerprint with its own before it hands a task over, and this worker is of the agent's executable.
        (unsafe { Call::from_bits(u64::from_le_bytes(*call)) }, argument)
    }) {
        Some((Ok(call), argument)) => call.run(argument, &mut out) as u8,
        Some((Err(error), _)) => refuse(error.to_string(), &mut out),
        None => refuse("the message has no call in it".into(), &mut out),
    };
    let run_ns = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
    out[1..HEAD_BYTES].copy_from_slice(&run_ns.to_le_bytes());
    out
}

fn refuse(why: String, out: &mut Vec<u8>) -> u8 {
    PanicReport::of_value("the call", why).encode(out);
    Outcome::DecodeFailed as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_run_from_a_message() {
        let call = Call::of(|n: u32| n + 1).unwrap().to_bits();
        let mut message = call.to_le_bytes().to_vec();
        task::encode(&41_u32, &mut message).unwrap();
        let (outcome, _, bytes) = taken_apart(serve(message).into());
        assert_eq!(executor::answered::<u32>(outcome, &bytes).unwrap(), 42);
    }

    #[test]
    fn what_is_no_call_is_refused() {
        for message in [vec![1, 2, 3], vec![0xFF; 12]] {
            let (outcome, _, bytes) = taken_apart(serve(message).into());
            let refused = executor::answered::<u32>(outcome, &bytes).unwrap_err();
            assert!(
                matches!(refused, TaskError::Decode { type_name: "the call", .. }),
                "{refused}"
            );
        }
        let (outcome, _, _) = taken_apart(Bytes::from_static(b"short"));
        assert_eq!(outcome, FAILED);
    }
}
