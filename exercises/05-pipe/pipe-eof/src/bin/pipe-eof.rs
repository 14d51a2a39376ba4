//! The program of `pipe-eof`: prints the lengths of its arguments, smallest first.
//!
//! By hand: `cargo run -p pipe-eof -- one three eleven`. A text `die` kills the process that measures it.

use std::process::ExitCode;

use nix::sys::signal::{Signal, raise};

/// Asks the reader's function, and prints what it says.
pub(crate) fn main() -> ExitCode {
    let texts: Vec<String> = std::env::args().skip(1).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    gate::pass("start");
    let lengths = pipe_eof::lengths(&texts, measure);
    gate::pass("end");
    match lengths {
        Ok(mut lengths) => {
            lengths.sort_unstable();
            lengths.iter().for_each(|length| println!("{length}"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The work of one process.
fn measure(text: &str) -> usize {
    gate::pass("measure");
    if text == "die" {
        // The process is gone before it can write its number.
        let _ = raise(Signal::SIGKILL);
    }
    text.len()
}
