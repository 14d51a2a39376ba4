//! The cluster as the caller has it: the verbs of a pool, and its end.

use crate::engine::{Engine, Order, Shared};
use crate::error::{ConnectError, Failure};
use crate::job::{Done, Job, Remote};
use crate::map::{ClusterFeed, Map, MapUnordered};
use crate::node;
use crate::options::ClusterOptions;
use crate::stats::ClusterStats;
use executor::{Executor, JoinHandle, PoolError, Shutdown, Summary, TaskError, TaskId};
use std::any::type_name;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle as Thread, ThreadId};
use std::time::{Duration, Instant};
use task::{Call, Message};

/// The workers of several machines, which run functions of this program.
///
/// A task may run more than once: on a host that was cut off, and on the one that got it then. So tasks must be *pure*:
/// running one twice must do no more than running it once. Its outcome is told once.
///
/// Dropping it runs every accepted task to its end first, or drops them if the thread is panicking.
///
/// ```no_run
/// use cluster::{Cluster, ClusterOptions};
/// use executor::Executor;
///
/// fn length(word: String) -> usize {
///     word.len()
/// }
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     procpool::init();
///     let executor = Cluster::connect("nats://127.0.0.1:4222", ClusterOptions::default())?;
///     let lengths = executor.map(length, ["fork", "to", "pool"].map(String::from));
///     assert_eq!(lengths.collect::<Result<Vec<_>, _>>()?, [4, 2, 4]);
///     Ok(())
/// }
/// ```
pub struct Cluster {
    source: Source,
    threads: Mutex<Vec<Thread<()>>>,
    /// What was found when it ended.
    ended: Mutex<Option<Summary>>,
}

/// What makes tasks: all that a map needs of the cluster.
#[derive(Clone)]
pub(crate) struct Source {
    shared: Arc<Shared>,
    next_id: Arc<AtomicU64>,
    queue_limit: usize,
    payload_max: usize,
    /// The threads of the cluster, which must not wait for themselves.
    own: [ThreadId; 2],
}

/// A task that can be handed over, or why there is none.
type Made<R> = Result<Arc<Remote<R>>, TaskError>;

