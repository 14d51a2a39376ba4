//! A pool's options, and how it comes to be.

use crate::core::Core;
use crate::error::PoolError;
use crate::layout::BELL_BYTES;
use crate::limit::{os, refused, start_error};
use crate::options::Options;
use crate::pool::Pool;
use crate::supervisor::Supervisor;
use crate::worker;
use nix::sys::signal::{SigSet, SigmaskHow};
use shared::Segment;
use start::{Launcher, StartMethod};
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
pub struct Builder(Options);

impl Builder {
    pub(crate) fn new() -> Builder {
        Builder::default()
    }

    /// How many worker processes. The default is how many processors the program may use, by its affinity and its
    /// cgroup's quota.
    #[doc(alias = "processes")]
    #[doc(alias = "max_workers")]
    pub fn workers(mut self, n: usize) -> Self {
        match n {
            0 => self.0.refuse("workers", "a pool needs at least 1 worker"),
            1..=WORKERS_MAX => self.0.workers = n,
            _ => self.0.refuse("workers", format!("{n} workers are more than {WORKERS_MAX}")),
        }
        self
    }

    /// How workers come to be: the default is [`StartMethod::Forkserver`].
    #[doc(alias = "mp_context")]
    #[doc(alias = "get_context")]
    pub fn start_method(mut self, method: StartMethod) -> Self {
        self.0.method = method;
        self
    }

    /// Runs `f(a)` once in each worker before its first task.
    #[doc(alias = "initargs")]
    pub fn initializer<A: Message>(mut self, f: fn(A), a: A) -> Self {
        self.0.initializer(f, &a);
        self
    }

    /// Runs `f()` in each worker that leaves in good order.
    #[doc(alias = "atexit")]
    pub fn finalizer(mut self, f: fn()) -> Self {
        self.0.finalizer(f);
        self
    }

    /// How often a task is run again after its worker died; never after a panic. The default is 0.
    pub fn retries(mut self, n: u32) -> Self {
        self.0.retries = n;
        self
    }

    /// More unexpected deaths of workers than `n` within `within` break the pool. The default is 16 in 5 s.
    pub fn restart_limit(mut self, n: u32, within: Duration) -> Self {
        if within.is_zero() {
            self.0.refuse("restart_limit", "a period of zero counts nothing");
        }
        self.0.restart_limit = (n, within);
        self
    }

    /// How many tasks may be accepted and not yet running; `submit` waits above it. The default is 1,048,576.
    pub fn queue_limit(mut self, n: usize) -> Self {
        if n == 0 {
            self.0.refuse("queue_limit", "a queue for 0 tasks takes none");
        }
        self.0.queue_limit = n;
        self
    }

    /// How long a worker may take until it has shaken hands and run the initializer. The default is 60 s.
    pub fn start_timeout(mut self, d: Duration) -> Self {
        if d.is_zero() {
            self.0.refuse("start_timeout", "no worker is ready at once");
        }
        self.0.start_timeout = d;
        self
    }

    /// The workers' nice value, -20 to 19; see man 2 setpriority.
    pub fn nice(mut self, n: i32) -> Self {
        if !(-20..=19).contains(&n) {
            self.0.refuse("nice", format!("{n} is not between -20 and 19"));
        }
        self.0.nice = Some(n);
        self
    }

    /// Whether each worker stays on one processor. Workers are spread over those that the program may use.
    pub fn pin(mut self, yes: bool) -> Self {
        self.0.pin = yes;
        self
    }

    /// The workers' name in `ps`, of which the kernel shows 15 bytes, and in messages.
    #[doc(alias = "thread_name_prefix")]
    pub fn name(mut self, s: impl Into<String>) -> Self {
        let name = s.into();
        if name.contains('\0') {
            self.0.refuse("name", "it contains a zero byte");
        }
        self.0.name = name;
        self
    }

    /// Starts the workers and returns when each has shaken hands.
    ///
    /// # Errors
    /// See [`PoolError`]. No process, thread or descriptor is left then.
    pub fn build(self) -> Result<Pool, PoolError> {
        let mut options = self.0;
        if let Some(invalid) = options.invalid.take() {
            return Err(invalid);
        }
        if options.method != StartMethod::Fork && !start::is_initialized() {
            return Err(PoolError::NotInitialized);
        }
        // A fork copies one thread, so the template comes before the pool's own threads.
        let template = match options.method {
            StartMethod::Fork => {
                Some(Launcher::fork(&options.name, worker::main).map_err(start_error)?)
            }
            _ => None,
        };
        let bell = Segment::create("procpool-bell", BELL_BYTES)
            .map_err(|error| refused("memfd_create", error))?;
        let waker = signal::Waker::new().map_err(os("eventfd"))?;
        let processors = std::thread::available_parallelism().map_or(1, Into::into);
        let core = Arc::new(Core::new(bell, options.queue_limit, processors, waker));
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
            retries: options.retries,
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
fn spawn(
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
    thread.map_err(os("clone"))
}
