//! The agent's thread: pulls, hands chunks to their threads, publishes answers, acknowledges, and tells how it is.

use super::NodeOptions;
use super::hold::{Holds, Key};
use super::pull::{PAUSE, Ready};
use super::run::{Broken, Controls};
use crate::connection::{self, ANSWER_WITHIN};
use crate::error::ConnectError;
use crate::names::{Names, Peer};
use crate::store::Store;
use crate::stream::{self, Build};
use crate::wire::{self, Aborts, Answer, ChunkHead, HostReport};
use async_nats::jetstream::context::{Context, ContextBuilder};
use async_nats::{Client, Event, Message, Subscriber};
use bytes::Bytes;
use executor::Shutdown;
use futures_util::StreamExt;
use procpool::Pool;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

/// How often it says that it lives.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// How long the servers may be away before an agent that has not begun gives up.
const AWAY_MAX: Duration = Duration::from_secs(60);

/// What the threads of the chunks say to the agent's.
pub(super) enum Said {
    /// Some tasks of the chunk have finished; how long a result may be.
    Answers(Key, u64, Vec<Answer>),
    /// All have, and took so long together.
    Finished(Key, Result<u64, Broken>),
}

/// What goes on beside the loop.
pub(super) enum Beside {
    /// The large arguments of a chunk are here, or gone.
    Fetched(Key, ChunkHead, Option<Vec<(u64, Bytes)>>),
    /// A large result is in the object store, or could not be put there.
    Stored(Key, Option<Answer>),
}

pub(super) struct Agent {
    pub(super) names: Names,
    pub(super) build: Build,
    pub(super) host: Peer,
    pub(super) name: String,
    pub(super) workers: usize,
    pub(super) client: Client,
    pub(super) jetstream: Context,
    pub(super) store: Store,
    pub(super) max_deliver: u32,
    pub(super) pool: Arc<Pool>,
    pub(super) holds: Holds<Arc<Controls>>,
    /// What it holds and has not begun, in the order in which it came.
    pub(super) ready: VecDeque<Ready>,
    pub(super) pulled: Subscriber,
    pub(super) callers: Subscriber,
    pub(super) aborts: Subscriber,
    pub(super) events: UnboundedReceiver<Event>,
    pub(super) say: UnboundedSender<Said>,
    pub(super) said: UnboundedReceiver<Said>,
    pub(super) beside: JoinSet<Beside>,
    /// Chunks that were asked for and have not come.
    pub(super) asked: usize,
    pub(super) pulls_made: u64,
    /// When something was last heard of the pulls.
    pub(super) pulls_heard: Instant,
    /// No pull is made before.
    pub(super) paused_until: Instant,
    pub(super) is_connected: bool,
    pub(super) is_leaving: bool,
    /// Nothing more comes that was pulled.
    pub(super) pulls_are_over: bool,
}

pub(super) fn serve(options: NodeOptions) -> Result<(), ConnectError> {
    let invalid = |option| move |message| ConnectError::Invalid { option, message };
    let names = Names::new(&options.pool).map_err(invalid("pool"))?;
    let mut builder = Pool::builder().name("cluster node");
    if let Some(workers) = options.workers {
        builder = builder.workers(workers);
    }
    // Before the runtime: the pool may have to fork while there is one thread.
    let pool = Arc::new(builder.build().map_err(ConnectError::Pool)?);
    let workers = pool.stats().workers.len();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // Each chunk that is held has a thread.
        .max_blocking_threads(2 * workers.max(2) + 1)
        .build()
        .map_err(|error| ConnectError::Engine {
            call: "starting the runtime",
            source: Box::new(error),
        })?;
    let served = runtime.block_on(async {
        match Agent::start(&options, names, Arc::clone(&pool), workers).await? {
            Some((agent, signals, ack_wait)) => agent.run(signals, ack_wait).await,
            None => Ok(()),
        }
    });
    // What still runs is not answered: its chunks were given back.
    let _ = pool.shutdown(Shutdown::Kill, None);
    runtime.shutdown_timeout(Duration::from_secs(1));
    served
}

