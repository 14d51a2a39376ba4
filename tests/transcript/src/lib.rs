//! Transcripts: every output that a page shows is the output of a run, and a test holds the page to it.
//!
//! A chapter's `tests/transcripts.rs` names its examples:
//!
//! ```no_run
//! #[test]
//! fn two_returns() {
//!     transcript::example("two_returns").check();
//! }
//!
//! #[test]
//! fn cost_of_fork() {
//!     // Figures before these units differ from run to run: the page keeps those of the recorded run.
//!     transcript::example("cost_of_fork").measured(&["ms", "MiB"]).check();
//! }
//! ```
//!
//! The example runs with a deadline in a process group of its own, with standard output and standard error on one
//! pipe, as on a terminal. What differs from run to run without meaning anything is made stable ([`stable`]), what
//! was measured is masked on both sides ([`Transcript::measured`]), and the rest must equal `examples/NAME.snap`
//! beside the example. `INSTA_UPDATE=always cargo test -p CHAPTER --test transcripts` records anew
//! (`INSTA_FORCE_UPDATE=1` also where only figures changed).
//!
//! Invariant: after [`Transcript::check`] no process of the run is alive; one that was left behind fails the test.
#![forbid(unsafe_code)]

mod compare;
mod group;
mod stable;

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

pub use stable::stable;

/// How long a run may take before it is killed and the test fails.
const DEADLINE: Duration = Duration::from_secs(120);

/// How long a process that has closed its output may take to end.
const LEAVING_MAX: Duration = Duration::from_secs(5);

/// How often an example is run whose process ids collide with other numbers of the page.
const RUNS_MAX: usize = 5;

/// Output above this many bytes fails the test: a page never shows as much.
const OUTPUT_LEN_MAX: usize = 1 << 20;

/// The transcript of the example `name` of the package under test.
///
/// # Panics
/// If the example has not been built: plain `cargo test` builds it, `cargo test --test transcripts` does not.
pub fn example(name: &str) -> Transcript {
    Transcript {
        snapshot: name.to_owned(),
        command: Command::new(built_example(name)),
        expected_code: 0,
        units: Vec::new(),
        varying: Vec::new(),
        deadline: DEADLINE,
    }
}

/// One run of an example, and what about it is allowed to differ.
#[derive(Debug)]
pub struct Transcript {
    snapshot: String,
    command: Command,
    expected_code: i32,
    units: Vec<String>,
    varying: Vec<String>,
    deadline: Duration,
}

impl Transcript {
    /// Appends arguments.
    pub fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(mut self, args: I) -> Self {
        self.command.args(args);
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    /// Runs in this folder instead of the chapter's.
    pub fn current_dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// The exit code that the run must end with; 0 if not said otherwise. Death by signal n is 128 + n, as in a shell.
    pub fn code(mut self, code: i32) -> Self {
        self.expected_code = code;
        self
    }

    /// Units of quantities that were measured: numbers before them are not compared.
    pub fn measured(mut self, units: &[&str]) -> Self {
        self.units.extend(units.iter().map(|unit| (*unit).to_owned()));
        self
    }

    /// A regular expression for anything else that may differ; what it matches is not compared. Last resort.
    pub fn varying(mut self, pattern: &str) -> Self {
        self.varying.push(pattern.to_owned());
        self
    }

    /// The name of the `.snap` file, for a second transcript of one example.
    pub fn named(mut self, snapshot: &str) -> Self {
        self.snapshot = snapshot.to_owned();
        self
    }

    /// How long the run may take; two minutes if not said otherwise.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Runs the example and compares.
    ///
    /// # Panics
    /// If the output differs from the page's, the exit code from the expected one, the deadline passes, or a process
    /// of the run outlives it.
    pub fn check(mut self) {
        let (status, output) = self.run_apart_from_the_page();
        let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
        assert_eq!(
            code, self.expected_code,
            "{:?} ended with {status} and printed:\n{output}",
            self.command
        );
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(snapshots());
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.set_comparator(Box::new(compare::Masked::new(&self.units, &self.varying)));
        settings.bind(|| insta::assert_snapshot!(self.snapshot.as_str(), stable(&output)));
    }

    /// Runs it, and again if a process happens to have a number that stands on the page for something else: renaming
    /// the process would rename that too.
    fn run_apart_from_the_page(&mut self) -> (ExitStatus, String) {
        let page = snapshots().join(format!("{}.snap", self.snapshot));
        let page = std::fs::read_to_string(page).unwrap_or_default();
        let mut run = || run(&mut self.command, self.deadline);
        let mut ended = run();
        for _ in 1..RUNS_MAX {
            if !stable::pids(&ended.1).iter().any(|pid| stable::has_number(&page, pid)) {
                break;
            }
            ended = run();
        }
        ended
    }
}

/// The folder of the snapshots of the package whose test is running.
fn snapshots() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").expect("run by cargo test");
    PathBuf::from(package).join("examples")
}

