//! Threads of the program, and the thread that is a worker's parent.

use crate::launcher;
use crate::play::{ask, start};
use start::{Launcher, StartError, StartMethod};
use std::io::Read;
use std::sync::Barrier;
use wait::{Child, ExitStatus};

/// Runs `body` while this program has three threads.
fn with_threads(body: impl FnOnce()) {
    let barrier = Barrier::new(3);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| barrier.wait());
        }
        body();
        barrier.wait();
    });
}

pub(crate) fn fork_is_refused() {
    let mut before = launcher(StartMethod::Fork);
    with_threads(|| {
        let refused = Launcher::fork("worker", crate::play::worker).expect_err("threads");
        assert!(matches!(refused, StartError::Threads { count: 3 }), "{refused}");
        // The template of an earlier launcher has one thread still.
        assert_eq!(ask(&mut before, "write here"), "here");
    });
    assert_eq!(ask(&mut launcher(StartMethod::Fork), "write again"), "again");
}

pub(crate) fn others_do_not_mind() {
    with_threads(|| {
        for method in [StartMethod::Spawn, StartMethod::Forkserver] {
            assert_eq!(ask(&mut launcher(method), "write here"), "here");
        }
    });
}

/// A worker whose main has begun.
fn running(launcher: &mut Launcher) -> Child {
    let (worker, mut reader) = start(launcher, "write-and-wait !");
    reader.read_exact(&mut [0]).unwrap();
    worker
}

pub(crate) fn thread_that_started() {
    // With a template the parent is the thread that made the launcher, with spawn the one that starts.
    let thread = std::thread::spawn(|| {
        let mut launcher = launcher(StartMethod::Forkserver);
        let worker = running(&mut launcher);
        (launcher, worker)
    });
    let (mut launcher_without_thread, mut worker) = thread.join().unwrap();
    assert_eq!(worker.wait().unwrap().signal(), Some(libc::SIGKILL));
    let died = launcher_without_thread.start(&[], b"wait").expect_err("a dead server");
    assert!(
        matches!(
            died,
            StartError::TemplateDied {
                status: Some(ExitStatus::Signaled { signal: libc::SIGKILL, .. })
            }
        ),
        "{died}"
    );

    let thread = std::thread::spawn(|| running(&mut launcher(StartMethod::Spawn)));
    let mut worker = thread.join().unwrap();
    assert_eq!(worker.wait().unwrap().signal(), Some(libc::SIGKILL));
}

pub(crate) fn launcher_may_move() {
    for method in [StartMethod::Fork, StartMethod::Forkserver] {
        let mut moved = launcher(method);
        let thread = std::thread::spawn(move || {
            let (worker, reader) = start(&mut moved, "write moved");
            (moved, worker, reader)
        });
        // The thread that asked has ended, the one that made the launcher has not.
        let (_launcher, mut worker, reader) = thread.join().unwrap();
        assert_eq!(std::io::read_to_string(reader).unwrap(), "moved");
        assert_eq!(worker.wait().unwrap(), ExitStatus::Exited(0));
    }
}
