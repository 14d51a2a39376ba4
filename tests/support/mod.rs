//! What the tests of the book as a whole share: the project in memory, its pages, its Rust files
//! and its shell commands.
//!
//! Every check is a pure function from a [`Project`](project::Project), or from a text, to a list
//! of [`Finding`]s. Its own tests feed it a broken project and expect the finding; one more test
//! feeds it the real project and expects none.

#![allow(dead_code, reason = "each test program uses its own part of this module")]

use std::fmt;

pub(crate) mod commands;
pub(crate) mod exercises;
pub(crate) mod page;
pub(crate) mod project;
pub(crate) mod rust;

/// Something in the project that breaks a rule, and where it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// The file, relative to the project's folder, with the line after a colon if it is known.
    pub(crate) place: String,
    /// What is wrong, and what would be right.
    pub(crate) what: String,
}

impl Finding {
    pub(crate) fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Finding { place: place.into(), what: what.into() }
    }

    pub(crate) fn at(path: &str, line: usize, what: impl Into<String>) -> Self {
        Finding::new(format!("{path}:{line}"), what)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// Fails the test with one line for each finding.
///
/// # Panics
///
/// If there is a finding.
#[track_caller]
pub(crate) fn assert_none(mut findings: Vec<Finding>) {
    findings.sort();
    findings.dedup();
    let list: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(list.is_empty(), "{} findings:\n{}\n", list.len(), list.join("\n"));
}

/// Fails the test unless there is exactly one finding, which contains `part`.
///
/// # Panics
///
/// If there is no finding, another one, or more than one.
#[track_caller]
pub(crate) fn assert_one(findings: &[Finding], part: &str) {
    let list: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(
        list.len() == 1 && list[0].contains(part),
        "expected one finding with {part:?}, got {}:\n{}\n",
        list.len(),
        list.join("\n")
    );
}
