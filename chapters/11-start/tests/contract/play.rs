//! What the workers of the cases do: the first word of the note says it.

use crate::launcher;
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use start::{Kit, Launcher, StartMethod};
use std::fs::File;
use std::io::{PipeReader, Read, Write, pipe};
use std::os::fd::{AsFd, OwnedFd};
use wait::{Child, ExitStatus};

pub(crate) fn worker(kit: Kit) -> i32 {
    let note = String::from_utf8(kit.note).expect("the cases' notes are text");
    let mut out: Vec<File> = kit.descriptors.into_iter().map(File::from).collect();
    let (word, rest) = note.split_once(' ').unwrap_or((&note, ""));
    match word {
        "exit" => rest.parse().expect("a number"),
        "process-exit" => std::process::exit(rest.parse().expect("a number")),
        "panic" => panic!("as the case wants it"),
        "abort" => std::process::abort(),
        "wait" => loop {
            nix::unistd::pause();
        },
        "spin" => loop {
            std::hint::spin_loop();
        },
        // Until the first descriptor, a pipe's read end, comes to its end.
        "until-end" => out[0].read_to_end(&mut Vec::new()).map_or(1, |_| 0),
        "write" => say(&mut out[0], rest),
        "write-and-wait" => {
            say(&mut out[0], rest);
            loop {
                nix::unistd::pause();
            }
        }
        "write-each" => {
            for (nth, file) in out.iter_mut().enumerate() {
                say(file, &format!("{nth} {}", rest.len()));
            }
            0
        }
        "report" => say(&mut out[0], &report()),
        "environment" => {
            let own: String =
                std::env::vars().map(|(name, value)| format!("{name}={value}\n")).collect();
            let child = std::process::Command::new("env").output().expect("env runs");
            say(&mut out[0], &(own + "--\n" + &String::from_utf8_lossy(&child.stdout)))
        }
        "thread-record" => say(&mut out[0], &crate::begin::owner_of_a_locked_mutex()),
        "nested" => {
            for method in [StartMethod::Fork, StartMethod::Spawn, StartMethod::Forkserver] {
                let said = ask(&mut launcher(method), "write from below");
                say(&mut out[0], &format!("{method}: {said}\n"));
            }
            0
        }
        other => panic!("no worker knows {other:?}"),
    }
}

fn say(file: &mut File, text: &str) -> i32 {
    file.write_all(text.as_bytes()).expect("the case reads");
    0
}

/// Starts a worker with the write end of a pipe and this note.
pub(crate) fn start(launcher: &mut Launcher, note: &str) -> (Child, PipeReader) {
    let (reader, writer) = pipe().unwrap();
    let child = launcher.start(&[writer.as_fd()], note.as_bytes()).unwrap();
    (child, reader)
}

/// What a worker with this note says; it must end with code 0.
pub(crate) fn ask(launcher: &mut Launcher, note: &str) -> String {
    let (mut child, mut reader) = start(launcher, note);
    let mut said = String::new();
    reader.read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap(), ExitStatus::Exited(0), "{said}");
    said
}

/// The state in which a worker's main began.
fn report() -> String {
    let me = process::Snapshot::this().expect("/proc is mounted");
    let mut mask = SigSet::empty();
    nix::sys::signal::sigprocmask(SigmaskHow::SIG_BLOCK, None, Some(&mut mask)).unwrap();
    let blocked: Vec<Signal> = mask.iter().collect();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let field = |name: &str| {
        status.lines().find_map(|line| line.strip_prefix(name)).map_or("", str::trim).to_owned()
    };
    let targets: Vec<String> = me
        .descriptors
        .iter()
        .map(|descriptor| {
            let link = std::fs::read_link(format!("/proc/self/fd/{}", descriptor.fd)).unwrap();
            format!("{}={}", descriptor.fd, link.display())
        })
        .collect();
    format!(
        "name {}\nparent {}\nleads {}\nthreads {}\nblocked {blocked:?}\nmask {}\nignored {}\ncaught {}\npending \
         {}\ndescriptors {}\n",
        me.name,
        me.parent,
        nix::unistd::getpgrp() == nix::unistd::getpid(),
        me.threads.len(),
        field("SigBlk:"),
        field("SigIgn:"),
        field("SigCgt:"),
        field("SigPnd:"),
        targets.join(" "),
    )
}

/// The value behind `name` in a report.
pub(crate) fn field<'a>(report: &'a str, name: &str) -> &'a str {
    report
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
        .unwrap_or_else(|| panic!("no {name} in {report}"))
}

/// A write end that nobody reads, for workers that need none.
pub(crate) fn nothing() -> OwnedFd {
    File::open("/dev/null").unwrap().into()
}
