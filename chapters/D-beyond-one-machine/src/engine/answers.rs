//! What hosts answer: outcomes for the caller, and chunks that were given to too many hosts.

use super::{Engine, Finished};
use crate::error::Failure;
use crate::job::{Done, Job};
use crate::ledger::Struck;
use crate::wire::{self, About, Answer, Entry, FAILED, Failed, Payload};
use async_nats::Message;
use std::sync::Arc;
use std::time::Instant;

impl Engine {
    pub(super) fn take_answers(&mut self, message: Message) {
        let Some((head, answers)) = wire::read_answers(&message.payload) else { return };
        self.engine_seen = Instant::now();
        match head.about {
            About::Answers => {}
            About::Begun => return self.ledger.begun(head.chunk),
            About::GivenUp => return self.give_up(head.chunk),
        }
        let host: Arc<str> = head.host.into();
        let mut done = Vec::with_capacity(answers.len());
        let mut learned: Option<(u64, u64, u64)> = None;
        for Answer { index, run_ns, outcome, payload } in answers {
            if let Some(call) = self.ledger.job(head.chunk, index).map(|job| job.call()) {
                // One note for tasks of the same function: their mean.
                learned = match learned {
                    Some((before, ns, tasks)) if before == call => {
                        Some((call, ns + run_ns, tasks + 1))
                    }
                    before => {
                        self.note(before);
                        Some((call, run_ns, 1))
                    }
                };
            }
            match payload {
                Payload::Here(bytes) if outcome == FAILED && is_no_news(&bytes) => {
                    if let Some(Failed::ArgumentGone) = wire::read_small(&bytes) {
                        self.ledger.send_again(head.chunk);
                    }
                }
                Payload::Here(bytes) => {
                    let host = Arc::clone(&host);
                    self.answered(
                        head.chunk,
                        index,
                        &mut done,
                        Done::Answer { outcome, bytes, host },
                    );
                }
                Payload::Stored(name) => {
                    self.fetch(head.chunk, index, outcome, Arc::clone(&host), name);
                }
            }
        }
        self.note(learned);
        let redelivered = if head.delivered > 1 { done.len() as u64 } else { 0 };
        let counts = self.ledger.counts;
        self.shared.update(|stats| {
            stats.redelivered += redelivered;
            (stats.resent, stats.duplicates) = (counts.resent, counts.duplicates);
        });
        self.hand_out(done);
    }

    fn note(&mut self, learned: Option<(u64, u64, u64)>) {
        if let Some((call, ns, tasks)) = learned {
            self.pace.learn(call, ns / tasks);
        }
    }

    pub(super) fn answered(
        &mut self,
        chunk: u64,
        index: u32,
        done: &mut Vec<(Arc<dyn Job>, Done)>,
        outcome: Done,
    ) {
        let is_large = self.ledger.is_large(chunk);
        if let Some(job) = self.ledger.answered(chunk, index) {
            done.push((job, outcome));
        }
        if is_large && self.ledger.left(chunk) == 0 {
            self.tidy(self.argument_name(chunk));
        }
    }

    pub(super) fn hand_out(&self, done: Vec<(Arc<dyn Job>, Done)>) {
        if !done.is_empty() {
            // The other thread lasts as long as this one.
            let _ = self.outcomes.send(done);
        }
    }

    /// A result that went through the object store.
    fn fetch(&mut self, chunk: u64, index: u32, outcome: u8, host: Arc<str>, name: String) {
        let (store, limit) = (self.store.clone(), self.options.payload_max);
        self.beside.spawn(async move {
            let bytes = store.get(&name, limit).await;
            store.delete(&name).await;
            Finished::Fetched { chunk, index, outcome, host, bytes }
        });
    }

    fn tidy(&mut self, name: String) {
        let store = self.store.clone();
        self.beside.spawn(async move {
            store.delete(&name).await;
            Finished::Tidied
        });
    }

    // ANCHOR: give_up
    /// A host got a chunk that was delivered too often. One of its tasks may end whatever host runs it, or all of them were
    /// only there: each is tried alone. One that has failed alone has failed.
    fn give_up(&mut self, chunk: u64) {
        match self.ledger.tried(chunk) {
            None => self.suspect(chunk),
            Some(times) if times >= self.options.max_deliver => self.hosts_lost(chunk, times),
            // Its hosts were lost before they began it.
            Some(_) => self.ledger.send_again(chunk),
        }
    }
    // ANCHOR_END: give_up

    fn suspect(&mut self, chunk: u64) {
        let Some(Struck { jobs, bytes, large }) = self.ledger.strike(chunk) else { return };
        let Some((_, mut entries)) = wire::read_chunk(&bytes) else { return };
        if large.is_some() {
            self.tidy(self.argument_name(chunk));
        }
        for (index, job) in jobs {
            let Some(Entry { call, argument }) = entries.get_mut(index) else { continue };
            let chunk = self.ledger.new_chunk();
            if job.send(chunk, 0).is_none() {
                continue;
            }
            if large.is_some() {
                *argument = Payload::Stored(self.argument_name(chunk));
            }
            let entry = Entry { call: *call, argument: argument.clone() };
            let bytes = self.message(chunk, &[entry], true);
            self.ledger.suspect(chunk, job, bytes, large.clone());
        }
    }

    /// A task was begun alone so often, and no answer came.
    fn hosts_lost(&mut self, chunk: u64, times: u32) {
        let Some(Struck { jobs, large, .. }) = self.ledger.strike(chunk) else { return };
        if large.is_some() {
            self.tidy(self.argument_name(chunk));
        }
        let silent = self.lost_hosts.iter().map(|(name, _)| name.clone()).collect();
        let failure = Failure::HostsLost { deliveries: times, silent };
        let done = jobs.into_iter().map(|(_, job)| (job, Done::Lost(failure.clone())));
        self.hand_out(done.collect());
    }
}

/// What a host says that ends no task: the caller has ended it before, or has to send it again.
fn is_no_news(bytes: &[u8]) -> bool {
    matches!(wire::read_small::<Failed>(bytes), Some(Failed::Aborted | Failed::ArgumentGone))
}