impl Cluster {
    /// Connects to the servers, given as one address or several with commas in between, and makes the pool's queue if it
    /// is not there.
    ///
    /// In a process that [`cluster node`](crate::node) has started this call does not return: the process is an agent from
    /// here on, and ends with it.
    ///
    /// # Errors
    /// Nobody answers, or refuses; the server keeps no streams; the pool is of another executable; an option makes no
    /// sense.
    pub fn connect(
        servers: impl Into<String>,
        options: ClusterOptions,
    ) -> Result<Cluster, ConnectError> {
        node::become_one_if_asked();
        options.check()?;
        let (servers, shared) = (servers.into(), Arc::new(Shared::default()));
        let (tell, told) = channel();
        let (outcomes, taken) = channel::<Vec<(Arc<dyn Job>, Done)>>();
        let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
            let named = thread::Builder::new().name(format!("cluster {name}"));
            named.spawn(run).map_err(|error| ConnectError::Engine {
                call: "starting a thread",
                source: Box::new(error),
            })
        };
        let (own, own_options) = (Arc::clone(&shared), options.clone());
        let engine = spawn(
            "engine",
            Box::new(move || {
                let runtime =
                    tokio::runtime::Builder::new_current_thread().enable_all().build();
                let runtime = match runtime {
                    Ok(runtime) => runtime,
                    Err(error) => {
                        let (call, source) = ("starting the runtime", Box::new(error));
                        let _ = tell.send(Err(ConnectError::Engine { call, source }));
                        return;
                    }
                };
                runtime.block_on(async {
                    match Engine::connect(&servers, own_options, own, outcomes).await {
                        Ok(engine) => {
                            let _ = tell.send(Ok(()));
                            engine.run().await;
                        }
                        Err(error) => drop(tell.send(Err(error))),
                    }
                });
            }),
        )?;
        let ended = || ConnectError::Engine {
            call: "connecting",
            source: "its thread has panicked".into(),
        };
        if let Err(error) = told.recv().unwrap_or_else(|_| Err(ended())) {
            let _ = engine.join();
            return Err(error);
        }
        let results = spawn(
            "results",
            Box::new(move || {
                for batch in taken {
                    batch.into_iter().for_each(|(job, done)| job.end(done));
                }
            }),
        )?;
        let source = Source {
            shared,
            next_id: Arc::new(AtomicU64::new(1)),
            queue_limit: options.queue_limit,
            payload_max: options.payload_max,
            own: [engine.thread().id(), results.thread().id()],
        };
        let threads = Mutex::new(vec![engine, results]);
        Ok(Cluster { source, threads, ended: Mutex::new(None) })
    }

    /// Hands a task over and returns at once, unless as many tasks wait as `queue_limit` allows: then it waits for room.
    ///
    /// It never fails by itself: a task that is refused says so at `join`.
    pub fn submit<A: Message, R: Message>(&self, f: fn(A) -> R, a: A) -> JoinHandle<R> {
        self.source
            .submit(f, [a])
            .0
            .pop()
            .unwrap_or_else(|| JoinHandle::ended(TaskId(0), Err(TaskError::PoolClosed)))
    }

    /// Submits a task and waits for it.
    ///
    /// # Errors
    /// Why there is no result.
    pub fn call<A: Message, R: Message>(&self, f: fn(A) -> R, a: A) -> Result<R, TaskError> {
        self.submit(f, a).join()
    }

    /// Runs `f` on every input; the results come in the order of the inputs. Inputs are taken lazily, at most 16,384 or
    /// 64 MiB ahead of the results that were taken out. Short tasks travel many at a time.
    pub fn map<A: Message, R: Message, I: IntoIterator<Item = A>>(
        &self,
        f: fn(A) -> R,
        inputs: I,
    ) -> Map<I::IntoIter, A, R> {
        Map::new(ClusterFeed::new(self.source.clone(), f), inputs.into_iter())
    }

    /// Runs `f` on every input; the results come as they finish, each with the index of its input.
    pub fn map_unordered<A: Message, R: Message, I: IntoIterator<Item = A>>(
        &self,
        f: fn(A) -> R,
        inputs: I,
    ) -> MapUnordered<I::IntoIter, A, R> {
        MapUnordered::new(ClusterFeed::new(self.source.clone(), f), inputs.into_iter())
    }

    /// What it has done, and the hosts that were heard of in the last seconds.
    pub fn stats(&self) -> ClusterStats {
        self.source.shared.stats()
    }

    /// Waits until so many hosts were heard of. False: the timeout has passed first.
    pub fn wait_for_hosts(&self, hosts: usize, timeout: Duration) -> bool {
        let due = Instant::now() + timeout;
        while self.stats().hosts.len() < hosts {
            if Instant::now() >= due {
                return false;
            }
            thread::sleep(Duration::from_millis(10));
        }
        true
    }

    /// Ends it; the hosts live on, for the next caller. Past `deadline` it goes on in the next harder way, with the same
    /// deadline again. The second call returns what the first one has found.
    ///
    /// # Errors
    /// It is called in a callback, which it would have to wait for.
    pub fn shutdown(
        &self,
        how: Shutdown,
        deadline: Option<Duration>,
    ) -> Result<Summary, PoolError> {
        if self.source.is_own_thread() {
            let message = "called in a callback of the cluster, for which it would wait: call it elsewhere".into();
            return Err(PoolError::Invalid { option: "shutdown", message });
        }
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let summary =
            ended.get_or_insert_with(|| end(&self.source.shared, threads, how, deadline));
        Ok(summary.clone())
    }
}

fn end(
    shared: &Shared,
    threads: Vec<Thread<()>>,
    how: Shutdown,
    deadline: Option<Duration>,
) -> Summary {
    let before = shared.stats().tasks;
    shared.close();
    let (mut way, mut escalated_to) = (how, None);
    loop {
        match way {
            Shutdown::Finish => {}
            Shutdown::Cancel => shared.order(Order::CancelWaiting),
            Shutdown::Kill => shared.order(Order::Kill),
        }
        // The last way ends by itself: nothing is waited for that is on another machine.
        let deadline = deadline.filter(|_| way != Shutdown::Kill);
        if shared.wait_for_all(deadline.map(|time| Instant::now() + time)) {
            break;
        }
        let Some(harder) = way.harder() else { break };
        way = harder;
        escalated_to = Some(harder);
    }
    shared.order(Order::End);
    for thread in threads {
        // Its panic was printed; there is nothing to add.
        let _ = thread.join();
    }
    // They hold what holds them.
    drop(shared.take_all_waiting());
    let after = shared.stats().tasks;
    let mut summary = Summary::default();
    summary.cancelled = after.cancelled - before.cancelled;
    summary.killed = after.aborted - before.aborted;
    let open_before =
        (before.queued + before.running) as u64 + after.submitted - before.submitted;
    summary.finished = open_before.saturating_sub(summary.cancelled + summary.killed);
    summary.escalated_to = escalated_to;
    summary.stats = after;
    summary
}

