//! Worker processes that run functions of this program: the pool that the chapters have built.
//!
//! ```no_run
//! fn square(n: u64) -> u64 {
//!     n * n
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     procpool::init();
//!     let pool = procpool::Pool::new()?;
//!     assert_eq!(pool.call(square, 7)?, 49);
//!     let squares: Result<Vec<u64>, _> = pool.map(square, 0..1_000_000).collect();
//!     println!("{}", squares?.len());
//!     Ok(())
//! }
//! ```
//!
//! A task is a function pointer and an argument that serde can encode. What is shipped is the pointer less the load
//! address, so there is nothing to register. A worker that dies costs the one task that it was running.
//!
//! # The process of a worker
//! It leads a process group of its own, which is killed when the worker or the program ends, in whatever way: children
//! that a task leaves go with it, unless they have left the group. While a copy of the program lives that somebody has
//! made by `fork`, only the workers themselves end with the program, and not their children.
//!
//! Its standard input is `/dev/null`, its standard output the program's. Its standard error is a pipe: what it writes
//! there comes out of the program's standard error at once, and the last 4 KiB are in the [`Evidence`] when it dies. So
//! standard error is no terminal for a worker, even if it is one for the program. A child that outlives its worker has
//! nobody at the other end, and gets SIGPIPE when it writes there.
//!
//! # Where things are
//! [`Pool`] queues tasks in its state; a lane per worker has a ring of tasks and a ring of results in shared memory.
//! Whoever waits for a result takes everybody's answers; a background thread does so when nobody waits; a supervisor
//! thread owns the processes. Workers count their tasks' times in their lanes, for [`Stats`]; a traced pool has one more
//! thread, which writes the file.

mod argument;
mod builder;
mod callbacks;
mod clock;
mod core;
mod histogram;
mod inherited;
mod lane;
mod layout;
mod ledger;
mod limit;
mod map;
mod options;
mod origin;
mod overflow;
mod pace;
mod patience;
mod pending;
mod pool;
mod queue;
mod reply;
mod result;
mod shutdown;
mod state;
mod stats;
mod stderr;
mod stream;
mod supervisor;
mod task_cell;
mod tether;
mod trace;
mod usage;
mod worker;

pub use builder::Builder;
pub use executor::{
    AsCompleted, Evidence, Executor, Histogram, JoinHandle, PoolError, Shutdown, Stats,
    SubmitError, Summary, TaskControl, TaskError, TaskId, ThreadPool, WorkerState, WorkerStats,
    as_completed, wait_all, wait_first,
};
pub use inherited::Inherited;
pub use map::{Map, MapUnordered};
pub use pool::{Pool, TaskSpec};
pub use shared::{Pod, SharedSlice, SharedSliceMut};
pub use size;
pub use start::StartMethod;
pub use task::Message;
pub use wait::ExitStatus;

/// First line of `main`. Returns only in the program itself; in a process that the pool started it becomes the worker
/// (or the forkserver) and never returns.
///
/// Where `main` is not yours (tests, benches) use [`init_at_load!`].
#[doc(alias = "freeze_support")]
pub fn init() {
    overflow::remember();
    start::init(worker::main);
}

/// [`init`] before `main`, from the executable's `.init_array`: for binaries whose `main` is not yours.
///
/// Use it once, at the top level of the binary's crate.
#[macro_export]
macro_rules! init_at_load {
    () => {
        const _: () = {
            extern "C" fn procpool_init() {
                $crate::init();
            }
            // SAFETY: the section holds functions without arguments that the loader calls once, before `main`.
            #[used]
            #[unsafe(link_section = ".init_array")]
            static PROCPOOL_INIT: extern "C" fn() = procpool_init;
        };
    };
}
