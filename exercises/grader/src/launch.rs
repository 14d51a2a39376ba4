//! A program that was started: the shield above it, the folder below it, everything that descends from it.
//!
//! Invariant: when a `Launch` is dropped, nothing that it started is alive and its folder is gone. What was a child of
//! this process before belongs to somebody else, and is neither looked at nor touched.

use std::fs;
use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::set_child_subreaper;
use procfs::process::Stat;
use tempfile::TempDir;

use crate::family::{Family, Identity};
use crate::haste::Haste;
use crate::shield::{self, Report};
use crate::{Program, pidfd, sweep};

/// How long the shield may take to end what the program has left. Then it is ended, and the grader does its work.
const SHIELD_LIMIT: Duration = Duration::from_secs(25);

/// How often the shield is looked at while it ends, in milliseconds.
const SLICE_MS: u16 = 20;

/// A program that was started, with what is needed to end it.
pub(crate) struct Launch {
    shield: Option<Child>,
    pub(crate) shield_pid: i32,
    reports: Option<UnixStream>,
    unread_report: Vec<u8>,
    folder: Option<TempDir>,
    strangers: Vec<Identity>,
    _haste: Haste,
    _only: Only,
}

/// Two programs at a time in one grader could not be told apart: what has lost its parent comes to the grader.
struct Only;

static IS_TAKEN: AtomicBool = AtomicBool::new(false);

impl Only {
    fn take() -> Only {
        let was_taken = IS_TAKEN.swap(true, Ordering::AcqRel);
        assert!(!was_taken, "a grader runs one program at a time: drop the first `Run` first");
        Only
    }
}

impl Drop for Only {
    fn drop(&mut self) {
        IS_TAKEN.store(false, Ordering::Release);
    }
}

impl Launch {
    /// Starts the shield, which starts the program. Returns the pipes of the program's output as well.
    pub(crate) fn new(
        program: &Program,
        gate: &str,
    ) -> io::Result<(Launch, PipeReader, PipeReader)> {
        let only = Only::take();
        set_child_subreaper(true)?;
        shield::default_sigchld();
        let strangers = Family::strangers()?;
        let folder = tempfile::Builder::new().prefix("exercise-").tempdir()?;
        let (ours, shields) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let (stdout, stdout_end) = io::pipe()?;
        let (stderr, stderr_end) = io::pipe()?;
        let mut command = command(program, gate, folder.path())?;
        command
            .stdin(Stdio::from(OwnedFd::from(shields)))
            .stdout(stdout_end)
            .stderr(stderr_end);
        let shield = command.spawn()?;
        let launch = Launch {
            shield_pid: i32::try_from(shield.id()).unwrap_or(i32::MAX),
            shield: Some(shield),
            reports: Some(ours),
            unread_report: Vec::new(),
            folder: Some(folder),
            strangers,
            _haste: Haste::make(),
            _only: only,
        };
        Ok((launch, stdout, stderr))
    }

    /// What to poll for, as long as the shield is there.
    pub(crate) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.reports.as_ref().map(AsFd::as_fd)
    }

    /// The shield's next report, if there is one.
    pub(crate) fn next_report(&mut self) -> Option<Report> {
        if let Some(socket) = &mut self.reports {
            let mut bytes = [0; 1024];
            match socket.read(&mut bytes) {
                Ok(0) => self.reports = None,
                Ok(len) => self.unread_report.extend_from_slice(&bytes[..len]),
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                    ) => {}
                Err(_) => self.reports = None,
            }
        }
        let end = self.unread_report.iter().position(|byte| *byte == b'\n')?;
        let line: Vec<u8> = self.unread_report.drain(..=end).collect();
        Report::parse(String::from_utf8_lossy(&line).trim_end())
    }

    /// All processes of the program, as the kernel lists them.
    pub(crate) fn family(&self) -> io::Result<Vec<Stat>> {
        let mut family = Family::below_this_process(&self.strangers)?;
        family.retain(|stat| stat.pid != self.shield_pid);
        Ok(family)
    }

    /// What has become of the shield; `None` as long as it does its work.
    pub(crate) fn shield_end(&mut self) -> Option<String> {
        if self.reports.is_some() {
            return is_stopped(self.shield_pid).then(|| "was stopped".to_owned());
        }
        let status = self.shield.take()?.wait();
        Some(status.map_or_else(|error| error.to_string(), |status| format!("ended: {status}")))
    }
}

/// The shield's command: this program again, in a new folder.
fn command(program: &Program, gate: &str, folder: &Path) -> io::Result<Command> {
    let input = folder.join("input");
    fs::write(&input, &program.stdin)?;
    let working = folder.join("working");
    fs::create_dir(&working)?;
    let mut command = Command::new("/proc/self/exe");
    command
        .arg(program.limits.render())
        .arg(&program.path)
        .args(&program.args)
        .env(shield::VARIABLE, &input)
        .env(gate::VARIABLE, gate)
        .env("TMPDIR", &working)
        .env_remove("RUST_BACKTRACE")
        .env_remove("RUST_LIB_BACKTRACE")
        .envs(program.env.iter().map(|(name, value)| (name, value)))
        .current_dir(&working);
    Ok(command)
}

fn is_stopped(pid: i32) -> bool {
    crate::family::stat(pid).is_some_and(|stat| matches!(stat.state, 'T' | 't'))
}

/// Waits for the shield, which ends everything that the program has left. A program can stop it at any moment.
fn end_shield(shield: &mut Child, pid: i32) {
    let pidfd = pidfd::open(pid).ok();
    let begun = Instant::now();
    while let Ok(None) = shield.try_wait() {
        if is_stopped(pid) || begun.elapsed() > SHIELD_LIMIT {
            let _ = shield.kill();
        }
        let mut waits: Vec<PollFd> =
            pidfd.iter().map(|pidfd| PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)).collect();
        let _ = poll(&mut waits, PollTimeout::from(SLICE_MS));
    }
}

/// Removes a run's folder, also if the program has taken the rights to it away.
fn remove(folder: TempDir) {
    let path = folder.path().to_path_buf();
    if folder.close().is_ok() || !path.exists() {
        return;
    }
    open_up(&path);
    if let Err(error) = fs::remove_dir_all(&path) {
        eprintln!("grader: the folder of a run is left: {}: {error}", path.display());
    }
}

fn open_up(folder: &Path) {
    let _ = fs::set_permissions(folder, fs::Permissions::from_mode(0o700));
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            open_up(&entry.path());
        }
    }
}

impl Drop for Launch {
    fn drop(&mut self) {
        // The shield takes this for its order to end everything.
        self.reports = None;
        if let Some(mut shield) = self.shield.take() {
            end_shield(&mut shield, self.shield_pid);
        }
        if let Err(error) = sweep::everything(&self.strangers) {
            eprintln!("grader: not everything could be ended: {error}");
        }
        if let Some(folder) = self.folder.take() {
            remove(folder);
        }
    }
}
