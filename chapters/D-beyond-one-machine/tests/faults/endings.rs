//! How it ends: of a caller that is killed nothing is left, and shutdown keeps what it promises.

use crate::caller::Work;
use crate::rounds::Case;
use crate::scene::{
    HOSTS, Scene, WORKERS, lab_with_agents, start_agent, start_caller, work_for,
};
use cluster::lab::{self, At, Lab, LabOptions};
use cluster::{Cluster, ClusterOptions, Failure};
use executor::{Shutdown, TaskError};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

pub(crate) const CASES: &[Case] = &[
    ("a_caller_is_killed", caller_killed),
    ("every_way_to_end_it", ways_to_end),
    ("handles", handles),
    ("payloads", payloads),
    ("agents_that_leave", agents_leave),
    ("one_lab_after_another", labs_in_a_row),
];

const LONG: Duration = Duration::from_secs(60);

fn nap(ms: u64) -> u64 {
    std::thread::sleep(Duration::from_millis(ms));
    ms
}

fn connected(lab: &Lab) -> Cluster {
    let cluster = Cluster::connect(lab.url(At::Caller), ClusterOptions::default());
    let cluster = cluster.unwrap_or_else(|error| panic!("{error}"));
    assert!(cluster.wait_for_hosts(HOSTS, LONG), "{cluster:?}");
    cluster
}

