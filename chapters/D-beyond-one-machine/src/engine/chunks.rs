//! How tasks become chunks and chunks are sent: as many tasks in each as a worker needs some milliseconds for, and as many
//! chunks under way as the hosts can be busy with.

use super::{Engine, Finished, MESSAGE_BYTES, shared};
use crate::job::Job;
use crate::ledger::ToSend;
use crate::names::chunk_in_subject;
use crate::pace::Filling;
use crate::wire::{self, ChunkHead, ENTRY_BYTES, Entry, Payload};
use async_nats::jetstream::{publish::PublishAck, response::Response};
use async_nats::{Message, StatusCode};
use bytes::Bytes;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The most bytes that several tasks make up in one message.
const CHUNK_BYTES_MAX: usize = 256 << 10;
/// Chunks that are with the servers or the hosts: so many for each worker, within these bounds.
const CHUNKS_PER_WORKER: usize = 4;
const CHUNKS_MIN: usize = 32;
const CHUNKS_MAX: usize = 1 << 18;
/// A chunk that is not full waits so long for more tasks, while others are under way.
const LINGER: Duration = Duration::from_millis(1);
/// From so many chunks under way on.
const LINGER_FROM: usize = 4;

impl Engine {
    /// How many chunks may be under way.
    fn window(&self) -> usize {
        (self.workers * CHUNKS_PER_WORKER).clamp(CHUNKS_MIN, CHUNKS_MAX)
    }

    /// The longest payload that a message can carry.
    fn payload_in_message_max(&self) -> usize {
        self.client.max_payload().saturating_sub(MESSAGE_BYTES)
    }

    /// Makes chunks of the tasks that wait.
    pub(super) fn fill_chunks(&mut self) {
        let window = self.window();
        while self.ledger.under_way() < window {
            let in_message_max = self.payload_in_message_max();
            let bytes_max = CHUNK_BYTES_MAX.min(in_message_max);
            let mut filling = Filling::default();
            let pace = &self.pace;
            let may_linger = self.ledger.under_way() >= LINGER_FROM
                && self.linger_until.is_none_or(|until| Instant::now() < until);
            let taken = self.shared.take_waiting(
                |job| {
                    let len = job.argument_len();
                    if len > in_message_max {
                        // It goes alone.
                        return filling.add(u64::MAX >> 1, len, 0);
                    }
                    filling.add(pace.share_ns(job.call()), len + ENTRY_BYTES, bytes_max)
                },
                |tasks, share_ns| {
                    may_linger && Filling::of(tasks, share_ns).has_room(bytes_max)
                },
                pace,
            );
            match taken {
                shared::Taken::Jobs(jobs) => {
                    self.linger_until = None;
                    self.make_chunk(jobs, in_message_max);
                }
                shared::Taken::Later => {
                    self.linger_until.get_or_insert_with(|| Instant::now() + LINGER);
                    return;
                }
                shared::Taken::Nothing => {
                    self.linger_until = None;
                    return;
                }
            }
        }
    }

    fn make_chunk(&mut self, jobs: Vec<Arc<dyn Job>>, in_message_max: usize) {
        let chunk = self.ledger.new_chunk();
        let (mut sent, mut entries, mut large) = (Vec::new(), Vec::new(), None);
        for job in jobs {
            // One that was cancelled meanwhile is left out.
            let Some(argument) = job.send(chunk, sent.len() as u32) else { continue };
            let argument = if argument.len() > in_message_max {
                large = Some(argument);
                Payload::Stored(self.argument_name(chunk))
            } else {
                Payload::Here(argument)
            };
            entries.push(Entry { call: job.call(), argument });
            sent.push(job);
        }
        if !sent.is_empty() {
            if self.ledger.chunks() == 0 {
                self.engine_seen = Instant::now();
            }
            let bytes = self.message(chunk, &entries, false);
            self.ledger.owe(chunk, sent, bytes, large);
        }
    }

    /// A chunk as bytes.
    pub(super) fn message(&self, chunk: u64, entries: &[Entry], alone: bool) -> Bytes {
        let limit_ns = |limit: Duration| u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        let head = ChunkHead {
            build: self.build.fingerprint,
            caller: self.caller.0,
            chunk,
            timeout_ns: self.options.task_timeout.map(limit_ns),
            retries: self.options.retries,
            payload_max: self.options.payload_max as u64,
            alone,
        };
        wire::write_chunk(&head, entries)
    }

    pub(super) fn argument_name(&self, chunk: u64) -> String {
        format!("{}.{chunk}.argument", self.caller)
    }

    pub(super) async fn send(&mut self) {
        if !self.is_connected {
            return;
        }
        while let Some(next) = self.ledger.next_to_send(Instant::now()) {
            match next {
                ToSend::Chunk(chunk, bytes) => self.publish(chunk, bytes).await,
                ToSend::Argument(chunk, large) => {
                    let (store, name) = (self.store.clone(), self.argument_name(chunk));
                    self.beside.spawn(async move {
                        Finished::Uploaded(chunk, store.put(&name, large).await)
                    });
                }
            }
        }
    }

    pub(super) async fn publish(&mut self, chunk: u64, bytes: Bytes) {
        let subject = self.names.chunk(self.caller, chunk);
        let receipt = format!("{}.{chunk}", self.names.receipts(self.caller));
        if let Err(error) = self.client.publish_with_reply(subject, receipt, bytes).await {
            self.trouble = error.to_string();
            self.ledger.refused(chunk, Instant::now());
        }
    }

    pub(super) fn take_receipt(&mut self, message: &Message) {
        let Some(chunk) = chunk_in_subject(&message.subject) else { return };
        if message.status == Some(StatusCode::NO_RESPONDERS) {
            self.trouble = "the server has no stream, or no leader".into();
            self.ledger.refused(chunk, Instant::now());
            return self.ensure_soon();
        }
        match serde_json::from_slice::<Response<PublishAck>>(&message.payload) {
            Ok(Response::Ok(_)) => {
                self.engine_seen = Instant::now();
                self.ledger.confirmed(chunk);
            }
            Ok(Response::Err { error }) => {
                self.trouble = error.to_string();
                self.ledger.refused(chunk, Instant::now());
            }
            Err(error) => {
                self.trouble = format!("the server's receipt cannot be read: {error}");
                self.ledger.refused(chunk, Instant::now());
            }
        }
    }
}
