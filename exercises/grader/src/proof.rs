//! The proof of a grade: the solution passes, the starter and each wrong program get exactly their diagnosis.
//!
//! A wrong program is the reader's file replaced by one from `wrong/`, whose first line names the code that it must get. All of them are
//! built by one call of cargo, in a package that is written below `target`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use exercise::Exercise;

use crate::harness::{Case, grade};
use crate::{Code, Program, manifest};

/// How many wrong programs an exercise has at least.
const WRONG_MIN: usize = 3;

/// Something that the proof claims of a grade.
pub(crate) enum Claim {
    /// The solution passes.
    Solution,
    /// The starter or a wrong program fails in a certain way.
    Variant(Variant),
}

/// A program that must fail in a certain way.
pub(crate) struct Variant {
    name: String,
    source: PathBuf,
    code: Code,
}

/// Where the programs of the variants are.
pub(crate) struct Programs(PathBuf);

impl Claim {
    /// As a test is called.
    pub(crate) fn name(&self, exercise: &Exercise) -> String {
        match self {
            Claim::Solution => format!("{}: solution passes", exercise.id),
            Claim::Variant(variant) => {
                format!("{}: {} gets {}", exercise.id, variant.name, variant.code)
            }
        }
    }

    /// Grades the program, and says what is wrong with the claim.
    pub(crate) fn prove(&self, cases: &[Case], program: &Program) -> Result<(), String> {
        match (self, grade(cases, program)) {
            (Claim::Solution, Ok(())) => Ok(()),
            (Claim::Variant(variant), Err(failure))
                if failure.diagnosis.code() == variant.code
                    && !failure.diagnosis.is_graders() =>
            {
                Ok(())
            }
            (Claim::Variant(_), Ok(())) => Err("it passes".to_owned()),
            (_, Err(failure)) => Err(format!("in \"{}\"\n{}", failure.case, failure.diagnosis)),
        }
    }
}

impl Programs {
    /// The program that a claim is about.
    pub(crate) fn of(&self, exercise: &Exercise, claim: &Claim, solution: &Program) -> Program {
        match claim {
            Claim::Solution => solution.clone(),
            Claim::Variant(variant) => Program::new(self.0.join(binary(exercise, variant))),
        }
    }
}

/// The starter and the wrong programs, with the codes that they must get.
pub(crate) fn variants(exercise: &Exercise) -> Result<Vec<Variant>, String> {
    let mut variants = vec![Variant {
        name: "starter".into(),
        source: exercise.starter_source(),
        code: code(&exercise.starter, "Cargo.toml, `starter`")?,
    }];
    let folder = exercise.folder.join("wrong");
    let entries =
        fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut sources: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "rs"))
        .collect();
    sources.sort();
    if sources.len() < WRONG_MIN {
        return Err(format!("{} has fewer than {WRONG_MIN} programs", folder.display()));
    }
    for source in sources {
        let text = read(&source)?;
        let place = source.display().to_string();
        let first = text.lines().next().and_then(|line| line.strip_prefix("//! "));
        let named = first.and_then(|line| line.split_once(": ")).map_or("", |(code, _)| code);
        variants.push(Variant {
            name: source.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            code: code(named, &format!("{place}, first line"))?,
            source,
        });
    }
    Ok(variants)
}

fn code(name: &str, place: &str) -> Result<Code, String> {
    Code::of_name(name).ok_or_else(|| format!("{place}: `{name}` is no code"))
}

/// What the file of a variant's program is called: all exercises share one folder.
fn binary(exercise: &Exercise, variant: &Variant) -> String {
    format!("{}--{}", exercise.id, variant.name)
}

/// Where cargo puts the programs of all variants of all exercises.
fn target(scratch: &Path) -> PathBuf {
    scratch.join("proof").join("build")
}

/// The programs, if [`build`] has built them before.
pub(crate) fn built(scratch: &Path) -> Programs {
    Programs(target(scratch).join("debug"))
}

/// Builds the programs of all variants among the claims.
pub(crate) fn build(
    exercise: &Exercise,
    claims: &[Claim],
    scratch: &Path,
) -> Result<Programs, String> {
    let target = target(scratch);
    let programs = built(scratch);
    let variants: Vec<&Variant> = claims
        .iter()
        .filter_map(|claim| match claim {
            Claim::Solution => None,
            Claim::Variant(variant) => Some(variant),
        })
        .collect();
    if variants.is_empty() {
        return Ok(programs);
    }
    let root = exercise::root_of(&exercise.folder).ok_or("there is no book.toml above")?;
    let package = scratch.join("proof").join(&exercise.id);
    fs::create_dir_all(&package).map_err(|error| error.to_string())?;
    let lock = read(&root.join("Cargo.lock"))?;
    let lock_copy = package.join("Cargo.lock");
    let newest = package.join("of-the-project.lock");
    // Cargo removes what this package does not need. The copy shows whether the project's lock has changed since.
    if fs::read_to_string(&newest).ok().as_deref() != Some(lock.as_str()) || !lock_copy.exists()
    {
        write(&lock_copy, &lock)?;
        write(&newest, &lock)?;
    }
    let mut manifest = manifest::of(exercise, &root)?;
    for variant in variants {
        let name = binary(exercise, variant);
        manifest.push_str(&format!("\n[[bin]]\nname = {name:?}\npath = \"{name}.rs\"\n"));
        write(&package.join(format!("{name}.rs")), &program(exercise, variant))?;
    }
    write(&package.join("Cargo.toml"), &manifest)?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--offline", "--bins", "--target-dir"])
        .arg(&target)
        .current_dir(&package)
        // Programs for another target would lie in another folder.
        .env_remove("CARGO_BUILD_TARGET")
        .output()
        .map_err(|error| format!("cargo could not be started: {error}"))?;
    if !built.status.success() {
        return Err(String::from_utf8_lossy(&built.stderr).into_owned());
    }
    Ok(programs)
}

/// A program over the variant's file: the same two files as in the exercise, as modules of one crate.
fn program(exercise: &Exercise, variant: &Variant) -> String {
    let library = exercise.id.replace('-', "_");
    let given = exercise.folder.join("src/bin").join(format!("{}.rs", exercise.id));
    format!(
        "#![allow(warnings)]\n\
         extern crate self as {library};\n\
         #[path = {:?}]\n\
         mod answer;\n\
         pub use answer::*;\n\
         #[path = {given:?}]\n\
         mod program;\n\
         fn main() -> impl std::process::Termination {{\n    program::main()\n}}\n",
        variant.source
    )
}

pub(crate) fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Writes a file if it is not so already: cargo builds again what is newer than its program.
fn write(path: &Path, text: &str) -> Result<(), String> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
