//! Which descriptors a worker has, and which pile up nowhere.

use crate::play::{ask, field, nothing, start};
use crate::{launcher, with_each_method};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use start::{Launcher, StartMethod};
use std::fs::{self, File};
use std::os::fd::{AsFd, OwnedFd};
use wait::ExitStatus;

/// An open file without close-on-exec, as a careless library makes it.
fn leaky(path: &str) -> OwnedFd {
    let file = File::open(path).unwrap();
    fcntl(&file, FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
    file.into()
}

/// The targets of a worker's descriptors but the first three and the pipe that it was given.
fn others(launcher: &mut Launcher) -> Vec<String> {
    let report = ask(launcher, "report");
    field(&report, "descriptors")
        .split(' ')
        .filter_map(|descriptor| descriptor.split_once('='))
        .filter(|(number, _)| number.parse::<i32>().unwrap() > 2)
        .map(|(_, target)| target.to_owned())
        .filter(|target| !target.starts_with("pipe:"))
        .collect()
}

pub(crate) fn nothing_of_the_program() {
    let before = leaky("/proc/self/stat");
    for method in [StartMethod::Spawn, StartMethod::Forkserver] {
        let mut launcher = launcher(method);
        let after = leaky("/proc/self/maps");
        let (_sibling, _reader) = start(&mut launcher, "wait");
        for _ in 0..2 {
            assert_eq!(others(&mut launcher), Vec::<String>::new(), "{method}");
        }
        // One pipe end: its own and not the sibling's.
        let report = ask(&mut launcher, "report");
        let pipes = field(&report, "descriptors").split(' ').skip(3);
        assert_eq!(pipes.filter(|d| d.contains("pipe:")).count(), 1, "{report}");
        drop(after);
    }
    drop(before);
}

pub(crate) fn fork_keeps_what_was_open() {
    let before = leaky("/proc/self/cmdline");
    let mut launcher = launcher(StartMethod::Fork);
    let after = leaky("/proc/self/maps");
    let (_sibling, _reader) = start(&mut launcher, "wait");
    for _ in 0..2 {
        let others = others(&mut launcher);
        assert_eq!(others.len(), 1, "{others:?}");
        assert!(others[0].ends_with("/cmdline"), "{others:?}");
        let report = ask(&mut launcher, "report");
        let pipes = field(&report, "descriptors").split(' ').skip(3);
        assert_eq!(pipes.filter(|d| d.contains("pipe:")).count(), 1, "{report}");
    }
    drop((before, after));
}

fn sockets_and_pidfds(pid: i32) -> Vec<String> {
    let folder = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    folder
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .map(|target| target.display().to_string())
        .filter(|target| target.starts_with("socket:") || target.contains("pidfd"))
        .collect()
}

pub(crate) fn templates_know_no_other_launcher() {
    let mut first = launcher(StartMethod::Fork);
    let mut second = launcher(StartMethod::Forkserver);
    let mut third = launcher(StartMethod::Fork);
    // A template that answers has closed what it does not need: it has its own socket.
    let check = |launcher: &mut Launcher| {
        ask(launcher, "write ready");
        let found = sockets_and_pidfds(launcher.template_pid().unwrap().as_raw());
        assert_eq!(found.len(), 1, "{launcher:?}: {found:?}");
    };
    check(&mut first);
    check(&mut second);
    check(&mut third);
    drop(second);
    check(&mut launcher(StartMethod::Fork));
}

pub(crate) fn nothing_piles_up() {
    with_each_method(|launcher| {
        let lent = nothing();
        let mut start_many = |count: usize| {
            for _ in 0..count {
                let mut child = launcher.start(&[lent.as_fd(); 20], b"exit 0").unwrap();
                assert_eq!(child.wait().unwrap(), ExitStatus::Exited(0));
            }
            let pids = launcher.template_pid().map(|pid| pid.as_raw());
            [Some(std::process::id() as i32), pids].map(|pid| {
                pid.map(|pid| std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count())
            })
        };
        let once = start_many(1);
        assert_eq!(start_many(40), once);
    });
}

pub(crate) fn standard_ones_closed() {
    let saved: Vec<OwnedFd> = [0, 1, 2]
        .map(|number| {
            // SAFETY: the standard descriptors are open, and stay so until they are closed below.
            let lent = unsafe { std::os::fd::BorrowedFd::borrow_raw(number) };
            nix::fcntl::fcntl(lent, FcntlArg::F_DUPFD_CLOEXEC(10)).unwrap()
        })
        .map(|number| {
            // SAFETY: the number is that of the copy that was just made.
            unsafe { std::os::fd::FromRawFd::from_raw_fd(number) }
        })
        .into();
    for number in 0..3 {
        nix::unistd::close(number).unwrap();
    }
    let reports: Vec<String> = crate::METHODS
        .into_iter()
        .map(|method| {
            let mut launcher = launcher(method);
            // What the program has there now: nothing of the launcher's.
            let own = (0..3).map(|number| fs::read_link(format!("/proc/self/fd/{number}")));
            let own: Vec<_> =
                own.filter_map(|link| Some(link.ok()?.display().to_string())).collect();
            let report = ask(&mut launcher, "report");
            format!("{} {report}", own.join(" "))
        })
        .collect();
    for (number, saved) in saved.iter().enumerate() {
        match number {
            0 => nix::unistd::dup2_stdin(saved),
            1 => nix::unistd::dup2_stdout(saved),
            _ => nix::unistd::dup2_stderr(saved),
        }
        .unwrap();
    }
    for report in reports {
        assert!(report.starts_with("/dev/null /dev/null /dev/null "), "{report}");
        let descriptors: Vec<&str> = field(&report, "descriptors").split(' ').collect();
        assert_eq!(descriptors[0], "0=/dev/null", "{report}");
        let pipe = descriptors.iter().find(|descriptor| descriptor.contains("pipe:")).unwrap();
        let (number, _) = pipe.split_once('=').unwrap();
        assert!(number.parse::<i32>().unwrap() > 2, "{report}");
    }
}
