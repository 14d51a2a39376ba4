//! The programs that are recorded.
//!
//! One side waits, and the other one acts only when the kernel says that the first is asleep, so the order of events is
//! the same on every machine. A program that finds something else than it was promised exits with 1.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigHandler, Signal, kill, raise, signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getppid, pause};
use std::fs;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

/// The first argument of a program that is recorded.
pub(crate) const PLAY: &str = "--play";

const DEADLINE: Duration = Duration::from_secs(50);

/// The program that the arguments ask for, if they do.
pub(crate) fn play() -> Option<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next()? != PLAY {
        return None;
    }
    match act(&arguments.next()?) {
        Ok(code) => Some(ExitCode::from(code)),
        Err(error) => {
            eprintln!("{error}");
            Some(ExitCode::FAILURE)
        }
    }
}

fn act(name: &str) -> io::Result<u8> {
    match name {
        "nothing" => {}
        "seven" => return Ok(7),
        "fork" => expect(wait_for(forked(|| 7)?)?, 7)?,
        "many" => {
            for _ in 0..200 {
                expect(wait_for(forked(|| 3)?)?, 3)?;
            }
        }
        "command" => {
            let status = this("nothing")?.status()?;
            return Ok(u8::from(!status.success()));
        }
        "thread-exec" => {
            let failed =
                std::thread::spawn(|| this("nothing").map(|mut program| program.exec())).join();
            return Err(io::Error::other(format!("{failed:?}")));
        }
        "stop" => stop()?,
        "threads" => {
            let threads: Vec<_> = (0..3)
                .map(|index| {
                    std::thread::Builder::new().name(format!("worker {index}")).spawn(|| ())
                })
                .collect::<io::Result<_>>()?;
            threads.into_iter().for_each(|thread| drop(thread.join()));
        }
        "child" => expect(wait_for(forked(|| after_parent_sleeps(|| 5))?)?, 5)?,
        "read" => read(|mut writer| i32::from(writer.write_all(b"x").is_err()), 1)?,
        "end" => read(
            |writer| {
                // Only the end of the process closes it.
                std::mem::forget(writer);
                0
            },
            0,
        )?,
        "killed" => read(|_writer| i32::from(raise(Signal::SIGKILL).is_err()), 0)?,
        "close" => read(
            |writer| {
                drop(writer);
                // It lives on until its parent has seen the end, and waits for it.
                after_parent_sleeps(|| 0)
            },
            0,
        )?,
        "write" => write()?,
        "socket" => socket()?,
        "poll" => wait_by_poll()?,
        "join" => {
            let main = nix::unistd::gettid();
            let thread = std::thread::spawn(move || until_asleep(main));
            thread.join().map_err(|_| io::Error::other("the thread panicked"))?;
        }
        "unpark" => {
            let (main, own) = (nix::unistd::gettid(), std::thread::current());
            let thread = std::thread::spawn(move || {
                until_asleep(main);
                own.unpark();
            });
            std::thread::park();
            thread.join().map_err(|_| io::Error::other("the thread panicked"))?;
        }
        "pause" => wait_by_pause()?,
        "forever" => forever()?,
        other => return Err(io::Error::other(format!("no program is called {other}"))),
    }
    Ok(0)
}

fn this(name: &str) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([PLAY, name]);
    Ok(command)
}

fn forked(child: impl FnOnce() -> i32) -> io::Result<Pid> {
    fork::fork(child).map_err(io::Error::other)
}

fn wait_for(pid: Pid) -> io::Result<WaitStatus> {
    Ok(waitpid(pid, None)?)
}

fn expect(status: WaitStatus, code: i32) -> io::Result<()> {
    match status {
        WaitStatus::Exited(_, its) if its == code => Ok(()),
        other => Err(io::Error::other(format!("{other:?} instead of {code}"))),
    }
}

/// Returns when the kernel says that the thread is asleep. A stop for the tracer is something else.
fn until_asleep(thread: Pid) {
    let until = Instant::now() + DEADLINE;
    let is_asleep = || {
        let stat = fs::read_to_string(format!("/proc/{thread}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('S'))
    };
    while !is_asleep() && Instant::now() < until {
        std::thread::yield_now();
    }
}

fn after_parent_sleeps(then: impl FnOnce() -> i32) -> i32 {
    until_asleep(getppid());
    then()
}

/// The parent reads, and `child` does something about it. `bytes` is what the parent must get.
fn read(child: impl FnOnce(PipeWriter) -> i32, bytes: usize) -> io::Result<()> {
    let (mut reader, writer) = io::pipe()?;
    let mut writer = Some(writer);
    let pid = forked(|| match writer.take() {
        Some(writer) => after_parent_sleeps(|| child(writer)),
        None => 1,
    })?;
    drop(writer);
    let got = reader.read(&mut [0; 8])?;
    wait_for(pid)?;
    if got == bytes { Ok(()) } else { Err(io::Error::other(format!("{got} bytes"))) }
}

fn write() -> io::Result<()> {
    let (mut reader, mut writer) = io::pipe()?;
    // More than any pipe holds.
    let bytes = vec![0; 1 << 20];
    let length = bytes.len() as u64;
    let pid = forked(|| {
        after_parent_sleeps(|| {
            let got = io::copy(&mut (&mut reader).take(length), &mut io::sink());
            i32::from(got.ok() != Some(length))
        })
    })?;
    writer.write_all(&bytes)?;
    expect(wait_for(pid)?, 0)
}

fn socket() -> io::Result<()> {
    let (mut one, mut other) = UnixStream::pair()?;
    let pid = forked(|| after_parent_sleeps(|| i32::from(other.write_all(b"x").is_err())))?;
    one.read_exact(&mut [0])?;
    expect(wait_for(pid)?, 0)
}

fn wait_by_poll() -> io::Result<()> {
    let (reader, mut writer): (PipeReader, PipeWriter) = io::pipe()?;
    let pid = forked(|| after_parent_sleeps(|| i32::from(writer.write_all(b"x").is_err())))?;
    poll(&mut [PollFd::new(reader.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE)?;
    expect(wait_for(pid)?, 0)
}

extern "C" fn nothing(_signal: i32) {}

fn wait_by_pause() -> io::Result<()> {
    // SAFETY: the handler does nothing.
    unsafe { signal(Signal::SIGUSR1, SigHandler::Handler(nothing)) }?;
    let pid = forked(|| {
        after_parent_sleeps(|| i32::from(kill(getppid(), Signal::SIGUSR1).is_err()))
    })?;
    pause();
    expect(wait_for(pid)?, 0)
}

fn stop() -> io::Result<()> {
    let pid = forked(|| {
        let _ = raise(Signal::SIGSTOP);
        3
    })?;
    match waitpid(pid, Some(WaitPidFlag::WUNTRACED))? {
        WaitStatus::Stopped(_, Signal::SIGSTOP) => {}
        other => return Err(io::Error::other(format!("{other:?}"))),
    }
    kill(pid, Signal::SIGCONT)?;
    expect(wait_for(pid)?, 3)
}

/// Two processes that wait for ever, and say when they do.
fn forever() -> io::Result<()> {
    let pid = forked(|| {
        loop {
            pause();
        }
    })?;
    println!("{pid}");
    loop {
        pause();
    }
}
