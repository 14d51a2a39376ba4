//! How far the reader has come, as a served page shows it: a tick beside each exercise, and the
//! last diagnosis.
//!
//! `cargo test -p ID` leaves a record in `.workbook/progress`. The server looks at these records
//! several times a second, and a page that is open asks for newer ones (`/__progress/NUMBER`).
//! What it gets is put into the places that [`crate::exercise_page`] has left, so the page is not
//! loaded again and stays where the reader has scrolled to. A page that nobody serves has the
//! places, hidden, and asks for nothing.

use std::collections::BTreeMap;
use std::fs;
use std::sync::LazyLock;
use std::time::SystemTime;

use exercise::{Outcome, Progress};
use regex::Regex;
use serde_json::json;

use crate::project::Project;

/// What a served page runs to show ticks.
pub const SCRIPT: &str = concat!("<script>\n", include_str!("progress_page.js"), "</script>\n");

const PASSED: &str = "✓ passed";
const FAILED: &str = "✗ failed";
const UNTRIED: &str = "○ not tried yet";

/// The state of all records at one moment. Two that differ mean that an exercise was graded in
/// between, or forgotten.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Records(BTreeMap<String, (Option<SystemTime>, u64)>);

impl Records {
    /// Looks at every record now. A record that vanishes meanwhile is left out.
    pub fn look(project: &Project) -> Records {
        let folder = project.root().join(exercise::READERS_FOLDER).join("progress");
        let Ok(entries) = fs::read_dir(folder) else {
            return Records::default();
        };
        let records = entries.filter_map(Result::ok).filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let id = name.strip_suffix(".json")?.to_owned();
            let metadata = entry.metadata().ok()?;
            Some((id, (metadata.modified().ok(), metadata.len())))
        });
        Records(records.collect())
    }

    /// What a page is told of these records, as JSON, under the number `version`.
    pub fn news(&self, project: &Project, version: u64) -> String {
        let exercises: BTreeMap<&str, serde_json::Value> = self
            .0
            .keys()
            .filter_map(|id| {
                let progress = Progress::read(project.root(), id)?;
                Some((id.as_str(), told(&progress)))
            })
            .collect();
        json!({
            "version": version.to_string(),
            "exercises": exercises,
            "untried": { "tick": UNTRIED, "state": UNTRIED, "solved": false, "diagnosis": "" },
        })
        .to_string()
    }
}

/// One exercise's part of the news. `state` and `diagnosis` are HTML.
fn told(progress: &Progress) -> serde_json::Value {
    let solved = progress.passed_at_s.is_some();
    match &progress.outcome {
        Outcome::Passed => {
            json!({ "tick": PASSED, "state": PASSED, "solved": true, "diagnosis": "" })
        }
        Outcome::Failed { code, case, diagnosis } => {
            let before = if solved { " (it has passed before)" } else { "" };
            let case = if case.is_empty() {
                String::new()
            } else {
                format!(", in the case “{}”", escaped(case))
            };
            json!({
                "tick": FAILED,
                "state": format!("{FAILED}: {}{case}{before}", linked(&escaped(code), code)),
                "solved": solved,
                "diagnosis": linked(&escaped(diagnosis.trim_end()), code),
            })
        }
    }
}

/// `text` as HTML shows it letter by letter.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            // What a program prints may try to move a terminal's cursor.
            control if control.is_control() && !matches!(control, '\n' | '\t') => {
                html.push('\u{fffd}');
            }
            other => html.push(other),
        }
    }
    html
}

