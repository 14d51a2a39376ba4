//! The public names of the pool with the types that programs rely on. If this compiles, they are as promised.
//!
//! Functions that may borrow the pool for longer than they run, and iterators whose type depends on the input, are used
//! as a program uses them; all others are compared as function pointers.

use procpool::{
    AsCompleted, Builder, Evidence, Executor, ExitStatus, Histogram, Inherited, JoinHandle,
    Message, Pod, Pool, PoolError, SharedSlice, SharedSliceMut, Shutdown, StartMethod, Stats,
    SubmitError, Summary, TaskControl, TaskError, TaskId, TaskSpec, ThreadPool, WorkerState,
    WorkerStats, as_completed, wait_all, wait_first,
};
use std::fmt::{Debug, Display};
use std::io;
use std::time::Duration;

type Task<A, R> = fn(A) -> R;
type Ended<R> = Result<R, TaskError>;
type Tried<A, R> = Result<JoinHandle<R>, SubmitError<A>>;
type JoinedInTime<R> = Result<Ended<R>, JoinHandle<R>>;

fn entry() {
    let _: fn() = procpool::init;
}

fn verbs<A: Message, R: Message>(pool: &Pool, f: Task<A, R>, a: A, more: Vec<A>) {
    let _: fn() -> Result<Pool, PoolError> = Pool::new;
    let _: fn() -> Builder = Pool::builder;
    let _: fn(&Pool, Task<A, R>, A) -> JoinHandle<R> = Pool::submit::<A, R>;
    let _: fn(&Pool, Task<A, R>, A) -> Ended<R> = Pool::call::<A, R>;
    type TrySubmit<A, R> = fn(&Pool, Task<A, R>, A) -> Tried<A, R>;
    let _: TrySubmit<A, R> = Pool::try_submit;
    let _: fn(&Pool, Shutdown, Option<Duration>) -> Result<Summary, PoolError> = Pool::shutdown;
    let mut results = pool.map(f, more);
    let _: usize = results.len();
    let _: Option<Result<R, TaskError>> = results.next();
    let _: Option<(usize, Result<R, TaskError>)> = pool.map_unordered(f, [a]).next();
    let _: fn(&Pool, usize) -> Result<(), PoolError> = Pool::scale_to;
    let _: fn(&Pool) -> Stats = Pool::stats;
}

fn inherited<A: Message, R: Message>(pool: &Pool, f: Inherited<A, R>, a: A, more: Vec<A>) {
    let again: Inherited<A, R> = f;
    drop::<JoinHandle<R>>(pool.submit_inherited(f, a));
    let mut results = pool.map_inherited(again, more);
    let _: usize = results.len();
    let _: Option<Result<R, TaskError>> = results.next();
}

fn inherits<A: Message, R: Message + Clone>(builder: &mut Builder, r: R) -> Inherited<A, R> {
    builder.inherit(move |_: A| r.clone())
}

fn specs<A: Message + Copy, R: Message>(pool: &Pool, f: Task<A, R>, a: A) {
    let spec = || -> TaskSpec<'_, A, R> {
        pool.task(f).timeout(Duration::from_secs(1)).retries(3_u32).priority(-7_i8)
    };
    drop::<JoinHandle<R>>(spec().submit(a));
    let _: Result<R, TaskError> = spec().call(a);
    let _: Option<Result<R, TaskError>> = spec().map([a]).next();
    let _: Option<(usize, Result<R, TaskError>)> = spec().map_unordered([a]).next();
}

fn executors<A: Message + Copy, R: Message>(executor: &impl Executor, f: Task<A, R>, a: A) {
    drop::<JoinHandle<R>>(executor.submit(f, a));
    let _: Result<R, TaskError> = executor.call(f, a);
    let _: Option<Result<R, TaskError>> = executor.map(f, [a]).next();
    let _: Option<(usize, Result<R, TaskError>)> = executor.map_unordered(f, [a]).next();
    let _: Result<Summary, PoolError> =
        executor.shutdown(Shutdown::Cancel, Some(Duration::ZERO));
}

