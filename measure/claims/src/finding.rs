//! What one experiment has found, and all findings of one machine.

use crate::machine::Machine;
use crate::plot::Plot;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The form of a [`Run`] as JSON. A file of another version is not read.
pub const VERSION: u32 = 1;

/// Whether a claim holds on the machine that measured it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It holds as it is said.
    True,
    /// A part of it holds, or it holds under a condition that it does not name.
    HalfTrue,
    /// It does not hold.
    False,
    /// This machine does not let one see; [`Finding::because`] says why.
    Undecided,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::True => "true",
            Verdict::HalfTrue => "half true",
            Verdict::False => "false",
            Verdict::Undecided => "undecided",
        })
    }
}

/// How large an experiment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// What the book shows: seconds for each claim.
    #[default]
    Full,
    /// Enough to see the shape, for tests: at most a second or two, in a debug build.
    Small,
}

/// A single figure or observation, already in words: `("registers that are equal", "17 of 18")`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What was looked at.
    pub name: String,
    /// What it was, with its unit.
    pub value: String,
}

/// The end of one experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The id of the claim.
    pub id: String,
    /// What becomes of the claim.
    pub verdict: Verdict,
    /// Why, in one or two sentences that are made from the figures.
    pub because: String,
    /// The curves, the most telling one first. May be empty.
    pub plots: Vec<Plot>,
    /// What is no curve.
    pub facts: Vec<Fact>,
    /// What was left out or cut down on this machine, each with its reason and the way out. Mostly empty.
    pub notes: Vec<String>,
    /// How long the experiment took, in seconds.
    pub took_s: f64,
}

/// A finding with what one has to know to trust it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Taken {
    /// When it was measured, in seconds since 1970 (UTC).
    pub unix_s: u64,
    /// How large the experiment was.
    pub scale: Scale,
    /// How many processors' worth of other work ran just before: 0.0 is a quiet machine.
    pub other_load: f64,
    /// What was found.
    pub finding: Finding,
}

/// All that was measured on one machine, the newest finding of each claim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// [`VERSION`].
    pub version: u32,
    /// Where.
    pub machine: Machine,
    /// In the order of [`crate::CLAIMS`], then [`crate::EXTRA`].
    pub findings: Vec<Taken>,
}

/// One line that an experiment writes to its standard output as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Message {
    /// How far it is, from 0.0 to 1.0.
    Progress(f64),
    /// The last line.
    Finding(Box<Finding>),
}
