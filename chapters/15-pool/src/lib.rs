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
//! # Where things are
//! [`Pool`] queues tasks in its state; a lane per worker has a ring of tasks and a ring of results in shared memory.
//! Whoever waits for a result takes everybody's answers; a background thread does so when nobody waits; a supervisor
//! thread owns the processes.

mod builder;
mod core;
mod error;
mod handle;
mod lane;
mod layout;
mod limit;
mod map;
mod options;
mod pace;
mod patience;
mod pool;
mod queue;
mod reply;
mod shutdown;
mod state;
mod stats;
mod stream;
mod supervisor;
mod task_cell;
mod wait_many;
mod worker;

pub use builder::Builder;
pub use error::{Evidence, PoolError, SubmitError, TaskError};
pub use handle::{JoinHandle, TaskControl, TaskId};
pub use map::{Map, MapUnordered};
pub use pool::{Pool, TaskSpec};
pub use shared::{Pod, SharedSlice, SharedSliceMut};
pub use shutdown::{Shutdown, Summary};
pub use start::StartMethod;
pub use stats::{Stats, WorkerState, WorkerStats};
pub use task::Message;
pub use wait::ExitStatus;
pub use wait_many::{AsCompleted, as_completed, wait_all, wait_first};

/// First line of `main`. Returns only in the program itself; in a process that the pool started it becomes the worker
/// (or the forkserver) and never returns.
///
/// Where `main` is not yours (tests, benches) use [`init_at_load!`].
#[doc(alias = "freeze_support")]
pub fn init() {
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
