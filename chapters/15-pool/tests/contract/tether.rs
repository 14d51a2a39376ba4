//! A program that is killed while its tasks have children: nobody of the workers' groups outlives it.
//!
//! The case starts this test program again as such a program, becomes the parent of what it leaves behind, and knows
//! every process of it before it is killed.

use crate::gate::{self, Arrival, Gate};
use crate::observe::{builder, children, group_exists, is_alive, raw, state, until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use procpool::StartMethod;
use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitCode, Stdio};

crate::over_each_start_method![
    killed_it_leaves_no_executed_child,
    killed_it_leaves_no_forked_child,
    killed_it_leaves_no_child_of_a_stopped_worker,
    killed_it_leaves_no_child_of_a_worker_without_descriptors,
    killed_it_leaves_no_child_of_a_dead_worker,
    killed_it_leaves_no_child_of_an_initializer,
    a_group_outlives_no_worker,
];

/// The first argument of such a program. What its workers do, its start method and its gate follow.
const ARGUMENT: &str = "--tethered";
/// How many workers it has; each has one child.
const WORKERS: usize = 2;

/// Becomes the program that the arguments ask for.
pub(crate) fn run_if_asked() -> Option<ExitCode> {
    let mut words = std::env::args().skip(1);
    if words.next().as_deref() != Some(ARGUMENT) {
        return None;
    }
    let mut word = || words.next().expect("three words");
    let (what, method, gate) = (word(), word(), word());
    let method = match method.as_str() {
        "Fork" => StartMethod::Fork,
        "Spawn" => StartMethod::Spawn,
        _ => StartMethod::Forkserver,
    };
    if what == "initializer" {
        let initializer = |gate| {
            have_a_child(("execute".to_owned(), gate));
        };
        let built = builder(method).workers(WORKERS).initializer(initializer, gate).build();
        unreachable!("its initializers stand at the gate: {built:?}");
    }
    let pool = builder(method).workers(WORKERS).build().expect("a pool");
    let task = |_| pool.submit(have_a_child, (what.clone(), gate.clone()));
    let _handles: Vec<_> = (0..WORKERS).map(task).collect();
    loop {
        std::thread::park();
    }
}

/// A task that has a child when it comes to the gate.
fn have_a_child((what, gate): (String, String)) -> u32 {
    if what == "fork" {
        let child = wait::Child::fork(|| {
            loop {
                nix::unistd::pause();
            }
        });
        std::mem::forget(child.expect("a worker has one thread"));
    } else {
        // Longer than any case may take.
        let child = Command::new("sleep").arg("150").spawn().expect("a child");
        // Nobody waits for it: its worker ends before it, or at once with it.
        std::mem::forget(child);
    }
    if what == "close" {
        // SAFETY: no memory is involved. Whoever owns one of these does not get to use it again: this task waits until
        // it is killed.
        unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, 0) };
    }
    gate::pass(gate)
}

/// A program whose workers are busy and have a child each.
struct Tethered {
    program: Child,
    workers: BTreeSet<u32>,
    grandchildren: BTreeSet<u32>,
    /// They wait at the gate as long as this is here.
    _arrivals: Vec<Arrival>,
}

impl Tethered {
    fn start(what: &str, method: StartMethod) -> Tethered {
        wait::become_subreaper().expect("any kernel since 3.4");
        let gate = Gate::new();
        let program = Command::new("/proc/self/exe")
            .args([ARGUMENT, what, &format!("{method:?}"), &gate.name()])
            .stdin(Stdio::null())
            .spawn()
            .expect("this program");
        let arrivals: Vec<_> = (0..WORKERS).map(|_| gate.arrival()).collect();
        let workers: BTreeSet<u32> = arrivals.iter().map(|arrival| arrival.pid).collect();
        let grandchildren: BTreeSet<u32> =
            workers.iter().flat_map(|worker| children_of(*worker)).collect();
        assert_eq!(workers.len(), WORKERS);
        assert_eq!(grandchildren.len(), WORKERS, "one for each worker");
        Tethered { program, workers, grandchildren, _arrivals: arrivals }
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(raw(self.program.id())), signal).expect("a child");
    }

    /// Kills the program, and waits until all that it had started is gone.
    fn expect_nothing_left_of_it(mut self) {
        self.signal(Signal::SIGKILL);
        assert_eq!(self.program.wait().expect("a child").signal(), Some(9));
        let all = || self.workers.iter().chain(&self.grandchildren);
        until("workers and their children die with the program", || {
            all().all(|pid| !is_alive(*pid))
        });
        for orphan in children() {
            let orphan = wait::Child::adopt(Pid::from_raw(raw(orphan)));
            orphan.expect("a child of this case").wait().expect("an orphan that ends");
        }
    }
}

