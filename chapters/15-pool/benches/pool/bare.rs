//! Bare starts: what a pool's start is measured against.
//!
//! A worker that says one byte and ends, started as a pool starts its own: two executions of this program, or two forks
//! of a forkserver or a template. In a process with [`VARIABLE`] this program is entered for such workers instead of a
//! pool's; its forkserver and its workers inherit the variable.

use procpool::StartMethod;
use start::{Kit, Launcher};
use std::io::{Read, Write, pipe};
use std::os::fd::AsFd;
use std::process::Command;
use std::time::Instant;

/// Set in a process that makes bare starts.
pub(crate) const VARIABLE: &str = "PROCPOOL_BENCH_BARE";

pub(crate) fn is_asked_for() -> bool {
    std::env::var_os(VARIABLE).is_some()
}

/// Enters this program for bare workers.
pub(crate) fn init() {
    start::init(say_one_byte);
}

/// The argument of an execution that does nothing but say one byte.
pub(crate) const SAY: &str = "--say";

fn say_one_byte(kit: Kit) -> i32 {
    let Some(descriptor) = kit.descriptors.into_iter().next() else { return 1 };
    i32::from(std::fs::File::from(descriptor).write_all(b".").is_err())
}

/// Starts two workers and waits until both have said their byte; how long that took, in seconds.
pub(crate) fn two_starts(method: StartMethod) -> f64 {
    let begun = Instant::now();
    let (mut reader, writer) = pipe().expect("a pipe");
    let mut bytes = [0; 2];
    match method {
        StartMethod::Spawn => {
            let mut children = [(); 2].map(|()| {
                let output = writer.try_clone().expect("a descriptor");
                Command::new("/proc/self/exe")
                    .arg(SAY)
                    .stdout(output)
                    .spawn()
                    .expect("this program")
            });
            reader.read_exact(&mut bytes).expect("two bytes");
            let took = begun.elapsed().as_secs_f64();
            for child in &mut children {
                child.wait().expect("a child");
            }
            took
        }
        StartMethod::Fork | StartMethod::Forkserver => {
            let launcher = match method {
                StartMethod::Fork => Launcher::fork("bare", say_one_byte),
                _ => Launcher::forkserver("bare"),
            };
            let mut launcher = launcher.expect("a template");
            let children =
                [(); 2].map(|()| launcher.start(&[writer.as_fd()], b"").expect("a worker"));
            reader.read_exact(&mut bytes).expect("two bytes");
            let took = begun.elapsed().as_secs_f64();
            for mut child in children {
                child.wait().expect("a child");
            }
            took
        }
    }
}
