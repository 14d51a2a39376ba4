//! `doctor`: what this machine can show of the book, and what to do about the rest.
//!
//! `linux` reads the facts, once and in one place. [`findings`] judges them by pure functions,
//! which are tested on machines that nobody has at hand: made-up facts.

pub mod facts;
pub mod findings;
mod limits;
#[cfg(target_os = "linux")]
pub(crate) mod linux;

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use crate::text::wrapped;

/// How a fact bears on the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing in the book suffers.
    Ok,
    /// Everything works, and some experiment shows something else than the page.
    Note,
    /// Some example cannot work.
    Problem,
}

/// One checked thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was checked.
    pub subject: &'static str,
    /// How it bears on the book.
    pub verdict: Verdict,
    /// What is so on this machine.
    pub found: String,
    /// Why the book cares.
    pub why: &'static str,
    /// What the reader can do, whenever the verdict is not [`Verdict::Ok`].
    pub remedy: Option<String>,
}

/// Checks this machine.
pub fn examine() -> Vec<Finding> {
    #[cfg(target_os = "linux")]
    let findings = findings::judge(&linux::read());
    #[cfg(not(target_os = "linux"))]
    let findings = vec![findings::other_system(std::env::consts::OS)];
    findings
}

/// Whether something keeps an example from working.
pub fn has_problem(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.verdict == Verdict::Problem)
}

/// The width of the text beside the verdicts, in characters.
const TEXT_WIDTH: usize = 88;

/// The report with colours. A stream that is no terminal has to strip them.
pub fn render(findings: &[Finding]) -> String {
    let mut report = String::new();
    for finding in findings {
        let (word, style) = match finding.verdict {
            Verdict::Ok => ("ok", AnsiColor::Green.on_default()),
            Verdict::Note => ("note", AnsiColor::Yellow.on_default()),
            Verdict::Problem => ("problem", AnsiColor::Red.on_default().bold()),
        };
        let heading = Style::new().bold();
        writeln!(report, "{style}{word:<8}{style:#} {heading}{}{heading:#}", finding.subject)
            .expect("a string takes every write");
        paragraph(&mut report, &finding.found);
        paragraph(&mut report, finding.why);
        if let Some(remedy) = &finding.remedy {
            paragraph(&mut report, &format!("Remedy: {remedy}"));
        }
    }
    let count = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    writeln!(
        report,
        "\n{} checks: {} ok, to note: {}, problems: {}.\n\
         Where there is something to note, an experiment may show something else than the page.\n\
         A problem keeps some example from working.",
        findings.len(),
        count(Verdict::Ok),
        count(Verdict::Note),
        count(Verdict::Problem)
    )
    .expect("a string takes every write");
    report
}

fn paragraph(report: &mut String, text: &str) {
    for line in text.lines().flat_map(|line| wrapped(line, TEXT_WIDTH)) {
        writeln!(report, "         {line}").expect("a string takes every write");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_all_of_a_finding_within_the_width() {
        let finding = Finding {
            subject: "kernel",
            verdict: Verdict::Problem,
            found: "Linux 4.19".into(),
            why: "word ".repeat(40).leak(),
            remedy: Some("a newer one".into()),
        };
        let report = anstream::adapter::strip_str(&render(&[finding])).to_string();
        assert!(
            report.starts_with("problem  kernel\n         Linux 4.19\n         word word"),
            "{report}"
        );
        assert!(report.contains("\n         Remedy: a newer one\n"), "{report}");
        assert!(
            report.lines().take(6).all(|line| line.chars().count() <= 9 + TEXT_WIDTH),
            "{report}"
        );
    }
}
