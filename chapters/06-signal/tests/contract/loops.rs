//! What only a loop in a process of its own can be asked.

use crate::{Case, pause_for_ever};
use process::{Snapshot, State};
use signal::{EventLoop, Signal, Signals, Timer, Waker};
use std::collections::BTreeSet;
use std::io::{Read, Write, pipe};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};
use wait::{Child, ExitStatus};

pub(crate) const CASES: &[Case] = &[
    ("it_hears_of_every_death", it_hears_of_every_death),
    ("an_interruption_does_not_end_a_wait", an_interruption_does_not_end_a_wait),
    ("nothing_survives_an_exec", nothing_survives_an_exec),
];

const DEADLINE: Option<Duration> = Some(Duration::from_secs(60));

fn it_hears_of_every_death() {
    let mut events = EventLoop::new().unwrap();
    let mut children: Vec<Child> =
        (0..5).map(|_| Child::fork(pause_for_ever).unwrap()).collect();
    let tokens: Vec<_> = children
        .iter()
        .enumerate()
        .map(|(key, child)| events.add(child, key).unwrap())
        .collect();
    assert!(events.wait(Some(Duration::ZERO)).unwrap().is_empty());
    for key in [3, 0, 4, 1, 2] {
        children[key].kill(Signal::SIGKILL).unwrap();
        let heard = events.wait(DEADLINE).unwrap();
        assert!(heard.len() == 1 && heard[0].key == key && heard[0].readable, "{heard:?}");
        children[key].wait().unwrap();
        events.remove(tokens[key], &children[key]).unwrap();
    }
    assert!(events.wait(Some(Duration::ZERO)).unwrap().is_empty());
}

/// Being stopped and continued interrupts `epoll_wait` with EINTR, even without a handler (man 7 signal).
fn an_interruption_does_not_end_a_wait() {
    let (mut ready, mut tell) = pipe().unwrap();
    let timeout = Duration::from_secs(2);
    let mut child = Child::fork(|| {
        let mut events = EventLoop::<()>::new().unwrap();
        tell.write_all(&[0]).unwrap();
        let start = Instant::now();
        let heard = events.wait(Some(timeout));
        i32::from(!heard.is_ok_and(|heard| heard.is_empty()) || start.elapsed() < timeout)
    })
    .unwrap();
    ready.read_exact(&mut [0]).unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    for (signal, state) in [
        (None, State::Sleeping),
        (Some(Signal::SIGSTOP), State::Stopped),
        (Some(Signal::SIGCONT), State::Sleeping),
    ] {
        signal.into_iter().for_each(|signal| child.kill(signal).unwrap());
        // A machine so slow that the child has ended meanwhile has shown nothing, and nothing wrong.
        while ![state, State::Zombie]
            .contains(&Snapshot::of(child.pid().as_raw()).unwrap().state)
        {
            assert!(Instant::now() < deadline, "not {state}");
            sleep(Duration::from_millis(1));
        }
    }
    assert_eq!(child.wait().unwrap(), ExitStatus::Exited(0));
}

/// Without the one that lists them, which is closed again when it is asked for.
fn open_descriptors() -> BTreeSet<PathBuf> {
    let entries = std::fs::read_dir("/proc/self/fd").unwrap();
    let all: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    all.into_iter().filter(|path| path.symlink_metadata().is_ok()).collect()
}

fn nothing_survives_an_exec() {
    let before = open_descriptors();
    let signals = Signals::block(&[Signal::SIGUSR1]).unwrap();
    let kept = (EventLoop::<()>::new().unwrap(), Timer::new().unwrap(), Waker::new().unwrap());
    let mut made = 0;
    for descriptor in open_descriptors().difference(&before) {
        let number = descriptor.file_name().unwrap();
        let info =
            std::fs::read_to_string(Path::new("/proc/self/fdinfo").join(number)).unwrap();
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
        let flags = i32::from_str_radix(flags.trim(), 8).unwrap();
        let flags = nix::fcntl::OFlag::from_bits_retain(flags);
        assert!(flags.contains(nix::fcntl::OFlag::O_CLOEXEC), "{info}");
        made += 1;
    }
    assert_eq!(made, 4);
    drop((signals, kept));
}
