//! Counts the words of files in the hosts of a cluster; the line that makes the executor decides.
//! Minutes: 5
//!
//! `NATS_URL=nats://HOST:4222 cargo run --release -p cluster --example wordcount_cluster -- FILES or FOLDERS`; without a file it counts a text that it makes up.
#![forbid(unsafe_code)]

#[allow(dead_code, reason = "the demo uses the rest")]
#[path = "../wordcount/count.rs"]
mod count;

// ANCHOR: main
fn main() -> anyhow::Result<()> {
    procpool::init();
    let executor = cluster::Cluster::connect(std::env::var("NATS_URL")?, Default::default())?;
    count::run(&executor)
}
// ANCHOR_END: main
