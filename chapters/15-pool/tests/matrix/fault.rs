//! The faults, and how a process does each of them to itself.
//!
//! # References
//! man 2 close_range; man 2 fork; man 5 proc_pid_maps; man 2 kill.

use crate::scene::MEMORY_LIMIT_BYTES;
use nix::sys::signal::{Signal, raise};
use nix::unistd::{ForkResult, pause};
use serde::{Deserialize, Serialize};
use std::hint::black_box;
use std::process::Command;

/// What can go wrong in a worker, or in the code that waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Fault {
    Kill,
    Segv,
    Abort,
    ExitZero,
    ExitThree,
    Panic,
    PanicNoText,
    PanicTwice,
    StackOverflow,
    Stop,
    Loop,
    Memory,
    Garbage,
    Undecodable,
    Callback,
    Children,
    CloseAll,
    /// The first one again in each worker that replaces the last.
    KillAgain,
}

impl Fault {
    /// In the order of the table.
    pub(crate) const ALL: [Fault; 18] = [
        Fault::Kill,
        Fault::Segv,
        Fault::Abort,
        Fault::ExitZero,
        Fault::ExitThree,
        Fault::Panic,
        Fault::PanicNoText,
        Fault::PanicTwice,
        Fault::StackOverflow,
        Fault::Stop,
        Fault::Loop,
        Fault::Memory,
        Fault::Garbage,
        Fault::Undecodable,
        Fault::Callback,
        Fault::Children,
        Fault::CloseAll,
        Fault::KillAgain,
    ];

    /// As the table calls it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Fault::Kill => "SIGKILL",
            Fault::Segv => "SIGSEGV",
            Fault::Abort => "`abort`",
            Fault::ExitZero => "`exit(0)`",
            Fault::ExitThree => "`exit(3)`",
            Fault::Panic => "panic",
            Fault::PanicNoText => "panic with a payload that is no string",
            Fault::PanicTwice => "panic while panicking",
            Fault::StackOverflow => "stack overflow",
            Fault::Stop => "SIGSTOP",
            Fault::Loop => "endless loop",
            Fault::Memory => "memory over the limit",
            Fault::Garbage => "garbage written over its ring",
            Fault::Undecodable => "result that does not decode",
            Fault::Callback => "callback that panics",
            Fault::Children => "children left behind",
            Fault::CloseAll => "all descriptors closed",
            Fault::KillAgain => "SIGKILL, and again in each replacement",
        }
    }

    /// Does it, here and now. Returns if the process survives that.
    pub(crate) fn strike(self) {
        match self {
            Fault::Kill | Fault::KillAgain => raise(Signal::SIGKILL).expect("own signal"),
            Fault::Segv => touch_what_is_not_there(),
            Fault::Abort => std::process::abort(),
            Fault::ExitZero => std::process::exit(0),
            Fault::ExitThree => std::process::exit(3),
            Fault::Panic => panic!("told to panic"),
            Fault::PanicNoText => std::panic::panic_any(17_u64),
            Fault::PanicTwice => panic_twice(),
            Fault::StackOverflow => drop(black_box(fill_stack(1))),
            Fault::Stop => raise(Signal::SIGSTOP).expect("own signal"),
            Fault::Loop => loop {
                std::hint::spin_loop();
            },
            Fault::Memory => take_memory(),
            Fault::Garbage => write_over_the_lane(),
            Fault::Children => leave_children(),
            Fault::CloseAll => close_all(),
            // They are no doing of the worker's.
            Fault::Undecodable | Fault::Callback => {}
        }
    }
}

/// As a wild pointer does.
fn touch_what_is_not_there() {
    let none = libc::PROT_NONE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping at a place that the kernel chooses changes nothing that is there.
    let page = unsafe { libc::mmap(std::ptr::null_mut(), 4096, none, flags, -1, 0) };
    // SAFETY: for the compiler it is memory of somebody else's; the kernel refuses the access, which is the point.
    unsafe { page.cast::<u8>().write_volatile(1) };
}

struct PanicsOnDrop;

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        panic!("the destructor panics too");
    }
}

fn panic_twice() {
    let _sour = PanicsOnDrop;
    panic!("told to panic twice");
}

#[expect(unconditional_recursion, reason = "that is the fault")]
fn fill_stack(depth: u64) -> [u64; 64] {
    let frame = black_box([depth; 64]);
    let below = fill_stack(depth + 1);
    [frame[0] + below[1]; 64]
}

/// Takes more than the pool allows a worker, but not twice as much, and keeps it.
fn take_memory() {
    // Written, so that all of it is resident.
    Vec::leak(black_box(vec![1_u8; MEMORY_LIMIT_BYTES as usize * 3 / 2]));
}

/// What an array that is written far beyond its end does to the worst place: the memory that the worker shares with the
/// program. The bytes are always the same ones.
fn write_over_the_lane() {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("/proc");
    let line = maps.lines().find(|line| line.contains("/memfd:procpool-lane"));
    let line = line.expect("a worker has its lane");
    let (begin, rest) = line.split_once('-').expect("a range");
    let (end, _) = rest.split_once(' ').expect("a range");
    let [begin, end] =
        [begin, end].map(|text| usize::from_str_radix(text, 16).expect("an address"));
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    for address in (begin..end).step_by(8) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let place = std::ptr::with_exposed_provenance_mut::<u64>(address);
        // SAFETY: the word is mapped for writing, and whoever else uses it expects any change at any time.
        unsafe { place.write_volatile(random) };
    }
}

/// One that is a copy of the worker with all that it has, one that is another program.
#[expect(clippy::zombie_processes, reason = "that is the fault")]
fn leave_children() {
    Command::new("sleep").arg("600").spawn().expect("sleep is installed");
    // SAFETY: the child makes only a system call that a signal handler may make.
    match unsafe { nix::unistd::fork() }.expect("one more process") {
        ForkResult::Child => loop {
            pause();
        },
        ForkResult::Parent { .. } => {}
    }
}

fn close_all() {
    // SAFETY: whoever has a descriptor here is in for an error, which is the fault; no memory is involved.
    unsafe { libc::syscall(libc::SYS_close_range, 0_u32, u32::MAX, 0_u32) };
}
