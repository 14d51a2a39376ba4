//! The fault happens while the task runs, or while its result is written.

use crate::expect::{Cost, check, check_last_words};
use crate::fault::Fault;
use crate::gate::{self, Gate};
use crate::scene::{Beside, TASK_TIMEOUT, goes_on, outcome, pool, until_replaced};
use procpool::{JoinHandle, Pool, StartMethod, TaskError};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::sync::mpsc::channel;
use supervise::fault::{self as points, Point};

/// A result of this length does not fit into a ring, so that its way needs a descriptor.
const LARGE_BYTES: usize = 1 << 20;

/// A task that strikes when its gate opens.
pub(crate) type Task = fn((String, Fault)) -> Loaded;

/// What the task with the fault returns, if it does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Loaded {
    fault: Option<Fault>,
    bytes: Vec<u8>,
}

impl Serialize for Loaded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(fault) = self.fault {
            strike(fault);
        }
        let refused = self.fault == Some(Fault::Undecodable);
        (refused, self.fault, &self.bytes).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Loaded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Loaded, D::Error> {
        match Deserialize::deserialize(deserializer)? {
            (true, _, _) => Err(D::Error::custom("told not to decode")),
            (false, fault, bytes) => Ok(Loaded { fault, bytes }),
        }
    }
}

/// Some faults the pool finds when it next looks, so the task waits for that.
fn strike(fault: Fault) {
    fault.strike();
    match fault {
        // A worker that went on could find it first, or repair it.
        Fault::Garbage => {}
        // Above twice the limit it does not wait for the end of the task.
        Fault::Memory => fault.strike(),
        _ => return,
    }
    loop {
        std::thread::park();
    }
}

pub(crate) fn strike_behind((gate, fault): (String, Fault)) -> Loaded {
    gate::pass(gate);
    strike(fault);
    Loaded { fault: None, bytes: vec![7] }
}

pub(crate) fn return_loaded((gate, fault): (String, Fault)) -> Loaded {
    gate::pass(gate);
    let len = if fault == Fault::CloseAll { LARGE_BYTES } else { 1 };
    Loaded { fault: Some(fault), bytes: vec![7; len] }
}

pub(crate) fn submit(pool: &Pool, fault: Fault, task: Task, gate: &Gate) -> JoinHandle<Loaded> {
    let spec = pool.task(task);
    let spec = if fault.cost() == Cost::Hangs { spec.timeout(TASK_TIMEOUT) } else { spec };
    spec.submit((gate.name(), fault))
}

pub(crate) fn running(fault: Fault, method: StartMethod) -> String {
    if fault == Fault::Callback {
        return callback_of_an_aborted_task(method);
    }
    let pool = pool(fault, method);
    let gate = Gate::new();
    let handle = submit(&pool, fault, strike_behind, &gate);
    let arrival = gate.arrival();
    let beside = Beside::new(&pool);
    let pid = arrival.pid;
    drop(arrival);
    let result = handle.join();
    check(fault.cost(), pid, &result);
    check_last_words(fault, &result);
    beside.expect_all();
    after(&pool, pid, &result);
    outcome(&result)
}

pub(crate) fn result(fault: Fault, method: StartMethod) -> String {
    let pool = pool(fault, method);
    let gate = Gate::new();
    let handle = submit(&pool, fault, return_loaded, &gate);
    let (told, called) = channel();
    if fault == Fault::Callback {
        handle.on_done(move |result| {
            told.send(result.is_ok()).expect("the case waits");
            panic!("told to panic in a callback");
        });
    }
    let arrival = gate.arrival();
    let beside = Beside::new(&pool);
    let pid = arrival.pid;
    drop(arrival);
    let result = handle.join();
    match (fault, fault.cost(), &result) {
        (_, Cost::Unwinds(what), Err(TaskError::Encode { type_name, message })) => {
            assert!(type_name.contains("Loaded"), "{type_name}");
            assert!(message.contains(what), "`{message}` does not say `{what}`");
        }
        (Fault::Undecodable, _, Err(TaskError::Decode { type_name, message })) => {
            assert!(type_name.contains("Loaded"), "{type_name}");
            assert!(message.contains("told not to decode"), "{message}");
        }
        // Without its socket it cannot tell the program where the result lies.
        (Fault::CloseAll, ..) => check(Cost::Death("exit 4"), pid, &result),
        (_, cost, _) => check(cost, pid, &result),
    }
    check_last_words(fault, &result);
    if fault == Fault::Callback {
        assert_eq!(called.recv(), Ok(true), "the callback has run");
    }
    beside.expect_all();
    after(&pool, pid, &result);
    if fault == Fault::Kill && points::IS_ACTIVE {
        killed_at_each_point(&pool);
    }
    outcome(&result)
}

/// The pool goes on, with another worker exactly if the first one is gone, and has counted what happened.
fn after<R>(pool: &Pool, pid: u32, result: &Result<R, TaskError>) {
    let is_gone = matches!(
        result,
        Err(TaskError::WorkerDied { .. } | TaskError::TimedOut { .. } | TaskError::Aborted)
    );
    if is_gone {
        until_replaced(pool, pid);
    }
    assert_eq!(goes_on(pool).contains(&pid), !is_gone, "{:?}", pool.stats());
    let stats = pool.stats();
    assert_eq!(stats.restarts, u64::from(is_gone), "{stats:?}");
    let died = matches!(result, Err(TaskError::WorkerDied { .. }));
    assert_eq!(stats.died, u64::from(died), "{stats:?}");
    let panicked = matches!(result, Err(TaskError::Panicked { .. }));
    assert_eq!(stats.panicked, u64::from(panicked), "{stats:?}");
}

/// A callback may also run in the thread that aborts its task.
fn callback_of_an_aborted_task(method: StartMethod) -> String {
    let pool = pool(Fault::Callback, method);
    let gate = Gate::new();
    let handle = submit(&pool, Fault::Callback, strike_behind, &gate);
    let arrival = gate.arrival();
    let (told, called) = channel();
    handle.on_done(move |result| {
        told.send(matches!(result, Err(TaskError::Aborted))).expect("the case waits");
        panic!("told to panic in a callback");
    });
    let beside = Beside::new(&pool);
    assert!(handle.abort(), "it was running");
    assert_eq!(called.recv(), Ok(true), "the callback has run");
    let result = handle.join();
    assert!(matches!(result, Err(TaskError::Aborted)), "{result:?}");
    beside.expect_all();
    after(&pool, arrival.pid, &result);
    outcome(&Ok(()))
}

fn arm(point: usize) -> usize {
    points::arm(Point::ALL[point], 0);
    point
}

/// SIGKILL at each point between the task's end and the next task: the result comes exactly if it was published.
fn killed_at_each_point(pool: &Pool) {
    use Point::{AfterPublish, AfterTask, BeforePublish, BeforeRelease};
    for (point, published) in [
        (AfterTask, false),
        (BeforePublish, false),
        (AfterPublish, true),
        (BeforeRelease, true),
    ] {
        let before = pool.stats().restarts;
        let result = pool.call(arm, point as usize);
        match result {
            Ok(number) => assert!(published && number == point as usize, "{point}"),
            Err(TaskError::WorkerDied { status, .. }) => {
                assert!(!published && crate::scene::words(status) == "SIGKILL", "{point}");
            }
            Err(other) => panic!("{point}: {other:?}"),
        }
        crate::observe::until("it is replaced", || pool.stats().restarts > before);
        goes_on(pool);
    }
}
