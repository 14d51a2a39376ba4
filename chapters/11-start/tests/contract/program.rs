//! This program in another part: without `init`, with somebody else's mark, or to be killed.

use crate::{METHODS, launcher, play};
use start::{Launcher, StartError, StartMethod};
use std::process::ExitCode;
use wait::{Child, ExitStatus};

/// The first argument of a process that plays a part; the second is the part.
const PART: &str = "--part";

/// Whether this process is the case that needs a program without `init`.
pub(crate) fn is_the_one_without_init() -> bool {
    std::env::args().nth(2).as_deref() == Some("without_init_nobody_is_started")
}

pub(crate) fn play() -> Option<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() != Some(PART) {
        return None;
    }
    match arguments.next().as_deref() {
        Some("main") => {
            let is_gone = std::env::var_os("START_BIRTH").is_none();
            Some(if is_gone { ExitCode::from(42) } else { ExitCode::from(1) })
        }
        Some("start-for-ever") => {
            let nth: usize = arguments.next().and_then(|nth| nth.parse().ok()).unwrap_or(0);
            let mut launcher = launcher(METHODS[nth]);
            let mut kept: Vec<Child> = Vec::new();
            loop {
                kept.push(launcher.start(&[], b"spin").expect("it starts"));
                kept.push(launcher.start(&[], b"wait").expect("it starts"));
                if kept.len() > 4 {
                    kept.clear();
                }
            }
        }
        _ => None,
    }
}

/// This program, to play a part.
pub(crate) fn part(words: &[&str]) -> exec::Command {
    exec::Command::this_program().arg(PART).args(words)
}

pub(crate) fn without_init() {
    assert!(!start::is_initialized());
    for result in [Launcher::spawn("worker"), Launcher::forkserver("worker")] {
        assert!(matches!(result, Err(StartError::NotInitialized)), "{result:?}");
    }
    contract::assert_no_children();
    assert_eq!(play::ask(&mut launcher(StartMethod::Fork), "write here"), "here");
}

pub(crate) fn strange_mark() {
    assert!(start::is_initialized());
    for value in ["", "abc", "xyz", "ffffffffffffffff", "-1"] {
        let mut child = part(&["main"]).env("START_BIRTH", value).spawn().unwrap();
        assert_eq!(child.wait().unwrap(), ExitStatus::Exited(42), "{value:?}");
        // A stranger's socket under the number, with and without a message.
        for message in [&b""[..], b"start/1\n and so on"] {
            let (ours, theirs) = shared::passing::socket_pair().unwrap();
            if !message.is_empty() {
                shared::passing::send(std::os::fd::AsFd::as_fd(&ours), message, &[]).unwrap();
            }
            let command = part(&["main"]).env("START_BIRTH", value).fd(3, theirs);
            let mut child = command.spawn().unwrap();
            assert_eq!(child.wait().unwrap(), ExitStatus::Exited(42), "{value:?}");
            drop(ours);
        }
    }
}
