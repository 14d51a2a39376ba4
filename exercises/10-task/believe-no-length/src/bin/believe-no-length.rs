//! The program of `believe-no-length`: a worker decodes jobs, and the program says what has become of it.
//!
//! By hand: `cargo run -p believe-no-length -- 00 01010000000000000007000000000000 ff`. Each word is a job, two digits for
//! a byte; `-` is one without a byte.

use std::io;

use believe_no_length::decode;
use wait::Child;

/// Forks the worker, which decodes one job after the other.
pub(crate) fn main() -> io::Result<()> {
    let jobs: Vec<String> = std::env::args().skip(1).collect();
    let mut worker = Child::fork(|| {
        for job in &jobs {
            println!("{job}: begins");
            match decode(&bytes_of(job)) {
                Ok(decoded) => println!("{job}: {decoded:?}"),
                Err(why) => println!("{job}: refused: {why}"),
            }
        }
        0
    })
    .map_err(io::Error::other)?;
    println!("the worker ended: {}", worker.wait().map_err(io::Error::other)?);
    Ok(())
}

fn bytes_of(job: &str) -> Vec<u8> {
    let digits = |index| job.get(index..index + 2);
    let byte = |index| digits(index).and_then(|digits| u8::from_str_radix(digits, 16).ok());
    (0..).step_by(2).map_while(byte).collect()
}