/// `html`, in which the diagnosis's own code and the pages that it names are links.
fn linked(html: &str, code: &str) -> String {
    static PLACE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"\b(?:chapters/(?<folder>[0-9A-Z]+-[0-9a-z-]+)/README\.md(?<fragment>#[0-9a-z_-]+)?|(?<code>[A-Z][A-Z_]*[A-Z]))\b",
        )
        .expect("a constant pattern")
    });
    PLACE
        .replace_all(html, |found: &regex::Captures<'_>| {
            let words = &found[0];
            if let Some(folder) = found.name("folder") {
                let fragment = found.name("fragment").map_or("", |fragment| fragment.as_str());
                format!("<a href=\"/{}/index.html{fragment}\">{words}</a>", folder.as_str())
            } else if words == code {
                let fragment = code.to_ascii_lowercase();
                format!("<a href=\"/B-failure-index/index.html#{fragment}\">{words}</a>")
            } else {
                words.to_owned()
            }
        })
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(outcome: Outcome, passed_at_s: Option<u64>) -> Progress {
        Progress { outcome, at_s: 2, attempts: 2, passed_at_s }
    }

    fn failed(code: &str, case: &str, diagnosis: &str) -> Outcome {
        Outcome::Failed { code: code.into(), case: case.into(), diagnosis: diagnosis.into() }
    }

    #[test]
    fn a_success_is_told_without_a_diagnosis() {
        let told = told(&progress(Outcome::Passed, Some(2)));
        assert_eq!(told["state"], "✓ passed");
        assert_eq!((&told["solved"], &told["diagnosis"]), (&json!(true), &json!("")));
    }

    #[test]
    fn a_failure_is_told_with_its_code_as_a_link() {
        let told = told(&progress(failed("LEAKED_FD", "closes <all>", "x"), None));
        assert_eq!(
            told["state"],
            "✗ failed: <a href=\"/B-failure-index/index.html#leaked_fd\">LEAKED_FD</a>, in the \
             case “closes &lt;all&gt;”"
        );
        assert_eq!(told["solved"], false);
    }

    #[test]
    fn a_success_is_remembered_over_a_later_failure() {
        let told = told(&progress(failed("LEAKED_FD", "", ""), Some(1)));
        assert_eq!(told["solved"], true);
        assert!(told["state"].as_str().is_some_and(|s| s.ends_with("(it has passed before)")));
    }

    #[test]
    fn a_diagnosis_cannot_bring_markup_of_its_own() {
        let told = told(&progress(
            failed("ZOMBIE", "", "ZOMBIE <script>alert('\"&')</script>\u{1b}[2J\n"),
            None,
        ));
        assert_eq!(
            told["diagnosis"],
            "<a href=\"/B-failure-index/index.html#zombie\">ZOMBIE</a> \
             &lt;script&gt;alert(&#39;&quot;&amp;&#39;)&lt;/script&gt;\u{fffd}[2J"
        );
        let odd = failed("A\"><script>", "", "A\"><script>");
        let odd = super::told(&progress(odd, None)).to_string();
        assert!(!odd.contains("<script") && !odd.contains("<a "), "{odd}");
    }

    #[test]
    fn pages_and_whole_codes_are_linked_and_other_words_are_not() {
        assert_eq!(
            linked(
                "chapters/05-pipe/README.md#why SIGPIPE_DEATH NOT_SIGPIPE_DEATH EOF",
                "SIGPIPE_DEATH"
            ),
            "<a href=\"/05-pipe/index.html#why\">chapters/05-pipe/README.md#why</a> \
             <a href=\"/B-failure-index/index.html#sigpipe_death\">SIGPIPE_DEATH</a> \
             NOT_SIGPIPE_DEATH EOF"
        );
    }

    #[test]
    fn records_that_come_change_and_go_are_seen() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join("chapters")).expect("a folder");
        fs::write(folder.path().join("book.toml"), "").expect("a file");
        let project = Project::find(Some(folder.path())).expect("a project");
        let none = Records::look(&project);
        assert_eq!(none, Records::default());

        Progress::record(project.root(), "pipe-eof", Outcome::Passed).expect("a record");
        let one = Records::look(&project);
        assert_ne!(one, none);
        let news: serde_json::Value =
            serde_json::from_str(&one.news(&project, 7)).expect("JSON");
        assert_eq!(news["version"], "7");
        assert_eq!(news["exercises"]["pipe-eof"]["solved"], true);

        let progress = project.root().join(".workbook/progress");
        fs::write(progress.join("pipe-eof.json"), "damaged").expect("a record");
        let damaged = Records::look(&project);
        assert_ne!(damaged, one);
        let news: serde_json::Value =
            serde_json::from_str(&damaged.news(&project, 8)).expect("JSON");
        assert_eq!(news["exercises"], json!({}));
        fs::remove_file(progress.join("pipe-eof.json")).expect("a record");
        assert_eq!(Records::look(&project).0, none.0);
    }
}
