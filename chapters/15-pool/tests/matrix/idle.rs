//! The fault happens in a worker that has nothing to do: in a thread that a task left there, or from outside.

use crate::expect::Cost;
use crate::fault::Fault;
use crate::gate::{self, Gate};
use crate::observe::{is_alive, raw, state, until};
use crate::scene::{
    TASK_TIMEOUT, expect_all, goes_on, neighbours, outcome, pool, until_replaced,
};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use procpool::{Pool, Shutdown, StartMethod, WorkerState};
use std::sync::mpsc::channel;
use std::thread;

/// Starts a thread in the worker that strikes when the gate opens, and comes to the second gate afterwards.
fn leave_a_thread((gate, after, fault): (String, String, Fault)) {
    thread::spawn(move || {
        gate::pass(gate);
        if fault.cost() == Cost::Hangs {
            // What does not come back is said before.
            gate::pass(after);
            return fault.strike();
        }
        // A panic ends only the thread that it happens in.
        let _ = thread::spawn(move || fault.strike()).join();
        gate::pass(after);
    });
}

pub(crate) fn play(fault: Fault, method: StartMethod) -> String {
    let pool = pool(fault, method);
    if fault == Fault::Callback {
        return callback_at_once(&pool);
    }
    let (gate, after) = (Gate::new(), Gate::new());
    pool.call(leave_a_thread, (gate.name(), after.name(), fault)).expect("a task that ends");
    let arrival = gate.arrival();
    let pid = arrival.pid;
    until("the worker has nothing to do", || is_idle(&pool, pid));
    drop(arrival);
    match fault.cost() {
        Cost::Death(_) => until("the worker is dead", || !is_alive(pid)),
        Cost::Hangs => {
            drop(after.arrival());
            until("it hangs", || match fault {
                Fault::Stop => state(pid) == Some('T'),
                _ => a_thread_runs(pid),
            });
        }
        Cost::Unwinds(_) | Cost::Nothing => drop(after.arrival()),
        // The pool may find it, or the worker itself, before that thread can say that it is done.
        Cost::TooLarge | Cost::Breach => {
            until("it has struck", || after.try_arrival().is_some() || !is_alive(pid))
        }
    }
    // Whether the pool has noticed yet or not.
    expect_all(neighbours(&pool));
    if fault == Fault::Stop {
        go_on_and_stop_again(&pool, pid);
        return outcome(&Ok(()));
    }
    let stays = goes_on_with(&pool, pid, fault);
    let stats = pool.stats();
    assert_eq!((stats.died, stats.panicked), (0, 0), "{stats:?}");
    // Who has grown leaves in good order, after a task.
    let has_grown = fault.cost() == Cost::TooLarge;
    assert_eq!(stats.restarts, u64::from(!stays && !has_grown), "{stats:?}");
    match (stays, has_grown) {
        (true, _) => outcome(&Ok(())),
        (false, true) => "replaced after a task".into(),
        (false, false) => "replaced".into(),
    }
}

/// Whether the worker is still one of the pool's.
fn goes_on_with(pool: &Pool, pid: u32, fault: Fault) -> bool {
    match fault.cost() {
        Cost::Unwinds(_) | Cost::Nothing => assert!(goes_on(pool).contains(&pid), "replaced"),
        _ if fault == Fault::Loop => assert!(goes_on(pool).contains(&pid), "replaced"),
        _ => {
            until_replaced(pool, pid);
            assert!(!goes_on(pool).contains(&pid));
            return false;
        }
    }
    true
}

/// The first thread sleeps until there is a task; another one does not.
fn a_thread_runs(pid: u32) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).expect("a worker").flatten();
    threads
        .filter_map(|thread| std::fs::read_to_string(thread.path().join("stat")).ok())
        .any(|stat| stat.rsplit_once(") ").is_some_and(|(_, fields)| fields.starts_with('R')))
}

/// Nothing was lost with a worker that is stopped, so it may go on. One that does not leave is killed in the end.
fn go_on_and_stop_again(pool: &Pool, pid: u32) {
    signal(pid, Signal::SIGCONT);
    assert!(goes_on(pool).contains(&pid), "replaced");
    assert_eq!(pool.stats().restarts, 0);
    until("the worker has nothing to do", || is_idle(pool, pid));
    signal(pid, Signal::SIGSTOP);
    until("it is stopped", || state(pid) == Some('T'));
    expect_all(neighbours(pool));
    let summary = pool.shutdown(Shutdown::Finish, Some(TASK_TIMEOUT)).expect("an end");
    assert_eq!(summary.escalated_to, Some(Shutdown::Kill), "{summary:?}");
}

fn signal(pid: u32, signal: Signal) {
    kill(Pid::from_raw(raw(pid)), signal).expect("a worker of this case");
}

fn is_idle(pool: &Pool, pid: u32) -> bool {
    let workers = pool.stats().workers;
    workers.iter().any(|worker| worker.pid == pid && worker.state == WorkerState::Idle)
}

/// Registered behind the end of its task it runs at once.
fn callback_at_once(pool: &Pool) -> String {
    let handle = pool.submit(gate::pass_if_any, (None, 5));
    until("the task has ended", || handle.is_finished());
    let (told, called) = channel();
    handle.on_done(move |result| {
        told.send(matches!(result, Ok(5))).expect("the case waits");
        panic!("told to panic in a callback");
    });
    assert_eq!(called.recv(), Ok(true), "the callback has run");
    let result = handle.join();
    assert!(matches!(result, Ok(5)), "{result:?}");
    goes_on(pool);
    assert_eq!(pool.stats().restarts, 0);
    outcome(&result)
}
