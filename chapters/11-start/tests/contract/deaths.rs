//! Who dies when: nobody is left, and nobody is lost.

use crate::play::{ask, start};
use crate::program::part;
use crate::{METHODS, launcher, with_each_method};
use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, kill, sigaction};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use start::{StartError, StartMethod};
use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use wait::ExitStatus;

const WITH_TEMPLATE: [StartMethod; 2] = [StartMethod::Fork, StartMethod::Forkserver];
const DEADLINE: Duration = Duration::from_secs(60);

/// Looks at the clock and does not sleep, to come back within a microsecond.
fn spin(time: Duration) {
    let begin = Instant::now();
    while begin.elapsed() < time {
        std::hint::spin_loop();
    }
}

#[track_caller]
fn assert_killed(error: StartError) {
    let killed = Some(ExitStatus::Signaled { signal: libc::SIGKILL, core_dumped: false });
    assert!(
        matches!(error, StartError::TemplateDied { status } if status == killed),
        "{error}"
    );
}

pub(crate) fn template_died() {
    for method in WITH_TEMPLATE {
        contract::leaving_nothing(|| {
            let mut launcher = launcher(method);
            let (mut worker, mut reader) = start(&mut launcher, "wait");
            let template = launcher.template_pid().unwrap();
            kill(template, Signal::SIGKILL).unwrap();
            // The pidfd says so.
            let event = nix::poll::PollFd::new(
                launcher.template().unwrap(),
                nix::poll::PollFlags::POLLIN,
            );
            assert_eq!(nix::poll::poll(&mut [event], 60_000_u16).unwrap(), 1);
            for _ in 0..2 {
                assert_killed(launcher.start(&[], b"exit 0").expect_err("nobody forks"));
            }
            // The worker is nobody's but the program's.
            assert_eq!(worker.try_wait().unwrap(), None);
            worker.kill(Signal::SIGTERM).unwrap();
            assert_eq!(worker.wait().unwrap().signal(), Some(libc::SIGTERM));
            assert_eq!(reader.read(&mut [0]).unwrap(), 0);
        });
    }
}

/// A second process kills the template while this one starts workers. Each call gives a worker that does what it
/// should or the error, and there is nobody besides.
pub(crate) fn template_killed_at_any_instant() {
    for method in WITH_TEMPLATE {
        let mut in_the_middle = 0;
        for round in 0..120_u64 {
            contract::leaving_nothing(|| {
                let mut launcher = launcher(method);
                // So that the delay counts from when the template is ready.
                ask(&mut launcher, "write ready");
                let template = launcher.template_pid().unwrap();
                let mut killer = wait::Child::fork(|| {
                    spin(Duration::from_micros(round * 13 % 1200));
                    kill(template, Signal::SIGKILL).map_or(1, |()| 0)
                })
                .unwrap();
                let mut workers = Vec::new();
                let error = loop {
                    match launcher.start(&[], b"wait") {
                        Ok(worker) => workers.push(worker),
                        Err(error) => break error,
                    }
                };
                assert_killed(error);
                in_the_middle += usize::from(!workers.is_empty());
                killer.wait().unwrap();
                let known: Vec<Pid> = workers.iter().map(|worker| worker.pid()).collect();
                let children = wait::children().unwrap();
                assert!(
                    children.iter().all(|pid| known.contains(pid)),
                    "{children:?} {known:?}"
                );
                drop(workers);
            });
        }
        assert!(in_the_middle > 0, "the template was always killed before it forked");
    }
}

/// Another thread kills every child that it sees, from the first instant that it can be seen.
pub(crate) fn worker_killed_at_any_instant() {
    for method in METHODS {
        let mut launcher = launcher(method);
        ask(&mut launcher, "write ready");
        let template = launcher.template_pid();
        let done = AtomicBool::new(false);
        // By process id, as a stranger does: whoever it hits is a child of this process, or a zombie of one.
        let kill_all = || {
            let mut killed = 0;
            while !done.load(Ordering::Relaxed) {
                for pid in wait::children().unwrap_or_default() {
                    if Some(pid) != template && kill(pid, Signal::SIGKILL).is_ok() {
                        killed += 1;
                    }
                }
            }
            killed
        };
        let killed = std::thread::scope(|scope| {
            let killer = scope.spawn(kill_all);
            for _ in 0..150 {
                let mut worker = launcher.start(&[], b"wait").unwrap();
                assert_eq!(worker.wait().unwrap().signal(), Some(libc::SIGKILL), "{method}");
            }
            done.store(true, Ordering::Relaxed);
            killer.join().unwrap()
        });
        assert!(killed >= 150, "{killed}");
    }
}

