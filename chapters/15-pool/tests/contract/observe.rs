//! What can be seen of a pool from outside, read from `/proc`.

use crate::gate::{self, Gate};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use procpool::{Builder, Pool, StartMethod};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

/// How long a case waits for something that is sure to come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A pool as most cases want it: two workers.
pub(crate) fn builder(method: StartMethod) -> Builder {
    Pool::builder().workers(2).start_method(method)
}

/// As [`builder`], built.
pub(crate) fn pool(method: StartMethod) -> Pool {
    builder(method).build().expect("a pool of two workers")
}

/// Waits until something outside this thread has come about.
///
/// # Panics
/// If it has not after a minute.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let ends_at = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < ends_at, "waited a minute in vain: {what}");
        std::thread::sleep(Duration::from_micros(500));
    }
}

/// The processes of a pool's workers, found by keeping all of them busy at once.
pub(crate) fn worker_pids(pool: &Pool, workers: usize) -> BTreeSet<u32> {
    let gate = Gate::new();
    let handles: Vec<_> = (0..workers).map(|_| pool.submit(gate::pass, gate.name())).collect();
    let arrivals: Vec<_> = handles.iter().map(|_| gate.arrival()).collect();
    let pids: BTreeSet<u32> = arrivals.iter().map(|arrival| arrival.pid).collect();
    assert_eq!(pids.len(), workers, "each worker runs one task at a time");
    drop(arrivals);
    for handle in handles {
        assert!(pids.contains(&handle.join().expect("the gate is open")));
    }
    pids
}

/// The letter of a process's state, as `ps` prints it; `None` if there is no such process.
pub(crate) fn state(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// Whether a process is there and has not ended. A zombie has.
pub(crate) fn is_alive(pid: u32) -> bool {
    !matches!(state(pid), None | Some('Z' | 'X'))
}

/// Whether a process group has members, zombies included.
pub(crate) fn group_exists(leader: u32) -> bool {
    kill(Pid::from_raw(-raw(leader)), None::<Signal>).is_ok()
}

/// Kills a process and returns when it does nothing any more. Until then it could still take a task from its ring.
pub(crate) fn kill_9(pid: u32) {
    kill(Pid::from_raw(raw(pid)), Signal::SIGKILL).expect("a process of this case");
    until("a killed process ends", || !is_alive(pid));
}

pub(crate) fn raw(pid: u32) -> i32 {
    i32::try_from(pid).expect("a process id")
}

/// The children of this process, zombies included.
pub(crate) fn children() -> BTreeSet<u32> {
    wait::children().expect("/proc").iter().map(|pid| pid.as_raw().unsigned_abs()).collect()
}

/// Number, target and inode of each open descriptor of a process.
pub(crate) fn descriptors(pid: u32) -> Vec<(i32, String, u64)> {
    let folder = format!("/proc/{pid}/fd");
    let mut found: Vec<_> = fs::read_dir(&folder)
        .expect("a process of this user")
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let target = fs::read_link(entry.path()).ok()?.display().to_string();
            // The listing's own descriptor, if the process is this one.
            if target == format!("/proc/{pid}/fd") {
                return None;
            }
            let inode = fs::metadata(entry.path()).map_or(0, |data| data.ino());
            Some((entry.file_name().to_str()?.parse().ok()?, target, inode))
        })
        .collect();
    found.sort();
    found
}

/// What a pool could leave in this process or in the system, beside descriptors and children.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Traces {
    threads: usize,
    mapped_memfds: Vec<String>,
    named_memory: BTreeSet<String>,
    descriptors: Vec<(i32, String, u64)>,
    children: BTreeSet<u32>,
}

impl Traces {
    pub(crate) fn now() -> Traces {
        // A thread that was just joined is listed for a moment longer.
        let mut threads = thread_count();
        let ends_at = Instant::now() + Duration::from_secs(2);
        while threads > 1 && Instant::now() < ends_at {
            std::thread::sleep(Duration::from_micros(500));
            threads = thread_count();
        }
        let maps = fs::read_to_string("/proc/self/maps").expect("/proc");
        let memfds = maps.lines().filter(|line| line.contains("/memfd:")).map(str::to_owned);
        Traces {
            threads,
            mapped_memfds: memfds.collect(),
            named_memory: names_of_our_own("/dev/shm"),
            descriptors: descriptors(std::process::id()),
            children: children(),
        }
    }
}

fn thread_count() -> usize {
    fs::read_dir("/proc/self/task").expect("/proc").count()
}

/// What lies in a folder with the name of a pool or of one of its processes. Other programs may use it meanwhile.
fn names_of_our_own(folder: &str) -> BTreeSet<String> {
    let Ok(entries) = fs::read_dir(folder) else { return BTreeSet::new() };
    let pid = std::process::id().to_string();
    entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.contains("procpool") || name.contains(&pid))
        .collect()
}

/// Runs `body` and checks that nothing of it is left, in this process or in the system.
pub(crate) fn without_a_trace(body: impl FnOnce()) {
    let before = Traces::now();
    body();
    assert_eq!(Traces::now(), before, "left behind (or taken away)");
}
