//! The example programs `thumbs` and `wordcount`, run as a reader runs them.
//!
//! The programs start processes; this one only starts the programs. Plain `cargo test` builds them.

mod images;
mod places;
mod run;
mod text;
mod thumbs;
mod wordcount;
mod words;
