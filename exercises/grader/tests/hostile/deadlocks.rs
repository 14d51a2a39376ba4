//! Programs in which nothing goes on, or which leave something, and whether the true cause is named.

use grader::Code;

use crate::cases::{diagnosis, gets, program};

pub(crate) fn self_held() {
    let text = gets(&program("self-held"), Code::SelfHeldWriteEnd);
    assert!(text.contains("<- the reader itself"), "{text}");
}

pub(crate) fn other_held() {
    let text = gets(&program("other-held"), Code::OtherHeldWriteEnd);
    assert!(text.contains("which sleeps until a signal comes"), "{text}");
}

pub(crate) fn full_pipes() {
    let text = gets(&program("full-pipes"), Code::FullPipeCycle);
    assert!(text.contains("sleeps in write(fd"), "{text}");
}

pub(crate) fn wait_before_reading() {
    let text = gets(&program("wait-before-reading"), Code::FullPipeCycle);
    assert!(text.contains("waits for process"), "{text}");
}

pub(crate) fn wait_cycle() {
    let text = gets(&program("wait-cycle"), Code::WaitCycle);
    assert!(text.matches("whose write end is held by").count() == 2, "{text}");
}

pub(crate) fn lock_without_owner() {
    let text = gets(&program("lock-without-owner"), Code::ForkWithThreads);
    assert!(text.contains("has no other thread"), "{text}");
}

pub(crate) fn private_futex() {
    let text = gets(&program("private-futex"), Code::PrivateFutex);
    assert!(text.contains("which is shared memory"), "{text}");
    assert!(text.contains("the same word is mapped by"), "{text}");
}

pub(crate) fn lost_wake_up() {
    let text = gets(&program("lost-wake-up"), Code::LostWakeup);
    assert!(text.contains("it was 0 for the sleep, and is 1 now"), "{text}");
    assert!(text.contains("waits for process"), "{text}");
}

/// What keeps this process asleep is not known from its word.
pub(crate) fn nobody_changes_the_word() {
    gets(&program("never-changed"), Code::Stuck);
}

pub(crate) fn poll_on_held_end() {
    gets(&program("poll-held"), Code::SelfHeldWriteEnd);
}

/// Nobody but root may look into such a process.
pub(crate) fn undumpable() {
    let found = diagnosis(&program("undumpable").deadline_s(2));
    let text = found.to_string();
    if nix::unistd::geteuid().is_root() {
        assert_eq!(found.code(), Code::SelfHeldWriteEnd, "{text}");
    } else {
        assert_eq!(found.code(), Code::TooSlow, "{text}");
        assert!(text.contains("could not be read: /proc/"), "{text}");
        assert!(text.contains("Permission denied"), "{text}");
    }
}

/// Several graders at the same time, each with a program that cannot go on.
pub(crate) fn many_at_once() {
    const GRADERS: usize = 8;
    let graders: Vec<i32> = (0..GRADERS)
        .map(|_| {
            // SAFETY: this process has one thread.
            let pid = unsafe { libc::fork() };
            if pid == 0 {
                let is_right =
                    diagnosis(&program("other-held")).code() == Code::OtherHeldWriteEnd;
                // SAFETY: _exit ends the process at once.
                unsafe { libc::_exit(i32::from(!is_right)) };
            }
            pid
        })
        .collect();
    let mut statuses = Vec::new();
    for grader in graders {
        let mut status = 0;
        // SAFETY: the status is written to a local variable.
        unsafe { libc::waitpid(grader, &mut status, 0) };
        statuses.push(status);
    }
    assert_eq!(statuses, vec![0; GRADERS]);
}

pub(crate) fn child_in_parents_code() {
    gets(&program("child-in-parents-code"), Code::ChildRanParentCode);
}

pub(crate) fn leftovers_at_the_end() {
    let text = gets(&program("leak-descriptor"), Code::LeakedFd);
    assert!(text.contains("fd 3 -> /dev/null"), "{text}");
    gets(&program("leave-zombie"), Code::Zombie);
    gets(&program("leave-orphan"), Code::Orphan);
    let text = gets(&program("close-too-much"), Code::WrongAnswer);
    assert!(text.contains("closed descriptor 0"), "{text}");
    program("leave-orphan").allow(Code::Orphan).run().unwrap_or_else(|found| panic!("{found}"));
}
