//! The program of `two-full-pipes`: sends lines through a filter, which is this program again, and compares.
//!
//! By hand: `cargo run -p two-full-pipes -- capitals 1000`, or `last-first 1000`.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use exec::Command;

/// Is the filter, or asks the reader's function to run it.
pub(crate) fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--filter", "capitals"] => capitals(),
        ["--filter", "last-first"] => last_first(),
        [name, count] => compare(name, count),
        _ => Err(io::Error::other("usage: two-full-pipes capitals|last-first LINES")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints whether all has come back as it should.
fn compare(name: &str, count: &str) -> io::Result<()> {
    let count: usize = count.parse().map_err(io::Error::other)?;
    let input: Vec<u8> =
        (0..count).flat_map(|number| format!("line {number:06}\n").into_bytes()).collect();
    let mut expected = input.clone();
    match name {
        "last-first" => expected.reverse(),
        _ => expected.make_ascii_uppercase(),
    }
    let command = Command::this_program().args(["--filter", name]);
    gate::pass("start");
    let output = two_full_pipes::filter(command, &input);
    gate::pass("end");
    let output = output?;
    let same = output.iter().zip(&expected).take_while(|(left, right)| left == right).count();
    println!("{} of {} bytes are right", same, expected.len());
    if output.len() > same {
        println!("{} more have come", output.len() - same);
    }
    Ok(())
}

/// A filter that writes as it reads, a piece at a time.
fn capitals() -> io::Result<()> {
    let (mut input, mut output) = (io::stdin(), io::stdout());
    let mut piece = [0; 4096];
    loop {
        let len = input.read(&mut piece)?;
        if len == 0 {
            return output.flush();
        }
        piece.make_ascii_uppercase();
        output.write_all(&piece[..len])?;
        output.flush()?;
    }
}

/// A filter that has to read all before it can write: the last byte comes first.
fn last_first() -> io::Result<()> {
    let mut bytes = Vec::new();
    io::stdin().read_to_end(&mut bytes)?;
    bytes.reverse();
    io::stdout().write_all(&bytes)?;
    io::stdout().flush()
}
