//! Which descriptors the program has, and under which numbers.

use crate::program::{filled, line, output, program};
use crate::sandbox::refuse;
use contract::leaving_nothing;
use exec::{Command, ExecError};
use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

/// Puts a copy of `source` at `number`, without close-on-exec.
fn at(number: RawFd, source: impl Into<OwnedFd>) -> OwnedFd {
    let source = source.into();
    // SAFETY: two numbers; the case has checked that `number` is nobody's.
    let copy = unsafe { libc::dup2(source.as_raw_fd(), number) };
    assert_eq!(copy, number, "{}", Errno::last());
    // SAFETY: the copy was made just now, so nobody else owns it.
    unsafe { OwnedFd::from_raw_fd(copy) }
}

fn null() -> File {
    File::open("/dev/null").expect("/dev/null")
}

fn fds(command: Command) -> String {
    line(&output(command), "fds").to_owned()
}

pub(crate) fn only_what_was_handed_over() {
    let _leaks: Vec<OwnedFd> = [20, 21, 150, 200].map(|number| at(number, null())).into();
    assert_eq!(fds(program("report")), "[0, 1, 2]");
    assert_eq!(fds(program("report").fd(7, null()).fd(20, null())), "[0, 1, 2, 7, 20]");
    // A number given twice is the second one's, and the first is closed here.
    assert_eq!(fds(program("report").fd(7, null()).fd(7, null())), "[0, 1, 2, 7]");
}

pub(crate) fn swapped() {
    let (three, four) = (at(30, filled("was 30")), at(31, filled("was 31")));
    let command = program("read").fd(3, four).fd(4, three);
    assert_eq!(output(command), "\"was 31\" \"was 30\"\n");

    // The very numbers 3 and 4 crosswise.
    let (three, four) = (at(30, filled("was 3")), at(31, filled("was 4")));
    let (three, four) = (at(3, three), at(4, four));
    assert_eq!(output(program("read").fd(3, four).fd(4, three)), "\"was 4\" \"was 3\"\n");
}

pub(crate) fn same_number() {
    let (three, four) = (at(30, filled("three")), at(31, filled("four")));
    let (three, four) = (at(3, three), at(4, four));
    for fd in [&three, &four] {
        // SAFETY: numbers of open descriptors.
        unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) };
    }
    assert_eq!(output(program("read").fd(3, three).fd(4, four)), "\"three\" \"four\"\n");
}

fn with_limit<T>(limit: u64, body: impl FnOnce() -> T) -> T {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    setrlimit(Resource::RLIMIT_NOFILE, limit, hard).expect("lower the limit");
    let result = body();
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard).expect("lift the limit");
    result
}

pub(crate) fn up_to_the_limit() {
    // Room for one source, the pipe that `output` hands over and the error pipe above the
    // number.
    assert_eq!(with_limit(64, || fds(program("report").fd(60, null()))), "[0, 1, 2, 60]");
    for number in [63, 64, 1000, RawFd::MAX - 1, RawFd::MAX] {
        let spawn = || with_limit(64, || program("nothing").fd(number, null()).spawn());
        let error = leaving_nothing(|| spawn().expect_err("above the limit"));
        assert!(matches!(error, ExecError::Limit { .. }), "{number}: {error}");
        assert!(error.to_string().contains("ulimit -n"), "{number}: {error}");
    }
    let error = program("nothing").fd(-1, null()).spawn().expect_err("no number");
    assert!(matches!(error, ExecError::Invalid { .. }), "{error}");
}

/// Runs `body` without descriptors 0, 1 and 2 and gives its text back.
fn without_standard(body: impl FnOnce() -> String) -> String {
    let saved: Vec<OwnedFd> = (0..3)
        .map(|fd| {
            // SAFETY: numbers.
            let copy = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 100) };
            assert!(copy >= 100, "{}", Errno::last());
            // SAFETY: numbers. Nothing prints until the descriptor is back.
            unsafe { libc::close(fd) };
            // SAFETY: the copy was made just now, so nobody else owns it.
            unsafe { OwnedFd::from_raw_fd(copy) }
        })
        .collect();
    let text = body();
    for (fd, copy) in (0..3).zip(saved) {
        // The number is the standard library's again.
        let _ = at(fd, copy).into_raw_fd();
    }
    text
}

pub(crate) fn standard_ones_closed() {
    // The pipes of `output` and of `spawn` get the numbers 0 to 2 here. A Rust program would
    // open /dev/null for those that it does not have, so it is a shell that looks.
    let list = || Command::new("sh").arg("-c").arg("echo /proc/self/fd/*");
    let text = without_standard(|| output(list()));
    // 1 was handed over; the shell reads the folder through the lowest number that is free.
    assert_eq!(text, "/proc/self/fd/0 /proc/self/fd/1\n");
    let text = without_standard(|| {
        let error = Command::new("/nonexistent").fd(0, null()).spawn().expect_err("absent");
        error.to_string()
    });
    assert!(text.contains("cannot execute /nonexistent: No such file"), "{text}");
    let text =
        without_standard(|| output(program("read").fd(3, filled("a")).fd(4, filled("b"))));
    assert_eq!(text, "\"a\" \"b\"\n");
}

/// The numbers that the parent's own ends have are each other's targets.
pub(crate) fn standard_numbers_swapped() {
    let text = without_standard(|| {
        let (reader, writer) = std::io::pipe().expect("a pipe at 0 and 1");
        let source = filled("through cat");
        assert_eq!((reader.as_raw_fd(), writer.as_raw_fd()), (0, 1));
        let mut child = Command::new("cat").fd(0, source).fd(1, writer).spawn().expect("cat");
        let text = std::io::read_to_string(reader).expect("text");
        assert!(child.wait().expect("wait").success());
        text
    });
    assert_eq!(text, "through cat");
}

pub(crate) fn without_close_range() {
    for errno in [Errno::ENOSYS, Errno::EPERM, Errno::EINVAL] {
        // The last one is above the limit that stands when the program is started.
        let _leaks = [20, 21, 150, 200].map(|number| at(number, null()));
        refuse(libc::SYS_close_range, errno);
        let fds = with_limit(180, || fds(program("report").fd(7, null())));
        assert_eq!(fds, "[0, 1, 2, 7]", "{errno}");
    }
    refuse(libc::SYS_close_range, Errno::EIO);
    let error = program("nothing").spawn().expect_err("an error that has no other way");
    assert_eq!(error.to_string(), "close_range: Input/output error (os error 5)");
}

pub(crate) fn without_listing() {
    let leaks = [20, 21, 150, 200].map(|number| at(number, null()));
    refuse(libc::SYS_close_range, Errno::ENOSYS);
    refuse(libc::SYS_getdents64, Errno::ENOSYS);
    // Without a listing all numbers below the limit are tried.
    let report = with_limit(201, || fds(program("report").fd(7, null())));
    // The harness wants to list the descriptors of this process afterwards, which works no
    // more.
    drop(leaks);
    assert_eq!(report, "[0, 1, 2, 7]");
    std::process::exit(0);
}