/// The children of a process that has one thread.
fn children_of(pid: u32) -> Vec<u32> {
    let list = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    list.expect("/proc").split_whitespace().map(|pid| pid.parse().expect("a pid")).collect()
}

fn killed_it_leaves_no_executed_child(method: StartMethod) {
    Tethered::start("execute", method).expect_nothing_left_of_it();
}

fn killed_it_leaves_no_forked_child(method: StartMethod) {
    Tethered::start("fork", method).expect_nothing_left_of_it();
}

fn killed_it_leaves_no_child_of_a_stopped_worker(method: StartMethod) {
    let tethered = Tethered::start("execute", method);
    for pid in tethered.workers.iter().chain(&tethered.grandchildren) {
        kill(Pid::from_raw(raw(*pid)), Signal::SIGSTOP).expect("a process of this case");
        until("it stops", || state(*pid) == Some('T'));
    }
    tethered.expect_nothing_left_of_it();
}

fn killed_it_leaves_no_child_of_a_worker_without_descriptors(method: StartMethod) {
    Tethered::start("close", method).expect_nothing_left_of_it();
}

/// As when the thread that is the workers' parent ends before the program's descriptors are closed.
fn killed_it_leaves_no_child_of_a_dead_worker(method: StartMethod) {
    let tethered = Tethered::start("execute", method);
    tethered.signal(Signal::SIGSTOP);
    until("the program stops", || state(tethered.program.id()) == Some('T'));
    for worker in &tethered.workers {
        crate::observe::kill_9(*worker);
    }
    // It does nothing about that now.
    assert!(tethered.grandchildren.iter().all(|pid| is_alive(*pid)));
    tethered.expect_nothing_left_of_it();
}

fn killed_it_leaves_no_child_of_an_initializer(method: StartMethod) {
    Tethered::start("initializer", method).expect_nothing_left_of_it();
}

/// While the program lives its supervisor ends the groups, and the tether of one worker is no concern of another's.
fn a_group_outlives_no_worker(method: StartMethod) {
    wait::become_subreaper().expect("any kernel since 3.4");
    let pool = builder(method).build().expect("a pool");
    let gate = Gate::new();
    let task = |_| pool.submit(have_a_child, ("execute".to_owned(), gate.name()));
    let handles: Vec<_> = (0..2).map(task).collect();
    let [first, second] = [gate.arrival(), gate.arrival()];
    let survivor = children_of(second.pid);
    crate::observe::kill_9(first.pid);
    until("its child dies", || !group_exists_but_for_zombies(first.pid));
    assert!(survivor.iter().all(|pid| is_alive(*pid)), "the other worker's child");
    drop((first, second));
    let results: Vec<_> = handles.into_iter().map(|handle| handle.join()).collect();
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    drop(pool);
    for orphan in children() {
        let orphan = wait::Child::adopt(Pid::from_raw(raw(orphan)));
        orphan.expect("a child of this case").wait().expect("an orphan that ends");
    }
    assert!(survivor.iter().all(|pid| !is_alive(*pid)), "its worker has left");
}

/// Whether somebody of a group does something yet. A child that nobody has reaped is a zombie of this case's.
fn group_exists_but_for_zombies(leader: u32) -> bool {
    let zombies = || children().into_iter().filter(|pid| state(*pid) == Some('Z'));
    for zombie in zombies() {
        if zombie != leader {
            let zombie = wait::Child::adopt(Pid::from_raw(raw(zombie)));
            zombie.expect("a child of this case").wait().expect("a zombie");
        }
    }
    group_exists(leader)
}
