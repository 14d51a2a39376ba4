//! What the processes of a program did, and who let whom wait.
//!
//! The package `tracer` watches a program and records a [`Timeline`]; this package shows it: [`text`] in a terminal,
//! [`svg`] and [`figure`] in a page of the book, [`page`] as a page of its own.
//!
//! ```text
//! JSON ─► model ─► rows (in order, within bounds) ─► scale ─► text, svg ─► html
//!                                    └──► say (sentences) ────────┘
//! ```
//!
//! Invariant: nothing here watches a process or knows a system. Times are in microseconds since the program began. A
//! record may hold anything that its types allow; what is impossible is cut to what is possible, and nothing panics.
#![forbid(unsafe_code)]

mod element;
mod html;
mod model;
mod read;
mod rows;
#[cfg(test)]
mod samples;
mod say;
mod scale;
mod svg;
mod text;

pub use html::{figure, page};
pub use model::{Birth, Born, Cause, End, Exec, Lane, Timeline, VERSION, Wait, What};
pub use read::{ReadError, from_json};
pub use svg::svg;
pub use text::text;
