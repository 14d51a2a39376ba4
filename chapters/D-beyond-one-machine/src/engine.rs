//! The caller's side of the servers: one thread that sends chunks, takes answers, and looks after what is owed.
//!
//! Owner: the thread owns the connection and the [`Ledger`]. The program's threads hand it tasks through [`Shared`]; it
//! hands outcomes to a second thread, which runs the program's own code: what decodes results, and callbacks.
//!
//! Invariant: this thread never waits for the program, and never for the server without a deadline.

mod answers;
mod chunks;
mod hosts;
mod look;
mod shared;

pub(crate) use shared::{Order, Shared};

use crate::connection;
use crate::error::{ConnectError, Failure};
use crate::job::{Done, Job};
use crate::ledger::Ledger;
use crate::names::{Names, Peer};
use crate::options::ClusterOptions;
use crate::pace::Pace;
use crate::store::{Gone, Store};
use crate::stream::{self, Build};
use crate::wire;
use async_nats::jetstream::context::{Context, ContextBuilder};
use async_nats::{Client, Event, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep_until};

/// What a message needs beside the payload.
pub(crate) const MESSAGE_BYTES: usize = 4 << 10;
/// How often it looks after everything.
const TICK: Duration = Duration::from_millis(500);

/// What ends the wait for something that goes on beside the loop.
enum Finished {
    Uploaded(u64, Result<(), ConnectError>),
    Fetched {
        chunk: u64,
        index: u32,
        outcome: u8,
        host: Arc<str>,
        bytes: Result<Bytes, Gone>,
    },
    Looked(look::Look),
    Ensured(Result<stream::Ensured, ConnectError>),
    /// Something that nobody waits for.
    Tidied,
}

pub(crate) struct Engine {
    shared: Arc<Shared>,
    options: ClusterOptions,
    names: Names,
    build: Build,
    caller: Peer,
    client: Client,
    jetstream: Context,
    store: Store,
    answers: Subscriber,
    receipts: Subscriber,
    hosts_heard: Subscriber,
    events: UnboundedReceiver<Event>,
    ledger: Ledger<Arc<dyn Job>>,
    pace: Pace,
    /// When each host was last heard of; what it said is in [`Shared`].
    hosts: HashMap<Peer, Instant>,
    /// How many workers they have together.
    workers: usize,
    /// Hosts that fell silent without taking leave, and when.
    lost_hosts: Vec<(String, Instant)>,
    looking: look::Looking,
    beside: JoinSet<Finished>,
    outcomes: Sender<Vec<(Arc<dyn Job>, Done)>>,
    /// When a chunk that is not full is sent nevertheless.
    linger_until: Option<Instant>,
    is_connected: bool,
    /// When the server has last answered, or there was nothing to answer.
    engine_seen: Instant,
    /// What was last wrong with it.
    trouble: String,
    ended: bool,
}

impl Engine {
    pub(crate) async fn connect(
        servers: &str,
        options: ClusterOptions,
        shared: Arc<Shared>,
        outcomes: Sender<Vec<(Arc<dyn Job>, Done)>>,
    ) -> Result<Engine, ConnectError> {
        let message = |message| ConnectError::Invalid { option: "pool", message };
        let names = Names::new(&options.pool).map_err(message)?;
        let (caller, build) = (Peer::new(), Build::own());
        let (tell, events) = unbounded_channel();
        let label = format!("procpool {} caller {}", options.pool, std::process::id());
        let client = connection::connect(servers, &options.access, label, tell).await?;
        let jetstream =
            ContextBuilder::new().timeout(connection::ANSWER_WITHIN).build(client.clone());
        stream::check_jetstream(&jetstream, &names).await?;
        let ensured = stream::ensure(&jetstream, &names, &options, &build).await?;
        let subscribe = async |subject: String| {
            client.subscribe(subject).await.map_err(|error| ConnectError::Engine {
                call: "subscribing",
                source: Box::new(error),
            })
        };
        let answers = subscribe(names.answers(caller)).await?;
        let receipts = subscribe(format!("{}.*", names.receipts(caller))).await?;
        let hosts_heard = subscribe(names.host("*")).await?;
        let storage = stream::storage_type(options.storage);
        let store = Store {
            jetstream: jetstream.clone(),
            names: names.clone(),
            storage,
            replicas: options.replicas,
        };
        Ok(Engine {
            shared,
            names,
            build,
            caller,
            client,
            jetstream,
            store,
            answers,
            receipts,
            hosts_heard,
            events,
            ledger: Ledger::default(),
            pace: Pace::default(),
            hosts: HashMap::new(),
            workers: 0,
            lost_hosts: Vec::new(),
            looking: look::Looking::new(ensured.made_at),
            beside: JoinSet::new(),
            outcomes,
            linger_until: None,
            is_connected: true,
            engine_seen: Instant::now(),
            trouble: "no answer came".into(),
            ended: false,
            options,
        })
    }

