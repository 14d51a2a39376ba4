//! Messages with descriptors: whole, owned, closed.

use crate::Case;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, kill, sigaction};
use shared::passing::{self, DESCRIPTORS_MAX};
use std::fs::File;
use std::io::ErrorKind;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

pub(crate) const CASES: &[Case] = &[
    ("bytes_and_descriptors_arrive_in_order", bytes_and_descriptors_arrive_in_order),
    ("as_many_as_the_kernel_takes", as_many_as_the_kernel_takes),
    (
        "a_message_too_long_is_lost_and_leaks_nothing",
        a_message_too_long_is_lost_and_leaks_nothing,
    ),
    ("no_room_for_descriptors_leaks_nothing", no_room_for_descriptors_leaks_nothing),
    ("the_end_comes_behind_the_messages", the_end_comes_behind_the_messages),
    ("without_a_peer_sending_fails", without_a_peer_sending_fails),
    ("signals_do_not_disturb", signals_do_not_disturb),
];

fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn null() -> OwnedFd {
    File::open("/dev/null").unwrap().into()
}

fn bytes_and_descriptors_arrive_in_order() {
    let (here, there) = passing::socket_pair().unwrap();
    let file = File::open("/proc/self/stat").unwrap();
    let null = null();
    passing::send(here.as_fd(), b"one", &[]).unwrap();
    passing::send(here.as_fd(), b"two", &[null.as_fd(), file.as_fd()]).unwrap();
    passing::send(here.as_fd(), b"", &[file.as_fd()]).unwrap();
    let mut buffer = [0; 100];
    for (bytes, targets) in
        [(&b"one"[..], &[][..]), (b"two", &["/dev/null", "stat"]), (b"", &["stat"])]
    {
        let message = passing::receive(there.as_fd(), &mut buffer).unwrap();
        assert_eq!(&buffer[..message.len], bytes);
        assert_eq!(message.descriptors.len(), targets.len());
        for (descriptor, target) in message.descriptors.iter().zip(targets) {
            let link = format!("/proc/self/fd/{}", descriptor.as_raw_fd());
            let link = std::fs::read_link(link).unwrap();
            assert!(link.to_str().unwrap().ends_with(target), "{link:?}");
            let flags = rustix::io::fcntl_getfd(descriptor).unwrap();
            assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
        }
    }
    let nothing = passing::send(here.as_fd(), b"", &[]).unwrap_err();
    assert_eq!(nothing.kind(), ErrorKind::InvalidInput);
}

fn as_many_as_the_kernel_takes() {
    let (here, there) = passing::socket_pair().unwrap();
    let null = null();
    let many: Vec<BorrowedFd<'_>> = vec![null.as_fd(); DESCRIPTORS_MAX + 1];
    let error = passing::send(here.as_fd(), b"x", &many).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    passing::send(here.as_fd(), b"x", &many[1..]).unwrap();
    let message = passing::receive(there.as_fd(), &mut [0; 1]).unwrap();
    assert_eq!(message.descriptors.len(), DESCRIPTORS_MAX);
}

fn a_message_too_long_is_lost_and_leaks_nothing() {
    let (here, there) = passing::socket_pair().unwrap();
    let null = null();
    passing::send(here.as_fd(), b"longer than that", &[null.as_fd(); 3]).unwrap();
    passing::send(here.as_fd(), b"next", &[]).unwrap();
    let before = open_descriptors();
    let error = passing::receive(there.as_fd(), &mut [0; 4]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
    assert_eq!(open_descriptors(), before);
    let mut buffer = [0; 4];
    assert_eq!(passing::receive(there.as_fd(), &mut buffer).unwrap().len, 4);
    assert_eq!(&buffer, b"next");
}

fn no_room_for_descriptors_leaks_nothing() {
    let (here, there) = passing::socket_pair().unwrap();
    let null = null();
    passing::send(here.as_fd(), b"x", &[null.as_fd(); 10]).unwrap();
    let before = open_descriptors();
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    // Room for three more, from the last number on.
    let next = u64::try_from(null.as_raw_fd()).unwrap() + 1;
    setrlimit(Resource::RLIMIT_NOFILE, next + 3, hard).unwrap();
    let error = passing::receive(there.as_fd(), &mut [0; 4]).unwrap_err();
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
    assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
    assert!(error.to_string().contains("ulimit"), "{error}");
    assert_eq!(open_descriptors(), before);
}

fn the_end_comes_behind_the_messages() {
    for unread in [false, true] {
        let (here, there) = passing::socket_pair().unwrap();
        passing::send(here.as_fd(), b"last", &[]).unwrap();
        if unread {
            // The peer closes with this in its queue: the kernel says so by an error, once.
            passing::send(there.as_fd(), b"never read", &[]).unwrap();
        }
        drop(here);
        let mut buffer = [0; 8];
        let last = passing::receive(there.as_fd(), &mut buffer).unwrap();
        assert_eq!(&buffer[..last.len], b"last");
        for _ in 0..2 {
            let end = passing::receive(there.as_fd(), &mut buffer).unwrap();
            assert_eq!((end.len, end.descriptors.len()), (0, 0));
        }
    }
}

fn without_a_peer_sending_fails() {
    let (here, there) = passing::socket_pair().unwrap();
    drop(there);
    let error = passing::send(here.as_fd(), b"x", &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
}

extern "C" fn nothing(_: i32) {}

fn signals_do_not_disturb() {
    let handler =
        SigAction::new(SigHandler::Handler(nothing), SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler does nothing at all.
    unsafe { sigaction(Signal::SIGUSR1, &handler) }.unwrap();
    let (here, there) = passing::socket_pair().unwrap();
    let parent = nix::unistd::getpid();
    let mut child = wait::Child::fork(|| {
        for _ in 0..200 {
            kill(parent, Signal::SIGUSR1).unwrap();
            std::thread::yield_now();
        }
        passing::send(here.as_fd(), b"after all", &[here.as_fd()]).map_or(1, |()| 0)
    })
    .unwrap();
    let message = passing::receive(there.as_fd(), &mut [0; 16]).unwrap();
    assert_eq!((message.len, message.descriptors.len()), (9, 1));
    assert!(child.wait().unwrap().success());
}
