//! How a child ended, as its parent is told.

use crate::{Case, pause_for_ever};
use nix::sys::prctl::set_dumpable;
use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};
use nix::sys::signal::raise;
use nix::sys::time::TimeValLike;
use std::time::Duration;
use wait::{Child, ExitStatus, Pid, Signal};

pub(crate) const CASES: &[Case] = &[
    ("the_low_8_bits_of_a_code_arrive", the_low_8_bits_of_a_code_arrive),
    ("a_panic_is_code_101", a_panic_is_code_101),
    ("a_signal_arrives_with_its_number", a_signal_arrives_with_its_number),
    (
        "a_real_time_signal_is_an_end_like_any_other",
        a_real_time_signal_is_an_end_like_any_other,
    ),
    ("a_core_dump_is_reported_if_there_is_one", a_core_dump_is_reported_if_there_is_one),
    ("a_child_leaves_what_it_has_used", a_child_leaves_what_it_has_used),
];

fn the_low_8_bits_of_a_code_arrive() {
    for (returned, arrives) in [(0, 0), (3, 3), (255, 255), (256, 0), (-1, 255), (0x1234, 0x34)]
    {
        let status = Child::fork(|| returned).unwrap().wait().unwrap();
        assert_eq!(status, ExitStatus::Exited(arrives), "{returned}");
    }
}

fn a_panic_is_code_101() {
    // Without a message: this one is meant.
    let child = Child::fork(|| std::panic::resume_unwind(Box::new("meant")));
    assert_eq!(child.unwrap().wait().unwrap(), ExitStatus::Exited(fork::PANIC_CODE));
}

fn a_signal_arrives_with_its_number() {
    for signal in [Signal::SIGKILL, Signal::SIGTERM, Signal::SIGUSR1, Signal::SIGALRM] {
        let mut child = Child::fork(pause_for_ever).unwrap();
        child.kill(signal).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status, ExitStatus::Signaled { signal: signal as i32, core_dumped: false });
    }
}

fn a_real_time_signal_is_an_end_like_any_other() {
    let signal = libc::SIGRTMIN() + 6;
    let mut child = Child::fork(pause_for_ever).unwrap();
    send(child.pid(), signal);
    assert_eq!(child.wait().unwrap(), ExitStatus::Signaled { signal, core_dumped: false });
}

/// nix cannot name a real-time signal.
fn send(pid: Pid, signal: i32) {
    // SAFETY: `kill` takes two numbers and touches no memory; the process is a child that nobody has reaped.
    let sent = unsafe { libc::kill(pid.as_raw(), signal) };
    assert_eq!(sent, 0);
}

fn a_core_dump_is_reported_if_there_is_one() {
    let abort = |dumpable: bool| {
        set_dumpable(dumpable).unwrap();
        raise(Signal::SIGABRT).unwrap();
        1
    };
    let status = Child::fork(|| abort(false)).unwrap().wait().unwrap();
    let signal = Signal::SIGABRT as i32;
    assert_eq!(status, ExitStatus::Signaled { signal, core_dumped: false });

    let folder = tempfile::tempdir().unwrap();
    let status = Child::fork(|| {
        std::env::set_current_dir(folder.path()).unwrap();
        let (_, most) = getrlimit(Resource::RLIMIT_CORE).unwrap();
        setrlimit(Resource::RLIMIT_CORE, most, most).unwrap();
        abort(true)
    });
    let status = status.unwrap().wait().unwrap();
    assert_eq!(status.signal(), Some(signal));
    // Where the core goes elsewhere (man 5 core), it cannot be seen from here whether there is one.
    let pattern = std::fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap_or_default();
    if !pattern.contains(['|', '/', '@']) {
        let written = std::fs::read_dir(folder.path()).unwrap().count() > 0;
        assert_eq!(status, ExitStatus::Signaled { signal, core_dumped: written });
    }
}

/// More than a small program has resident.
const BYTES: usize = 64 << 20;

fn a_child_leaves_what_it_has_used() {
    let mut small = Child::fork(|| 0).unwrap();
    let mut large = Child::fork(|| {
        let bytes = std::hint::black_box(vec![1_u8; BYTES]);
        drop(bytes);
        let begun = cpu_time();
        while cpu_time() < begun + Duration::from_millis(30) {}
        0
    })
    .unwrap();
    assert_eq!((small.usage(), large.usage()), (None, None), "they were not waited for");
    for child in [&mut small, &mut large] {
        assert_eq!(child.wait().unwrap(), ExitStatus::Exited(0));
    }
    let (small, large) = (small.usage().unwrap(), large.usage().unwrap());
    assert!(large.max_rss_bytes >= BYTES as u64, "{large:?}");
    assert!(small.max_rss_bytes > 0 && small.max_rss_bytes < BYTES as u64, "{small:?}");
    assert!(large.user + large.system >= Duration::from_millis(30), "{large:?}");
    assert!(small.user + small.system < Duration::from_secs(60), "{small:?}");

    // A killed one has used what it has used.
    let mut killed = Child::fork(|| {
        let _bytes = std::hint::black_box(vec![1_u8; BYTES]);
        raise(Signal::SIGKILL).unwrap();
        0
    })
    .unwrap();
    killed.wait().unwrap();
    assert!(killed.usage().unwrap().max_rss_bytes >= BYTES as u64);
}

/// The processor time of this process so far.
fn cpu_time() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    [usage.user_time(), usage.system_time()]
        .iter()
        .map(|time| Duration::from_micros(time.num_microseconds().unsigned_abs()))
        .sum()
}