    /// Goes on until the cluster is shut down.
    pub(crate) async fn run(mut self) {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let shared = Arc::clone(&self.shared);
        while !self.ended {
            self.fill_chunks();
            self.send().await;
            let linger = self.linger_until.unwrap_or_else(|| Instant::now() + TICK);
            tokio::select! {
                () = shared.woken() => self.take_orders().await,
                Some(message) = self.answers.next() => self.take_answers(message),
                Some(message) = self.receipts.next() => self.take_receipt(&message),
                Some(message) = self.hosts_heard.next() => self.hear_of_host(&message),
                Some(event) = self.events.recv() => self.take_event(event),
                Some(Ok(finished)) = self.beside.join_next() => self.take_finished(finished).await,
                _ = tick.tick() => self.look_after().await,
                () = sleep_until(linger.into()) => {}
            }
        }
        // What is left on the server would be run for nobody.
        self.tell(self.names.abort(self.caller), Bytes::new()).await;
        let _ = tokio::time::timeout(connection::ANSWER_WITHIN, self.client.flush()).await;
    }

    fn take_event(&mut self, event: Event) {
        match event {
            Event::Connected => {
                if !self.is_connected {
                    self.shared.update(|stats| stats.reconnects += 1);
                    self.ledger.reconnected();
                    self.ensure_soon();
                }
                self.is_connected = true;
            }
            Event::Disconnected => {
                self.is_connected = false;
                self.trouble = "the connection broke".into();
            }
            Event::ServerError(error) => self.trouble = error.to_string(),
            Event::ClientError(error) => self.trouble = error.to_string(),
            _ => {}
        }
    }

    async fn take_orders(&mut self) {
        let mut aborts = wire::Aborts::new();
        for order in self.shared.take_orders() {
            match order {
                Order::Abort { chunk, index } => {
                    self.ledger.forget(chunk, index);
                    aborts.push((chunk, index));
                }
                Order::CancelWaiting => self.cancel_waiting(),
                Order::Kill => {
                    self.cancel_waiting();
                    let owed = self.ledger.strike_all();
                    self.hand_out(owed.into_iter().map(|job| (job, Done::Aborted)).collect());
                }
                Order::End => self.ended = true,
            }
        }
        if !aborts.is_empty() {
            self.tell(self.names.abort(self.caller), wire::small(&aborts)).await;
        }
    }

    fn cancel_waiting(&mut self) {
        let waiting = self.shared.take_all_waiting();
        self.hand_out(waiting.into_iter().map(|job| (job, Done::Cancelled)).collect());
    }

    /// Says something to whoever listens.
    async fn tell(&mut self, subject: String, bytes: Bytes) {
        if self.is_connected
            && let Err(error) = self.client.publish(subject, bytes).await
        {
            self.trouble = error.to_string();
        }
    }

    async fn take_finished(&mut self, finished: Finished) {
        match finished {
            Finished::Uploaded(chunk, Ok(())) => {
                self.engine_seen = Instant::now();
                if let Some(bytes) = self.ledger.uploaded(chunk, Instant::now()) {
                    self.publish(chunk, bytes).await;
                }
            }
            Finished::Uploaded(chunk, Err(error)) => {
                self.trouble = error.to_string();
                self.ledger.refused(chunk, Instant::now());
            }
            Finished::Fetched { chunk, index, outcome, host, bytes: Ok(bytes) } => {
                let mut done = Vec::new();
                self.answered(chunk, index, &mut done, Done::Answer { outcome, bytes, host });
                self.hand_out(done);
            }
            // The result is lost: the task is run again.
            Finished::Fetched { chunk, index, bytes: Err(Gone), .. } => {
                if self.ledger.job(chunk, index).is_some() {
                    self.ledger.send_again(chunk);
                }
            }
            Finished::Looked(look) => self.take_look(look),
            Finished::Ensured(ensured) => self.take_ensured(ensured),
            Finished::Tidied => {}
        }
    }

    /// What has to be done now and then.
    async fn look_after(&mut self) {
        let now = Instant::now();
        self.tell(self.names.alive(self.caller), Bytes::new()).await;
        self.ledger.overdue(now);
        self.look_soon(now);
        self.miss_hosts(now);
        if self.ledger.chunks() == 0 {
            self.engine_seen = now;
            // Nothing that is under way can have been lost with them.
            self.lost_hosts.clear();
        } else if now - self.engine_seen > self.options.away_max {
            self.fail_all(now - self.engine_seen);
        }
    }

    /// The servers were away for too long.
    fn fail_all(&mut self, after: Duration) {
        let failure = Failure::EngineAway { after, cause: self.trouble.clone() };
        let mut jobs = self.ledger.strike_all();
        jobs.extend(self.shared.take_all_waiting());
        self.hand_out(jobs.into_iter().map(|job| (job, Done::Lost(failure.clone()))).collect());
    }
}

/// If this thread panics, nobody must wait for it.
impl Drop for Engine {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.shared.close();
            self.trouble = "the cluster's own thread has panicked, which is its defect".into();
            self.fail_all(self.engine_seen.elapsed());
        }
    }
}