impl Source {
    fn is_own_thread(&self) -> bool {
        self.own.contains(&thread::current().id())
    }

    /// How many workers were heard of.
    pub(crate) fn workers(&self) -> usize {
        self.shared.workers()
    }

    /// Hands tasks over together: a handle for each, in order, and how many bytes their arguments take.
    pub(crate) fn submit<A: Message, R: Message>(
        &self,
        f: fn(A) -> R,
        arguments: impl IntoIterator<Item = A>,
    ) -> (Vec<JoinHandle<R>>, usize) {
        let call = Call::of(f).map_err(|error| error.to_string());
        let mut jobs: Vec<Arc<dyn Job>> = Vec::new();
        let mut handles: Vec<(TaskId, Made<R>)> = Vec::new();
        let mut bytes = 0;
        for argument in arguments {
            let id = TaskId(self.next_id.fetch_add(1, Ordering::Relaxed));
            let made = self.make(&call, id, argument);
            if let Ok(remote) = &made {
                bytes += remote.argument_len();
                jobs.push(Arc::clone(remote) as Arc<dyn Job>);
            }
            handles.push((id, made));
        }
        let may_wait = !self.is_own_thread();
        let accepted = self.shared.submit(jobs.into_iter(), self.queue_limit, may_wait);
        let handle = |(id, made): (TaskId, Made<R>)| match made {
            Ok(remote) if accepted => {
                let task: Arc<Remote<R>> = remote;
                JoinHandle::new(task)
            }
            Ok(_) => JoinHandle::ended(id, Err(TaskError::PoolClosed)),
            Err(error) => JoinHandle::ended(id, Err(error)),
        };
        (handles.into_iter().map(handle).collect(), bytes)
    }

    fn make<A: Message, R: Message>(
        &self,
        call: &Result<Call, String>,
        id: TaskId,
        argument: A,
    ) -> Made<R> {
        let refused = |message| TaskError::Encode { type_name: type_name::<A>(), message };
        let call = call.clone().map_err(refused)?;
        let mut bytes = Vec::new();
        task::encode(&argument, &mut bytes).map_err(|error| refused(error.message))?;
        if bytes.len() > self.payload_max {
            return Err(Failure::PayloadTooLarge {
                what: format!("the argument, of type {},", type_name::<A>()),
                bytes: bytes.len() as u64,
                limit: self.payload_max as u64,
            }
            .into());
        }
        let shared = Arc::clone(&self.shared);
        Ok(Arc::new(Remote::new(id, call.to_bits(), bytes.into(), shared)))
    }
}

impl Executor for Cluster {
    fn submit<A: Message, R: Message>(&self, f: fn(A) -> R, a: A) -> JoinHandle<R> {
        Cluster::submit(self, f, a)
    }

    fn map<A: Message, R: Message, I: IntoIterator<Item = A>>(
        &self,
        f: fn(A) -> R,
        inputs: I,
    ) -> impl Iterator<Item = Result<R, TaskError>> {
        Cluster::map(self, f, inputs)
    }

    fn map_unordered<A: Message, R: Message, I: IntoIterator<Item = A>>(
        &self,
        f: fn(A) -> R,
        inputs: I,
    ) -> impl Iterator<Item = (usize, Result<R, TaskError>)> {
        Cluster::map_unordered(self, f, inputs)
    }

    fn shutdown(
        &self,
        how: Shutdown,
        deadline: Option<Duration>,
    ) -> Result<Summary, PoolError> {
        Cluster::shutdown(self, how, deadline)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let how = if thread::panicking() { Shutdown::Kill } else { Shutdown::Finish };
        if !self.source.is_own_thread() {
            let _ = self.shutdown(how, None);
            return;
        }
        // A callback has dropped the last handle. The thread that runs callbacks has to go on until the end.
        let threads =
            std::mem::take(self.threads.get_mut().unwrap_or_else(PoisonError::into_inner));
        let shared = Arc::clone(&self.source.shared);
        let ending = move || drop(end(&shared, threads, how, None));
        let ending = thread::Builder::new().name("cluster end".into()).spawn(ending);
        if ending.is_err() {
            // No thread for that: whoever waits is told that there is no result.
            self.source.shared.close();
            self.source.shared.order(Order::Kill);
            self.source.shared.order(Order::End);
        }
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stats = self.stats();
        f.debug_struct("Cluster")
            .field("hosts", &stats.hosts.len())
            .field("queued", &stats.tasks.queued)
            .field("running", &stats.tasks.running)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
