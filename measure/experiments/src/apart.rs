//! A part of an experiment in a process of its own: it sets limits that it could not take back, and ends.
//!
//! Invariant: the process does not outlive the experiment, and not its deadline either.
//!
//! # References
//! man 2const PR_SET_PDEATHSIG; man 2 alarm.

use anyhow::{Context, Result, anyhow, bail};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::{alarm, getppid};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{Read, Write, pipe};
use wait::{Child, Pid};

/// Runs `body` in a forked process and brings back what it returns. The kernel kills that process after `deadline_s`
/// seconds, and when this one ends.
///
/// The program must have one thread.
///
/// # Errors
/// What `body` says, or how its process ended instead.
pub fn apart<T: Serialize + DeserializeOwned>(
    deadline_s: u32,
    body: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let (mut reader, writer) = pipe().context("pipe")?;
    let mut writer = Some(writer);
    let parent = Pid::this();
    let mut child = Child::fork(|| {
        alarm::set(deadline_s);
        let told = end_with(parent)
            .and_then(|()| body())
            .map_err(|error| format!("{error:#}"))
            .and_then(|value| serde_json::to_value(value).map_err(|error| error.to_string()));
        let written = serde_json::to_vec(&told)
            .map(|bytes| writer.take().is_some_and(|mut end| end.write_all(&bytes).is_ok()));
        i32::from(!written.unwrap_or(false))
    })
    .context("cannot fork a process for a part of the experiment")?;
    drop(writer.take());
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).context("cannot read from a part of the experiment")?;
    let status = child.wait()?;
    if bytes.is_empty() {
        bail!("a part of the experiment ended without a word: {status}");
    }
    let told: Result<serde_json::Value, String> = serde_json::from_slice(&bytes)?;
    Ok(serde_json::from_value(told.map_err(|error| anyhow!(error))?)?)
}

/// Lets the kernel kill this process when `parent` ends. A change of the user takes that back, so it is asked for again
/// after one.
///
/// # Errors
/// If the parent has ended already.
pub fn end_with(parent: Pid) -> Result<()> {
    set_pdeathsig(Signal::SIGKILL).context("prctl(PR_SET_PDEATHSIG)")?;
    // A parent in another pid namespace has no number in this one, and getppid says 0.
    if getppid() != parent && getppid().as_raw() != 0 {
        bail!("the experiment has ended");
    }
    Ok(())
}
