//! The pool's stream on the server: made by the first caller, looked at by all.
//!
//! A work queue: a chunk stays until a host has acknowledged it. The stream's description says of which executable its
//! tasks are; a caller or a host of another one is refused.

use crate::connection::ANSWER_WITHIN;
use crate::error::ConnectError;
use crate::names::{CONSUMER, Names, Peer, chunk_in_subject};
use crate::options::{ClusterOptions, Storage};
use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::context::{
    ConsumerInfoErrorKind, Context, CreateStreamErrorKind, GetStreamError, GetStreamErrorKind,
    RequestError, RequestErrorKind,
};
use async_nats::jetstream::stream::{
    Config, DiscardPolicy, RetentionPolicy, StorageType, Stream,
};
use futures_util::TryStreamExt;
use std::collections::HashSet;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// Servers that have just started, or have lost their leader, have one after so long.
const LEADER_WITHIN: Duration = Duration::from_secs(20);

/// What the description of a stream of ours begins with.
const MARK: &str = "procpool";
/// Chunks that hosts may hold at once, all together.
const HELD_MAX: i64 = 1 << 20;
/// Hosts that may wait for work at once, all together.
const PULLS_MAX: i64 = 1 << 16;

/// An executable, as people and programs tell it from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Build {
    pub(crate) fingerprint: [u8; 32],
    program: String,
}

impl Build {
    /// That of this process.
    pub(crate) fn own() -> Build {
        let program = std::env::current_exe().ok();
        let program = program.as_deref().and_then(|path| path.file_name());
        Build {
            fingerprint: task::Image::current().fingerprint(),
            program: program
                .map_or_else(|| "?".into(), |name| name.to_string_lossy().into_owned()),
        }
    }

    /// `program, build 0123456789abcdef`.
    pub(crate) fn shown(&self) -> String {
        let short: String =
            self.fingerprint[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}, build {short}", self.program)
    }

    fn description(&self) -> String {
        format!("{MARK} {}", self.shown())
    }

    /// Whether a stream is for this executable; otherwise for which.
    fn check(&self, stream: &Stream, names: &Names) -> Result<(), ConnectError> {
        let description = stream.cached_info().config.description.clone().unwrap_or_default();
        if description == self.description() {
            return Ok(());
        }
        Err(ConnectError::OtherBuild {
            pool: names.pool().to_owned(),
            theirs: match description.strip_prefix(MARK) {
                Some(theirs) => theirs.trim().to_owned(),
                None => format!("{description:?}, no pool's"),
            },
            ours: self.shown(),
        })
    }
}

/// What a look at the server has found.
#[derive(Debug)]
pub(crate) enum Found {
    /// The server has these chunks of the caller, for hosts to come or with a host.
    Chunks(HashSet<u64>),
    /// There is no stream, or no consumer.
    NoStream,
}

/// A stream that is there.
pub(crate) struct Ensured {
    /// Changes when the stream is made anew.
    pub(crate) made_at: i128,
}

fn engine<E: std::error::Error + Send + Sync + 'static>(
    call: &'static str,
) -> impl Fn(E) -> ConnectError {
    move |error| ConnectError::Engine { call, source: Box::new(error) }
}

/// Waits no longer than an answer may take.
pub(crate) async fn within<T>(
    call: &'static str,
    asked: impl Future<Output = Result<T, ConnectError>>,
) -> Result<T, ConnectError> {
    let answered = timeout(ANSWER_WITHIN * 2, asked).await;
    answered.unwrap_or_else(|late| Err(ConnectError::Engine { call, source: Box::new(late) }))
}

/// Looks whether the server keeps streams at all. Servers that elect a leader answer later.
pub(crate) async fn check_jetstream(
    jetstream: &Context,
    names: &Names,
) -> Result<(), ConnectError> {
    let due = Instant::now() + LEADER_WITHIN;
    loop {
        match jetstream.get_stream(names.stream()).await {
            Ok(_) => return Ok(()),
            Err(error) if is_missing(&error) => return Ok(()),
            Err(error) if is_late(&error) && Instant::now() < due => {}
            Err(error) => {
                return Err(ConnectError::NoJetStream { message: error.to_string() });
            }
        }
    }
}

/// What an agent needs to begin: the pool's stream, the time in which it must say that it lives, and how often a chunk may
/// be delivered. `None`: no caller has made all of it yet.
pub(crate) async fn look_for_work(
    jetstream: &Context,
    names: &Names,
    build: &Build,
) -> Result<Option<(Stream, (Duration, u32))>, ConnectError> {
    within("looking for the stream", async {
        let stream = match jetstream.get_stream(names.stream()).await {
            Ok(stream) => stream,
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => return Err(engine("looking for the stream")(error)),
        };
        build.check(&stream, names)?;
        let config = match stream.consumer_info(CONSUMER).await {
            Ok(info) => info.config,
            Err(error) if error.kind() == ConsumerInfoErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(engine("looking at the consumer")(error)),
        };
        let max_deliver = (config.description.as_deref())
            .and_then(|it| it.strip_prefix("max_deliver="))
            .and_then(|number| number.parse().ok());
        let max_deliver = max_deliver.unwrap_or(ClusterOptions::default().max_deliver);
        Ok(Some((stream, (config.ack_wait, max_deliver))))
    })
    .await
}

/// Whether no answer came in time.
fn is_late(error: &GetStreamError) -> bool {
    let source = std::error::Error::source(error);
    let source = source.and_then(|source| source.downcast_ref::<RequestError>());
    source.is_some_and(|source| source.kind() == RequestErrorKind::TimedOut)
}

