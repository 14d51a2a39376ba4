//! The program of `enough-workers`: says how many workers are enough, by runs from the command line.
//!
//! By hand: `cargo run -p enough-workers -- 1:100 2:195 4:380 8:400 16:398`. Each word is a run: the number of workers, and
//! the tasks that they completed in a second. Behind a `/` begins another curve.

use std::io;

use enough_workers::{Run, enough};

/// Asks the reader's function.
pub(crate) fn main() -> io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    for curve in words.split(|word| word == "/") {
        let runs: Option<Vec<Run>> = curve.iter().map(|word| run(word)).collect();
        let runs =
            runs.ok_or_else(|| io::Error::other("usage: enough-workers [WORKERS:RATE]..."))?;
        match enough(&runs) {
            Ok(workers) => println!("{workers}"),
            Err(_) => println!("no knee"),
        }
    }
    Ok(())
}

fn run(word: &str) -> Option<Run> {
    let (workers, rate) = word.split_once(':')?;
    Some(Run { workers: workers.parse().ok()?, rate: rate.parse().ok()? })
}