fn many<R: Message>(mut handles: Vec<JoinHandle<R>>) {
    let _: Option<usize> = wait_first(&mut handles, None);
    let _: bool = wait_all(&mut handles, Some(Duration::ZERO));
    let mut results: AsCompleted<R> = as_completed(handles);
    let _: Option<(TaskId, Result<R, TaskError>)> = results.next();
}

fn counts(summary: Summary) {
    let Stats { submitted, completed, panicked, died, timed_out, .. } = summary.stats.clone();
    let Stats { cancelled, aborted, queued, running, restarts, workers, run, wait, .. } =
        summary.stats;
    let _: [u64; 5] = [submitted, completed, panicked, died, timed_out];
    let _: ([u64; 3], [usize; 2]) = ([cancelled, aborted, restarts], [queued, running]);
    let Histogram { count, p50, p99, max, .. } = run;
    let _: (u64, [Duration; 3], Histogram) = (count, [p50, p99, max], wait);
    for worker in workers {
        let WorkerStats { pid, state, tasks, busy, cpu, rss_bytes, .. } = worker;
        let _: (u32, [u64; 2], [Duration; 2]) = (pid, [tasks, rss_bytes], [busy, cpu]);
        match state {
            WorkerState::Starting | WorkerState::Idle => {}
            WorkerState::Running | WorkerState::Leaving => {}
            _ => {}
        }
    }
    let _: ([u64; 3], Option<Shutdown>) =
        ([summary.finished, summary.cancelled, summary.killed], summary.escalated_to);
}

fn options<A: Message>(mut builder: Builder, f: fn(A), a: A) -> Result<Pool, PoolError> {
    let _: fn(Builder, usize) -> Builder = Builder::workers;
    let _: fn(Builder, StartMethod) -> Builder = Builder::start_method;
    let _: fn(Builder, fn()) -> Builder = Builder::finalizer;
    let _: fn(Builder, Duration) -> Builder = Builder::task_timeout;
    let _: fn(Builder, u64) -> Builder = Builder::max_tasks_per_worker;
    let _: fn(Builder, u64) -> Builder = Builder::max_rss;
    let _: fn(Builder, u32) -> Builder = Builder::retries;
    let _: fn(Builder, u32, Duration) -> Builder = Builder::restart_limit;
    let _: fn(Builder, usize) -> Builder = Builder::queue_limit;
    let _: fn(Builder, Duration) -> Builder = Builder::start_timeout;
    let _ =
        |builder: Builder| builder.trace("run.json").trace(std::path::Path::new("run.json"));
    builder = builder.initializer(f, a).name("pool").name(String::from("pool"));
    builder.build()
}

fn handles<R: Message>(handle: JoinHandle<R>) {
    let _: fn(JoinHandle<R>) -> Result<R, TaskError> = JoinHandle::join;
    let _: fn(JoinHandle<R>, Duration) -> JoinedInTime<R> = JoinHandle::join_timeout;
    let _: fn(&JoinHandle<R>) -> bool = JoinHandle::is_finished;
    let _: fn(&JoinHandle<R>) -> bool = JoinHandle::cancel;
    let _: fn(&JoinHandle<R>) -> TaskId = JoinHandle::id;
    let _: fn(&JoinHandle<R>) -> bool = JoinHandle::is_running;
    let _: fn(&JoinHandle<R>) -> bool = JoinHandle::abort;
    let _: fn(&JoinHandle<R>) -> TaskControl = JoinHandle::control;
    let _: [fn(&TaskControl) -> bool; 3] =
        [TaskControl::cancel, TaskControl::abort, TaskControl::is_finished];
    let _: fn(&TaskControl) -> TaskId = TaskControl::id;
    handle.on_done(|result: &Result<R, TaskError>| assert!(result.is_ok()));
    fn future<T>(_: impl Future<Output = Result<T, TaskError>> + Send) {}
    future::<R>(handle);
}

