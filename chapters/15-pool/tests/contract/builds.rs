//! Building a pool: what is refused, and that a refusal leaves nothing.

use crate::observe::{builder, children, pool, without_a_trace, worker_pids};
use procpool::{Pool, PoolError, StartMethod};
use std::sync::mpsc;

crate::over_each_start_method![
    no_workers_make_no_pool,
    a_fork_needs_a_single_thread,
    pools_come_and_go,
    two_pools_at_once,
    one_worker_and_many,
    a_pool_can_be_shown_and_shared,
    an_initializer_runs_before_the_first_task,
    an_initializer_that_fails_is_told,
    a_worker_that_is_never_ready_makes_no_pool,
    a_finalizer_runs_at_the_end,
    a_limit_of_descriptors_is_told,
];

fn no_workers_make_no_pool(method: StartMethod) {
    without_a_trace(|| match Pool::builder().workers(0).start_method(method).build() {
        Err(PoolError::Invalid { option, message }) => {
            assert_eq!(option, "workers");
            assert!(!message.is_empty());
        }
        other => panic!("{other:?}"),
    });
}

fn a_fork_needs_a_single_thread(method: StartMethod) {
    without_a_trace(|| {
        let (go_on, wait) = mpsc::channel::<()>();
        let other = std::thread::spawn(move || wait.recv());
        let built = builder(method).build();
        match (method, &built) {
            (StartMethod::Fork, Err(PoolError::ForkWithThreads { count: 2 })) => {
                assert!(children().is_empty(), "a process was started all the same");
            }
            (StartMethod::Spawn | StartMethod::Forkserver, Ok(pool)) => {
                worker_pids(pool, 2);
            }
            _ => panic!("{built:?}"),
        }
        drop(built);
        drop(go_on);
        assert!(other.join().expect("no panic").is_err());
    });
    // And once that thread has gone, it is possible.
    worker_pids(&pool(method), 2);
}

fn pools_come_and_go(method: StartMethod) {
    without_a_trace(|| {
        for round in 0..15_u32 {
            let pool = pool(method);
            assert_eq!(pool.call(add, (round, 1)).expect("a result"), round + 1);
        }
        for _ in 0..5 {
            drop(pool(method));
        }
    });
}

fn add((a, b): (u32, u32)) -> u32 {
    a + b
}

fn two_pools_at_once(method: StartMethod) {
    without_a_trace(|| {
        // A second pool by fork is refused, since the first has a thread: it comes by the forkserver then.
        let first = pool(method);
        let second = pool(match method {
            StartMethod::Fork => StartMethod::Forkserver,
            other => other,
        });
        assert!(worker_pids(&first, 2).is_disjoint(&worker_pids(&second, 2)));
        let sums = first.map(add, (0..5_000).map(|n| (n, 1)));
        let products = second.map(add, (0..5_000).map(|n| (n, n)));
        for (n, (sum, double)) in (0..).zip(sums.zip(products)) {
            assert_eq!(sum.expect("a result"), n + 1);
            assert_eq!(double.expect("a result"), 2 * n);
        }
        drop(first);
        assert_eq!(second.call(add, (1, 2)).expect("a result"), 3);
    });
}

fn one_worker_and_many(method: StartMethod) {
    without_a_trace(|| {
        for workers in [1, 12] {
            let pool = Pool::builder().workers(workers).start_method(method);
            let pool = pool.build().expect("a pool");
            assert_eq!(worker_pids(&pool, workers).len(), workers);
        }
        // As many as suit tasks that compute: the processors that the program may use.
        let pool = Pool::builder().start_method(method).build().expect("a pool");
        let workers = procpool::size::cpu_bound();
        assert_eq!(workers, std::thread::available_parallelism().expect("known").get());
        assert_eq!(worker_pids(&pool, workers).len(), workers);
    });
}

fn a_pool_can_be_shown_and_shared(method: StartMethod) {
    fn shared<T: Send + Sync + std::fmt::Debug>(_: &T) {}
    fn sent<T: Send + std::fmt::Debug>(_: &T) {}
    let pool = builder(method).name("shown").build().expect("a pool");
    shared(&pool);
    sent(&pool.submit(add, (1, 1)));
    assert!(!format!("{pool:?}").is_empty());
    let pid = worker_pids(&pool, 2).pop_first().expect("two");
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).expect("a worker");
    assert!(name.contains("shown"), "the worker is called {name:?}");
}

