//! How an agent gets chunks: it asks the server for as many as it has room for, and the server sends them as they come.
//!
//! A pull is a message to the consumer; it lasts for [`PULL_FOR`]. async-nats has pulls of its own (`Batch`). This agent
//! has several open at a time and lets others go, and it must notice when the server forgets one, so it asks itself.

use super::agent::{Agent, Beside, Said};
use super::hold::{Held, Key, Taken};
use super::run::{self, Controls};
use crate::error::ConnectError;
use crate::names::Peer;
use crate::store::Gone;
use crate::wire::{self, About, ChunkHead, Entry, Payload};
use async_nats::{HeaderMap, Message, StatusCode, jetstream};
use bytes::Bytes;
use serde::Serialize;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a pull waits for work before it is made again.
const PULL_FOR: Duration = Duration::from_secs(5);
/// How often the server says that it still knows of a pull.
const PULL_HEARTBEAT: Duration = Duration::from_secs(1);
/// A pull of which nothing was heard for so long is forgotten, and made again.
const PULL_SILENT_MAX: Duration = Duration::from_millis(2500);
/// How often it tries again what failed.
pub(super) const PAUSE: Duration = Duration::from_millis(500);

/// A chunk whose arguments are here, and which may have to wait for others.
pub(super) struct Ready {
    key: Key,
    head: ChunkHead,
    calls: Vec<(u64, Bytes)>,
}

/// What a pull asks for.
#[derive(Serialize)]
struct Pull {
    batch: usize,
    /// In nanoseconds, as the next one.
    expires: u128,
    idle_heartbeat: u128,
}

impl Agent {
    /// Asks for as much as there is room for.
    pub(super) async fn pull(&mut self) {
        let now = Instant::now();
        if self.asked > 0 && now - self.pulls_heard > PULL_SILENT_MAX {
            self.forget_pulls();
        }
        if !self.is_connected || self.is_leaving || now < self.paused_until {
            return;
        }
        let batch = self.holds.room(self.asked);
        if batch == 0 {
            return;
        }
        if self.asked == 0 {
            self.pulls_heard = now;
        }
        let (expires, idle_heartbeat) = (PULL_FOR.as_nanos(), PULL_HEARTBEAT.as_nanos());
        let pull = serde_json::to_vec(&Pull { batch, expires, idle_heartbeat });
        self.pulls_made += 1;
        let reply = format!("{}.{}", self.names.pulled(self.host), self.pulls_made);
        let pull = pull.unwrap_or_default().into();
        match self.client.publish_with_reply(self.names.next(), reply, pull).await {
            Ok(()) => self.asked += batch,
            Err(_) => self.paused_until = now + PAUSE,
        }
    }

    /// Whatever was asked for is asked for again. If the server has not forgotten, more will come than there is room for,
    /// which waits here for a moment.
    pub(super) fn forget_pulls(&mut self) {
        self.asked = 0;
    }

    pub(super) async fn take_pulled(&mut self, message: Message) -> Result<(), ConnectError> {
        self.pulls_heard = Instant::now();
        match message.status {
            None | Some(StatusCode::OK) => {
                self.asked = self.asked.saturating_sub(1);
                return self.take_chunk(message).await;
            }
            Some(StatusCode::IDLE_HEARTBEAT) => {}
            // It has lasted long enough: what did not come is to be asked for again.
            Some(StatusCode::TIMEOUT | StatusCode::NOT_FOUND) => {
                match message.headers.as_ref().and_then(not_delivered) {
                    Some(left) => self.asked = self.asked.saturating_sub(left),
                    None => self.forget_pulls(),
                }
            }
            // No leader, no consumer, too many pulls.
            Some(_) => {
                self.forget_pulls();
                self.paused_until = Instant::now() + PAUSE;
            }
        }
        Ok(())
    }

