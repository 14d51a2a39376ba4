//! What people say about processes, and what a run of the experiments says to it.
//!
//! A [`Claim`] is a sentence that readers bring along. An experiment of the package `experiments` measures it and ends in
//! a [`Finding`]: figures, plots and a [`Verdict`]. All findings of one machine are a [`Run`], which is kept as JSON.
//!
//! Invariant: nothing here measures, reads a file or knows a system. The program behind `cargo run` shows what
//! it finds here on every system.
#![forbid(unsafe_code)]

mod axis;
mod claim;
mod finding;
mod machine;
mod number;
mod plot;
pub mod shape;
mod svg;

pub use claim::{CLAIMS, Claim, EXTRA, claim};
pub use finding::{Fact, Finding, Message, Run, Scale, Taken, VERSION, Verdict};
pub use machine::Machine;
pub use number::amount;
pub use plot::{Axis, AxisScale, Plot, PlotKind, Point, Series};
pub use svg::{describe, svg};