fn host_name(options: &NodeOptions) -> String {
    let own = || nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    options.name.clone().or_else(own).unwrap_or_else(|| "host".into())
}

/// The signals that end an agent.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> Result<Signals, ConnectError> {
        let listen = |kind| {
            signal(kind).map_err(|error| ConnectError::Engine {
                call: "listening for signals",
                source: Box::new(error),
            })
        };
        Ok(Signals {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

impl Agent {
    /// Connects, and waits until a caller has made the pool's stream. `None`: a signal came first.
    async fn start(
        options: &NodeOptions,
        names: Names,
        pool: Arc<Pool>,
        workers: usize,
    ) -> Result<Option<(Agent, Signals, Duration)>, ConnectError> {
        let (build, host, name) = (Build::own(), Peer::new(), host_name(options));
        let (tell, events) = unbounded_channel();
        let label = format!("procpool {} host {name}", names.pool());
        let client =
            connection::connect(&options.servers, &options.access, label, tell).await?;
        let jetstream = ContextBuilder::new().timeout(ANSWER_WITHIN).build(client.clone());
        stream::check_jetstream(&jetstream, &names).await?;
        let mut signals = Signals::listen()?;
        let mut answered = Instant::now();
        let (stream, (ack_wait, max_deliver)) = loop {
            match stream::look_for_work(&jetstream, &names, &build).await {
                Ok(Some(found)) => break found,
                Ok(None) => answered = Instant::now(),
                // Servers that elect a leader answer later.
                Err(ConnectError::Engine { .. }) if answered.elapsed() < AWAY_MAX => {}
                Err(error) => return Err(error),
            }
            tokio::select! {
                () = sleep(PAUSE) => {}
                () = signals.next() => return Ok(None),
            }
        };
        let subscribe = async |subject: String| {
            client.subscribe(subject).await.map_err(|error| ConnectError::Engine {
                call: "subscribing",
                source: Box::new(error),
            })
        };
        let pulled = subscribe(format!("{}.*", names.pulled(host))).await?;
        let callers = subscribe(names.alive("*")).await?;
        let aborts = subscribe(names.abort("*")).await?;
        let config = &stream.cached_info().config;
        let store = Store {
            jetstream: jetstream.clone(),
            names: names.clone(),
            storage: config.storage,
            replicas: config.num_replicas,
        };
        let (say, said) = unbounded_channel();
        let agent = Agent {
            names,
            build,
            host,
            name,
            workers,
            client,
            jetstream,
            store,
            max_deliver,
            pool,
            holds: Holds::new(workers),
            ready: VecDeque::new(),
            pulled,
            callers,
            aborts,
            events,
            say,
            said,
            beside: JoinSet::new(),
            asked: 0,
            pulls_made: 0,
            pulls_heard: Instant::now(),
            paused_until: Instant::now(),
            is_connected: true,
            is_leaving: false,
            pulls_are_over: false,
        };
        Ok(Some((agent, signals, ack_wait)))
    }
}

impl Agent {
    async fn run(
        mut self,
        mut signals: Signals,
        ack_wait: Duration,
    ) -> Result<(), ConnectError> {
        let mut at_work = interval(ack_wait / 3);
        at_work.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut report = interval(REPORT_EVERY);
        report.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if self.is_leaving && self.pulls_are_over && self.holds.is_empty() {
                self.report().await;
                self.flush().await;
                return Ok(());
            }
            self.begin_ready().await;
            self.pull().await;
            tokio::select! {
                message = self.pulled.next(), if !self.pulls_are_over => match message {
                    Some(message) => self.take_pulled(message).await?,
                    None => self.pulls_are_over = true,
                },
                Some(said) = self.said.recv() => self.take_said(said).await?,
                Some(Ok(beside)) = self.beside.join_next() => self.take_beside(beside).await,
                Some(message) = self.callers.next() => {
                    if let Some(caller) = Peer::in_subject(&message.subject) {
                        self.holds.hear_of(caller, Instant::now());
                    }
                }
                Some(message) = self.aborts.next() => self.take_aborts(&message).await,
                Some(event) = self.events.recv() => self.take_event(&event),
                _ = at_work.tick() => self.say_at_work().await,
                _ = report.tick() => {
                    self.report().await;
                    self.drop_silent_callers().await;
                }
                () = signals.next() => {
                    if self.is_leaving {
                        self.give_all_back().await;
                        return Ok(());
                    }
                    self.is_leaving = true;
                    // The server forgets its pulls. What it has sent before is given back as it comes.
                    if self.pulled.drain().await.is_err() {
                        self.pulls_are_over = true;
                    }
                }
            }
        }
    }

    /// Says something to the server or to a caller. What cannot be said now, the other side misses.
    pub(super) async fn tell(&self, subject: String, bytes: Bytes) {
        if self.is_connected {
            let _ = self.client.publish(subject, bytes).await;
        }
    }

    pub(super) async fn flush(&self) {
        let _ = tokio::time::timeout(ANSWER_WITHIN, self.client.flush()).await;
    }

    /// Whatever it holds, prefetched or running, is not to be given to another host.
    async fn say_at_work(&self) {
        for (_, held) in self.holds.all() {
            self.tell(held.acknowledge_at.clone(), Bytes::from_static(b"+WPI")).await;
        }
    }

    /// Gives everything back, to be given to other hosts at once.
    pub(super) async fn give_all_back(&mut self) {
        for (_, held) in self.holds.all() {
            self.tell(held.acknowledge_at.clone(), Bytes::from_static(b"-NAK")).await;
        }
        self.is_leaving = true;
        self.report().await;
        self.flush().await;
    }

    async fn report(&self) {
        let report = HostReport {
            name: self.name.clone(),
            pid: std::process::id(),
            workers: u32::try_from(self.workers).unwrap_or(u32::MAX),
            held: self.holds.tasks(),
            done: self.holds.done,
            leaving: self.is_leaving,
        };
        self.tell(self.names.host(self.host), wire::small(&report)).await;
    }

    fn take_event(&mut self, event: &Event) {
        match event {
            Event::Connected => {
                self.is_connected = true;
                self.forget_pulls();
            }
            Event::Disconnected => self.is_connected = false,
            _ => {}
        }
    }

    async fn take_aborts(&mut self, message: &Message) {
        let Some(caller) = Peer::in_subject(&message.subject) else { return };
        if message.payload.is_empty() {
            // It has ended.
            self.holds.leave(caller, Instant::now());
            return self.drop_chunks_of(caller).await;
        }
        for (chunk, index) in wire::read_small::<Aborts>(&message.payload).unwrap_or_default() {
            match self.holds.get(&(caller, chunk)) {
                Some(held) => held.control.abort(index),
                // It may still be on the server, or on its way here.
                None => self.holds.remember_aborted((caller, chunk), index),
            }
        }
    }

    /// Nobody wants the results of a caller that is gone. What the server still has of it is dropped as it comes: a purge
    /// of its subjects would be shorter, but nats-server 2.9 then passes over the chunks of others.
    async fn drop_silent_callers(&mut self) {
        for caller in self.holds.silent_callers(Instant::now()) {
            self.drop_chunks_of(caller).await;
        }
    }

    async fn drop_chunks_of(&mut self, caller: Peer) {
        for key in self.holds.of_caller(caller) {
            if let Some(held) = self.holds.drop(&key) {
                held.control.abort_all();
                self.tell(held.acknowledge_at, Bytes::from_static(b"+TERM")).await;
            }
        }
    }
}
