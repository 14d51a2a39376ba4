//! What a failed exercise says: a code, what happened, the evidence, the idea that was missed.

use std::fmt;
use std::io;

use exercise::Exercise;

use crate::Code;

/// `Ok` or why not.
pub type Verdict = Result<(), Diagnosis>;

/// One cause, with what was seen of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    code: Code,
    story: String,
    evidence: Vec<String>,
    idea: Option<String>,
    is_graders: bool,
}

impl Diagnosis {
    pub(crate) fn new(code: Code, story: String) -> Diagnosis {
        Diagnosis { code, story, evidence: Vec::new(), idea: None, is_graders: false }
    }

    /// What the grader itself could not do. It says nothing about the program, and proves nothing.
    pub(crate) fn of_grader(what: &str, error: &io::Error) -> Diagnosis {
        let story = format!("the grader could not {what}: {error}");
        let mut found = Diagnosis::new(Code::WrongAnswer, story).idea(
            "This is no fault of the exercise. `cargo run -- doctor` looks at this machine.",
        );
        found.is_graders = true;
        found
    }

    /// Whether the grader has failed, and not the program.
    pub fn is_graders(&self) -> bool {
        self.is_graders
    }

    /// Adds a line of evidence.
    pub fn evidence(mut self, line: impl Into<String>) -> Diagnosis {
        self.evidence.push(line.into());
        self
    }

    /// Says another idea than the usual one of the code.
    pub fn idea(mut self, idea: impl Into<String>) -> Diagnosis {
        self.idea = Some(idea.into());
        self
    }

    /// The code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// What a reader sees: the diagnosis with the places in the book that belong to `exercise`.
    pub fn render(&self, exercise: &Exercise) -> String {
        let mut text = self.to_string();
        if self.is_graders {
            return text;
        }
        let mut line = |name: &str, words: String| {
            text.push_str(&format!("  {:<7}{words}\n", format!("{name}:")));
        };
        line("Book", format!("chapters/{}, \"{}\"", exercise.chapter, exercise.section));
        line(
            "Code",
            format!("chapters/B-failure-index/README.md#{}", self.code.name().to_lowercase()),
        );
        if !exercise.hints.is_empty() {
            line(
                "Hint",
                format!(
                    "cargo run -- hint {}   ({} in all)",
                    exercise.id,
                    exercise.hints.len()
                ),
            );
        }
        text
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_graders {
            writeln!(f, "NOT GRADED")?;
        } else {
            writeln!(f, "{}  {}", self.code.class(), self.code)?;
        }
        for line in self.story.lines() {
            writeln!(f, "  {line}")?;
        }
        for line in self.evidence.iter().flat_map(|evidence| evidence.lines()) {
            writeln!(f, "      {line}")?;
        }
        writeln!(f, "  Idea:  {}", self.idea.as_deref().unwrap_or(self.code.idea()))
    }
}

/// `Ok` if the condition holds, else the diagnosis.
///
/// # Errors
/// The diagnosis, if the condition does not hold.
pub fn ensure(condition: bool, diagnosis: impl FnOnce() -> Diagnosis) -> Verdict {
    if condition { Ok(()) } else { Err(diagnosis()) }
}
