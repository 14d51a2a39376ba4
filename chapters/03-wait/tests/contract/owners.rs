//! Whose child a process is, and what that allows.

use crate::{Case, pause_for_ever};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, sigaction};
use nix::sys::wait::{Id, WaitPidFlag, waitid, waitpid};
use nix::unistd::{getpid, getppid, gettid, setresuid};
use std::io::{Read, pipe};
use wait::{Child, ChildError, ExitStatus, Pid, Signal, become_subreaper, children};

pub(crate) const CASES: &[Case] = &[
    ("a_copy_in_a_sibling_kills_nobody", a_copy_in_a_sibling_kills_nobody),
    ("strangers_are_not_adopted", strangers_are_not_adopted),
    ("a_child_of_the_standard_library_is_adopted", a_child_of_the_standard_library_is_adopted),
    ("adopting_a_zombie_takes_nothing_from_it", adopting_a_zombie_takes_nothing_from_it),
    ("any_thread_may_wait", any_thread_may_wait),
    ("a_subreaper_finds_and_adopts_orphans", a_subreaper_finds_and_adopts_orphans),
    ("reaped_by_somebody_else", reaped_by_somebody_else),
    ("reaped_by_the_kernel", reaped_by_the_kernel),
    ("another_users_process_is_left_alone", another_users_process_is_left_alone),
];

const KILLED: ExitStatus = ExitStatus::Signaled { signal: 9, core_dumped: false };

#[track_caller]
fn assert_not_a_child<T: std::fmt::Debug>(result: Result<T, ChildError>) {
    assert!(matches!(result, Err(ChildError::NotAChild { .. })), "{result:?}");
}

fn a_copy_in_a_sibling_kills_nobody() {
    let mut child = Some(Child::fork(pause_for_ever).unwrap());
    let mut sibling = Child::fork(|| {
        let mut copy = child.take().expect("a copy");
        let refused = matches!(copy.wait(), Err(ChildError::NotAChild { .. }))
            && matches!(copy.try_wait(), Err(ChildError::NotAChild { .. }));
        drop(copy);
        if refused { 0 } else { 1 }
    })
    .unwrap();
    assert_eq!(sibling.wait().unwrap(), ExitStatus::Exited(0));
    let mut child = child.expect("the sibling took its own copy");
    // A SIGKILL that was sent would be the end of it before SIGTERM is.
    child.kill(Signal::SIGTERM).unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(Signal::SIGTERM as i32));
}

fn strangers_are_not_adopted() {
    for pid in [0, -1, 1, i32::MAX, i32::MIN, getpid().as_raw(), getppid().as_raw()] {
        assert_not_a_child(Child::adopt(Pid::from_raw(pid)));
    }

    let mut reaped = Child::fork(|| 0).unwrap();
    reaped.wait().unwrap();
    assert_not_a_child(Child::adopt(reaped.pid()));

    let thread = std::thread::spawn(|| assert_not_a_child(Child::adopt(gettid())));
    thread.join().unwrap();

    let (mut hear, tell) = pipe().unwrap();
    let parent = Child::fork(move || {
        let grandchild = Child::fork(pause_for_ever).unwrap();
        let pid = grandchild.pid().as_raw().to_ne_bytes();
        std::io::Write::write_all(&mut &tell, &pid).unwrap();
        // Until somebody ends this process, its child must not end either.
        std::mem::forget(grandchild);
        pause_for_ever()
    })
    .unwrap();
    let mut pid = [0; 4];
    hear.read_exact(&mut pid).unwrap();
    let grandchild = Pid::from_raw(i32::from_ne_bytes(pid));
    assert_not_a_child(Child::adopt(grandchild));

    // Now that this process takes orphans over, the same process becomes its child.
    become_subreaper().unwrap();
    drop(parent);
    let mut orphan = Child::adopt(grandchild).unwrap();
    orphan.kill(Signal::SIGKILL).unwrap();
    assert_eq!(orphan.wait().unwrap(), KILLED);
}

fn a_child_of_the_standard_library_is_adopted() {
    let spawned = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    let pid = Pid::from_raw(i32::try_from(spawned.id()).unwrap());
    drop(spawned);
    let mut child = Child::adopt(pid).unwrap();
    assert_eq!(child.try_wait().unwrap(), None);
    child.kill(Signal::SIGKILL).unwrap();
    assert_eq!(child.wait().unwrap(), KILLED);
}

