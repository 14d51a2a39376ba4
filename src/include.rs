//! Every `{{#include}}` of a page names a file, lines and an anchor that exist.
//!
//! mdBook only logs a missing file, and a missing anchor gives an empty listing without a word.
//! A reader would see a page with a hole. This check reads the pages before mdBook does and
//! says the file and the line.
//! Source: mdBook's `links` preprocessor, whose grammar this module follows.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

/// Included text may include again, as deep as mdBook follows.
const DEPTH_MAX: usize = 10;

/// One directive that mdBook could not honour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file that has the directive.
    pub file: PathBuf,
    /// The directive's line, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.what)
    }
}

/// Checks the directives of the page `file` and of all that it includes.
pub fn check_page(file: &Path) -> Vec<Problem> {
    let mut problems = Vec::new();
    match fs::read_to_string(file) {
        Ok(text) => {
            let lines: Vec<_> = numbered(&text).collect();
            check_lines(file, &lines, 0, &mut problems);
        }
        Err(error) => problems.push(Problem {
            file: file.to_path_buf(),
            line: 1,
            what: format!("cannot be read: {error}"),
        }),
    }
    problems
}

fn check_lines(
    file: &Path,
    lines: &[(usize, &str)],
    depth: usize,
    problems: &mut Vec<Problem>,
) {
    for &(line, text) in lines {
        for directive in directives(text) {
            let mut complain =
                |what| problems.push(Problem { file: file.to_path_buf(), line, what });
            let (path, part) = match directive {
                Directive::Unknown(name) => {
                    complain(format!(
                        "{{{{#{name}}}}} is no directive of mdBook; write \\{{{{ to show it \
                         as text"
                    ));
                    continue;
                }
                Directive::Include { path, part } => (path, part),
            };
            let included = file.parent().unwrap_or(Path::new("")).join(path);
            let text = match fs::read_to_string(&included) {
                Ok(text) => text,
                Err(error) => {
                    complain(format!("the included file {path} cannot be read: {error}"));
                    continue;
                }
            };
            match select(&text, part) {
                Err(why) => complain(format!("{path} {why}")),
                Ok(_) if depth == DEPTH_MAX => {
                    complain(format!("includes are nested deeper than {DEPTH_MAX}"))
                }
                Ok(lines) => check_lines(&included, &lines, depth + 1, problems),
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Directive<'a> {
    Include { path: &'a str, part: &'a str },
    Unknown(&'a str),
}

fn directives(line: &str) -> impl Iterator<Item = Directive<'_>> {
    static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"\\\{\{#.*\}\}|\{\{\s*#([a-zA-Z0-9_]+)\s+([^}]+)\}\}")
            .expect("a constant pattern")
    });
    PATTERN.captures_iter(line).filter_map(|found| {
        // The first alternative is an escaped directive, and has no groups.
        let (Some(name), Some(rest)) = (found.get(1), found.get(2)) else {
            return None;
        };
        let argument = rest.as_str().split_whitespace().next().unwrap_or_default();
        let (path, part) = argument.split_once(':').unwrap_or((argument, ""));
        match name.as_str() {
            "title" => None,
            // The book's own step expands these, and knows which there are.
            "exercise" | "measured" | "timeline" => None,
            "include" | "rustdoc_include" => Some(Directive::Include { path, part }),
            "playground" => Some(Directive::Include { path: argument, part: "" }),
            other => Some(Directive::Unknown(other)),
        }
    })
}

/// The numbered lines of `text` that `part` names: nothing, `7`, `4:`, `:9`, `4:9` or an
/// anchor.
fn select<'a>(text: &'a str, part: &str) -> Result<Vec<(usize, &'a str)>, String> {
    let (start, end) = match part.split_once(':') {
        Some((start, end)) => (start, Some(end)),
        None => (part, None),
    };
    if !start.is_empty() && start.parse::<usize>().is_err() {
        return select_anchor(text, start);
    }
    let first: usize = start.parse().unwrap_or(1).max(1);
    let last: usize = match end {
        Some(end) => end.parse().unwrap_or(usize::MAX),
        None if start.is_empty() => usize::MAX,
        None => first,
    };
    let selected: Vec<_> =
        numbered(text).filter(|(line, _)| (first..=last).contains(line)).collect();
    if selected.is_empty() && !part.is_empty() {
        return Err(format!(
            "has {} lines, and {part} names none of them",
            text.lines().count()
        ));
    }
    Ok(selected)
}

