//! What the folders under `chapters` hold: pages with a title and a reading time, crates,
//! examples.
//!
//! Nothing is listed twice in the project. A chapter's title and minutes stand in its page, an
//! example's in the first lines of its source, and this module reads them from there.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use anyhow::{Context, Result};
use regex::Regex;

use crate::project::Project;

/// One folder `chapters/NN-name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chapter {
    /// The two digits that the folder's name begins with.
    pub number: String,
    /// The page's first heading.
    pub title: String,
    /// How long the page takes, from its line `*About N minutes.*`.
    pub minutes: Option<u32>,
    /// The name of the chapter's package.
    pub package: String,
    /// The folder itself.
    pub folder: PathBuf,
    /// The chapter's examples in the order of their names.
    pub examples: Vec<Example>,
}

/// One program under `chapters/NN-name/examples`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// What `cargo run --example` takes.
    pub name: String,
    /// The first line of the source's head.
    pub title: String,
    /// How long it takes to run it and to look at what it shows, from the head's line `Minutes:
    /// N`.
    pub minutes: Option<u32>,
    /// The source file.
    pub source: PathBuf,
}

/// Reads all chapters in the order of their numbers. A part whose page is still to be written is no chapter yet.
///
/// # Errors
///
/// When a folder, a page or a `Cargo.toml` cannot be read, with its path.
pub fn read_all(project: &Project) -> Result<Vec<Chapter>> {
    let mut chapters = Vec::new();
    for folder in sorted_entries(&project.chapters())? {
        let name = file_name(&folder);
        let Some((number, _)) = name.split_once('-') else {
            continue;
        };
        if !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
            && folder.join("README.md").is_file()
        {
            chapters.push(read_chapter(&folder, number)?);
        }
    }
    Ok(chapters)
}

/// The name of the package whose `Cargo.toml` lies in `folder`, or `None` if there is none to
/// read.
pub fn package_name(folder: &Path) -> Option<String> {
    let manifest: toml::Table =
        fs::read_to_string(folder.join("Cargo.toml")).ok()?.parse().ok()?;
    Some(manifest.get("package")?.get("name")?.as_str()?.to_owned())
}

/// The number in a page's line `*About N minutes.*`, and that line's place in `page`.
pub fn page_minutes(page: &str) -> Option<(u32, std::ops::Range<usize>)> {
    static LINE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?m)^\*About (\d{1,4}) minutes?\.\*[ \t]*$").expect("a constant pattern")
    });
    let found = LINE.captures(page)?;
    Some((found[1].parse().ok()?, found.get(0)?.range()))
}

fn read_chapter(folder: &Path, number: &str) -> Result<Chapter> {
    let page_path = folder.join("README.md");
    let page = fs::read_to_string(&page_path)
        .with_context(|| format!("cannot read {}", page_path.display()))?;
    let package = package_name(folder)
        .with_context(|| format!("{} names no package", folder.join("Cargo.toml").display()))?;
    let title = page
        .lines()
        .find_map(|line| line.strip_prefix("# "))
        .map_or_else(|| package.clone(), |title| title.trim().to_owned());

    let mut examples = Vec::new();
    let examples_folder = folder.join("examples");
    if examples_folder.is_dir() {
        for path in sorted_entries(&examples_folder)? {
            let source = if path.is_dir() { path.join("main.rs") } else { path.clone() };
            if source.is_file() && source.extension().is_some_and(|ext| ext == "rs") {
                let text = fs::read_to_string(&source)
                    .with_context(|| format!("cannot read {}", source.display()))?;
                let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                examples.push(read_example(name, &text, source));
            }
        }
    }

    Ok(Chapter {
        number: number.to_owned(),
        title,
        minutes: page_minutes(&page).map(|(minutes, _)| minutes),
        package,
        folder: folder.to_path_buf(),
        examples,
    })
}

fn read_example(name: String, text: &str, source: PathBuf) -> Example {
    let head: Vec<&str> =
        text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim).collect();
    // A first sentence that is wrapped over two lines is still one title.
    let title = head
        .iter()
        .take_while(|line| !line.is_empty() && !line.starts_with("Minutes:"))
        .copied()
        .collect::<Vec<_>>()
        .join(" ");
    let minutes = head
        .iter()
        .find_map(|line| line.strip_prefix("Minutes:"))
        .and_then(|number| number.trim().parse().ok());
    Example { name, title, minutes, source }
}

fn sorted_entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let read = || -> std::io::Result<Vec<PathBuf>> {
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
    };
    let mut paths = read().with_context(|| format!("cannot list {}", folder.display()))?;
    paths.sort();
    Ok(paths)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_is_described_by_its_head() {
        let text = "//! Shows that fork returns twice.\n//! Minutes: 5\n//!\n//! Look at the pids.\nfn main() {}\n";
        let example = read_example("two".into(), text, PathBuf::new());
        assert_eq!(example.title, "Shows that fork returns twice.");
        assert_eq!(example.minutes, Some(5));
    }

    #[test]
    fn a_wrapped_title_is_joined_and_a_missing_one_is_empty() {
        let wrapped = read_example(
            "a".into(),
            "//! One\n//! two.\n//!\n//! Minutes: 12\n",
            PathBuf::new(),
        );
        assert_eq!((wrapped.title.as_str(), wrapped.minutes), ("One two.", Some(12)));
        let bare = read_example("b".into(), "fn main() {}", PathBuf::new());
        assert_eq!((bare.title.as_str(), bare.minutes), ("", None));
    }

    #[test]
    fn minutes_come_from_a_line_of_their_own() {
        let page = "# Fork\n\n*About 45 minutes.*\n\nText\n";
        let (minutes, range) = page_minutes(page).expect("the line is there");
        assert_eq!((minutes, &page[range]), (45, "*About 45 minutes.*"));
        assert_eq!(page_minutes("It takes *About 45 minutes.* or so"), None);
    }
}
