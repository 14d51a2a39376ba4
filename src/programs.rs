//! Programs of the workspace: cargo builds them, and says where they are.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::project::Project;

/// Has cargo build what `options` choose, such as `["-p", "tracer", "--bin", "tracer"]`, and gives the paths of the programs
/// by their names. Cargo's progress and complaints are the reader's to see.
///
/// # Errors
///
/// When cargo cannot be started; and when it cannot build them, with the message `failure` behind its own.
pub fn built(
    project: &Project,
    failure: &str,
    options: &[&str],
) -> Result<BTreeMap<String, PathBuf>> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let output = Command::new(&cargo)
        .args(["build", "--message-format=json-render-diagnostics", "--manifest-path"])
        .arg(project.root().join("Cargo.toml"))
        .args(options)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {}", cargo.display()))?;
    if !output.status.success() {
        bail!("{failure}");
    }
    Ok(executables(&output.stdout))
}

/// The programs in cargo's messages, by their names.
fn executables(messages: &[u8]) -> BTreeMap<String, PathBuf> {
    let messages = messages.split(|byte| *byte == b'\n');
    messages
        .filter_map(|line| {
            let message: serde_json::Value = serde_json::from_slice(line).ok()?;
            let path = message.get("executable")?.as_str()?;
            let name = message.get("target")?.get("name")?.as_str()?;
            Some((name.to_owned(), PathBuf::from(path)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_are_named_by_cargos_messages() {
        let messages = br#"{"reason":"compiler-artifact","target":{"name":"limits"},"executable":"/t/limits"}
{"reason":"compiler-artifact","target":{"name":"claims"},"executable":null}
{"reason":"build-finished","success":true}
"#;
        let built = executables(messages);
        assert_eq!(
            built.into_iter().collect::<Vec<_>>(),
            [("limits".to_owned(), "/t/limits".into())]
        );
    }
}
