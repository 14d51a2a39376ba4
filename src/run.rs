//! `run NAME`: an example of whichever chapter has it, in place of this program.
//!
//! On Unix cargo takes over this process, and cargo in turn is replaced by the example. The
//! example therefore owns the terminal, gets Ctrl-C itself, and its exit status, or the signal
//! that killed it, is what the shell sees.
//! Source: man 3 exec; `std::os::unix::process::CommandExt::exec`.

use std::env;
use std::ffi::{OsStr, OsString};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::chapters::Chapter;
use crate::project::Project;

/// At most this many names are suggested for an unknown one.
const SUGGESTIONS_MAX: usize = 3;

/// Runs the example `name` with `args`, and comes back only if it could not be started.
///
/// # Errors
///
/// When no chapter has such an example (the message has the closest names), when the system is
/// not Linux, or when cargo cannot be started.
pub fn run(
    project: &Project,
    chapters: &[Chapter],
    name: &str,
    args: &[OsString],
) -> Result<()> {
    let package = find(chapters, name)?;
    if !cfg!(target_os = "linux") {
        bail!("{name} cannot run here.\n{}", crate::NEEDS_LINUX);
    }
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(&cargo);
    command
        .args(["run", "--quiet", "--manifest-path"])
        .arg(project.root().join("Cargo.toml"))
        .args(["-p", package, "--example", name, "--"])
        .args(args);
    replace_by(command, &cargo)
}

#[cfg(unix)]
fn replace_by(mut command: Command, cargo: &OsStr) -> Result<()> {
    use std::os::unix::process::CommandExt;

    Err(command.exec()).with_context(|| format!("cannot start {}", cargo.display()))
}

#[cfg(not(unix))]
fn replace_by(mut command: Command, cargo: &OsStr) -> Result<()> {
    let status =
        command.status().with_context(|| format!("cannot start {}", cargo.display()))?;
    std::process::exit(status.code().unwrap_or(1));
}

/// The package that has the example.
fn find<'a>(chapters: &'a [Chapter], name: &str) -> Result<&'a str> {
    if let Some(chapter) =
        chapters.iter().find(|chapter| chapter.examples.iter().any(|it| it.name == name))
    {
        return Ok(&chapter.package);
    }
    let names = chapters
        .iter()
        .flat_map(|chapter| &chapter.examples)
        .map(|example| example.name.as_str());
    let closest = closest(name, names);
    let advice = if closest.is_empty() {
        String::new()
    } else {
        format!("\nDid you mean {}?", closest.join(" or "))
    };
    bail!("no example is called {name}.{advice}\nAll names: cargo run -- list");
}

/// The names that `wanted` may have been meant to be, the likeliest first.
pub(crate) fn closest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut rated: Vec<(f64, &str)> = names
        .map(|name| {
            let begun = name.starts_with(wanted) || name.contains(wanted);
            let likeness = strsim::jaro_winkler(wanted, name);
            (if begun { 1.0 } else { likeness }, name)
        })
        .filter(|(likeness, _)| *likeness > 0.75)
        .collect();
    rated.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    rated.into_iter().take(SUGGESTIONS_MAX).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_and_half_typed_names_find_their_neighbours() {
        let names = ["two_returns", "copy_on_write", "zombie", "pool_v1"];
        assert_eq!(closest("two_retruns", names.into_iter()), ["two_returns"]);
        assert_eq!(closest("pool", names.into_iter()), ["pool_v1"]);
        assert_eq!(closest("qqq", names.into_iter()), [""; 0]);
    }
}
