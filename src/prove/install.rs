//! Sees to it that cargo-mutants can be run. It is a large program, and nothing is installed
//! without consent.

use std::env;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// What would be done, so that the reader can decide.
const OFFER: &str = "\
The proof needs cargo-mutants, which is not installed here. It would be installed by
  cargo install cargo-mutants --locked
which downloads about 120 packages, builds for 3 to 5 minutes, and puts one program into
cargo's folder of programs (usually ~/.cargo/bin). `cargo uninstall cargo-mutants` removes it.";

/// The cargo that runs this program, or the one that is found by its name.
pub(super) fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"))
}

/// Returns when cargo-mutants runs. Asks before it installs it, unless the reader has said `yes`.
///
/// # Errors
///
/// When it is missing and the reader does not want it, or there is nobody to ask, or when the
/// installation fails.
pub(super) fn ensure(yes: bool) -> Result<()> {
    if is_installed()? {
        return Ok(());
    }
    anstream::eprintln!("{OFFER}");
    if !yes && !asked()? {
        bail!("cargo-mutants is not installed: agree to it, or say --yes");
    }
    let status = Command::new(cargo())
        .args(["install", "cargo-mutants", "--locked"])
        .stdin(Stdio::null())
        .status()
        .context("cannot start cargo")?;
    if !status.success() || !is_installed()? {
        bail!("cargo-mutants could not be installed: see the messages above ({status})");
    }
    Ok(())
}

fn is_installed() -> Result<bool> {
    let output = Command::new(cargo())
        .args(["mutants", "--version"])
        .stdin(Stdio::null())
        .output()
        .context("cannot start cargo")?;
    Ok(output.status.success())
}

/// Whether the reader agrees. Without a terminal nobody is there to ask.
fn asked() -> Result<bool> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(false);
    }
    anstream::eprint!("Install it now? [y/N] ");
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}