/// The program of the example `name`, for tests that run it in their own way.
///
/// # Panics
/// If it has not been built: plain `cargo test` builds it, `cargo test --test transcripts` does not.
pub fn built_example(name: &str) -> PathBuf {
    let program = profile_dir().join("examples").join(name);
    assert!(
        program.exists(),
        "example {name} is not built ({}): run `cargo build --examples` first, or plain `cargo test`",
        program.display()
    );
    program
}

/// `target/PROFILE`: this test was started from its folder `deps`.
fn profile_dir() -> PathBuf {
    let test = std::env::current_exe().expect("path of the running test");
    test.ancestors().nth(2).expect("target/PROFILE/deps/TEST").to_owned()
}

/// A folder for an example's temporary files. Unlike `/tmp` on some systems, programs can be run from it.
fn temporary_dir() -> PathBuf {
    let dir = profile_dir().with_file_name("tmp");
    std::fs::create_dir_all(&dir).expect("create target/tmp");
    dir
}

/// Variables of the caller's shell or of cargo that an example's output must not depend on.
const UNSET: [&str; 6] = [
    "RUST_BACKTRACE",
    "RUST_LIB_BACKTRACE",
    "RUST_LOG",
    "CARGO_MANIFEST_DIR",
    "CLICOLOR_FORCE",
    "FORCE_COLOR",
];

/// Runs `command` to its end and returns its status and all that it and its children printed.
fn run(command: &mut Command, deadline: Duration) -> (ExitStatus, String) {
    let (reader, writer) = std::io::pipe().expect("a pipe for the output");
    for key in UNSET {
        command.env_remove(key);
    }
    command
        .env("NO_COLOR", "1")
        .env("TERM", "dumb")
        .env("LC_ALL", "C.UTF-8")
        .env("TMPDIR", temporary_dir())
        .stdin(Stdio::null())
        .stdout(writer.try_clone().expect("a second write end"))
        .stderr(writer)
        .process_group(0);
    let mut child = command.spawn().expect("start the example");
    // The command keeps its copies of the write end: without this the end of the output never comes.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let group = group::Group::led_by(child.id());

    let ends_at = Instant::now() + deadline;
    let output = read_until_closed(reader, ends_at).and_then(|output| {
        if group.leader_has_ended_by(ends_at) { Ok(output) } else { Err(too_late(&output)) }
    });
    // The leader is not reaped yet, so its number and that of its group belong to nobody else.
    let left = if output.is_ok() { group.alive_after(LEAVING_MAX) } else { Vec::new() };
    group.kill();
    let status = child.wait().expect("wait for the example");
    match output {
        Err(why) => panic!("{:?}: {why}; killed, {status}", command.get_program()),
        Ok(_) if !left.is_empty() => panic!("processes outlived the example: {left:?}"),
        Ok(output) => (status, output),
    }
}

fn too_late(output: &str) -> String {
    format!("still running, or its output still held open, at the deadline; so far:\n{output}")
}

/// Reads until nobody holds the write end any more.
fn read_until_closed(
    mut reader: std::io::PipeReader,
    ends_at: Instant,
) -> Result<String, String> {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use std::os::fd::AsFd;

    let mut bytes = Vec::new();
    let mut chunk = [0; 16 << 10];
    loop {
        let left = ends_at.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(too_late(&String::from_utf8_lossy(&bytes)));
        }
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        let ready = {
            let mut fds = [PollFd::new(reader.as_fd(), PollFlags::POLLIN)];
            match poll(&mut fds, timeout) {
                Err(nix::errno::Errno::EINTR) => continue,
                ready => ready.map_err(|errno| format!("poll: {errno}"))?,
            }
        };
        if ready == 0 {
            continue;
        }
        match reader.read(&mut chunk) {
            Ok(0) => {
                return String::from_utf8(bytes)
                    .map_err(|error| format!("output is not UTF-8: {error}"));
            }
            Ok(len) => bytes.extend_from_slice(&chunk[..len]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(format!("read: {error}")),
        }
        if bytes.len() > OUTPUT_LEN_MAX {
            return Err(format!("printed more than {OUTPUT_LEN_MAX} bytes"));
        }
    }
}
