//! A pool's options, and how it comes to be.

use crate::core::{Core, Ends};
use crate::inherited::{Closures, Inherited};
use crate::layout::BELL_BYTES;
use crate::limit::{os, refused, start_error, thread_error, with_needed};
use crate::options::Options;
use crate::pool::{Pool, limit_ns};
use crate::supervisor::Supervisor;
use crate::trace::{File, Trace};
use crate::{overflow, worker};
use executor::PoolError;
use nix::sys::signal::{SigSet, SigmaskHow};
use shared::Segment;
use start::{Launcher, StartMethod, keep_standard_numbers};
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use task::Message;

/// How many workers a pool may have.
const WORKERS_MAX: usize = 4096;

/// Options of a pool; see [`Pool::builder`].
#[derive(Debug, Default)]
#[must_use = "no pool exists before `build`"]
pub struct Builder(Options, Closures);

impl Builder {
    pub(crate) fn new() -> Builder {
        Builder::default()
    }

    /// How many worker processes. The default is [`size::cpu_bound()`](size::cpu_bound): how many processors the program
    /// may use, by its affinity and its cgroup's quota. Tasks that wait for most of their time want more of them:
    /// [`size::blocking`].
    ///
    /// ```
    /// # procpool::init_at_load!();
    /// use procpool::{Pool, size};
    ///
    /// let pool = Pool::builder().workers(2).build()?;
    /// assert_eq!(pool.stats().workers.len(), 2);
    /// // For tasks that wait for three quarters of their time, four times as many as for tasks that compute.
    /// let builder = Pool::builder().workers(size::blocking(0.75));
    /// # drop(builder);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "processes")]
    #[doc(alias = "max_workers")]
    pub fn workers(mut self, n: usize) -> Self {
        match n {
            0 => self.0.refuse("workers", "a pool needs at least 1 worker"),
            1..=WORKERS_MAX => self.0.workers = Some(n),
            _ => self.0.refuse("workers", format!("{n} workers are more than {WORKERS_MAX}")),
        }
        self
    }

    /// How workers come to be: the default is [`StartMethod::Forkserver`].
    ///
    /// ```
    /// # procpool::init_at_load!();
    /// use procpool::{Pool, StartMethod};
    ///
    /// let pool = Pool::builder().start_method(StartMethod::Spawn).workers(1).build()?;
    /// # drop(pool);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "mp_context")]
    #[doc(alias = "get_context")]
    #[doc(alias = "set_start_method")]
    pub fn start_method(mut self, method: StartMethod) -> Self {
        self.0.method = method;
        self
    }

    /// Runs `f(a)` once in each worker before its first task.
    ///
    /// ```
    /// # procpool::init_at_load!();
    /// use std::sync::OnceLock;
    ///
    /// static GREETING: OnceLock<String> = OnceLock::new();
    ///
    /// fn set_greeting(greeting: String) {
    ///     GREETING.set(greeting).expect("it runs once in each worker");
    /// }
    ///
    /// fn greet(name: String) -> String {
    ///     format!("{} {name}", GREETING.get().expect("the initializer has run"))
    /// }
    ///
    /// let pool = procpool::Pool::builder()
    ///     .workers(1)
    ///     .initializer(set_greeting, "hello,".to_owned())
    ///     .build()?;
    /// assert_eq!(pool.call(greet, "pool".to_owned())?, "hello, pool");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "initargs")]
    pub fn initializer<A: Message>(mut self, f: fn(A), a: A) -> Self {
        self.0.initializer(f, &a);
        self
    }

