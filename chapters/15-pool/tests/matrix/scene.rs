//! Where the faults take place: a pool of two workers with other tasks, which must not notice anything.

use crate::fault::Fault;
use crate::gate::{self, Arrival, Gate};
use crate::observe::{children, until, worker_pids};
use procpool::{Builder, JoinHandle, Pool, PoolError, StartMethod, TaskError, WorkerState};
use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

/// A worker may have so many bytes resident, and is killed above twice that.
pub(crate) const MEMORY_LIMIT_BYTES: u64 = 64 << 20;

/// How long a task may run that is not expected to end. Its neighbours have no such limit.
pub(crate) const TASK_TIMEOUT: Duration = Duration::from_millis(300);

/// How long a worker may take to start where one is not expected to.
pub(crate) const START_TIMEOUT: Duration = Duration::from_millis(400);

/// The variable by which every process of a run is known: it is inherited, whatever else a process gives up.
pub(crate) const MARK: &str = "PROCPOOL_MATRIX_RUN";

/// How many tasks are there beside the one with the fault.
const NEIGHBOURS: u32 = 300;

/// The options of every pool here.
pub(crate) fn builder(fault: Fault, method: StartMethod) -> Builder {
    let builder = Pool::builder().workers(2).start_method(method);
    match fault {
        Fault::Memory => builder.max_rss(MEMORY_LIMIT_BYTES),
        _ => builder,
    }
}

/// As [`builder`], built and warm: it has learned that tasks are short, so that it sends them ahead by the hundred.
pub(crate) fn pool(fault: Fault, method: StartMethod) -> Pool {
    let pool = builder(fault, method).build().expect("a pool of two workers");
    expect_all(neighbours(&pool));
    pool
}

/// Builds a pool whose workers have little time to start. That a loaded machine may need more is not the matter here.
pub(crate) fn build_in_time(builder: impl Fn() -> Builder) -> Pool {
    for _ in 0..20 {
        match builder().build() {
            Ok(pool) => return pool,
            Err(PoolError::StartTimeout { .. }) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    panic!("no worker is ready within {START_TIMEOUT:?}");
}

fn echo(number: u32) -> u32 {
    number
}

pub(crate) fn neighbours(pool: &Pool) -> Vec<JoinHandle<u32>> {
    (0..NEIGHBOURS).map(|number| pool.submit(echo, number)).collect()
}

/// Every other task completes.
pub(crate) fn expect_all(neighbours: Vec<JoinHandle<u32>>) {
    for (number, handle) in (0..).zip(neighbours) {
        assert_eq!(handle.join().expect("a neighbour completes"), number);
    }
}

/// The pool has two workers that run tasks, and all its verbs work. Returns the workers.
pub(crate) fn goes_on(pool: &Pool) -> BTreeSet<u32> {
    expect_all(neighbours(pool));
    let doubled = pool.map(echo, 0..NEIGHBOURS).map(|result| result.expect("a result"));
    assert!(doubled.eq(0..NEIGHBOURS));
    worker_pids(pool, 2)
}

/// Two workers that wait for tasks, none of which is `gone`. Returns them.
pub(crate) fn until_replaced(pool: &Pool, gone: u32) -> BTreeSet<u32> {
    let mut pids = BTreeSet::new();
    until("another worker has taken its place", || {
        let workers = pool.stats().workers;
        let idle = workers.iter().filter(|worker| worker.state == WorkerState::Idle);
        pids = idle.map(|worker| worker.pid).collect();
        pids.len() == 2 && workers.len() == 2 && !pids.contains(&gone)
    });
    pids
}

/// A task that runs beside the one with the fault, in the other worker, so that tasks have to wait behind both.
pub(crate) struct Beside {
    handle: JoinHandle<u32>,
    arrival: Arrival,
    behind: Vec<JoinHandle<u32>>,
    _gate: Gate,
}

impl Beside {
    /// Call it when the other worker is busy.
    pub(crate) fn new(pool: &Pool) -> Beside {
        let gate = Gate::new();
        let handle = pool.submit(gate::pass, gate.name());
        let arrival = gate.arrival();
        let behind = neighbours(pool);
        Beside { handle, arrival, behind, _gate: gate }
    }

    /// All of them complete.
    pub(crate) fn expect_all(self) {
        let pid = self.arrival.pid;
        drop(self.arrival);
        assert_eq!(self.handle.join().expect("a neighbour completes"), pid);
        expect_all(self.behind);
    }
}

/// How a worker ended, in short: `SIGKILL`, `exit 3`.
pub(crate) fn words(status: procpool::ExitStatus) -> String {
    match status.signal() {
        Some(number) => match nix::sys::signal::Signal::try_from(number) {
            Ok(signal) => signal.as_str().to_owned(),
            Err(_) => format!("signal {number}"),
        },
        None => format!("exit {}", status.code().unwrap_or(-1)),
    }
}

/// The variant of the error, with what tells one cell from another.
pub(crate) fn outcome<R>(result: &Result<R, TaskError>) -> String {
    match result {
        Ok(_) => "goes on".into(),
        Err(TaskError::Panicked { .. }) => "Panicked".into(),
        Err(TaskError::WorkerDied { status, .. }) => format!("WorkerDied ({})", words(*status)),
        Err(TaskError::TimedOut { .. }) => "TimedOut".into(),
        Err(TaskError::Encode { .. }) => "Encode".into(),
        Err(TaskError::Decode { .. }) => "Decode".into(),
        Err(TaskError::PoolBroken { .. }) => "PoolBroken".into(),
        Err(other) => format!("{other:?}"),
    }
}

/// Waits until no process of this run is left but this one and the one that runs the cases. What a killed worker leaves
/// behind is killed with it, and takes a moment to end.
pub(crate) fn expect_nobody_left() {
    let mut left = Vec::new();
    until("the processes of the pool have gone", || {
        left = others_with_the_mark();
        left.is_empty()
    });
    assert!(children().is_empty(), "{:?} are children of the program", children());
}

fn others_with_the_mark() -> Vec<u32> {
    let Ok(mark) = std::env::var(MARK) else { panic!("{MARK} is not set") };
    let wanted = format!("{MARK}={mark}");
    let known = [std::process::id(), std::os::unix::process::parent_id()];
    let numbers = fs::read_dir("/proc").expect("/proc").flatten();
    numbers
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| !known.contains(pid))
        // A zombie has no environment any more. Those of this process are looked for elsewhere.
        .filter(|pid| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|entry| entry == wanted.as_bytes())
        })
        .collect()
}