fn is_missing(error: &GetStreamError) -> bool {
    match error.kind() {
        GetStreamErrorKind::JetStream(error) => error.code() == 404,
        _ => false,
    }
}

/// Makes the stream and its consumer, or finds them.
pub(crate) async fn ensure(
    jetstream: &Context,
    names: &Names,
    options: &ClusterOptions,
    build: &Build,
) -> Result<Ensured, ConnectError> {
    within("making the stream", async {
        let stream = match jetstream.get_stream(names.stream()).await {
            Ok(stream) => take_over(jetstream, stream, names, build).await?,
            Err(error) if is_missing(&error) => {
                match jetstream.create_stream(config(names, options, build)).await {
                    Ok(info) => {
                        drop(info);
                        jetstream
                            .get_stream(names.stream())
                            .await
                            .map_err(engine("looking for the stream"))?
                    }
                    // Another caller was faster.
                    Err(error) if is_there(&error) => {
                        let stream = jetstream.get_stream(names.stream()).await;
                        stream.map_err(engine("looking for the stream"))?
                    }
                    Err(error) => return Err(engine("making the stream")(error)),
                }
            }
            Err(error) => return Err(engine("looking for the stream")(error)),
        };
        build.check(&stream, names)?;
        stream
            .create_consumer(consumer(options))
            .await
            .map_err(engine("making the consumer"))?;
        let made_at = stream.cached_info().created.unix_timestamp_nanos();
        Ok(Ensured { made_at })
    })
    .await
}

fn is_there(error: &async_nats::jetstream::context::CreateStreamError) -> bool {
    match error.kind() {
        CreateStreamErrorKind::JetStream(error) => error.code() == 400,
        _ => false,
    }
}

/// A stream that another build has left behind is taken over, if nobody needs it: no task is in it, and no host waits.
async fn take_over(
    jetstream: &Context,
    stream: Stream,
    names: &Names,
    build: &Build,
) -> Result<Stream, ConnectError> {
    let Err(refused) = build.check(&stream, names) else { return Ok(stream) };
    let mut config = stream.cached_info().config.clone();
    let is_ours = config.description.as_deref().is_some_and(|it| it.starts_with(MARK));
    let is_empty = stream.cached_info().state.messages == 0;
    let is_deserted = match stream.consumer_info(CONSUMER).await {
        Ok(consumer) => consumer.num_waiting == 0 && consumer.num_ack_pending == 0,
        Err(_) => true,
    };
    if !(is_ours && is_empty && is_deserted) {
        return Err(refused);
    }
    config.description = Some(build.description());
    jetstream.update_stream(config).await.map_err(engine("taking over the stream"))?;
    jetstream.get_stream(names.stream()).await.map_err(engine("looking for the stream"))
}

pub(crate) fn storage_type(storage: Storage) -> StorageType {
    match storage {
        Storage::Memory => StorageType::Memory,
        Storage::File => StorageType::File,
    }
}

fn config(names: &Names, options: &ClusterOptions, build: &Build) -> Config {
    Config {
        name: names.stream(),
        subjects: vec![names.tasks()],
        retention: RetentionPolicy::WorkQueue,
        storage: storage_type(options.storage),
        num_replicas: options.replicas,
        // A full stream says so, in place of forgetting tasks.
        discard: DiscardPolicy::New,
        description: Some(build.description()),
        ..Config::default()
    }
}

fn consumer(options: &ClusterOptions) -> pull::Config {
    pull::Config {
        durable_name: Some(CONSUMER.to_owned()),
        // For people, and for the hosts, which give up a chunk that was delivered more often.
        description: Some(format!("max_deliver={}", options.max_deliver)),
        ack_policy: AckPolicy::Explicit,
        ack_wait: options.ack_wait,
        // The hosts count, and tell the caller. If the server counted it would say so in a message that can be lost, and
        // then nobody would.
        max_deliver: -1,
        max_ack_pending: HELD_MAX,
        max_waiting: PULLS_MAX,
        num_replicas: options.replicas,
        memory_storage: options.storage == Storage::Memory,
        ..pull::Config::default()
    }
}

/// Which chunks of the caller the server has.
pub(crate) async fn look(
    jetstream: &Context,
    names: &Names,
    caller: Peer,
) -> Result<Found, ConnectError> {
    within("looking for the chunks", async {
        let stream = match jetstream.get_stream(names.stream()).await {
            Ok(stream) => stream,
            Err(error) if is_missing(&error) => return Ok(Found::NoStream),
            Err(error) => return Err(engine("looking for the stream")(error)),
        };
        match stream.consumer_info(CONSUMER).await {
            // Whatever is in the stream, no host will get it.
            Ok(consumer) if consumer.num_pending == 0 && consumer.num_ack_pending == 0 => {
                return Ok(Found::Chunks(HashSet::new()));
            }
            Ok(_) => {}
            Err(error) if error.kind() == ConsumerInfoErrorKind::NotFound => {
                return Ok(Found::NoStream);
            }
            Err(error) => return Err(engine("looking at the consumer")(error)),
        }
        let info = stream.info_with_subjects(names.chunks_of(caller)).await;
        let subjects = info.map_err(engine("looking for the chunks"))?;
        let subjects: Vec<(String, usize)> =
            subjects.try_collect().await.map_err(engine("looking for the chunks"))?;
        let chunks = subjects.iter().filter_map(|(subject, _)| chunk_in_subject(subject));
        Ok(Found::Chunks(chunks.collect()))
    })
    .await
}
