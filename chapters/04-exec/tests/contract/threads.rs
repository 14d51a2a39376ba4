//! Programs started from a program with threads, some of which fork.

use crate::program::{filled, output, program};
use exec::Command;
use fork::fork_unchecked;
use nix::unistd::{close, read};
use std::io::{Read, pipe};
use std::os::fd::AsRawFd;
use std::sync::mpsc;
use std::thread;
use wait::Child;

const THREADS: usize = 6;
const ROUNDS: usize = 25;
/// Few enough forks, 40, for a user who may have 128 processes.
const ROUNDS_BETWEEN_FORKS: usize = 10;
const FORKS_IN_A_ROW: usize = 4;

pub(crate) fn many_at_once() {
    thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let (a, b) = (format!("{thread}"), format!("{round}"));
                    let command = program("read").fd(3, filled(&a)).fd(4, filled(&b));
                    assert_eq!(output(command), format!("{a:?} {b:?}\n"));
                    Command::new("/nonexistent").spawn().expect_err("absent");
                }
            });
        }
    });
    wait_for_threads();
}

/// Children of another thread's `fork` hold copies of every pipe that is open at that moment,
/// the error pipe included, until they end, here after all programs.
pub(crate) fn fork_elsewhere() {
    let (mut gate, bar) = pipe().expect("pipe");
    let (gate_end, bar_fd) = (&gate, bar.as_raw_fd());
    let children = thread::scope(|scope| {
        let (go, goes) = mpsc::channel();
        let forker = scope.spawn(move || {
            let mut children = Vec::new();
            for () in goes {
                // A few in a row, so that some fall between the pipe and the exec.
                for _ in 0..FORKS_IN_A_ROW {
                    // SAFETY: the child calls only `close` and `read`, which a signal handler
                    // may call.
                    let pid = unsafe {
                        fork_unchecked(|| {
                            let _ = close(bar_fd);
                            read(gate_end, &mut [0]).map_or(1, |_| 0)
                        })
                    };
                    children.push(Child::adopt(pid.expect("fork")).expect("adopt"));
                }
            }
            children
        });
        for round in 0..4 * ROUNDS {
            if round % ROUNDS_BETWEEN_FORKS == 0 {
                go.send(()).expect("the thread that forks");
            }
            let mut child = program("seven").spawn().expect("spawn");
            assert_eq!(child.wait().expect("wait").code(), Some(7), "round {round}");
            Command::new("/nonexistent").spawn().expect_err("absent");
        }
        drop(go);
        forker.join().expect("the thread that forks")
    });
    drop(children);
    drop(bar);
    assert_eq!(gate.read(&mut [0]).expect("the end"), 0, "nobody holds the other end");
    wait_for_threads();
}

/// Until the threads that were joined have left, since `/proc` may not list all children while
/// one ends.
fn wait_for_threads() {
    while process::Snapshot::this().expect("/proc").threads.len() > 1 {
        thread::yield_now();
    }
}
