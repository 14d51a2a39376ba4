//! Python as a peer: a short script that prints numbers, if there is a `python3`.

use anyhow::{Context, Result, ensure};
use std::process::{Command, Stdio};

/// Runs `script` and reads the numbers that it prints.
///
/// # Errors
/// If there is no `python3`, the script fails, or it prints something else; the message is good for a note.
pub fn python(script: &str) -> Result<Vec<f64>> {
    let output = Command::new("python3")
        .args(["-c", script])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .context("python3 cannot be started (`apt install python3`)")?;
    ensure!(output.status.success(), "python3 failed: {}", output.status);
    let text = String::from_utf8_lossy(&output.stdout);
    text.split_whitespace()
        .map(|word| word.parse().with_context(|| format!("python3 printed {word:?}")))
        .collect()
}
