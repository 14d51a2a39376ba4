//! How an agent answers: results to the caller, large ones through the object store, then the acknowledgement to the
//! server.

use super::agent::{Agent, Beside, Said};
use super::hold::Key;
use super::run::Broken;
use crate::engine::MESSAGE_BYTES;
use crate::error::ConnectError;
use crate::wire::{self, About, Answer, AnswerHead, ENTRY_BYTES, FAILED, Failed, Payload};
use bytes::Bytes;

impl Agent {
    pub(super) async fn take_said(&mut self, said: Said) -> Result<(), ConnectError> {
        match said {
            Said::Answers(key, payload_max, answers) => {
                self.answer(key, payload_max, answers).await;
            }
            Said::Finished(key, Ok(run_ns)) => {
                self.holds.ran(&key, run_ns);
                self.acknowledge(key).await;
            }
            Said::Finished(_, Err(Broken(cause))) => {
                self.give_all_back().await;
                let call = "running the pool of this host";
                return Err(ConnectError::Engine { call, source: cause.into() });
            }
        }
        Ok(())
    }

    /// Publishes answers, in as many messages as they need.
    async fn answer(&mut self, key: Key, payload_max: u64, answers: Vec<Answer>) {
        let in_message_max = self.client.max_payload().saturating_sub(MESSAGE_BYTES);
        let (mut batch, mut batch_bytes) = (Vec::new(), 0);
        for mut answer in answers {
            let Payload::Here(bytes) = &answer.payload else { continue };
            let len = bytes.len();
            if len as u64 > payload_max {
                let failed = Failed::TooLarge { bytes: len as u64, limit: payload_max };
                answer.outcome = FAILED;
                answer.payload = Payload::Here(wire::small(&failed));
            } else if len > in_message_max {
                self.store_result(key, answer);
                continue;
            }
            let Payload::Here(bytes) = &answer.payload else { continue };
            let len = bytes.len() + ENTRY_BYTES;
            if batch_bytes + len > in_message_max {
                self.publish_answers(key, &std::mem::take(&mut batch)).await;
                batch_bytes = 0;
            }
            batch_bytes += len;
            batch.push(answer);
        }
        self.publish_answers(key, &batch).await;
    }

    async fn publish_answers(&self, key: Key, answers: &[Answer]) {
        if let Some(held) = self.holds.get(&key).filter(|_| !answers.is_empty()) {
            self.tell_caller(key, held.delivered, About::Answers, answers).await;
        }
    }

    pub(super) async fn tell_caller(
        &self,
        (caller, chunk): Key,
        delivered: u32,
        about: About,
        answers: &[Answer],
    ) {
        let head = AnswerHead { chunk, host: self.name.clone(), delivered, about };
        self.tell(self.names.answers(caller), wire::write_answers(&head, answers)).await;
    }

    /// Puts a large result into the object store; its answer follows.
    fn store_result(&mut self, key: Key, mut answer: Answer) {
        let Payload::Here(bytes) = answer.payload else { return };
        let name = format!("{}.{}.{}.{}", key.0, key.1, answer.index, self.host);
        answer.payload = Payload::Stored(name.clone());
        self.holds.uploading(&key, 1);
        let store = self.store.clone();
        self.beside.spawn(async move {
            let stored = store.put(&name, bytes).await.is_ok();
            Beside::Stored(key, stored.then_some(answer))
        });
    }

    pub(super) async fn take_stored(&mut self, key: Key, answer: Option<Answer>) {
        match answer {
            Some(answer) => {
                self.publish_answers(key, &[answer]).await;
                self.holds.uploading(&key, -1);
                self.acknowledge(key).await;
            }
            // Another host, or this one, may have more luck.
            None => {
                if let Some(held) = self.holds.drop(&key) {
                    self.tell(held.acknowledge_at, Bytes::from_static(b"-NAK")).await;
                }
            }
        }
    }

    /// The arguments of a chunk are not in the object store: its caller puts them there again, and sends it again.
    pub(super) async fn argument_gone(&mut self, key: Key) {
        let payload = Payload::Here(wire::small(&Failed::ArgumentGone));
        let answer = Answer { index: 0, run_ns: 0, outcome: FAILED, payload };
        self.publish_answers(key, &[answer]).await;
        if let Some(held) = self.holds.drop(&key) {
            self.tell(held.acknowledge_at, Bytes::from_static(b"+TERM")).await;
        }
    }

    /// Tells the server that the chunk is done, if it is.
    async fn acknowledge(&mut self, key: Key) {
        if let Some(held) = self.holds.finish(&key) {
            self.tell(held.acknowledge_at, Bytes::from_static(b"+ACK")).await;
        }
    }
}