fn adopting_a_zombie_takes_nothing_from_it() {
    let pid = fork::fork(|| 7).unwrap();
    waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT).unwrap();
    let mut child = Child::adopt(pid).unwrap();
    assert_eq!(child.wait().unwrap(), ExitStatus::Exited(7));
}

fn any_thread_may_wait() {
    let mut child = Child::fork(|| 6).unwrap();
    let other = Child::fork(pause_for_ever).unwrap();
    let status = std::thread::spawn(move || {
        drop(other);
        child.wait()
    });
    assert_eq!(status.join().unwrap().unwrap(), ExitStatus::Exited(6));

    // The child of one thread, reaped by another.
    let spawned =
        std::thread::spawn(|| std::process::Command::new("sh").args(["-c", "exit 7"]).spawn());
    let pid = i32::try_from(spawned.join().unwrap().unwrap().id()).unwrap();
    let mut child = Child::adopt(Pid::from_raw(pid)).unwrap();
    assert_eq!(child.wait().unwrap(), ExitStatus::Exited(7));
}

fn a_subreaper_finds_and_adopts_orphans() {
    become_subreaper().unwrap();
    assert_eq!(children().unwrap(), []);
    let mut parent = Child::fork(|| {
        for _ in 0..3 {
            fork::fork(pause_for_ever).unwrap();
        }
        0
    })
    .unwrap();
    assert_eq!(parent.wait().unwrap(), ExitStatus::Exited(0));
    let orphans = children().unwrap();
    assert_eq!(orphans.len(), 3);
    for pid in orphans {
        drop(Child::adopt(pid).unwrap());
    }
    assert_eq!(children().unwrap(), []);
}

fn reaped_by_somebody_else() {
    let mut child = Child::fork(|| 0).unwrap();
    waitpid(None, None).unwrap();
    assert_not_a_child(child.try_wait());
    assert_not_a_child(child.wait_timeout(std::time::Duration::MAX));
    assert_not_a_child(child.wait());
    child.kill(Signal::SIGKILL).unwrap();
}

/// With SIGCHLD ignored, or with SA_NOCLDWAIT, a child becomes no zombie and nobody learns how it ended.
fn reaped_by_the_kernel() {
    let kinds =
        [(SigHandler::SigIgn, SaFlags::empty()), (SigHandler::SigDfl, SaFlags::SA_NOCLDWAIT)];
    for (handler, flags) in kinds {
        let action = SigAction::new(handler, flags, SigSet::empty());
        // SAFETY: no function of this program becomes a handler.
        unsafe { sigaction(Signal::SIGCHLD, &action) }.unwrap();

        for _ in 0..50 {
            // Each has a pidfd, however fast it ends.
            assert_not_a_child(Child::fork(|| 0).unwrap().wait());
        }
        let mut child = Child::fork(pause_for_ever).unwrap();
        assert_eq!(child.try_wait().unwrap(), None);
        child.kill(Signal::SIGKILL).unwrap();
        assert_not_a_child(child.wait());
        child.kill(Signal::SIGKILL).unwrap();
        assert_not_a_child(child.wait());
        assert_not_a_child(Child::adopt(child.pid()));
        drop(Child::fork(pause_for_ever).unwrap());
    }
}

/// A process that became another user's may not be killed, so dropping its `Child` must not wait for its end.
fn another_users_process_is_left_alone() {
    const NOBODY: u32 = 65534;
    let (mut gate, bar) = pipe().unwrap();
    let mut bar = Some(bar);
    let child = Child::fork(|| {
        drop(bar.take());
        gate.read_to_end(&mut Vec::new()).map_or(1, |_| 8)
    })
    .unwrap();
    let pid = child.pid();
    // The saved user id stays root's, which is the way back and no way to kill.
    if setresuid(NOBODY.into(), NOBODY.into(), 0.into()).is_err() {
        // An ordinary user can become no other one, so this promise is tested only by root.
        return;
    }
    let refused = child.kill(Signal::SIGKILL);
    assert!(
        matches!(&refused, Err(ChildError::Os { source, .. })
            if source.raw_os_error() == Some(libc::EPERM)),
        "{refused:?}"
    );
    drop(child);
    setresuid(0.into(), 0.into(), 0.into()).unwrap();
    let mut child = Child::adopt(pid).unwrap();
    assert_eq!(child.try_wait().unwrap(), None);
    drop(bar.take());
    assert_eq!(child.wait().unwrap(), ExitStatus::Exited(8));
}
