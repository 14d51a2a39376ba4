//! Judges a reader's test: each pool in a run of its own.
//!
//! Each exercise's `tests/grade.rs` has this file as a module.

use grader::{Class, Code, Diagnosis, Program, Verdict};
use pools::Version;
use pools::program::{ACCEPTED, VERDICT};

/// What a test does with a pool.
enum Said {
    Accepted,
    /// With its reason.
    Rejected(String),
    /// It never came to an end.
    Hung(Diagnosis),
}

/// That the test accepts the pools that are right.
pub(crate) fn right(program: &Program) -> Verdict {
    for version in Version::RIGHT {
        let reason = match ask(program, *version)? {
            Said::Accepted => continue,
            Said::Rejected(reason) => reason,
            Said::Hung(found) => return Err(hung(*version, &found)),
        };
        return Err(Code::RejectedTheRightOne
            .because(format!(
                "the pool `{}` is right, and your test says {reason:?}",
                version.name()
            ))
            .evidence(format!("this pool {}", version.what()))
            .evidence(by_hand(*version)));
    }
    Ok(())
}

/// That the test rejects each of `broken`.
pub(crate) fn broken(program: &Program, broken: &[Version]) -> Verdict {
    let mut through = Vec::new();
    for version in broken {
        match ask(program, *version)? {
            Said::Accepted => through.push(*version),
            Said::Rejected(_) => {}
            Said::Hung(found) => return Err(hung(*version, &found)),
        }
    }
    let Some(first) = through.first() else { return Ok(()) };
    let found = Code::LetThrough
        .because(format!(
            "your test accepts {} of {} pools that are wrong",
            through.len(),
            broken.len()
        ))
        .evidence(format!("`{}`: {}", first.name(), first.what()))
        .evidence(format!("it shows with: {}", first.shows()));
    let others = through[1..].iter().fold(found, |found, version| {
        found.evidence(format!("`{}`: {}", version.name(), version.what()))
    });
    Err(others.evidence(by_hand(*first)))
}

/// A test of a pool that may hang needs a way to find that out.
fn hung(version: Version, found: &Diagnosis) -> Diagnosis {
    let name = version.name();
    let (story, idea) = if version.is_right() {
        (
            format!("your test never comes to an end with the pool `{name}`, which is right"),
            "What your test waits for never comes, also with a right pool: a gate that nobody opens, or the end of a task that has none.",
        )
    } else {
        (
            format!(
                "your test never comes to an end with the pool `{name}`, which is wrong: {}",
                version.what()
            ),
            "A fault may be that something never returns. Then no line behind it is reached. Make the calls in a process of their own, and look from outside whether it still moves: pools::finishes does that.",
        )
    };
    found
        .to_string()
        .lines()
        .skip(1)
        .filter(|line| !line.trim_start().starts_with("Idea:"))
        .fold(Code::Stuck.because(story), |hung, line| hung.evidence(line.trim()))
        .idea(idea)
}

fn by_hand(version: Version) -> String {
    format!(
        "by hand: cargo run -p {} -- {}",
        env!("CARGO_PKG_NAME").trim_end_matches("-solution"),
        version.name()
    )
}

/// What the test says of a pool.
fn ask(program: &Program, version: Version) -> Result<Said, Diagnosis> {
    // What a broken pool leaves, or what panics in it, is no fault of the test.
    let program =
        [Code::Panic, Code::Orphan, Code::Zombie, Code::EscapedDaemon, Code::LeakedFd]
            .into_iter()
            .fold(program.arg(version.name()), |program, code| program.allow(code));
    let end = match program.run() {
        Ok(end) => end,
        Err(found) if found.is_graders() => return Err(found),
        Err(found)
            if found.code().class() == Class::Deadlock || found.code() == Code::TooSlow =>
        {
            return Ok(Said::Hung(found));
        }
        Err(found) => {
            return Err(found.evidence(format!("it was the pool `{}`", version.name())));
        }
    };
    let verdict = end.stdout().lines().rev().find_map(|line| line.strip_prefix(VERDICT));
    match verdict {
        Some(ACCEPTED) => Ok(Said::Accepted),
        Some(reason) => {
            let reason = reason.strip_prefix("rejected: ").unwrap_or(reason);
            Ok(Said::Rejected(reason.to_owned()))
        }
        None => Err(Code::WrongAnswer
            .because(format!(
                "your test has ended its process with the pool `{}`, and returned nothing",
                version.name()
            ))
            .idea("A test returns Ok or Err. exit ends the whole program, and a signal that you send to your own process does so too.")),
    }
}
