//! The folder that holds `book.toml` and `Cargo.toml`, found from wherever the program was
//! started.
//!
//! The path is looked up at every start and is never compiled in: a project that was moved or
//! copied is the project in which the reader stands.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The root folder of the workbook.
#[derive(Debug, Clone)]
pub struct Project {
    root: PathBuf,
}

impl Project {
    /// Finds the project: `demanded` if given, else the package that cargo is running, else the
    /// nearest folder upwards from the working folder, else upwards from the program file.
    ///
    /// # Errors
    ///
    /// When no folder among these has a `book.toml`, or the working folder cannot be read.
    pub fn find(demanded: Option<&Path>) -> Result<Project> {
        if let Some(folder) = demanded {
            let root = folder
                .canonicalize()
                .with_context(|| format!("cannot open the folder {}", folder.display()))?;
            if !is_root(&root) {
                bail!("{} has no book.toml: it is not a workbook", root.display());
            }
            return Ok(Project { root });
        }

        let by_cargo = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let here = env::current_dir().context("cannot tell the working folder")?;
        let program = env::current_exe().ok();
        by_cargo
            .as_deref()
            .filter(|folder| is_root(folder))
            .or_else(|| here.ancestors().find(|folder| is_root(folder)))
            .or_else(|| program.as_deref()?.ancestors().find(|folder| is_root(folder)))
            .map(|root| Project { root: root.to_path_buf() })
            .with_context(|| {
                format!(
                    "found no book.toml in {} or above it: start the program from inside the \
                     workbook's folder",
                    here.display()
                )
            })
    }

    /// The root folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The book's source: pages and crates, side by side.
    pub fn chapters(&self) -> PathBuf {
        self.root.join("chapters")
    }

    /// Where `build` and `serve` write the pages.
    pub fn site(&self) -> PathBuf {
        self.root.join("target").join("site")
    }

    /// `path` as a reader would write it from the root folder.
    pub fn relative<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(&self.root).unwrap_or(path)
    }
}

fn is_root(folder: &Path) -> bool {
    folder.join("book.toml").is_file() && folder.join("chapters").is_dir()
}
