//! The program of `second-child`: has two counters count the bytes of two texts.
//!
//! By hand: `cargo run -p second-child -- one eleven`. As `--count NAME` it is itself a counter.

use std::io::{self, Read};

/// Counts by the reader's function, or is a counter.
pub(crate) fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let word = |index: usize| args.get(index).map_or("", String::as_str);
    if word(0) == "--count" {
        gate::pass("counter");
        let len = io::stdin().read_to_end(&mut Vec::new())?;
        println!("{}: {len} bytes", word(1));
        return Ok(());
    }
    gate::pass("start");
    let done = second_child::count_both(word(0), word(1));
    gate::pass("end");
    done
}
