//! The program of `printed-once`: a report with a section for each argument.
//!
//! The section `broken` fails. By hand: `cargo run -p printed-once -- alpha broken gamma`

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

/// Prints the report, after a line of its own.
pub(crate) fn main() -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).collect();
    let mut out = BufWriter::new(io::stdout());
    gate::pass("start");
    let written = writeln!(out, "a report")
        .and_then(|()| printed_once::report(&mut out, &names, section))
        .and_then(|()| left(&out));
    gate::pass("end");
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The text of a section, in two lines.
fn section(name: &str, out: &mut dyn Write) -> io::Result<()> {
    gate::pass("section");
    if name == "broken" {
        return Err(io::ErrorKind::InvalidData.into());
    }
    writeln!(out, "{name} has {} letters", name.len())?;
    writeln!(out, "{name} ends")
}

/// That nothing waits in the buffer any more.
fn left(out: &BufWriter<io::Stdout>) -> io::Result<()> {
    gate::tell("left", out.buffer().len());
    Ok(())
}