    /// Runs `f()` in each worker that leaves in good order.
    ///
    /// ```
    /// # procpool::init_at_load!();
    /// fn goodbye() {
    ///     eprintln!("worker {} leaves", std::process::id());
    /// }
    ///
    /// let pool = procpool::Pool::builder().workers(1).finalizer(goodbye).build()?;
    /// drop(pool); // the finalizers have run
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "atexit")]
    pub fn finalizer(mut self, f: fn()) -> Self {
        self.0.finalizer(f);
        self
    }

    /// How many tasks one worker runs, after which it leaves in good order and another one takes its place. It never
    /// runs more. A finalizer gets as long as [`Builder::start_timeout`] then; no task waits for it. By default there is no limit.
    ///
    /// ```
    /// # procpool::init_at_load!();
    /// fn own_pid(_: u32) -> u32 {
    ///     std::process::id()
    /// }
    ///
    /// let pool = procpool::Pool::builder().workers(1).max_tasks_per_worker(2).build()?;
    /// let pids: Result<Vec<u32>, _> = pool.map(own_pid, 0..4).collect();
    /// let pids = pids?;
    /// assert!(pids[0] == pids[1] && pids[1] != pids[2] && pids[2] == pids[3]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "maxtasksperchild")]
    #[doc(alias = "max_tasks_per_child")]
    pub fn max_tasks_per_worker(mut self, n: u64) -> Self {
        if n == 0 {
            self.0.refuse("max_tasks_per_worker", "a worker for 0 tasks runs none");
        }
        self.0.recycling.max_tasks = Some(n);
        self
    }

    /// How much memory a worker may have resident, in bytes. One that has more leaves in good order after its task, and
    /// another one takes its place; one that has more than twice as much while it runs a task is killed, and the task
    /// ends [`TaskError::WorkerDied`](crate::TaskError::WorkerDied) with both numbers in its evidence. What a worker
    /// shares with others counts too. The pool looks every 50 ms while tasks run, and after tasks. By default there is
    /// no limit.
    ///
    /// ```
    /// # procpool::init_at_load!();
    /// let pool = procpool::Pool::builder().workers(1).max_rss(512 << 20).build()?;
    /// # drop(pool);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn max_rss(mut self, bytes: u64) -> Self {
        if bytes == 0 {
            self.0.refuse("max_rss", "no process runs in 0 bytes");
        }
        self.0.recycling.max_rss_bytes = Some(bytes);
        self
    }

    /// How long a task may run; [`TaskSpec::timeout`](crate::TaskSpec::timeout) says otherwise for one. The limit counts
    /// from the start of its execution, not from `submit`. A task that runs for longer is killed with its worker, is not
    /// run again, and ends [`TaskError::TimedOut`](crate::TaskError::TimedOut); another worker takes the place of that
    /// one. By default there is no limit.
    ///
    /// ```
    /// # procpool::init_at_load!();
    /// use procpool::{Pool, TaskError};
    /// use std::time::Duration;
    ///
    /// fn for_ever(_: ()) {
    ///     loop {}
    /// }
    ///
    /// let limit = Duration::from_millis(20);
    /// let pool = Pool::builder().workers(1).task_timeout(limit).build()?;
    /// assert!(matches!(pool.call(for_ever, ()), Err(TaskError::TimedOut { after, .. }) if after >= limit));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn task_timeout(mut self, d: Duration) -> Self {
        if d.is_zero() {
            self.0.refuse("task_timeout", "no task is done in no time");
        }
        self.0.terms.timeout = Some(limit_ns(d));
        self
    }

    /// How often a task is run again after its worker died; never after a panic. The default is 0.
    ///
    /// A [`SharedSliceMut`](crate::SharedSliceMut) in its argument then holds what the dead worker has written.
    ///
    /// ```
    /// # procpool::init_at_load!();
    /// let pool = procpool::Pool::builder().workers(1).retries(2).build()?;
    /// # drop(pool);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn retries(mut self, n: u32) -> Self {
        self.0.terms.retries = n;
        self
    }

    /// More unexpected deaths of workers than `n` within `within` break the pool. The default is 16 in 5 s.
    ///
    /// ```
    /// # procpool::init_at_load!();
    /// use std::time::Duration;
    ///
    /// let pool = procpool::Pool::builder().workers(1).restart_limit(3, Duration::from_secs(60)).build()?;
    /// # drop(pool);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn restart_limit(mut self, n: u32, within: Duration) -> Self {
        if within.is_zero() {
            self.0.refuse("restart_limit", "a period of zero counts nothing");
        }
        self.0.restart_limit = (n, within);
        self
    }

    /// How many tasks may be accepted and not yet running; `submit` waits above it. The default is 1,048,576.
    ///
    /// ```
    /// # procpool::init_at_load!();
    /// let pool = procpool::Pool::builder().workers(1).queue_limit(100).build()?;
    /// # drop(pool);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn queue_limit(mut self, n: usize) -> Self {
        if n == 0 {
            self.0.refuse("queue_limit", "a queue for 0 tasks takes none");
        }
        self.0.queue_limit = n;
        self
    }

    /// How long a worker may take until it has shaken hands and run the initializer. The default is 60 s.
    ///
    /// ```
    /// # procpool::init_at_load!();
    /// use procpool::{Pool, PoolError};
    /// use std::time::Duration;
    ///
    /// fn takes_its_time(_: ()) {
    ///     std::thread::sleep(Duration::from_secs(60));
    /// }
    ///
    /// let late = Pool::builder()
    ///     .workers(1)
    ///     .initializer(takes_its_time, ())
    ///     .start_timeout(Duration::from_millis(50))
    ///     .build();
    /// assert!(matches!(late, Err(PoolError::StartTimeout { .. })));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn start_timeout(mut self, d: Duration) -> Self {
        if d.is_zero() {
            self.0.refuse("start_timeout", "no worker is ready at once");
        }
        self.0.start_timeout = d;
        self
    }

    /// The workers' nice value, -20 to 19; see man 2 setpriority.
    ///
    /// ```
    /// # procpool::init_at_load!();
    /// let pool = procpool::Pool::builder().workers(1).nice(5).build()?;
    /// # drop(pool);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn nice(mut self, n: i32) -> Self {
        if !(-20..=19).contains(&n) {
            self.0.refuse("nice", format!("{n} is not between -20 and 19"));
        }
        self.0.nice = Some(n);
        self
    }

    /// Whether each worker stays on one processor. Workers are spread over those that the program may use.
    ///
    /// ```
    /// # procpool::init_at_load!();
    /// let pool = procpool::Pool::builder().workers(1).pin(true).build()?;
    /// # drop(pool);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pin(mut self, yes: bool) -> Self {
        self.0.pin = yes;
        self
    }

    /// The workers' name in `ps`, of which the kernel shows 15 bytes, and in messages.
    ///
    /// ```
    /// # procpool::init_at_load!();
    /// let pool = procpool::Pool::builder().workers(1).name("thumbnails").build()?;
    /// let comm = format!("/proc/{}/comm", pool.stats().workers[0].pid);
    /// assert_eq!(std::fs::read_to_string(comm)?, "thumbnails\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "thread_name_prefix")]
    pub fn name(mut self, s: impl Into<String>) -> Self {
        let name = s.into();
        if name.contains('\0') {
            self.0.refuse("name", "it contains a zero byte");
        }
        self.0.name = name;
        self
    }

    /// Writes what tasks and workers do, and when, to this file: Chrome trace events, which <https://ui.perfetto.dev> and
    /// `chrome://tracing` open. What stood in the file is lost. The default is no trace.
    ///
    /// Each worker has a row with a slice per task; the first row is the program's, and arrows go from a task's submission
    /// to its start and from its end to the moment in which its result was taken. A task takes about 600 bytes of the
    /// file and no lasting memory. Every task is timed, which makes short ones several times slower. The file is complete
    /// when the pool has ended; if the program is killed, only its last line may be cut off. A file that cannot be written
    /// any more, or that takes nothing for 5 s, ends the trace and not the tasks.
    ///
    /// [`Builder::build`] creates the file, and says [`PoolError::Invalid`] where it cannot.
    pub fn trace(mut self, path: impl AsRef<Path>) -> Self {
        self.0.trace = Some(path.as_ref().into());
        self
    }

    /// Gives the workers of a [`StartMethod::Fork`] pool a closure, with whatever it captures. They share the captured
    /// data with the program by copy-on-write; the program's own copy is dropped by [`Builder::build`].
    ///
    /// ```
    /// use procpool::{Pool, StartMethod};
    /// use std::collections::HashMap;
    ///
    /// let index = HashMap::from([("fork".to_owned(), 2_u64), ("pool".to_owned(), 15)]);
    /// let mut builder = Pool::builder().start_method(StartMethod::Fork).workers(1);
    /// let lookup = builder.inherit(move |word: String| index.get(&word).copied());
    /// # // A doctest's program has several threads, of which a fork would copy one.
    /// # if std::fs::read_dir("/proc/self/task")?.count() == 1 {
    /// let pool = builder.build()?;
    /// assert_eq!(pool.submit_inherited(lookup, "fork".into()).join()?, Some(2));
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn inherit<A: Message, R: Message>(
        &mut self,
        f: impl Fn(A) -> R + 'static,
    ) -> Inherited<A, R> {
        self.1.add(f)
    }

    /// Starts the workers and returns when each has shaken hands.
    ///
    /// ```
    /// # procpool::init_at_load!();
    /// let pool = procpool::Pool::builder().workers(2).build()?;
    /// let senseless = procpool::Pool::builder().workers(0).build();
    /// assert!(senseless.is_err_and(|error| error.to_string().contains("workers")));
    /// # drop(pool);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// See [`PoolError`]. No process, thread or descriptor is left then.
    pub fn build(mut self) -> Result<Pool, PoolError> {
        let workers = *self.0.workers.get_or_insert_with(size::cpu_bound);
        self.begin().map_err(|error| with_needed(error, workers))
    }

    fn begin(self) -> Result<Pool, PoolError> {
        let Builder(mut options, closures) = self;
        if !closures.is_empty() && options.method != StartMethod::Fork {
            options.refuse(
                "inherit",
                "only the workers of StartMethod::Fork have the program's memory",
            );
        }
        if let Some(invalid) = options.invalid.take() {
            return Err(invalid);
        }
        if options.method != StartMethod::Fork && !start::is_initialized() {
            return Err(PoolError::NotInitialized);
        }
        // Whatever the program prints must not get into a descriptor of the pool.
        keep_standard_numbers();
        // A fork copies one thread, so the template comes before the pool's own threads.
        let template = match options.method {
            StartMethod::Fork => {
                let closures = Rc::new(closures);
                overflow::remember();
                let main = move |kit| {
                    closures.install();
                    worker::main(kit)
                };
                Some(Launcher::fork(&options.name, main).map_err(start_error)?)
            }
            _ => None,
        };
        let bell = Segment::create("procpool-bell", BELL_BYTES)
            .map_err(|error| refused("memfd_create", error))?;
        let supervisor = signal::Waker::new().map_err(os("eventfd"))?;
        let mapped = bell
            .descriptor()
            .ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotFound))
            .and_then(|descriptor| descriptor.try_clone_to_owned())
            .map_err(os("fcntl"))?;
        let mapped = Segment::from_descriptor(mapped)
            .map_err(|error| refused("mmap", error))?
            .into_mapping();
        let ends = Ends { bell, supervisor };
        let processors = std::thread::available_parallelism().map_or(1, Into::into);
        let core = Arc::new(Core::new(mapped, ends, options.queue_limit, processors));
        if let Some(path) = &options.trace {
            let trace = Trace::begin(File::create(path)?, &options.name)?;
            core.lock().trace = Some(Box::new(trace));
        }
        let options = Arc::new(options);
        let stop = Arc::new(AtomicBool::new(false));
        let (orders, received) = channel();
        let (begun, beginning) = channel();
        let (alive, supervisor_end) = channel::<()>();
        let supervisor = {
            let (core, options) = (Arc::clone(&core), Arc::clone(&options));
            spawn("procpool-super", move || {
                let _alive = alive;
                // The launcher belongs to this thread, which outlives its workers.
                let launcher = match template {
                    Some(template) => Ok(template),
                    None if options.method == StartMethod::Spawn => {
                        Launcher::spawn(&options.name)
                    }
                    None => Launcher::forkserver(&options.name),
                };
                let supervisor = launcher
                    .map_err(start_error)
                    .and_then(|launcher| Supervisor::new(core, options, launcher, received))
                    .and_then(|mut supervisor| supervisor.begin().map(|()| supervisor));
                match supervisor {
                    Ok(supervisor) => {
                        let _ = begun.send(Ok(()));
                        supervisor.run();
                    }
                    Err(error) => {
                        let _ = begun.send(Err(error));
                    }
                }
            })?
        };
        let result = beginning.recv().unwrap_or_else(|_| {
            let source = std::io::Error::other("the supervisor ended without a word");
            Err(PoolError::Os { call: "build", source })
        });
        if let Err(error) = result {
            let _ = supervisor.join();
            return Err(error);
        }
        let mut pool = Pool {
            core: Arc::clone(&core),
            terms: options.terms,
            orders: Mutex::new(orders),
            threads: Mutex::new(vec![supervisor]),
            stop: Arc::clone(&stop),
            supervisor_end: Mutex::new(supervisor_end),
            ended: Mutex::new(None),
            name: options.name.clone(),
        };
        // If this thread cannot be had, the pool's drop ends the workers.
        let background = spawn("procpool-serve", move || {
            core.background(|| stop.load(Ordering::SeqCst));
        })?;
        pool.threads.get_mut().expect("nobody else has it").push(background);
        Ok(pool)
    }
}

/// Starts a thread that no signal of the program is handled on.
pub(crate) fn spawn(
    name: &str,
    body: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, PoolError> {
    let mut before = SigSet::empty();
    let blocked = nix::sys::signal::pthread_sigmask(
        SigmaskHow::SIG_BLOCK,
        Some(&SigSet::all()),
        Some(&mut before),
    );
    let thread = std::thread::Builder::new().name(name.into()).spawn(body);
    if blocked.is_ok() {
        let _ = nix::sys::signal::pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&before), None);
    }
    thread.map_err(thread_error)
}
