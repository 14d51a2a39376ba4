//! What cargo-mutants found: the part of its `outcomes.json` that the proof needs.

use std::str::FromStr;

use serde::Deserialize;

/// What became of the mutants of one solution. Those that did not compile count for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// How many the grader refused.
    pub caught: u32,
    /// How many were still running at the deadline.
    pub timed_out: u32,
    /// Those that the grader let pass.
    pub survivors: Vec<Mutant>,
}

/// One change of a solution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutant {
    /// What was changed, as in `replace < with > in small`.
    pub name: String,
    /// Where, as `FILE:LINE:COLUMN`.
    pub place: String,
}

#[derive(Deserialize)]
struct File {
    outcomes: Vec<Outcome>,
}

#[derive(Deserialize)]
struct Outcome {
    scenario: Scenario,
    summary: String,
}

#[derive(Deserialize)]
enum Scenario {
    Baseline,
    Mutant(Change),
}

#[derive(Deserialize)]
struct Change {
    name: String,
    file: String,
    span: Span,
}

#[derive(Deserialize)]
struct Span {
    start: Position,
}

#[derive(Deserialize)]
struct Position {
    line: u32,
    column: u32,
}

impl FromStr for Outcomes {
    type Err = serde_json::Error;

    /// Reads the text of an `outcomes.json`. A summary that this program does not know counts as
    /// survived, so that a newer tool cannot make a score better than it is.
    fn from_str(text: &str) -> Result<Outcomes, serde_json::Error> {
        let file: File = serde_json::from_str(text)?;
        let mut outcomes = Outcomes::default();
        for outcome in file.outcomes {
            let Scenario::Mutant(change) = outcome.scenario else { continue };
            match outcome.summary.as_str() {
                "Unviable" => {}
                "CaughtMutant" => outcomes.caught += 1,
                "Timeout" => outcomes.timed_out += 1,
                _ => outcomes.survivors.push(change.into()),
            }
        }
        Ok(outcomes)
    }
}

impl From<Change> for Mutant {
    fn from(change: Change) -> Mutant {
        let Position { line, column } = change.span.start;
        let place = format!("{}:{line}:{column}", change.file);
        let name = change.name.strip_prefix(&format!("{place}: ")).unwrap_or(&change.name);
        Mutant { name: name.to_owned(), place }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_file_is_counted() {
        let outcomes: Outcomes =
            include_str!("outcomes.json").parse().expect("what cargo-mutants 27.1.0 wrote");
        let file = "exercises/01-one/add-one/solution/src/lib.rs";
        assert_eq!(
            outcomes,
            Outcomes {
                caught: 2,
                timed_out: 1,
                survivors: vec![
                    Mutant {
                        name: "replace small -> bool with false".into(),
                        place: format!("{file}:5:32"),
                    },
                    Mutant {
                        name: "replace < with > in small".into(),
                        place: format!("{file}:5:34"),
                    },
                ],
            }
        );
    }

    #[test]
    fn an_unknown_summary_counts_as_survived_and_another_form_is_an_error() {
        let text = include_str!("outcomes.json").replace("CaughtMutant", "Dreamt");
        let outcomes: Outcomes = text.parse().expect("outcomes");
        assert_eq!((outcomes.caught, outcomes.survivors.len()), (0, 4));
        assert!("{}".parse::<Outcomes>().is_err());
        assert!("".parse::<Outcomes>().is_err());
    }
}
