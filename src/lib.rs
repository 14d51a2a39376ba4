//! `workbook`, the program behind `cargo run`.
//!
//! It builds the book with mdBook's own library, serves it with live reload, lists and runs the
//! examples, grades the exercises, and says what this machine can show of them. One module, one
//! command:
//!
//! ```text
//! project ─► chapters ─► list, run, trace                what the folders hold, and what their programs do
//!    │
//!    ├─► include, links, dedent, exercise_page, score_table, measured_page, timeline_page ─► preprocess ─► book ─► site ─► serve
//!    │                                                                 progress_page ──┘
//!    │
//!    ├─► exercises (grade, watch, hint, solution, reset)   from the reader's file to a tick
//!    ├─► prove                                           would the grader notice?
//!    │
//!    ├─► programs ─► trace, measure                      what cargo builds for them
//!    │
//!    ├─► measure ─► measured_page                        what people say, put to the test
//!    │
//!    └─► doctor                                          what the machine allows
//! ```
//!
//! Everything but the reader of facts in [`doctor`] compiles on any system that Rust's standard
//! library knows, so that the book can be read where its examples cannot run.

#![forbid(unsafe_code)]

pub mod book;
pub mod chapters;
pub mod dedent;
pub mod doctor;
pub mod exercise_page;
pub mod exercises;
pub mod include;
mod interrupt;
pub mod links;
pub mod list;
pub mod measure;
pub mod measured_page;
pub mod output;
pub mod preprocess;
pub mod programs;
pub mod progress_page;
pub mod project;
pub mod prove;
pub mod run;
pub mod score_table;
pub mod serve;
pub mod site;
mod text;
pub mod timeline_page;
pub mod trace;
pub mod watch;

/// What to say to a reader whose system is not Linux.
pub const NEEDS_LINUX: &str = "\
The examples and the exercises need Linux: they call fork, waitid and pipe2, and they look into /proc.
The book itself can be read on any system: `cargo run`. Ways to get a Linux for the examples:
  - Windows: WSL 2 (`wsl --install`), then install Rust in it and clone the project there.
  - macOS: a small virtual machine, for example with Lima, UTM or Multipass.
  - Any system: a container (`docker run -it -v .:/book -w /book rust:latest bash`).
  - Any system: a cloud machine or a web editor that runs on Linux; one core is enough.";
