//! What a cluster costs, beside the local pool and beside mpi4py.futures where that is installed.
//!
//! All hosts are on this machine, so what is measured is the cost of handing tasks about, not that of a network. Needs
//! `nats-server`; for the peer `mpirun` and the module `mpi4py`.
//!
//! ```sh
//! cargo bench -p cluster
//! cargo bench -p cluster -- noop
//! cargo bench -p cluster -- ideal
//! cargo bench -p cluster -- hosts
//! ```
#![forbid(unsafe_code)]

use cluster::lab::{self, At, Isolation, Lab, LabOptions};
use cluster::node::NodeOptions;
use cluster::{Cluster, ClusterOptions};
use executor::Executor;
use procpool::Pool;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

const NOOPS: u64 = 1_000_000;
/// Each figure is the best of so many: a machine does other things too, and those only make it slower.
const ATTEMPTS: u32 = 3;
const PYTHONS: [&str; 2] = ["python3", "/usr/bin/python3"];

fn next(n: u64) -> u64 {
    n + 1
}

fn nap(ms: u64) -> u64 {
    std::thread::sleep(Duration::from_millis(ms));
    ms
}

fn main() -> ExitCode {
    cluster::init();
    lab::init();
    let words: Vec<String> =
        std::env::args().skip(1).filter(|it| !it.starts_with('-')).collect();
    let asked = |name: &str| words.is_empty() || words.iter().any(|word| word == name);
    // Before anything has a thread: hosts in networks of their own.
    let isolation = lab::enter();
    println!("hosts {isolation}");
    if asked("noop") {
        noop(&isolation);
    }
    if asked("ideal") {
        ideal(&isolation);
    }
    if asked("hosts") {
        hosts(&isolation);
    }
    ExitCode::SUCCESS
}

/// A cluster of so many hosts with so many workers each.
fn with_cluster<T>(
    isolation: &Isolation,
    hosts: usize,
    workers: usize,
    run: impl FnOnce(&Cluster) -> T,
) -> T {
    let options = LabOptions { hosts, servers: 1, config: String::new() };
    let mut lab =
        Lab::start(isolation.clone(), &options).unwrap_or_else(|error| panic!("{error}"));
    for host in 0..hosts {
        let mut options = NodeOptions::new(lab.url(At::Host(host)));
        options.workers = Some(workers);
        options.name = Some(format!("host-{host}"));
        let mut command = lab.command(At::Host(host), std::env::current_exe().expect("a path"));
        command.envs(options.environment());
        lab.start_agent(host, command).expect("this program can be started");
    }
    let cluster = Cluster::connect(lab.url(At::Caller), ClusterOptions::default());
    let cluster = cluster.unwrap_or_else(|error| panic!("{error}"));
    assert!(cluster.wait_for_hosts(hosts, Duration::from_secs(60)), "hosts are missing");
    run(&cluster)
}

/// Tasks per second of a map over numbers.
fn noops_per_s(executor: &impl Executor, tasks: u64) -> f64 {
    let once = || {
        let begun = Instant::now();
        let sum: u64 = executor.map(next, 0..tasks).map(|it| it.expect("a result")).sum();
        assert_eq!(sum, tasks * (tasks + 1) / 2);
        tasks as f64 / begun.elapsed().as_secs_f64()
    };
    (0..ATTEMPTS).map(|_| once()).fold(0.0, f64::max)
}

fn noop(isolation: &Isolation) {
    println!("\nno-op tasks per second, 2 workers for each host, best of {ATTEMPTS}");
    let show = |what: &str, rate: f64| println!("{what:48} {rate:12.0}");
    let one = with_cluster(isolation, 1, 2, |cluster| {
        let alone = (0..ATTEMPTS).map(|_| alone_per_s(cluster)).fold(0.0, f64::max);
        show("cluster, one host, one call after the other", alone);
        noops_per_s(cluster, NOOPS)
    });
    let three = with_cluster(isolation, 3, 2, |cluster| noops_per_s(cluster, NOOPS));
    let local = Pool::builder().workers(2).build().expect("a pool");
    show("cluster, one host, map", one);
    show("cluster, three hosts, map", three);
    show("local pool, map", noops_per_s(&local, NOOPS));
    match mpi4py() {
        Some((single, chunked)) => {
            show("mpi4py.futures, two workers, map", single);
            show("mpi4py.futures, two workers, map, chunksize=100", chunked);
            let ratios = [one / single, three / single, one / chunked, three / chunked];
            println!(
                "cluster / mpi4py: {:.0} and {:.0} times its map, {:.1} and {:.1} times its chunked map (one and three hosts)",
                ratios[0], ratios[1], ratios[2], ratios[3]
            );
        }
        None => println!("mpi4py.futures: no `mpirun` with a Python that has the module"),
    }
}

