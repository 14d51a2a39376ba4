//! The fault happens again and again: above its restart limit the pool gives up, and says why.

use crate::fault::Fault;
use crate::gate::{self, Gate};
use crate::observe::{kill_9, until};
use crate::running;
use crate::scene::{builder, neighbours};
use crate::starting::{Place, Trap};
use procpool::{Pool, StartMethod, TaskError};
use std::time::{Duration, Instant};
use supervise::fault::Point;

/// More deaths than this break the pool, however long that takes.
const DEATHS: u32 = 3;

pub(crate) fn starting(method: StartMethod) -> String {
    replacements_never_start(Place::Start(Point::BeforeHandshake), method)
}

pub(crate) fn initializer(method: StartMethod) -> String {
    replacements_never_start(Place::Initializer, method)
}

fn limited(builder: procpool::Builder) -> Pool {
    builder.restart_limit(DEATHS, Duration::from_secs(600)).build().expect("a pool")
}

/// One worker is killed, and none that replaces it becomes ready. What the other one runs is not lost.
fn replacements_never_start(place: Place, method: StartMethod) -> String {
    let trap = Trap::new(Fault::KillAgain, place, method);
    let pool = limited(trap.builder());
    let gate = Gate::new();
    let handles = [(); 2].map(|()| pool.submit(gate::pass, gate.name()));
    let [stays, goes] = [gate.arrival(), gate.arrival()];
    trap.set();
    kill_9(goes.pid);
    expect_broken(&pool);
    let pid = stays.pid;
    drop(stays);
    for result in handles.map(procpool::JoinHandle::join) {
        match result {
            Ok(other) => assert_eq!(other, pid),
            Err(TaskError::WorkerDied { pid, .. }) => assert_eq!(pid, goes.pid),
            Err(other) => panic!("{other:?}"),
        }
    }
    "PoolBroken".into()
}

/// Workers are killed that have nothing to do.
pub(crate) fn idle(method: StartMethod) -> String {
    let pool = limited(builder(Fault::KillAgain, method));
    let ends_at = Instant::now() + crate::observe::PATIENCE;
    while !matches!(pool.call(gate::pass_if_any, (None, 1)), Err(TaskError::PoolBroken { .. }))
    {
        assert!(Instant::now() < ends_at, "no number of deaths breaks the pool");
        let before = pool.stats();
        let Some(first) = before.workers.first() else { continue };
        // Nobody else reaps it before the supervisor, which only does so when it is dead.
        if is_child(first.pid) {
            kill_9(first.pid);
        }
        until("it has been noticed", || {
            let now = pool.stats();
            now.workers.iter().all(|worker| worker.pid != first.pid)
        });
    }
    expect_broken(&pool);
    "PoolBroken".into()
}

fn is_child(pid: u32) -> bool {
    crate::observe::children().contains(&pid)
}

/// Each task kills its worker, while it runs or while its result is written.
pub(crate) fn tasks(task: running::Task, method: StartMethod) -> String {
    let pool = limited(builder(Fault::KillAgain, method));
    let mut died = 0;
    loop {
        let gate = Gate::new();
        let handle = running::submit(&pool, Fault::KillAgain, task, &gate);
        until("it runs, or is refused", || {
            gate.try_arrival().is_some() || handle.is_finished()
        });
        match handle.join() {
            Err(TaskError::WorkerDied { .. }) => died += 1,
            Err(TaskError::PoolBroken { .. }) => break,
            other => panic!("{other:?}"),
        }
        // The other worker may have begun one more before the pool had counted the last death.
        assert!(died <= DEATHS + 2, "{died} deaths with a limit of {DEATHS}");
    }
    assert!(died > DEATHS, "{died} deaths with a limit of {DEATHS}");
    expect_broken(&pool);
    "PoolBroken".into()
}

/// Every task is refused from now on, with the reason.
fn expect_broken(pool: &Pool) {
    until("the pool gives up", || {
        // A task that is accepted before may wait for the worker that is kept busy.
        let handle = pool.submit(gate::pass_if_any, (None, 1));
        handle.cancel();
        match handle.join() {
            Err(TaskError::PoolBroken { cause }) => {
                assert!(
                    cause.contains("restart_limit") && cause.contains("SIGKILL"),
                    "{cause}"
                );
                true
            }
            Ok(_) | Err(TaskError::Cancelled) => false,
            Err(other) => panic!("{other:?}"),
        }
    });
    for handle in neighbours(pool) {
        let result = handle.join();
        assert!(matches!(result, Err(TaskError::PoolBroken { .. })), "{result:?}");
    }
}
