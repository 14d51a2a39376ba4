//! The experiments as programs: built by cargo, run one at a time, heard line by line.
//!
//! Invariant: when [`Programs::run`] has returned, the experiment and everybody in its process group have been killed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use claims::{Claim, Finding, Message};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::Child;

use crate::exercises::block_on;
use crate::interrupt;
use crate::programs;
use crate::project::Project;

/// An experiment that takes this many times as long as expected, and this much longer, is given up.
const PATIENCE_TIMES: u32 = 5;
const PATIENCE_MORE: Duration = Duration::from_secs(30);

/// A message longer than this is none: the largest plot has some kilobytes.
const MESSAGE_LEN_MAX: u64 = 8 << 20;

/// How often to look whether an experiment has ended that says no more.
const LOOK: Duration = Duration::from_millis(10);

/// How an experiment ended.
pub(super) enum Ended {
    /// With a finding.
    Found(Box<Finding>),
    /// Without one; why, in a sentence.
    Failed(String),
    /// The reader has had enough; with the exit status that this gives.
    Interrupted(u8),
}

/// The built programs, by the ids of their claims.
pub(super) struct Programs(BTreeMap<&'static str, PathBuf>);

impl Programs {
    /// Has cargo build the programs of `claims`. Its progress and its complaints are the reader's to see.
    pub(super) fn build(project: &Project, claims: &[&'static Claim]) -> Result<Programs> {
        let names: Vec<String> = claims.iter().map(|claim| program_name(claim)).collect();
        let mut options = vec!["--release", "-p", "experiments"];
        for name in &names {
            options.extend(["--bin", name]);
        }
        let built = programs::built(project, "the experiments cannot be built", &options)?;
        let programs = claims.iter().map(|claim| {
            let path = built
                .get(&program_name(claim))
                .with_context(|| format!("cargo built no program for {}", claim.id))?;
            Ok((claim.id, path.clone()))
        });
        Ok(Programs(programs.collect::<Result<_>>()?))
    }

    /// Runs the experiment of `claim` and tells `progress` how far it is, from 0.0 to 1.0.
    ///
    /// # Errors
    ///
    /// When the program cannot be started or waited for.
    pub(super) fn run(
        &self,
        claim: &Claim,
        small: bool,
        progress: impl FnMut(f64),
    ) -> Result<Ended> {
        let program = self.0.get(claim.id).context("the program was not built")?;
        block_on(run(program, claim, small, progress))
    }
}

fn program_name(claim: &Claim) -> String {
    claim.id.replace('-', "_")
}

async fn run(
    program: &PathBuf,
    claim: &Claim,
    small: bool,
    progress: impl FnMut(f64),
) -> Result<Ended> {
    let mut command = tokio::process::Command::new(program);
    command.arg("--json").stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    if small {
        command.arg("--small");
    }
    #[cfg(unix)]
    command.process_group(0);
    let mut child =
        command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
    let output = child.stdout.take().context("the experiment has no output")?;
    let patience =
        Duration::from_secs(u64::from(claim.expected_s)) * PATIENCE_TIMES + PATIENCE_MORE;
    let ended = tokio::select! {
        heard = hear_to_the_end(&child, output, progress) => match heard {
            Ok(Some(finding)) => Ended::Found(Box::new(finding)),
            Ok(None) => Ended::Failed("the experiment ended without a finding".to_owned()),
            Err(error) => Ended::Failed(format!("{error:#}")),
        },
        () = tokio::time::sleep(patience) => Ended::Failed(
            format!("the experiment was ended: it took more than {} s", patience.as_secs()),
        ),
        code = interrupt::demanded() => Ended::Interrupted(code?),
    };
    let status = end(child).await?;
    Ok(match ended {
        // It had ended by itself; whoever was still heard of was killed here, and that says nothing.
        Ended::Failed(why) if status.is_some() => {
            Ended::Failed(why + &status.map_or(String::new(), |status| format!(": {status}")))
        }
        ended => ended,
    })
}

/// Hears the experiment out. One that says no more has not ended for that reason, so its end is waited for, too; but it is
/// left to be reaped, so that its number still names its group.
async fn hear_to_the_end(
    child: &Child,
    output: impl AsyncRead + Unpin,
    progress: impl FnMut(f64),
) -> Result<Option<Finding>> {
    let heard = hear(output, progress).await?;
    while heard.is_none() && !has_ended(child) {
        tokio::time::sleep(LOOK).await;
    }
    Ok(heard)
}

/// Whether the child has ended. It stays a zombie.
fn has_ended(child: &Child) -> bool {
    #[cfg(target_os = "linux")]
    if let Some(pid) = child.id().and_then(|id| i32::try_from(id).ok()) {
        use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};

        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        let look = waitid(Id::Pid(nix::unistd::Pid::from_raw(pid)), flags);
        return look != Ok(WaitStatus::StillAlive);
    }
    let _ = child;
    true
}

/// Ends the experiment with everybody in its group. Its status, if it had ended by itself.
async fn end(mut child: Child) -> Result<Option<ExitStatus>> {
    let ended = has_ended(&child);
    #[cfg(target_os = "linux")]
    if let Some(group) = child.id().and_then(|id| i32::try_from(id).ok()) {
        use nix::sys::signal::{Signal, killpg};

        // It is not reaped yet, so its number cannot name another group.
        let _ = killpg(nix::unistd::Pid::from_raw(group), Signal::SIGKILL);
    }
    child.start_kill().context("cannot end the experiment")?;
    let status = child.wait().await.context("cannot wait for the experiment")?;
    Ok(ended.then_some(status))
}

/// Reads messages up to the finding, or to the end of the output.
async fn hear(
    output: impl AsyncRead + Unpin,
    mut progress: impl FnMut(f64),
) -> Result<Option<Finding>> {
    let mut output = BufReader::new(output);
    loop {
        let mut line = Vec::new();
        let read = (&mut output).take(MESSAGE_LEN_MAX).read_until(b'\n', &mut line).await;
        if read.context("cannot read what the experiment says")? == 0 {
            return Ok(None);
        }
        match serde_json::from_slice(&line) {
            Ok(Message::Progress(done)) => progress(done.clamp(0.0, 1.0)),
            Ok(Message::Finding(finding)) => return Ok(Some(*finding)),
            Err(error) => bail!("the experiment says what is no message: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_no_message_is_an_error_and_no_message_is_no_finding() {
        let mut seen = Vec::new();
        let heard =
            hear(&b"{\"progress\":0.5}\n{\"progress\":7}\n"[..], |it| seen.push(it)).await;
        assert_eq!(heard.expect("two messages"), None);
        assert_eq!(seen, [0.5, 1.0]);
        assert!(hear(&b"hello\n"[..], |_| {}).await.is_err());
    }
}
