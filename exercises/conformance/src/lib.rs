//! The conformance suite of a pool: what a pool has to do, in properties of ten points each.
//!
//! A pool takes part as a program that reads a script and prints outcomes (`tested-pool`). Each check is one run of that
//! program under the grader. So a check that hangs, crashes or leaves something behind costs its own points only.
//!
//! Invariant: no check measures time. What must have happened is seen at a gate, by an outcome, or by a process that
//! sleeps.
#![forbid(unsafe_code)]

use std::fmt::Write;

use grader::{Diagnosis, Program, Verdict};

mod faults;
mod judge;
mod others;
mod speed;
mod stage;
mod work;

pub use others::{TAKE_PART, play_if_asked};
pub use speed::print_speed;

/// How many points a property has.
pub const POINTS: u32 = 10;

/// What is promised, and the judge of it.
type Check = (&'static str, fn(&Program) -> Verdict);

/// Something that a pool has to be able to do.
#[derive(Debug, Clone, Copy)]
pub struct Property {
    /// One word for it.
    pub name: &'static str,
    checks: &'static [Check],
}

/// The properties, from the first that one builds to the last.
pub const PROPERTIES: [Property; 10] = [
    Property { name: "start", checks: work::START },
    Property { name: "map", checks: work::MAP },
    Property { name: "order", checks: work::ORDER },
    Property { name: "errors", checks: work::ERRORS },
    Property { name: "crash", checks: faults::CRASH },
    Property { name: "timeout", checks: faults::TIMEOUT },
    Property { name: "cancel", checks: faults::CANCEL },
    Property { name: "shutdown", checks: faults::SHUTDOWN },
    Property { name: "leaks", checks: faults::LEAKS },
    Property { name: "10,000 tasks", checks: work::MANY },
];

/// A check that a pool has failed.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What was promised.
    pub check: &'static str,
    /// Why it does not hold.
    pub diagnosis: Diagnosis,
}

/// What a pool has got for one property.
#[derive(Debug, Clone)]
pub struct Mark {
    /// Which.
    pub property: Property,
    /// How many of [`POINTS`].
    pub points: u32,
    /// The checks that have failed.
    pub failures: Vec<Failure>,
}

/// Tests a pool: all checks, whatever fails.
pub fn examine(program: &Program) -> Vec<Mark> {
    PROPERTIES.iter().map(|property| property.examine(program)).collect()
}

impl Property {
    /// Tests a pool for this property.
    pub fn examine(&self, program: &Program) -> Mark {
        let failed = |(name, check): &Check| {
            Some(Failure { check: name, diagnosis: check(program).err()? })
        };
        let failures: Vec<Failure> = self.checks.iter().filter_map(failed).collect();
        let passed = self.checks.len() - failures.len();
        let points = POINTS * passed as u32 / self.checks.len() as u32;
        Mark { property: *self, points, failures }
    }
}

/// The points as a table, with what has failed.
pub fn table(marks: &[Mark]) -> String {
    let mut text = String::new();
    for mark in marks {
        let mut line = format!("  {:<12} {:>3} of {POINTS}", mark.property.name, mark.points);
        for failure in &mark.failures {
            let code = failure.diagnosis.code();
            write!(line, "   {code}: {}", failure.check).expect("a string takes every write");
        }
        writeln!(text, "{line}").expect("a string takes every write");
    }
    let points: u32 = marks.iter().map(|mark| mark.points).sum();
    let all = POINTS * marks.len() as u32;
    writeln!(text, "  {:<12} {points:>3} of {all}", "points")
        .expect("a string takes every write");
    text
}