fn select_anchor<'a>(text: &'a str, anchor: &str) -> Result<Vec<(usize, &'a str)>, String> {
    let mut lines =
        numbered(text).skip_while(|(_, line)| marked(line, "ANCHOR") != Some(anchor));
    if lines.next().is_none() {
        return Err(format!("has no line ANCHOR: {anchor}"));
    }
    let mut selected = Vec::new();
    for (number, line) in lines {
        if marked(line, "ANCHOR_END") == Some(anchor) {
            if selected.iter().all(|(_, line): &(usize, &str)| line.trim().is_empty()) {
                return Err(format!("has nothing between ANCHOR: {anchor} and its end"));
            }
            return Ok(selected);
        }
        if marked(line, "ANCHOR_END").is_none() && marked(line, "ANCHOR").is_none() {
            selected.push((number, line));
        }
    }
    Err(format!("has no line ANCHOR_END: {anchor}"))
}

/// The name after `word:` in `line`.
fn marked<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(word)?;
    let rest = rest.strip_prefix(':')?.trim_start();
    let end =
        rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').unwrap_or(rest.len());
    (end > 0).then(|| &rest[..end])
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.lines())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "one\n// ANCHOR: part\ntwo\n// ANCHOR: inner\nthree\n// ANCHOR_END: inner\n// ANCHOR_END: part\n// ANCHOR: open\nfour\n";

    fn lines(part: &str) -> Result<Vec<&'static str>, String> {
        select(SOURCE, part).map(|lines| lines.into_iter().map(|(_, line)| line).collect())
    }

    #[test]
    fn anchors_and_ranges_select_what_mdbook_shows() {
        assert_eq!(lines("part"), Ok(vec!["two", "three"]));
        assert_eq!(lines("inner"), Ok(vec!["three"]));
        assert_eq!(lines("1"), Ok(vec!["one"]));
        assert_eq!(lines("9:"), Ok(vec!["four"]));
        assert_eq!(lines(":1"), Ok(vec!["one"]));
        assert_eq!(lines("").map(|all| all.len()), Ok(9));
    }

    #[test]
    fn what_does_not_exist_is_named() {
        assert_eq!(lines("par").unwrap_err(), "has no line ANCHOR: par");
        assert_eq!(lines("open").unwrap_err(), "has no line ANCHOR_END: open");
        assert_eq!(lines("10:").unwrap_err(), "has 9 lines, and 10: names none of them");
    }

    #[test]
    fn escaped_directives_are_text_and_unknown_ones_are_reported() {
        let found = |line| directives(line).collect::<Vec<_>>();
        assert_eq!(found(r"\{{#include a.rs}}"), []);
        assert_eq!(found("{{#title Name}}"), []);
        assert_eq!(found("{{#inclde a.rs}}"), [Directive::Unknown("inclde")]);
        assert_eq!(
            found("x {{#include a.rs:p}} y"),
            [Directive::Include { path: "a.rs", part: "p" }]
        );
    }

    #[test]
    fn a_problem_in_an_included_file_is_reported_there() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let page = folder.path().join("page.md");
        fs::write(&page, "# Page\n\n{{#include inner.md}}\n").expect("a page");
        let inner = folder.path().join("inner.md");
        fs::write(&inner, "text\n{{#include gone.rs}}\n").expect("an included page");
        let problems = check_page(&page);
        assert_eq!(problems.len(), 1);
        assert_eq!((problems[0].file.as_path(), problems[0].line), (inner.as_path(), 2));
    }
}