/// What the initializer has put into this process.
static GREETING: std::sync::OnceLock<String> = std::sync::OnceLock::new();

fn prepare(greeting: String) {
    GREETING.set(greeting).expect("an initializer runs once in a worker");
}

fn greet(name: String) -> String {
    format!("{}, {name}", GREETING.get().expect("the initializer has run"))
}

fn an_initializer_runs_before_the_first_task(method: StartMethod) {
    let pool = builder(method).initializer(prepare, "Good day".to_owned()).build();
    let pool = pool.expect("a pool");
    for result in pool.map(greet, vec!["Ada".to_owned(); 200]) {
        assert_eq!(result.expect("a result"), "Good day, Ada");
    }
    // A worker that replaces another is prepared too.
    for pid in worker_pids(&pool, 2) {
        crate::observe::kill_9(pid);
    }
    worker_pids(&pool, 2);
    for result in pool.map(greet, vec!["Bob".to_owned(); 200]) {
        assert_eq!(result.expect("a result"), "Good day, Bob");
    }
    assert!(GREETING.get().is_none(), "the initializer ran in the program");
}

fn refuse(how: u8) {
    match how {
        0 => panic!("no database"),
        1 => std::process::exit(9),
        _ => std::process::abort(),
    }
}

fn an_initializer_that_fails_is_told(method: StartMethod) {
    without_a_trace(|| {
        for (how, expected) in [(0, "no database"), (1, "9"), (2, "SIGABRT")] {
            match builder(method).initializer(refuse, how).build() {
                Err(PoolError::InitializerFailed { message }) => {
                    assert!(message.contains(expected), "{message}");
                }
                other => panic!("{other:?}"),
            }
        }
    });
}

fn sleep_long(seconds: u64) {
    std::thread::sleep(std::time::Duration::from_secs(seconds));
}

fn a_worker_that_is_never_ready_makes_no_pool(method: StartMethod) {
    without_a_trace(|| {
        let limit = std::time::Duration::from_millis(200);
        let built = builder(method).start_timeout(limit).initializer(sleep_long, 600).build();
        match built {
            Err(PoolError::StartTimeout { after }) => assert!(after >= limit),
            other => panic!("{other:?}"),
        }
    });
}

fn leave() {
    use std::io::Write;
    let path = std::env::temp_dir().join(format!("procpool-left-{}", nix::unistd::getppid()));
    let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
    // In one piece, because the other worker writes at the same time.
    let line = format!("{}\n", std::process::id());
    file.and_then(|mut file| file.write_all(line.as_bytes())).expect("a file");
}

fn a_finalizer_runs_at_the_end(method: StartMethod) {
    let path = std::env::temp_dir().join(format!("procpool-left-{}", std::process::id()));
    let pool = builder(method).finalizer(leave).build().expect("a pool");
    let pids = worker_pids(&pool, 2);
    assert!(!path.exists());
    drop(pool);
    let left = std::fs::read_to_string(&path).expect("the finalizers have run");
    std::fs::remove_file(&path).expect("the case's file");
    let left: std::collections::BTreeSet<u32> =
        left.lines().map(|line| line.parse().expect("a process id")).collect();
    assert_eq!(left, pids);
}

fn a_limit_of_descriptors_is_told(method: StartMethod) {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    without_a_trace(|| {
        for limit in [8, 20, 60] {
            setrlimit(Resource::RLIMIT_NOFILE, limit, hard).expect("a lower limit");
            let built = Pool::builder().workers(40).start_method(method).build();
            setrlimit(Resource::RLIMIT_NOFILE, hard, hard).expect("the limit as it was");
            match built {
                Err(PoolError::Limit { resource, .. }) => {
                    assert!(resource.contains("descriptor"), "{resource}");
                }
                other => panic!("with {limit} descriptors: {other:?}"),
            }
        }
    });
    // And once there is room again, all is well.
    worker_pids(&pool(method), 2);
}
