//! What the part promises, each case in a process of its own.

use contract::Case;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use std::io::{Read, Write, pipe};
use std::os::fd::OwnedFd;
use wait::Child;

mod growing;
mod messages;
mod segments;
mod slices;

fn main() -> std::process::ExitCode {
    let cases: Vec<Case> =
        [segments::CASES, growing::CASES, messages::CASES, slices::CASES].concat();
    contract::run_also_as_nobody(&cases)
}

/// A memfd as another program could make it.
fn memfd(len_bytes: u64, seals: SealFlags) -> OwnedFd {
    let file =
        memfd_create("foreign", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
    rustix::fs::ftruncate(&file, len_bytes).unwrap();
    fcntl_add_seals(&file, seals).unwrap();
    file
}

/// A forked process that stays as it is until this value is dropped.
struct Bystander {
    child: Child,
    let_on: Option<std::io::PipeWriter>,
}

impl Bystander {
    fn new() -> Bystander {
        let (mut hear, tell) = pipe().unwrap();
        let (mut ready, mut is_ready) = pipe().unwrap();
        let mut theirs = Some(tell.try_clone().unwrap());
        let mut mine = Some(tell);
        let child = Child::fork(|| {
            drop((theirs.take(), mine.take()));
            is_ready.write_all(b"!").unwrap();
            hear.read_to_end(&mut Vec::new()).map_or(1, |_| 0)
        })
        .unwrap();
        drop(theirs);
        ready.read_exact(&mut [0]).unwrap();
        Bystander { child, let_on: mine }
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        self.let_on = None;
        assert!(self.child.wait().unwrap().success());
    }
}

/// Runs `child` in a process of its own, which must end well.
fn in_a_child(child: impl FnOnce()) {
    let status = Child::fork(|| {
        child();
        0
    })
    .unwrap()
    .wait()
    .unwrap();
    assert!(status.success(), "{status}");
}
