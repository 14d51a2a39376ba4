//! `shutdown`: how hard it ends a pool, and what becomes of the tasks.

use crate::endings::pause;
use crate::gate::{self, Gate};
use crate::observe::{children, is_alive, pool, until, without_a_trace};
use procpool::{Shutdown, StartMethod, TaskError};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

crate::over_each_start_method![
    shut_down_to_finish,
    shut_down_to_cancel,
    shut_down_to_kill,
    a_deadline_makes_a_shutdown_harder,
    shut_down_twice,
    submits_meet_a_shutdown,
];

fn shut_down_to_finish(method: StartMethod) {
    without_a_trace(|| {
        let pool = pool(method);
        let handles: Vec<_> = (0..100).map(|n| pool.submit(pause, n % 2)).collect();
        let summary = pool.shutdown(Shutdown::Finish, None).expect("a summary");
        // Some may have ended before the call.
        assert!(summary.finished <= 100);
        assert_eq!((summary.stats.completed, summary.cancelled, summary.killed), (100, 0, 0));
        assert_eq!(summary.escalated_to, None);
        assert!(children().is_empty(), "workers are gone when it returns");
        for handle in handles {
            handle.join().expect("it was accepted");
        }
        assert!(matches!(pool.call(pause, 0), Err(TaskError::PoolClosed)));
        assert!(matches!(pool.map(pause, [0]).next(), Some(Err(TaskError::PoolClosed))));
    });
}

fn shut_down_to_cancel(method: StartMethod) {
    without_a_trace(|| {
        let pool = pool(method);
        let gate = Gate::new();
        let running: Vec<_> = (0..2).map(|_| pool.submit(gate::pass, gate.name())).collect();
        let arrivals = [gate.arrival(), gate.arrival()];
        let waiting: Vec<_> = (0..50).map(|n| pool.submit(pause, n)).collect();
        thread::scope(|scope| {
            let shutting = scope.spawn(|| pool.shutdown(Shutdown::Cancel, None));
            until("what waits is cancelled", || {
                waiting.iter().all(|handle| handle.is_finished())
            });
            assert!(!shutting.is_finished(), "running tasks are run to their end");
            drop(arrivals);
            let summary = shutting.join().expect("no panic").expect("a summary");
            assert_eq!(summary.cancelled, 50);
        });
        for handle in running {
            handle.join().expect("it was running");
        }
        for handle in waiting {
            assert!(matches!(handle.join(), Err(TaskError::Cancelled)));
        }
    });
}

fn shut_down_to_kill(method: StartMethod) {
    without_a_trace(|| {
        let pool = pool(method);
        let gate = Gate::new();
        let running: Vec<_> = (0..2).map(|_| pool.submit(gate::pass, gate.name())).collect();
        let arrivals = [gate.arrival(), gate.arrival()];
        let waiting: Vec<_> = (0..50).map(|n| pool.submit(pause, n)).collect();
        let summary = pool.shutdown(Shutdown::Kill, None).expect("a summary");
        assert_eq!(summary.killed, 2);
        assert!(arrivals.iter().all(|arrival| !is_alive(arrival.pid)));
        for handle in running {
            assert!(matches!(handle.join(), Err(TaskError::Aborted)));
        }
        for handle in waiting {
            assert!(matches!(handle.join(), Err(TaskError::Cancelled)));
        }
    });
}

fn a_deadline_makes_a_shutdown_harder(method: StartMethod) {
    without_a_trace(|| {
        let pool = pool(method);
        let gate = Gate::new();
        let running = pool.submit(gate::pass, gate.name());
        let arrival = gate.arrival();
        let limit = Duration::from_millis(40);
        let summary = pool.shutdown(Shutdown::Finish, Some(limit)).expect("a summary");
        assert_eq!(summary.escalated_to, Some(Shutdown::Kill));
        assert!(matches!(running.join(), Err(TaskError::Aborted)));
        assert!(!is_alive(arrival.pid));
    });
}

fn shut_down_twice(method: StartMethod) {
    without_a_trace(|| {
        let pool = pool(method);
        pool.call(pause, 0).expect("a result");
        for how in [Shutdown::Cancel, Shutdown::Finish, Shutdown::Kill] {
            pool.shutdown(how, None).expect("a summary");
        }
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| pool.shutdown(Shutdown::Finish, None).expect("a summary"));
            }
        });
    });
}

fn submits_meet_a_shutdown(method: StartMethod) {
    without_a_trace(|| {
        let pool = pool(method);
        let started = AtomicBool::new(false);
        thread::scope(|scope| {
            let submitting: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        let mut done = 0_u64;
                        loop {
                            match pool.submit(pause, done % 2).join() {
                                Ok(result) => assert_eq!(result, done % 2),
                                Err(TaskError::PoolClosed | TaskError::Cancelled) => {
                                    break done;
                                }
                                Err(other) => panic!("{other}"),
                            }
                            done += 1;
                            started.store(true, Ordering::Relaxed);
                        }
                    })
                })
                .collect();
            until("a task was run", || started.load(Ordering::Relaxed));
            pool.shutdown(Shutdown::Finish, None).expect("a summary");
            for thread in submitting {
                thread.join().expect("no panic");
            }
        });
        assert!(matches!(pool.call(pause, 1), Err(TaskError::PoolClosed)));
    });
}
