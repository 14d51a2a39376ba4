//! A run of an example program: its processes and its files, and that none of them is left.
//!
//! Each run has a variable in its environment that no other program has. Every process that it starts has it too, so
//! it is found in `/proc` wherever it went.

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, killpg, sigaction};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use walkdir::WalkDir;

/// How long a case waits for something that is sure to come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
/// How long the processes of a program that was interrupted may take to end, on a busy machine.
const LEAVING_MAX: Duration = Duration::from_secs(20);

/// The name of the variable.
const MARK: &str = "EXAMPLE_RUN";

/// An example program with arguments, which has not been started.
pub(crate) struct Run {
    command: Command,
    mark: String,
    /// Where it makes its temporary files.
    temporary: TempDir,
}

/// What a program has said and how it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn example(name: &str) -> Run {
        Run::program(&transcript::built_example(name))
    }

    pub(crate) fn program(path: &Path) -> Run {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let mark = format!("{}-{number}-", std::process::id());
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let mut command = Command::new(path);
        command
            .env(MARK, &mark)
            .env("TMPDIR", temporary.path())
            .env_remove("RUST_BACKTRACE")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        // SAFETY: the function makes system calls only, and touches no memory that a thread of this process could hold.
        unsafe { command.pre_exec(heed_signals) };
        Run { command, mark, temporary }
    }

    pub(crate) fn args<S: Into<OsString>>(mut self, args: impl IntoIterator<Item = S>) -> Run {
        self.command.args(args.into_iter().map(Into::into));
        self
    }

    /// Runs as a user who owns nothing. Only root can.
    pub(crate) fn by_nobody(mut self) -> Run {
        self.command.uid(65_534).gid(65_534).current_dir("/").env("TMPDIR", "/");
        self
    }

    pub(crate) fn command(&mut self) -> &mut Command {
        &mut self.command
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// If it does not end in time, or leaves a process or a temporary file.
    pub(crate) fn end(self) -> Ended {
        let Run { command, mark, temporary } = self;
        let output = assert_cmd::Command::from_std(command).timeout(PATIENCE).output();
        let output = output.expect("the program starts");
        let text = |bytes| String::from_utf8(bytes).expect("it prints UTF-8");
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        assert!(
            output.status.code().is_some(),
            "{}, within {PATIENCE:?}? {stdout}{stderr}",
            output.status
        );
        expect_nothing_left(&mark, &temporary);
        Ended { code: output.status.code(), stdout, stderr }
    }

    /// Starts it and lets it run. Its output goes nowhere.
    pub(crate) fn start(self) -> Running {
        self.start_with(Stdio::null())
    }

    /// As [`Run::start`], but with a standard error that is somewhere.
    pub(crate) fn start_with(self, stderr: impl Into<Stdio>) -> Running {
        let Run { mut command, mark, temporary } = self;
        command.stdout(Stdio::null()).stderr(stderr);
        let program = command.spawn().expect("the program starts");
        Running { program, mark, temporary }
    }
}

/// A program that runs. It is killed if the case fails.
pub(crate) struct Running {
    program: Child,
    mark: String,
    temporary: TempDir,
}

impl Running {
    /// Its processes except itself: process id and name.
    pub(crate) fn others(&self) -> Vec<(i32, String)> {
        let mut all = processes(&self.mark);
        all.retain(|(pid, _)| *pid != self.pid().as_raw());
        all
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.program.id()).expect("a process id"))
    }

    /// Sends a signal as a terminal does: to the program's group.
    pub(crate) fn signal(&self, signal: Signal) {
        killpg(self.pid(), signal).expect("the program's group");
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If it does not come in time, or if it leaves a process or a temporary file.
    pub(crate) fn end(mut self) -> ExitStatus {
        let mut status = None;
        until("the program ends", || {
            status = self.program.try_wait().expect("a child");
            status.is_some()
        });
        expect_nothing_left(&self.mark, &self.temporary);
        status.expect("waited for above")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.program.try_wait() {
            let _ = self.program.kill();
            let _ = self.program.wait();
        }
    }
}

/// Whoever started the tests may ignore these signals, as a shell does for what it runs in the background, and then the
/// program would be right to ignore them too.
fn heed_signals() -> io::Result<()> {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    for signal in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGTERM] {
        // SAFETY: the default action runs no code of this program.
        unsafe { sigaction(signal, &default) }?;
    }
    Ok(())
}

fn expect_nothing_left(mark: &str, temporary: &TempDir) {
    let ends_at = Instant::now() + LEAVING_MAX;
    loop {
        let left = processes(mark);
        if left.is_empty() {
            break;
        }
        assert!(Instant::now() < ends_at, "processes are left: {left:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(files(temporary.path()), BTreeMap::new(), "temporary files are left");
}

/// Who has the variable in its environment and has not ended. A zombie has no environment.
fn processes(mark: &str) -> Vec<(i32, String)> {
    let wanted = format!("{MARK}={mark}").into_bytes();
    let entries = fs::read_dir("/proc").expect("/proc").flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let has_mark = |pid: &i32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == wanted)
    };
    let name = |pid| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    pids.filter(has_mark).map(|pid| (pid, name(pid).trim().to_owned())).collect()
}

/// Waits until something outside of this program has come about.
///
/// # Panics
/// If it has not in time.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let ends_at = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < ends_at, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Every file and folder below one, by its name relative to it, with what is in it. Links are not followed.
pub(crate) fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = WalkDir::new(folder).min_depth(1).into_iter().flatten();
    let named = entries.map(|entry| {
        let name = entry.path().strip_prefix(folder).expect("it is below").to_owned();
        let bytes = if entry.file_type().is_file() {
            fs::read(entry.path()).expect("a file")
        } else {
            Vec::new()
        };
        (name, bytes)
    });
    named.collect()
}
