//! Judges `break-endings`: whether a test finds pools that do not end as they should.

#[path = "../../../pools/judge.rs"]
mod judge;

use grader::{Case, Program, Verdict};
use pools::Version;

const CASES: &[Case] = &[
    ("pools that are right are accepted", judge::right),
    ("each of twelve pools that are wrong is rejected", broken),
];

fn broken(program: &Program) -> Verdict {
    judge::broken(program, Version::ENDINGS)
}

grader::main!(CASES);
