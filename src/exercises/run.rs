//! One run of an exercise's test: `cargo test -p ID`, in a process group of its own.
//!
//! The group makes it possible to end a run with all that cargo has started. The program under
//! test is in a session of its own and not in the group; the grader's shield ends it, also when
//! the grader itself is killed.
//!
//! Invariant: when [`Run::end`] has returned, everybody in the group has been killed.
//! Source: man 2 setpgid; man 2 kill.

use std::env;
use std::ffi::OsString;
use std::process::{ExitStatus, Stdio};

use anyhow::{Context, Result};
use exercise::Exercise;
use tokio::process::{Child, Command};

use crate::project::Project;

/// A running `cargo test`.
pub(super) struct Run {
    cargo: Child,
}

impl Run {
    /// Starts the test of `exercise`. Its output is this program's.
    ///
    /// # Errors
    ///
    /// When cargo cannot be started.
    pub(super) fn start(project: &Project, exercise: &Exercise) -> Result<Run> {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let mut command = Command::new(&cargo);
        command
            .args(["test", "--quiet", "--manifest-path"])
            .arg(project.root().join("Cargo.toml"))
            .args(["-p", &exercise.id])
            .stdin(Stdio::null());
        #[cfg(unix)]
        command.process_group(0);
        let cargo =
            command.spawn().with_context(|| format!("cannot start {}", cargo.display()))?;
        Ok(Run { cargo })
    }

    /// Waits for the end of the run. Whoever drops the future can ask again.
    ///
    /// # Errors
    ///
    /// When the system does not tell how cargo ended.
    pub(super) async fn ended(&mut self) -> Result<ExitStatus> {
        self.cargo.wait().await.context("cannot wait for cargo")
    }

    /// Ends the run, with everybody in its group.
    ///
    /// # Errors
    ///
    /// When cargo cannot be ended or waited for.
    pub(super) async fn end(mut self) -> Result<()> {
        #[cfg(target_os = "linux")]
        if let Some(group) = self.cargo.id().and_then(|id| i32::try_from(id).ok()) {
            use nix::sys::signal::{Signal, killpg};

            // Cargo is not waited for yet, so its number cannot name another group. An error
            // says that nobody is left.
            let _ = killpg(nix::unistd::Pid::from_raw(group), Signal::SIGKILL);
        }
        self.cargo.kill().await.context("cannot end cargo")
    }
}

/// Runs `work` to its end on this thread, with timers and signals.
///
/// # Errors
///
/// When the system refuses what the timers need, or as `work`.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start what waits for a program")?
        .block_on(work)
}