/// What the round trip of one task allows.
fn alone_per_s(cluster: &Cluster) -> f64 {
    const CALLS: u64 = 2_000;
    let begun = Instant::now();
    (0..CALLS).for_each(|n| assert_eq!(cluster.call(next, n).expect("a result"), n + 1));
    CALLS as f64 / begun.elapsed().as_secs_f64()
}

/// The same tasks there: rates without and with chunks.
fn mpi4py() -> Option<(f64, f64)> {
    const SCRIPT: &str = "
import time
from mpi4py.futures import MPIPoolExecutor
def next(n):
    return n + 1
if __name__ == '__main__':
    with MPIPoolExecutor() as pool:
        list(pool.map(next, range(1000)))
        for tasks, size in ((20_000, 1), (500_000, 100)):
            best = 0
            for attempt in range(3):
                begun = time.perf_counter()
                assert sum(pool.map(next, range(tasks), chunksize=size)) == tasks * (tasks + 1) // 2
                best = max(best, tasks / (time.perf_counter() - begun))
            print(best)
";
    let folder = tempfile::tempdir().ok()?;
    let script = folder.path().join("peer.py");
    std::fs::write(&script, SCRIPT).ok()?;
    PYTHONS.iter().find_map(|python| {
        let mut command = Command::new("mpirun");
        command.args(["--allow-run-as-root", "--oversubscribe", "-n", "3", python]);
        command.args(["-m", "mpi4py.futures"]).arg(&script);
        let done = command.output().ok().filter(|done| done.status.success())?;
        let said = String::from_utf8(done.stdout).ok()?;
        let mut rates = said.lines().flat_map(str::parse);
        Some((rates.next()?, rates.next()?))
    })
}

/// Tasks that take a while, on three hosts: how near to so many workers that never wait.
fn ideal(isolation: &Isolation) {
    println!(
        "\ntasks that sleep, 3 hosts with 2 workers each, in per cent of what 6 workers could do at best"
    );
    with_cluster(isolation, 3, 2, |cluster| {
        for (ms, tasks) in [(1, 12_000), (10, 3_000), (100, 300)] {
            let shares = (0..ATTEMPTS).map(|_| share_of_ideal(cluster, 6, ms, tasks));
            println!("{ms:4} ms x {tasks:5}: {:5.1} %", 100.0 * shares.fold(0.0, f64::max));
        }
    });
}

/// The ideal is what the same tasks take on that many threads of this process: a sleep takes longer than it was told.
fn share_of_ideal(cluster: &Cluster, workers: u64, ms: u64, tasks: u64) -> f64 {
    let begun = Instant::now();
    assert!(cluster.map(nap, vec![ms; tasks as usize]).all(|it| it.is_ok()));
    let took = begun.elapsed();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| (0..tasks / workers).for_each(|_| assert_eq!(nap(ms), ms)));
        }
    });
    begun.elapsed().as_secs_f64() / took.as_secs_f64()
}

/// What a task costs beside its own time, against the number of hosts.
fn hosts(isolation: &Isolation) {
    println!("\noverhead against the number of hosts, 1 worker each");
    println!("hosts   no-op, ns each   10 ms tasks, in per cent of ideal   one call, µs");
    for count in [1, 2, 4, 8, 16, 32] {
        with_cluster(isolation, count, 1, |cluster| {
            let rate = noops_per_s(cluster, NOOPS / 2);
            let share = share_of_ideal(cluster, count as u64, 10, 200 * count as u64);
            let call = 1e6 / alone_per_s(cluster);
            println!("{count:5} {:16.0} {:35.1} {call:14.0}", 1e9 / rate, 100.0 * share);
        });
    }
}
