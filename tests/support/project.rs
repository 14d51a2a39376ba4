//! The project in memory: the text of its files, and what cargo says about its packages.
//!
//! Paths are relative to the project's folder and separated by `/`, so that a check can be fed a
//! project that exists nowhere on disk.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use walkdir::WalkDir;

/// Folders that hold nothing of the project's own. `.workbook` holds what the reader has done.
const FOREIGN: &[&str] =
    &["target", ".git", ".workbook", "node_modules", "mutants.out", "mutants.out.old"];

/// Every file of the project, and every package of its workspace.
#[derive(Debug, Default, Clone)]
pub(crate) struct Project {
    pub(crate) files: BTreeMap<String, String>,
    pub(crate) packages: Vec<Package>,
}

/// One package of the workspace.
#[derive(Debug, Default, Clone)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// The package's folder; empty for the package at the root.
    pub(crate) dir: String,
    /// `false` if the package may be published to a registry.
    pub(crate) private: bool,
    /// The packages of this workspace that it depends on, with the kind of the dependency
    /// (`normal`, `dev` or `build`).
    pub(crate) depends_on: Vec<(String, String)>,
    pub(crate) targets: Vec<Target>,
}

/// One thing that cargo compiles: a library, a program, an example or a test.
#[derive(Debug, Default, Clone)]
pub(crate) struct Target {
    pub(crate) name: String,
    /// `lib`, `bin`, `example`, `test`, `bench` or `custom-build`.
    pub(crate) kind: String,
    /// The target's first file.
    pub(crate) root: String,
}

/// The project's folder.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

impl Project {
    /// Reads the project that this test belongs to.
    pub(crate) fn read() -> Self {
        let root = root();
        Project { files: read_files(&root), packages: read_packages(&root) }
    }

    /// A project that exists only in a test: files, and no package.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let files =
            files.iter().map(|(path, text)| (path.to_string(), text.to_string())).collect();
        Project { files, packages: Vec::new() }
    }

    /// Adds a package in `dir`, with the library, examples and tests found among the files.
    pub(crate) fn package(
        mut self,
        name: &str,
        dir: &str,
        depends_on: &[(&str, &str)],
    ) -> Self {
        let mut targets = Vec::new();
        for path in self.files.keys().filter(|path| path.ends_with(".rs")) {
            let Some(inside) = path.strip_prefix(&format!("{dir}/")) else { continue };
            let kind = match inside.split('/').collect::<Vec<_>>()[..] {
                ["src", "lib.rs"] => "lib",
                ["src", "main.rs"] | ["src", "bin", _] => "bin",
                ["examples", _] => "example",
                ["tests", _] => "test",
                _ => continue,
            };
            let stem = path.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs");
            let target = Target { name: stem.into(), kind: kind.into(), root: path.clone() };
            targets.push(target);
        }
        let depends_on = depends_on
            .iter()
            .map(|(name, kind)| (name.to_string(), kind.to_string()))
            .collect();
        self.packages.push(Package {
            name: name.into(),
            dir: dir.into(),
            private: true,
            depends_on,
            targets,
        });
        self
    }

    /// The pages of the book, without its summary: path and text.
    pub(crate) fn pages(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .filter(|(path, _)| path.starts_with("chapters/") && path.ends_with(".md"))
            .filter(|(path, _)| *path != "chapters/SUMMARY.md")
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The package whose folder contains the file, the innermost one.
    pub(crate) fn package_of(&self, path: &str) -> Option<&Package> {
        self.packages
            .iter()
            .filter(|package| {
                package.dir.is_empty() || path.starts_with(&format!("{}/", package.dir))
            })
            .max_by_key(|package| package.dir.len())
    }

    /// Every target of a kind, with its package.
    pub(crate) fn targets(&self, kind: &str) -> impl Iterator<Item = (&Package, &Target)> {
        self.packages
            .iter()
            .flat_map(|package| package.targets.iter().map(move |target| (package, target)))
            .filter(move |(_, target)| target.kind == kind)
    }
}

/// The number of the chapter that a file or folder belongs to.
pub(crate) fn chapter_number(path: &str) -> Option<u32> {
    let folder = path.strip_prefix("chapters/")?.split('/').next()?;
    folder.split_once('-')?.0.parse().ok()
}

/// Follows a relative path from the folder of the file `from`. `None` if it leaves the project.
pub(crate) fn resolve(from: &str, relative: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

fn read_files(root: &Path) -> BTreeMap<String, String> {
    let own = |name: &str| !FOREIGN.contains(&name);
    WalkDir::new(root)
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || entry.file_name().to_str().is_some_and(own))
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file())
        .filter_map(|entry| {
            let path = relative(root, entry.path())?;
            // A file that an editor removes in this moment is no finding.
            let bytes = std::fs::read(entry.path()).ok()?;
            Some((path, String::from_utf8_lossy(&bytes).into_owned()))
        })
        .collect()
}

fn read_packages(root: &Path) -> Vec<Package> {
    let metadata = cargo_metadata(&["--no-deps"]);
    let packages = metadata["packages"].as_array().expect("cargo metadata lists packages");
    packages.iter().map(|package| read_package(root, package)).collect()
}

/// What `cargo metadata` prints for this workspace, with more arguments.
pub(crate) fn cargo_metadata(arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("cargo starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo metadata: {}\n{errors}", output.status);
    serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON")
}

fn read_package(root: &Path, package: &Value) -> Package {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let manifest = relative(root, Path::new(&text(&package["manifest_path"])))
        .expect("a package of the workspace lies in the project's folder");
    let depends_on = list(&package["dependencies"])
        .iter()
        .filter(|dependency| dependency["path"].is_string())
        .map(|dependency| {
            let kind = dependency["kind"].as_str().unwrap_or("normal");
            (text(&dependency["name"]), kind.to_owned())
        })
        .collect();
    let targets = list(&package["targets"])
        .iter()
        .map(|target| Target {
            name: text(&target["name"]),
            kind: text(&target["kind"][0]),
            root: relative(root, Path::new(&text(&target["src_path"]))).unwrap_or_default(),
        })
        .collect();
    Package {
        name: text(&package["name"]),
        dir: manifest.rsplit_once('/').map(|(dir, _)| dir.to_owned()).unwrap_or_default(),
        // `publish = false` is an empty list of registries.
        private: package["publish"].as_array().is_some_and(Vec::is_empty),
        depends_on,
        targets,
    }
}

fn relative(root: &Path, path: &Path) -> Option<String> {
    let parts: Option<Vec<&str>> = path
        .strip_prefix(root)
        .ok()?
        .components()
        .map(|part| part.as_os_str().to_str())
        .collect();
    Some(parts?.join("/"))
}