    async fn take_chunk(&mut self, message: Message) -> Result<(), ConnectError> {
        let message = jetstream::Message { message, context: self.jetstream.clone() };
        let Ok(delivered) = message.info().map(|info| u32::try_from(info.delivered)) else {
            return Ok(());
        };
        let delivered = delivered.unwrap_or(u32::MAX);
        let acknowledge_at =
            message.reply.as_ref().map(ToString::to_string).unwrap_or_default();
        if self.is_leaving {
            self.tell(acknowledge_at, Bytes::from_static(b"-NAK")).await;
            return Ok(());
        }
        let Some((head, entries)) = wire::read_chunk(&message.payload) else {
            // Whatever that is, no host can read it.
            self.tell(acknowledge_at, Bytes::from_static(b"+TERM")).await;
            return Ok(());
        };
        if head.build != self.build.fingerprint {
            self.tell(acknowledge_at, Bytes::from_static(b"-NAK")).await;
            self.give_all_back().await;
            return Err(ConnectError::OtherBuild {
                pool: self.names.pool().to_owned(),
                theirs: "another one, which has come meanwhile".into(),
                ours: self.build.shown(),
            });
        }
        let key = (Peer(head.caller), head.chunk);
        if delivered > self.max_deliver {
            // So many hosts had it, and none has answered: this one does not try.
            self.tell_caller(key, delivered, About::GivenUp, &[]).await;
            self.tell(acknowledge_at, Bytes::from_static(b"+ACK")).await;
            return Ok(());
        }
        let control = Arc::new(Controls::default());
        self.holds.aborted(&key).iter().for_each(|index| control.abort(*index));
        let held = Held {
            acknowledge_at,
            delivered,
            tasks: entries.len(),
            alone: head.alone,
            is_begun: false,
            uploads: 0,
            ran_ns: None,
            control,
        };
        let acknowledge_at = held.acknowledge_at.clone();
        match self.holds.take(key, held, Instant::now()) {
            Taken::New => self.prepare(key, head, entries),
            Taken::Again => {}
            Taken::Unwanted => self.tell(acknowledge_at, Bytes::from_static(b"+TERM")).await,
        }
        Ok(())
    }

    /// Gets the arguments of a chunk; then it is ready.
    fn prepare(&mut self, key: Key, head: ChunkHead, entries: Vec<Entry>) {
        let mut calls = Vec::with_capacity(entries.len());
        let mut stored = Vec::new();
        for (index, Entry { call, argument }) in entries.into_iter().enumerate() {
            calls.push((
                call,
                match argument {
                    Payload::Here(bytes) => bytes,
                    Payload::Stored(name) => {
                        stored.push((index, name));
                        Bytes::new()
                    }
                },
            ));
        }
        if stored.is_empty() {
            return self.ready.push_back(Ready { key, head, calls });
        }
        let store = self.store.clone();
        self.beside.spawn(async move {
            let limit = usize::try_from(head.payload_max).unwrap_or(usize::MAX);
            for (index, name) in stored {
                match store.get(&name, limit).await {
                    Ok(bytes) => calls[index].1 = bytes,
                    Err(Gone) => return Beside::Fetched(key, head, None),
                }
            }
            Beside::Fetched(key, head, Some(calls))
        });
    }

    pub(super) async fn take_beside(&mut self, beside: Beside) {
        match beside {
            Beside::Fetched(key, head, Some(calls)) => {
                self.ready.push_back(Ready { key, head, calls });
            }
            Beside::Fetched(key, _, None) => self.argument_gone(key).await,
            Beside::Stored(key, answer) => self.take_stored(key, answer).await,
        }
    }

    /// Begins what is ready and may begin.
    pub(super) async fn begin_ready(&mut self) {
        self.ready.retain(|ready| self.holds.get(&ready.key).is_some());
        while let Some(at) =
            self.ready.iter().position(|ready| self.holds.may_begin(&ready.key))
        {
            if self.ready[at].head.alone && !self.is_connected {
                // Nobody would know that it has begun.
                return;
            }
            if let Some(ready) = self.ready.remove(at) {
                self.run_chunk(ready).await;
            }
        }
    }

    async fn run_chunk(&mut self, Ready { key, head, calls }: Ready) {
        let Some(held) = self.holds.get(&key) else { return };
        let (delivered, controls) = (held.delivered, Arc::clone(&held.control));
        self.holds.begin(&key);
        if head.alone {
            self.tell_caller(key, delivered, About::Begun, &[]).await;
            // The next moment may be this host's last.
            self.flush().await;
        }
        let (pool, say) = (Arc::clone(&self.pool), self.say.clone());
        tokio::task::spawn_blocking(move || {
            // Whoever listened may be leaving.
            let limit = head.payload_max;
            let answer = |answers| drop(say.send(Said::Answers(key, limit, answers)));
            let ran = run::run(&pool, &head, calls, &controls, answer);
            let _ = say.send(Said::Finished(key, ran));
        });
    }
}

/// How many messages of a pull were not delivered, when it has ended.
fn not_delivered(headers: &HeaderMap) -> Option<usize> {
    headers.get("Nats-Pending-Messages")?.as_str().parse().ok()
}