/// Nobody works for it for long, and the next one does not wait behind what it has left.
fn caller_killed() -> String {
    let lab = lab_with_agents(1);
    let long = Work { task_ms: 600_000, tasks: 500, ..work_for(0) };
    let (mut first, _said) = start_caller(&lab, &long);
    let second = connected(&lab);
    let all_busy = || second.stats().hosts.iter().all(|host| host.held >= WORKERS as u64);
    wait_until("all hosts work for the first", all_busy);
    first.kill().expect("a child");
    first.wait().expect("a child");
    let begun = Instant::now();
    let results: Result<u64, TaskError> = second.map(nap, vec![1; 300]).sum();
    assert_eq!(results.expect("hosts that are free again"), 300);
    format!("the hosts are free after {:.1} s", begun.elapsed().as_secs_f64())
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let due = Instant::now() + LONG;
    while !holds() {
        assert!(Instant::now() < due, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn ways_to_end() -> String {
    let lab = lab_with_agents(1);
    // Everything that was accepted.
    let cluster = connected(&lab);
    let handles: Vec<_> = (0..500).map(|_| cluster.submit(nap, 5)).collect();
    let last = cluster.submit(nap, 2_000);
    let completed_before = cluster.stats().tasks.completed;
    let summary = cluster.shutdown(Shutdown::Finish, None).expect("its end");
    assert_eq!(
        (summary.stats.completed, summary.cancelled, summary.killed),
        (501, 0, 0),
        "{summary:?}"
    );
    assert!((1..=501 - completed_before).contains(&summary.finished), "{summary:?}");
    assert!(handles.into_iter().all(|handle| handle.join().is_ok_and(|ms| ms == 5)));
    assert!(last.join().is_ok());
    assert!(matches!(cluster.call(nap, 1), Err(TaskError::PoolClosed)));
    let again = cluster.shutdown(Shutdown::Kill, None).expect("the first one's summary");
    assert_eq!(again.finished, summary.finished);

    // What has been sent, and no more.
    let cluster = connected(&lab);
    let handles: Vec<_> = (0..500).map(|_| cluster.submit(nap, 200)).collect();
    wait_until("some are sent", || handles[0].is_running());
    let summary = cluster.shutdown(Shutdown::Cancel, None).expect("its end");
    assert!(summary.cancelled > 0 && summary.finished > 0, "{summary:?}");
    assert_eq!(summary.cancelled + summary.stats.completed, 500, "{summary:?}");
    let cancelled = handles.into_iter().map(|handle| handle.join());
    let cancelled = cancelled.filter(|it| matches!(it, Err(TaskError::Cancelled))).count();
    assert_eq!(cancelled as u64, summary.cancelled);

    // Nothing any more, after a deadline that nothing can keep; and the hosts are free at once.
    let cluster = connected(&lab);
    let handles: Vec<_> = (0..100).map(|_| cluster.submit(nap, 600_000)).collect();
    wait_until("some run", || handles[0].is_running());
    let summary = cluster.shutdown(Shutdown::Finish, Some(Duration::from_millis(50)));
    let summary = summary.expect("its end");
    assert_eq!(summary.escalated_to, Some(Shutdown::Kill), "{summary:?}");
    assert_eq!(summary.cancelled + summary.killed, 100, "{summary:?}");
    drop(handles);
    let next = connected(&lab);
    let results: Result<u64, TaskError> = next.map(nap, vec![1; 60]).sum();
    assert_eq!(results.expect("free hosts"), 60);
    String::new()
}

fn handles() -> String {
    let lab = lab_with_agents(1);
    let cluster = connected(&lab);
    // A callback sees the result before `join` does, and may submit.
    let (send, seen) = channel();
    let handle = cluster.submit(nap, 3);
    handle
        .on_done(move |result| send.send(*result.as_ref().expect("a result")).expect("heard"));
    assert_eq!(handle.join().expect("a result"), 3);
    assert_eq!(seen.try_recv(), Ok(3));
    // An abort ends a task on another machine, and its worker can be used again.
    let long: Vec<_> = (0..HOSTS * WORKERS).map(|_| cluster.submit(nap, 600_000)).collect();
    wait_until("the hosts hold all", || {
        cluster.stats().hosts.iter().map(|host| host.held).sum::<u64>() >= long.len() as u64
    });
    let waiting: Vec<_> = (0..2_000).map(|_| cluster.submit(nap, 600_000)).collect();
    let last = waiting.last().expect("some");
    assert!(last.cancel(), "it has not left this program");
    assert!(long.iter().all(|handle| !handle.cancel() && handle.abort()));
    assert!(long.into_iter().all(|it| matches!(it.join(), Err(TaskError::Aborted))));
    waiting.iter().rev().for_each(|handle| assert!(handle.abort() || handle.is_finished()));
    drop(waiting);
    assert_eq!(cluster.call(nap, 1).expect("a worker that is free again"), 1);
    // A callback may drop the last handle; what was accepted is still done.
    let last = connected(&lab);
    let (handle, after) = (last.submit(nap, 1), last.submit(nap, 300));
    let last = std::sync::Arc::new(std::sync::Mutex::new(Some(last)));
    handle.on_done(move |_| drop(last.lock().expect("nobody panics").take()));
    assert_eq!(handle.join().expect("a result") + after.join().expect("a result"), 301);
    // A panic comes home, and a map that is dropped takes back what has not left.
    let panicked = cluster.call(|n: u32| 1 / n, 0);
    assert!(
        matches!(&panicked, Err(TaskError::Panicked { message, .. }) if message.contains("zero"))
    );
    let mut map = cluster.map(nap, std::iter::repeat(1));
    assert!(map.by_ref().take(100).all(|result| result.is_ok()));
    drop(map);
    let (left, stats) = (cluster.shutdown(Shutdown::Finish, None), cluster.stats());
    let tasks = stats.tasks;
    let ended = tasks.completed + tasks.panicked + tasks.cancelled + tasks.aborted;
    assert_eq!((tasks.submitted, tasks.running, tasks.queued), (ended, 0, 0), "{left:?}");
    String::new()
}

fn payloads() -> String {
    let lab = lab_with_agents(1);
    let options = ClusterOptions { payload_max: 8 << 20, ..ClusterOptions::default() };
    let cluster = Cluster::connect(lab.url(At::Caller), options).expect("a server");
    assert!(cluster.wait_for_hosts(HOSTS, LONG));
    // Below and above what a message carries, both ways.
    let turned = |bytes: Vec<u8>| -> Vec<u8> { bytes.into_iter().rev().collect() };
    for len in [0, 1, 1 << 10, 1_000_000, (1 << 20) + 1, 5 << 20] {
        let bytes: Vec<u8> = (0..len).map(|at: u32| at as u8).collect();
        let expected: Vec<u8> = bytes.iter().rev().copied().collect();
        assert!(cluster.call(turned, bytes).expect("a result") == expected, "{len} bytes");
    }
    let many = cluster.map(|n: usize| vec![7_u8; n], vec![300_000; 40]);
    assert_eq!(many.map(|it| it.expect("a result").len()).sum::<usize>(), 40 * 300_000);
    for too_large in [
        cluster.call(|bytes: Vec<u8>| bytes.len(), vec![0; 9 << 20]).map(drop),
        cluster.call(|len: usize| vec![0_u8; len], 9 << 20).map(drop),
    ] {
        let error = too_large.expect_err("9 MiB are more than 8");
        let failure = Failure::of(&error);
        assert!(matches!(failure, Some(Failure::PayloadTooLarge { .. })), "{error}");
    }
    String::new()
}

/// One signal lets an agent finish; nothing runs twice for it.
fn agents_leave() -> String {
    let work = work_for(4);
    let mut scene = Scene::start(1, &work);
    scene.wait_for(200);
    let pid = scene.lab.agent_pid(0).expect("it was started");
    let pid = nix::unistd::Pid::from_raw(pid.cast_signed());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).expect("a child");
    assert_eq!(scene.lab.wait_for_agent(0), Some(0), "{}", scene.lab.agent_log(0));
    let found = scene.found(&work);
    assert_eq!((found.right, found.resent, found.duplicates), (work.tasks, 0, 0), "{found:?}");
    found.in_words()
}

/// A network lasts as long as the last process in it. Neither its name nor its address is in the way of the next lab.
fn labs_in_a_row() -> String {
    let isolation = lab::enter();
    let mut late = Vec::new();
    for _ in 0..3 {
        let options = LabOptions { hosts: HOSTS, servers: 1, config: String::new() };
        let mut lab =
            Lab::start(isolation.clone(), &options).unwrap_or_else(|error| panic!("{error}"));
        start_agent(&mut lab, HOSTS - 1);
        let cluster = Cluster::connect(lab.url(At::Caller), ClusterOptions::default())
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(cluster.call(nap, 1).expect("a host"), 1);
        let mut command = lab.command(At::Host(HOSTS - 1), "sleep");
        late.push(command.arg("60").spawn().expect("a program of every system"));
    }
    for mut process in late {
        process.kill().expect("a child");
        process.wait().expect("a child");
    }
    String::new()
}
