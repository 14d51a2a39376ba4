//! The findings of a run as a table for the terminal.

use std::fmt::Write;
use std::io;

use anstyle::{AnsiColor, Style};
use claims::{Claim, Finding, Verdict};

use crate::output;
use crate::text::wrapped;

/// The width of the text beside number and verdict where no terminal says how wide it is, in characters.
const TEXT_WIDTH: usize = 80;

/// What number and verdict take.
const INDENT: usize = 15;

/// Prose in longer lines is hard to read, in shorter ones harder.
const TEXT_WIDTHS: std::ops::RangeInclusive<usize> = 40..=100;

/// What came of a claim: a finding, or why there is none.
pub(super) type Row = (&'static Claim, Result<Finding, String>);

pub(super) fn print(rows: &[Row]) -> io::Result<bool> {
    let width = output::width().map_or(TEXT_WIDTH, |width| width.saturating_sub(INDENT + 1));
    output::print(&render(rows, width.clamp(*TEXT_WIDTHS.start(), *TEXT_WIDTHS.end())))
}

fn render(rows: &[Row], width: usize) -> String {
    let mut table = String::new();
    for (claim, found) in rows {
        let number = match claim.number {
            0 => String::new(),
            number => number.to_string(),
        };
        let (word, style) = match found {
            Ok(_) if claim.number == 0 => ("measured", Style::new()),
            Ok(finding) => match finding.verdict {
                Verdict::True => ("true", AnsiColor::Green.on_default()),
                Verdict::HalfTrue => ("half true", AnsiColor::Yellow.on_default()),
                Verdict::False => ("false", AnsiColor::Red.on_default()),
                Verdict::Undecided => ("undecided", Style::new().dimmed()),
            },
            Err(_) => ("failed", AnsiColor::Red.on_default().bold()),
        };
        let heading = Style::new().bold();
        let mut lines = wrapped(claim.sentence, width).into_iter();
        let first = lines.next().unwrap_or_default();
        write(
            &mut table,
            format_args!("{number:>2}  {style}{word:<10}{style:#} {heading}{first}{heading:#}"),
        );
        for line in lines {
            write(&mut table, format_args!("{:INDENT$}{heading}{line}{heading:#}", ""));
        }
        let texts: Vec<&str> = match found {
            Ok(finding) => [finding.because.as_str()]
                .into_iter()
                .chain(finding.notes.iter().map(String::as_str))
                .collect(),
            Err(why) => vec![why],
        };
        for text in texts {
            for line in wrapped(text, width) {
                write(&mut table, format_args!("{:INDENT$}{line}", ""));
            }
        }
    }
    table
}

fn write(table: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(table, "{line}").expect("a string takes every write");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_number_verdict_sentence_and_reason() {
        let claim = claims::claim("limits").expect("a claim");
        let finding = Finding {
            id: "limits".into(),
            verdict: Verdict::HalfTrue,
            because: "Because of this.".into(),
            plots: Vec::new(),
            facts: Vec::new(),
            notes: vec!["Without a cgroup.".into()],
            took_s: 1.0,
        };
        let extra = claims::claim("bytes").expect("a measurement");
        let rows = [(claim, Ok(finding)), (extra, Err("the experiment ended".into()))];
        let table = anstream::adapter::strip_str(&render(&rows, TEXT_WIDTH)).to_string();
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines[0].starts_with(" 4  half true  One may ask for"), "{table}");
        assert!(lines.contains(&"               Because of this."), "{table}");
        assert!(lines.contains(&"               Without a cgroup."), "{table}");
        assert!(table.contains("    failed     Ways to hand over bytes.\n"), "{table}");
        assert!(
            lines.iter().all(|line| line.chars().count() <= INDENT + TEXT_WIDTH),
            "{table}"
        );
    }
}