fn failures(error: TaskError) -> Option<(u32, ExitStatus, Evidence)> {
    match error {
        TaskError::Panicked { message, location, backtrace } => {
            let _: (String, Option<String>, String) = (message, location, backtrace);
        }
        TaskError::WorkerDied { pid, status, evidence } => {
            return Some((pid, status, evidence));
        }
        TaskError::TimedOut { after, backtrace } => {
            let _: (Duration, Option<String>) = (after, backtrace);
        }
        TaskError::Encode { type_name, message } | TaskError::Decode { type_name, message } => {
            let _: (&'static str, String) = (type_name, message);
        }
        TaskError::PoolBroken { cause } => drop::<String>(cause),
        TaskError::Cancelled | TaskError::Aborted | TaskError::PoolClosed => {}
        _ => {}
    }
    None
}

fn refusals(error: PoolError) {
    match error {
        PoolError::NotInitialized => {}
        PoolError::ForkWithThreads { count } => {
            let _: usize = count;
        }
        PoolError::Limit { resource, soft, hard, needed } => {
            let _: (String, [Option<u64>; 3]) = (resource, [soft, hard, needed]);
        }
        PoolError::InitializerFailed { message } | PoolError::Handshake { message } => {
            drop::<String>(message);
        }
        PoolError::StartTimeout { after } => {
            let _: Duration = after;
        }
        PoolError::Invalid { option, message } => {
            drop::<(&'static str, String)>((option, message))
        }
        PoolError::Os { call, source } => drop::<(&'static str, io::Error)>((call, source)),
        _ => {}
    }
}

fn slices<T: Pod>() {
    let _: fn(&[T]) -> io::Result<SharedSlice<T>> = SharedSlice::from_slice;
    let _: fn(&SharedSlice<T>) -> &[T] = SharedSlice::as_slice;
    let _: fn(&SharedSlice<T>) -> usize = SharedSlice::len;
    let _: fn(&SharedSlice<T>) -> bool = SharedSlice::is_empty;
    let _: fn(usize) -> io::Result<SharedSliceMut<T>> = SharedSliceMut::zeroed;
    let _: fn(&mut SharedSliceMut<T>) -> &mut [T] = SharedSliceMut::as_mut_slice;
    let _: fn(&SharedSliceMut<T>) -> &[T] = SharedSliceMut::as_slice;
    let _: fn(SharedSliceMut<T>) -> io::Result<SharedSlice<T>> = SharedSliceMut::freeze;
}

fn is_shared<T: Send + Sync + Debug>() {}
fn is_sent<T: Send + Debug>() {}
fn is_an_error<T: std::error::Error + Display + Send + 'static>() {}
fn is_a_message<T: Message>() {}
fn is_small<T: Copy + Eq + std::hash::Hash + Ord + Debug>() {}
fn is_cloned<T: Clone>() {}

fn last((code, signal): (ExitStatus, ExitStatus)) -> Option<(i32, i32, bool)> {
    match (code, signal) {
        (ExitStatus::Exited(code), ExitStatus::Signaled { signal, core_dumped }) => {
            Some((code, signal, core_dumped))
        }
        _ => None,
    }
}

#[test]
fn names_and_types_are_as_promised() {
    entry();
    // Not called: they say all that they have to say to the compiler.
    let _ = (
        verbs::<u8, String>,
        options::<u8>,
        handles::<Vec<u8>>,
        failures,
        refusals,
        slices::<f32>,
        inherited::<u8, String>,
        inherits::<u8, String>,
        specs::<u8, String>,
        many::<String>,
        counts,
    );
    let _ = |pool: &Pool, threads: &ThreadPool, f: Task<u8, u8>| {
        executors(pool, f, 1);
        executors(threads, f, 1);
    };
    let _: fn(usize) -> ThreadPool = ThreadPool::new;
    is_cloned::<TaskControl>();
    is_cloned::<Stats>();
    is_cloned::<Summary>();
    is_shared::<TaskControl>();
    is_shared::<Pool>();
    is_sent::<JoinHandle<u8>>();
    is_an_error::<TaskError>();
    is_an_error::<PoolError>();
    is_a_message::<SharedSlice<u8>>();
    is_a_message::<SharedSliceMut<u8>>();
    is_small::<TaskId>();
    is_cloned::<Evidence>();
    assert_eq!(StartMethod::default(), StartMethod::Forkserver);
    let code_and_signal =
        (ExitStatus::Exited(3), ExitStatus::Signaled { signal: 9, core_dumped: false });
    assert_eq!(last(code_and_signal), Some((3, 9, false)));
    assert_ne!(Shutdown::Finish, Shutdown::Kill);
}
