//! Counts the words of files in the processes of this machine; the line that makes the executor decides.
//! Minutes: 5
//!
//! `cargo run --release -p cluster --example wordcount_local -- FILES or FOLDERS`; without a file it counts a text that it makes up.
#![forbid(unsafe_code)]

#[allow(dead_code, reason = "the demo uses the rest")]
#[path = "../wordcount/count.rs"]
mod count;

// ANCHOR: main
fn main() -> anyhow::Result<()> {
    procpool::init();
    let executor = procpool::Pool::new()?;
    count::run(&executor)
}
// ANCHOR_END: main
