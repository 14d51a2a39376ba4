//! What is left when a child cannot be made: nothing.

use crate::{Case, pause_for_ever};
use fork::ForkError;
use nix::sys::prctl::{set_dumpable, set_no_new_privs};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::wait::{WaitStatus, waitpid};
use std::fs::File;
use std::io::{Read, Write, pipe};
use std::os::fd::AsRawFd;
use wait::{Child, ChildError, ExitStatus, Signal, become_subreaper};

pub(crate) const CASES: &[Case] = &[
    ("a_program_with_threads_is_refused", a_program_with_threads_is_refused),
    ("no_descriptor_left", no_descriptor_left),
    ("no_pidfd_from_the_kernel", no_pidfd_from_the_kernel),
    ("a_parent_killed_before_it_owns_its_child", a_parent_killed_before_it_owns_its_child),
    ("many_children_at_once", many_children_at_once),
];

fn a_program_with_threads_is_refused() {
    let (hear, tell) = pipe().unwrap();
    let thread = std::thread::spawn(move || {
        let mut hear = hear;
        hear.read_to_end(&mut Vec::new())
    });
    let refused = Child::fork(|| 0);
    assert!(matches!(refused, Err(ChildError::Fork(ForkError::Threads { .. }))), "{refused:?}");
    drop(tell);
    thread.join().unwrap().unwrap();
}

/// Forks with room for exactly so many descriptors; says whether the child was made and whether it ran.
fn fork_with_spare(spare: usize) -> (Result<ExitStatus, ChildError>, bool) {
    let (mut hear, tell) = pipe().unwrap();
    let taken: Vec<File> = (0..spare).map(|_| File::open("/dev/null").unwrap()).collect();
    let next = taken.last().map_or_else(lowest_free, |file| file.as_raw_fd() + 1);
    drop(taken);
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, u64::try_from(next).unwrap(), hard).unwrap();
    let result = Child::fork(|| (&tell).write_all(b"ran").map_or(1, |()| 9))
        .and_then(|mut child| child.wait());
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
    drop(tell);
    let mut said = String::new();
    hear.read_to_string(&mut said).unwrap();
    (result, said == "ran")
}

fn lowest_free() -> i32 {
    File::open("/dev/null").unwrap().as_raw_fd()
}

fn no_descriptor_left() {
    let mut refusals = 0;
    for spare in 0..6 {
        match fork_with_spare(spare) {
            (Ok(status), ran) => assert!(ran && status == ExitStatus::Exited(9), "{spare}"),
            (Err(error), ran) => {
                assert!(!ran, "with room for {spare}: {error}, and yet the child ran");
                assert!(error.to_string().contains("os error 24"), "{error}");
                refusals += 1;
            }
        }
    }
    assert!((1..6).contains(&refusals), "{refusals} refusals");
}

/// The descriptor can be refused when the process exists already: the machine has a limit of its own (ENFILE).
fn no_pidfd_from_the_kernel() {
    answer_pidfd_open(libc::SECCOMP_RET_ERRNO | libc::ENFILE as u32);
    let (mut hear, tell) = pipe().unwrap();
    let refused = Child::fork(|| (&tell).write_all(b"ran").map_or(1, |()| pause_for_ever()));
    let text = refused.expect_err("pidfd_open is refused").to_string();
    assert!(text.contains("pidfd_open") && text.contains("os error 23"), "{text}");
    drop(tell);
    let mut said = String::new();
    hear.read_to_string(&mut said).unwrap();
    assert_eq!(said, "", "the child ran");
}

/// The parent can be killed when the process exists already. Nobody owns that process, so it must not run.
fn a_parent_killed_before_it_owns_its_child() {
    become_subreaper().unwrap();
    let (mut hear, tell) = pipe().unwrap();
    let mut parent = Child::fork(|| {
        // Otherwise this death may write a core file.
        set_dumpable(false).unwrap();
        answer_pidfd_open(libc::SECCOMP_RET_KILL_PROCESS);
        let survived = Child::fork(|| (&tell).write_all(b"ran").map_or(1, |()| 0));
        i32::from(survived.is_ok())
    })
    .unwrap();
    drop(tell);
    let end = parent.wait().unwrap();
    assert_eq!(end.signal(), Some(Signal::SIGSYS as i32), "{end}");
    let mut said = String::new();
    hear.read_to_string(&mut said).unwrap();
    assert_eq!(said, "", "the orphan ran");
    let orphan = waitpid(None, None).unwrap();
    assert!(matches!(orphan, WaitStatus::Exited(_, 125)), "{orphan:?}");
}

/// From now on the kernel gives `answer` to `pidfd_open` in this process and its children (man 2 seccomp).
fn answer_pidfd_open(answer: u32) {
    let number = u32::try_from(libc::SYS_pidfd_open).unwrap();
    let step = |code: u32, jt: u8, jf: u8, k: u32| libc::sock_filter {
        code: u16::try_from(code).unwrap(),
        jt,
        jf,
        k,
    };
    let mut filter = [
        // The number of the system call is the first word of what a filter sees.
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, number),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, answer),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: 4, filter: filter.as_mut_ptr() };
    set_no_new_privs().unwrap();
    let mode = libc::c_ulong::from(libc::SECCOMP_MODE_FILTER);
    // SAFETY: `program` and the filter that it points to live until the call has returned; the kernel copies them.
    let set = unsafe { libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const program) };
    assert_eq!(set, 0, "seccomp filters are not available");
}

fn many_children_at_once() {
    let mut children: Vec<Child> =
        (0..50).map(|code| Child::fork(move || code).unwrap()).collect();
    for (code, child) in (0..50).zip(children.iter_mut()).rev() {
        assert_eq!(child.wait().unwrap(), ExitStatus::Exited(code));
    }
    drop(children);
    let sleepers: Vec<Child> = (0..50).map(|_| Child::fork(pause_for_ever).unwrap()).collect();
    drop(sleepers);
}
