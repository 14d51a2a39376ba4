//! Runs cargo-mutants over one solution.
//!
//! It copies the project, without what git ignores, into a temporary folder and changes the copy.
//! All copies are built into one folder, so that the packages that the solutions use are compiled
//! once.
//! Source: <https://mutants.rs>, "Exit codes" and "The mutants.out directory".

use std::fs;
use std::io::ErrorKind;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use exercise::Exercise;

use super::install::cargo;
use super::outcomes::Outcomes;
use crate::project::Project;

/// A mutant's test is never ended before this time. The grader's own deadlines are shorter.
const TEST_TIMEOUT_MIN_S: u32 = 60;

/// The exit statuses with which the tool has done its work: every mutant was caught, some were
/// not, some met the deadline.
const DONE: [i32; 3] = [0, 2, 3];

/// The exit status that says that the test fails without any change.
const FAILS_UNCHANGED: i32 = 4;

/// Changes the solution of `exercise` in every way that the tool knows, and says what came of it.
///
/// # Errors
///
/// When the tool cannot be started or does not come to an end, when the solution itself does not
/// pass, or when what the tool wrote cannot be read.
pub(super) fn run(project: &Project, exercise: &Exercise) -> Result<Outcomes> {
    let all = project.root().join("target").join("mutants");
    let output = all.join(&exercise.id);
    // An outcome of an earlier run must not be taken for one of this.
    match fs::remove_dir_all(&output) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot remove {}", output.display()));
        }
        _ => {}
    }
    fs::create_dir_all(&output)
        .with_context(|| format!("cannot make the folder {}", output.display()))?;

    let package = format!("{}-solution", exercise.id);
    let status = Command::new(cargo())
        .args(["mutants", "--no-shuffle", "--package", &package])
        .args(["--file", &format!("exercises/**/{}/solution/src/lib.rs", exercise.id)])
        .args(["--minimum-test-timeout", &TEST_TIMEOUT_MIN_S.to_string()])
        .arg("--dir")
        .arg(project.root())
        .arg("--output")
        .arg(&output)
        .env("CARGO_TARGET_DIR", all.join("build"))
        // The grader's own proof, with the starter and the wrong programs, is not about mutants.
        .env("GRADER_PROOF", "off")
        .stdin(Stdio::null())
        .status()
        .context("cannot start cargo")?;
    match status.code() {
        Some(code) if DONE.contains(&code) => {}
        Some(FAILS_UNCHANGED) => {
            bail!("the solution does not pass its grader: cargo test -p {package}")
        }
        _ => bail!("cargo-mutants did not finish ({status}): see {}", output.display()),
    }
    let path = output.join("mutants.out").join("outcomes.json");
    match fs::read_to_string(&path) {
        Ok(text) => text.parse().with_context(|| format!("cannot read {}", path.display())),
        // The tool writes none when there is nothing to change.
        Err(error) if error.kind() == ErrorKind::NotFound && status.success() => {
            Ok(Outcomes::default())
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}
