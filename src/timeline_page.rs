//! `{{#timeline NAME}}`, alone on a line of a page, becomes the drawing of a recorded run.
//!
//! The record is `examples/NAME.timeline.json` beside the page; `cargo run -- trace NAME --record` has written it. Under
//! the drawing stands the command with which a reader sees a run of their own.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use anyhow::{Context, Result, bail};
use regex::Regex;

use crate::exercise_page::code_ranges;
use crate::run::closest;

/// What the name of a record ends in.
pub const RECORD: &str = ".timeline.json";

/// `page`, which lies at `place` in the project in `root`, with its timelines. A record is read if the page shows it.
///
/// # Errors
///
/// When a directive is not alone on its line, names no record of the page's chapter (the message has the closest names),
/// or the same one twice, or when a record cannot be read.
pub fn expand(page: String, place: &Path, root: &Path) -> Result<String> {
    if !page.contains("{{#timeline") {
        return Ok(page);
    }
    let examples = root.join(place.parent().unwrap_or(Path::new(""))).join("examples");
    let place = place.to_string_lossy().replace('\\', "/");
    let code = code_ranges(&page);
    let mut expanded = String::with_capacity(page.len());
    let mut shown: Vec<&str> = Vec::new();
    let mut start = 0;
    for line in page.split_inclusive('\n') {
        let at = start;
        start += line.len();
        let speaks_of_it = line.contains("`{{#timeline");
        if !line.contains("{{#timeline") || code.iter().any(|code| code.contains(&at)) {
            expanded.push_str(line);
            continue;
        }
        let Some(name) = directive(line) else {
            if speaks_of_it {
                expanded.push_str(line);
                continue;
            }
            bail!(
                "{place}: {} must stand alone on its line, as {{{{#timeline NAME}}}}",
                line.trim()
            );
        };
        if shown.contains(&name) {
            bail!("{place}: shows the timeline {name} twice");
        }
        shown.push(name);
        expanded.push_str(&figure(name, &place, &examples)?);
    }
    Ok(expanded)
}

/// The name on a line that is nothing but a directive.
fn directive(line: &str) -> Option<&str> {
    static LINE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^\{\{#timeline\s+([A-Za-z0-9_-]+)\s*\}\}\s*$").expect("a constant pattern")
    });
    Some(LINE.captures(line)?.get(1)?.as_str())
}

fn figure(name: &str, place: &str, examples: &Path) -> Result<String> {
    let file = examples.join(format!("{name}{RECORD}"));
    if !file.is_file() {
        let names = names(examples);
        let advice = match closest(name, names.iter().map(String::as_str)).first() {
            Some(nearest) => format!(" Did you mean {nearest}?"),
            None => String::new(),
        };
        bail!(
            "{place}: the chapter has no record of a run of {name}.{advice} \
             To record one: cargo run -- trace {name} --record"
        );
    }
    let json =
        fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let timeline =
        timeline::from_json(&json).with_context(|| format!("{place}: {name}{RECORD}"))?;
    // Markdown goes on between HTML's tags where blank lines part them.
    Ok(format!("\n{}\n```sh\ncargo run -- trace {name}\n```\n\n", timeline::figure(&timeline)))
}

/// The names of the records in a folder.
fn names(examples: &Path) -> Vec<String> {
    let entries = fs::read_dir(examples).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(RECORD)?.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: &str = "chapters/01-one/README.md";

    /// A project with the record of a run of `two_returns`.
    fn project() -> tempfile::TempDir {
        let project = tempfile::tempdir().expect("a folder");
        let examples = project.path().join("chapters/01-one/examples");
        fs::create_dir_all(&examples).expect("a folder");
        let record = r#"{"version": 1, "name": "two_returns", "arguments": [], "duration_us": 10,
            "slowdown": null, "lanes": [], "notes": []}"#;
        fs::write(examples.join("two_returns.timeline.json"), record).expect("a record");
        project
    }

    fn expanded(page: &str) -> Result<String> {
        expand(page.to_owned(), Path::new(PLACE), project().path())
    }

    #[test]
    fn the_drawing_and_its_command_take_the_place_of_the_directive() {
        let page = expanded("Before.\n{{#timeline two_returns}}\nAfter.\n").expect("a page");
        assert!(
            page.starts_with("Before.\n\n<figure class=\"drawing timeline\">\n<svg"),
            "{page}"
        );
        assert!(
            page.ends_with(
                "</figure>\n\n```sh\ncargo run -- trace two_returns\n```\n\nAfter.\n"
            ),
            "{page}"
        );
    }

    #[test]
    fn code_may_speak_of_the_directive() {
        for page in ["```text\n{{#timeline any}}\n```\n", "Write `{{#timeline NAME}}`.\n"] {
            assert_eq!(expanded(page).expect("a page"), page);
        }
    }

    #[test]
    fn what_cannot_be_shown_is_refused_with_the_page_and_the_way_out() {
        for (page, complaint) in [
            ("See {{#timeline two_returns}}\n", "must stand alone on its line"),
            ("{{#timeline ../secret}}\n", "must stand alone on its line"),
            ("{{#timeline two_retruns}}\n", "Did you mean two_returns?"),
            ("{{#timeline zombie}}\n", "cargo run -- trace zombie --record"),
            ("{{#timeline two_returns}}\n{{#timeline two_returns}}\n", "twice"),
        ] {
            let error = expanded(page).expect_err(page).to_string();
            assert!(error.starts_with(PLACE) && error.contains(complaint), "{error}");
        }
    }
}
