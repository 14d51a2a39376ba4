//! The process between the grader and the program: its parent.
//!
//! A program can signal its parent, and some do by mistake. So its parent is not the grader but this process, which
//! starts the program in a session of its own, waits for it without reaping it, and reports. All that the grader needs
//! lives on if this process is killed: the grader is a subreaper too, and then the program's new parent.
//!
//! It is a second run of the grader's own program, told apart by an environment variable. Its standard input is a
//! socket to the grader. When that closes, whether the grader is content or was killed, it ends everything that the
//! program has left, and itself.
//!
//! # References
//! man 2 setsid; man 2 prctl; man 2 setrlimit; man 2 close_range.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::set_child_subreaper;
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::{Pid, setsid};

use crate::haste::Haste;
use crate::limits::Limits;
use crate::{filter, pidfd, sweep};

/// Holds the path of the program's standard input, which lies in the folder of the run.
pub(crate) const VARIABLE: &str = "FORK_TO_POOL_SHIELD";

/// What the shield says to the grader, one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Report {
    /// The program runs.
    Started { pid: i32 },
    /// The program could not be started.
    Failed { why: String },
    /// The program has ended, and is a zombie still.
    Ended { status: Status },
}

/// How a program has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Exited(i32),
    Signaled(i32),
}

impl Report {
    pub(crate) fn parse(line: &str) -> Option<Report> {
        let (word, rest) = line.split_once(' ')?;
        Some(match word {
            "started" => Report::Started { pid: rest.parse().ok()? },
            "failed" => Report::Failed { why: rest.to_owned() },
            "exited" => Report::Ended { status: Status::Exited(rest.parse().ok()?) },
            "signaled" => Report::Ended { status: Status::Signaled(rest.parse().ok()?) },
            _ => return None,
        })
    }
}

/// If this process was started to be a shield, acts as one and returns its exit status.
pub(crate) fn if_asked() -> Option<ExitCode> {
    let input = env::var_os(VARIABLE)?;
    let folder = Path::new(&input).parent().map(Path::to_path_buf);
    // SAFETY: this program has one thread at this point: it is the first thing that main does.
    unsafe { env::remove_var(VARIABLE) };
    default_sigchld();
    let socket = match io::stdin().as_fd().try_clone_to_owned() {
        Ok(socket) => UnixStream::from(socket),
        Err(_) => return Some(ExitCode::FAILURE),
    };
    let mut words = env::args_os().skip(1);
    let limits = words.next().and_then(|word| Limits::parse(word.to_str()?));
    let (Some(limits), Some(program)) = (limits, words.next()) else {
        return Some(ExitCode::FAILURE);
    };
    // Between the program's first step and the report that it runs, nobody else looks at it.
    let _haste = Haste::make();
    let status = act(&socket, input, &program, words.collect(), limits);
    let swept = sweep::everything(&[]);
    // The grader removes the run's folder as well, unless it was killed.
    if let Some(folder) = folder {
        let _ = fs::remove_dir_all(folder);
    }
    Some(if status.is_ok() && swept.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn act(
    mut socket: &UnixStream,
    input: OsString,
    program: &OsString,
    arguments: Vec<OsString>,
    limits: Limits,
) -> io::Result<()> {
    setsid()?;
    set_child_subreaper(true)?;
    let pid = match start(input, program, arguments, limits) {
        Ok(pid) => pid,
        Err(error) => return writeln!(socket, "failed {error}"),
    };
    // This process has no output of its own, and holds no end of the program's pipes.
    let nothing = File::options().read(true).write(true).open("/dev/null")?;
    nix::unistd::dup2_stdout(&nothing)?;
    nix::unistd::dup2_stderr(&nothing)?;
    writeln!(socket, "started {pid}")?;

    let ended = pidfd::open(pid)?;
    let mut waits = [
        PollFd::new(ended.as_fd(), PollFlags::POLLIN),
        PollFd::new(socket.as_fd(), PollFlags::POLLIN),
    ];
    while waits.iter().all(|wait| wait.any() != Some(true)) {
        match poll(&mut waits, PollTimeout::NONE) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    if waits[0].any() == Some(true) {
        report_end(socket, pid)?;
    }
    // The grader says that it has seen enough by closing its end.
    let mut rest = Vec::new();
    socket.read_to_end(&mut rest)?;
    Ok(())
}

fn report_end(mut socket: &UnixStream, pid: i32) -> io::Result<()> {
    match end_of(pid)? {
        Some(Status::Exited(code)) => writeln!(socket, "exited {code}"),
        Some(Status::Signaled(signal)) => writeln!(socket, "signaled {signal}"),
        None => Ok(()),
    }
}

/// How a child of this process has ended, leaving it a zombie; `None` if it runs.
fn end_of(child: i32) -> io::Result<Option<Status>> {
    let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG;
    Ok(match waitid(Id::Pid(Pid::from_raw(child)), look)? {
        WaitStatus::Exited(_, code) => Some(Status::Exited(code)),
        WaitStatus::Signaled(_, signal, _) => Some(Status::Signaled(signal as i32)),
        _ => None,
    })
}

/// Starts the program: a session of its own, default signals, three descriptors, limits.
fn start(
    input: OsString,
    program: &OsString,
    arguments: Vec<OsString>,
    limits: Limits,
) -> io::Result<i32> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(File::open(input)?);
    let prepare = move || {
        setsid()?;
        default_signals();
        mark_cloexec()?;
        filter::set();
        limits.set()
    };
    // SAFETY: between fork and exec the closure makes system calls only, and this process has one thread.
    unsafe { command.pre_exec(prepare) };
    let child = command.spawn()?;
    i32::try_from(child.id()).map_err(io::Error::other)
}

/// Whoever started the grader may have had signals ignored (nohup does), and ignored signals survive exec.
fn default_signals() {
    for number in 1..=libc::SIGRTMAX() {
        // SAFETY: SIG_DFL is no function of ours; numbers that may not be changed are refused with an error.
        unsafe { libc::signal(number, libc::SIG_DFL) };
    }
}

/// A parent that ignores SIGCHLD has no zombies and learns of no end. Whoever started the grader may have left it so.
pub(crate) fn default_sigchld() {
    // SAFETY: SIG_DFL is no function of ours.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
}

/// Whatever else was inherited ends at exec: the program begins with descriptors 0, 1 and 2.
fn mark_cloexec() -> io::Result<()> {
    const FIRST: libc::c_uint = 3;
    // SAFETY: the call changes flags of descriptors and touches no memory.
    let marked = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            FIRST,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
    if marked == 0 {
        return Ok(());
    }
    // Linux before 5.11: one by one.
    let (highest, _) = getrlimit(Resource::RLIMIT_NOFILE)?;
    for fd in FIRST as i32..i32::try_from(highest).unwrap_or(i32::MAX) {
        // SAFETY: a number that is no descriptor is refused with an error.
        unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
    Ok(())
}
