//! Who knows Python's name finds ours: each name in the tables of "Coming from Python" is found by rustdoc's search.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const PAGE: &str = include_str!("../../C-coming-from-python/README.md");

/// Where the public items of the pool are written down.
const SOURCES: [&str; 4] = ["src", "../14-executor/src", "../07-shared/src", "../11-start/src"];

/// What is no name in Python's libraries, and what is not of the pool here.
const NOT_SEARCHED: [&str; 11] = [
    "with",
    "Value",
    "Manager",
    "Queue",
    "Pipe",
    "Lock",
    "Semaphore",
    "Event",
    "Process",
    "multiprocessing.Pool",
    "procpool",
];

/// The names in the first column of the tables: what stands in backquotes, up to a parenthesis.
fn names(page: &str) -> BTreeSet<&str> {
    page.lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next())
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .map(|code| code.split('(').next().unwrap_or(code))
        .filter(|name| !NOT_SEARCHED.contains(name))
        .collect()
}

/// What rustdoc's search finds: aliases, and the names of public items. It does not look at upper and lower case.
fn searchable(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            searchable(&path, found);
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source");
        for line in text.lines().map(str::trim) {
            let alias =
                line.strip_prefix("#[doc(alias = \"").and_then(|rest| rest.split('"').next());
            let item = ["pub fn ", "pub struct ", "pub enum ", "pub trait "]
                .iter()
                .find_map(|keyword| line.strip_prefix(keyword))
                .and_then(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next());
            found.extend(alias.or(item).map(str::to_lowercase));
        }
    }
}

#[test]
fn each_python_name_is_found() {
    let names = names(PAGE);
    assert!(names.len() > 40, "the tables were not found: {names:?}");
    let mut found = BTreeSet::new();
    for source in SOURCES {
        searchable(&Path::new(env!("CARGO_MANIFEST_DIR")).join(source), &mut found);
    }
    let missing: Vec<&str> =
        names.into_iter().filter(|name| !found.contains(&name.to_lowercase())).collect();
    assert!(missing.is_empty(), "no `#[doc(alias)]` for {missing:?}");
}

#[test]
fn names_are_taken_from_the_first_column() {
    let page =
        "| Python | here |\n|---|---|\n| `map(f)`, `imap` | `other` | `third` |\ntext `no`\n";
    assert_eq!(names(page), BTreeSet::from(["imap", "map"]));
}