/// Kills a program that starts workers, and waits until all that it started have ended by themselves.
pub(crate) fn program_killed_at_any_instant() {
    // Orphans come to this process, so none can hide.
    wait::become_subreaper().unwrap();
    for nth in 0..METHODS.len() {
        for round in 0..40_u64 {
            let mut program = part(&["start-for-ever", &nth.to_string()]).spawn().unwrap();
            spin(Duration::from_micros(round * round * 7));
            program.kill(Signal::SIGKILL).unwrap();
            assert_eq!(program.wait().unwrap().signal(), Some(libc::SIGKILL));
            let begin = Instant::now();
            loop {
                match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                    Err(Errno::ECHILD) => break,
                    Ok(WaitStatus::StillAlive) => {
                        assert!(begin.elapsed() < DEADLINE, "left: {:?}", wait::children());
                        std::thread::yield_now();
                    }
                    Ok(_) => {}
                    Err(errno) => panic!("{errno}"),
                }
            }
        }
    }
}

pub(crate) fn stopped_template() {
    for method in WITH_TEMPLATE {
        contract::leaving_nothing(|| {
            let mut launcher = launcher(method);
            ask(&mut launcher, "write ready");
            let template = launcher.template_pid().unwrap();
            kill(template, Signal::SIGSTOP).unwrap();
            let mut killer = wait::Child::fork(|| {
                spin(Duration::from_millis(20));
                kill(template, Signal::SIGKILL).map_or(1, |()| 0)
            })
            .unwrap();
            assert_killed(launcher.start(&[], b"wait").expect_err("a stopped template"));
            killer.wait().unwrap();
        });
    }
}

/// Nobody continues or kills it: the start has a limit, after which the template is gone.
pub(crate) fn stopped_template_and_a_time_limit() {
    let limit = Duration::from_millis(50);
    for method in WITH_TEMPLATE {
        contract::leaving_nothing(|| {
            let mut launcher = launcher(method);
            // With time left it is a start like any other.
            let mut child = launcher.start_within(&[], b"exit 3", DEADLINE).unwrap();
            assert_eq!(child.wait().unwrap(), ExitStatus::Exited(3));
            let template = launcher.template_pid().unwrap();
            kill(template, Signal::SIGSTOP).unwrap();
            match launcher.start_within(&[], b"wait", limit) {
                Err(StartError::Timeout { after }) => assert!(after >= limit, "{after:?}"),
                other => panic!("{method}: {other:?}"),
            }
            // No answer that comes late can be taken for that of another start.
            assert_killed(launcher.start_within(&[], b"wait", DEADLINE).expect_err("killed"));
            assert_killed(launcher.start(&[], b"wait").expect_err("killed"));
        });
    }
}

pub(crate) fn workers_outlive_the_launcher() {
    for method in METHODS {
        let mut launcher = launcher(method);
        let (reader, writer) = std::io::pipe().unwrap();
        let mut worker =
            launcher.start(&[std::os::fd::AsFd::as_fd(&reader)], b"until-end").unwrap();
        drop((launcher, reader));
        assert_eq!(worker.try_wait().unwrap(), None);
        drop(writer);
        assert_eq!(worker.wait().unwrap(), ExitStatus::Exited(0), "{method}");
    }
}

/// The kernel reaps for such a program, so it learns of no status; but workers are started.
pub(crate) fn ignored_sigchld() {
    let action = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    // SAFETY: no function of this program becomes a handler.
    unsafe { sigaction(Signal::SIGCHLD, &action) }.unwrap();
    with_each_method(|launcher| {
        let (worker, mut reader) = start(launcher, "wait");
        worker.kill(Signal::SIGKILL).unwrap();
        assert_eq!(reader.read(&mut [0]).unwrap(), 0);
        drop(worker);
    });
    contract::assert_no_children();
    with_each_method(|_| {});
}
