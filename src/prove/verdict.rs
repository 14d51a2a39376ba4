//! What the outcomes say about a grader, once the equivalent mutants are taken out.

use std::fmt::Write;

use super::equivalent::Equivalents;
use super::outcomes::{Mutant, Outcomes};
use super::score::Score;

/// The verdict on the grader of one exercise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// How many mutants were caught, those at the deadline among them.
    pub caught: u32,
    /// How many of these met the deadline.
    pub timed_out: u32,
    /// How many survivors are listed as equivalent.
    pub equivalent: u32,
    /// The survivors that are not.
    pub survivors: Vec<Mutant>,
    /// The names on the list that no survivor has.
    pub stale: Vec<String>,
}

/// Takes the listed survivors out, one for each entry of the list.
pub fn judge(outcomes: &Outcomes, equivalents: &Equivalents) -> Verdict {
    let mut listed: Vec<&str> =
        equivalents.mutants.iter().map(|mutant| mutant.name.as_str()).collect();
    let mut equivalent = 0;
    let mut survivors = Vec::new();
    for survivor in &outcomes.survivors {
        match listed.iter().position(|name| *name == survivor.name) {
            Some(entry) => {
                listed.remove(entry);
                equivalent += 1;
            }
            None => survivors.push(survivor.clone()),
        }
    }
    Verdict {
        caught: outcomes.caught + outcomes.timed_out,
        timed_out: outcomes.timed_out,
        equivalent,
        survivors,
        stale: listed.into_iter().map(str::to_owned).collect(),
    }
}

impl Verdict {
    /// The figures that are kept.
    pub fn score(&self) -> Score {
        let survived = u32::try_from(self.survivors.len()).unwrap_or(u32::MAX);
        Score {
            viable: self.caught + self.equivalent + survived,
            caught: self.caught,
            equivalent: self.equivalent,
            survived,
        }
    }

    /// The verdict in one line.
    pub fn line(&self, id: &str) -> String {
        let Score { viable, caught, equivalent, survived } = self.score();
        let timed_out = self.timed_out;
        format!(
            "{id}: {viable} viable mutants, {caught} caught ({timed_out} of them at the deadline), \
             {equivalent} equivalent, {survived} survived"
        )
    }
}

/// The survivors with their places, the entries that are out of date, and the figures of all.
pub fn summary(verdicts: &[(&str, Verdict)]) -> String {
    let mut text = String::new();
    let survivors: Vec<(&str, &Mutant)> = verdicts
        .iter()
        .flat_map(|(id, verdict)| verdict.survivors.iter().map(move |it| (*id, it)))
        .collect();
    if !survivors.is_empty() {
        text.push_str("Survivors that no case catches and no equivalent.toml explains:\n");
        let width = survivors.iter().map(|(_, it)| it.place.chars().count()).max().unwrap_or(0);
        for (_, Mutant { name, place }) in &survivors {
            writeln!(text, "  {place:width$}  {name}").expect("a string takes every write");
        }
    }
    for (id, verdict) in verdicts {
        for name in &verdict.stale {
            writeln!(
                text,
                "{id}: equivalent.toml lists `{name}`, and no such mutant survives: take it off"
            )
            .expect("a string takes every write");
        }
    }
    let total = verdicts.iter().map(|(_, verdict)| verdict.score()).sum::<Score>();
    writeln!(
        text,
        "Exercises proved: {}. Viable mutants: {}; caught: {}; equivalent: {}; survived: {}.",
        verdicts.len(),
        total.viable,
        total.caught,
        total.equivalent,
        total.survived
    )
    .expect("a string takes every write");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prove::equivalent::Equivalent;

    fn mutant(name: &str, line: u32) -> Mutant {
        Mutant { name: name.into(), place: format!("lib.rs:{line}:1") }
    }

    fn listed(names: &[&str]) -> Equivalents {
        let entry =
            |name: &&str| Equivalent { name: (*name).to_owned(), reason: "so".to_owned() };
        Equivalents { mutants: names.iter().map(entry).collect() }
    }

    #[test]
    fn an_entry_excuses_one_survivor_and_no_more() {
        let outcomes = Outcomes {
            caught: 5,
            timed_out: 1,
            survivors: vec![mutant("a", 1), mutant("a", 2), mutant("b", 3)],
        };
        let verdict = judge(&outcomes, &listed(&["a", "c"]));
        assert_eq!(verdict.survivors, [mutant("a", 2), mutant("b", 3)]);
        assert_eq!(verdict.stale, ["c"]);
        assert_eq!(verdict.score(), Score { viable: 9, caught: 6, equivalent: 1, survived: 2 });
        assert_eq!(
            verdict.line("x"),
            "x: 9 viable mutants, 6 caught (1 of them at the deadline), 1 equivalent, 2 survived"
        );
        assert_eq!(
            summary(&[("x", verdict)]),
            "Survivors that no case catches and no equivalent.toml explains:\n\
             \x20 lib.rs:2:1  a\n  lib.rs:3:1  b\n\
             x: equivalent.toml lists `c`, and no such mutant survives: take it off\n\
             Exercises proved: 1. Viable mutants: 9; caught: 6; equivalent: 1; survived: 2.\n"
        );
    }

    #[test]
    fn a_whole_grader_has_nothing_to_tell() {
        let outcomes = Outcomes {
            caught: 2,
            timed_out: 0,
            survivors: vec![mutant("a", 1), mutant("a", 2)],
        };
        let verdict = judge(&outcomes, &listed(&["a", "a"]));
        assert!(verdict.survivors.is_empty() && verdict.stale.is_empty());
        assert_eq!(verdict.score().viable, 4);
    }
}
