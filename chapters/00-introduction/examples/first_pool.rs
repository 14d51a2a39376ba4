//! A process pool in sixty lines: several processes count the words in the files of a folder.
//! Minutes: 3
//!
//! `cargo run --example first_pool -- FOLDER`. With `--kill-one` the first worker is killed before its first answer.
//! Look at the last line in both cases, and at `echo $?`. The page lists what is wrong with this program.

use nix::sys::signal::{Signal, raise};
use nix::sys::wait::wait;
use nix::unistd::{ForkResult, fork};
use std::error::Error;
use std::io::{BufRead, BufReader, PipeWriter, Write};
use std::path::PathBuf;
use walkdir::WalkDir;

// ANCHOR: main
const WORKERS: usize = 2;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args_os().skip(1);
    let folder = args.next().ok_or("which folder? cargo run --example first_pool -- FOLDER")?;
    let kill_one = args.next().is_some_and(|arg| arg == "--kill-one");
    let files: Vec<PathBuf> = WalkDir::new(folder)
        .sort_by_file_name()
        .into_iter()
        .flatten()
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| entry.into_path())
        .collect();

    let (reader, mut writer) = std::io::pipe()?;
    for number in 0..WORKERS {
        // SAFETY: this program has one thread.
        if let ForkResult::Child = unsafe { fork() }? {
            if kill_one && number == 0 {
                raise(Signal::SIGKILL)?;
            }
            work(files.iter().skip(number).step_by(WORKERS), &mut writer)?;
            std::process::exit(0);
        }
    }
    drop(writer);

    let (mut words, mut answers) = (0, 0);
    for line in BufReader::new(reader).lines() {
        words += line?.parse::<usize>()?;
        answers += 1;
    }
    for _ in 0..WORKERS {
        wait()?;
    }
    println!("{words} words in {answers} files, counted by {WORKERS} processes");
    Ok(())
}
// ANCHOR_END: main

// ANCHOR: work
/// What a worker does: one answer, a line, for each of its files.
fn work<'a>(
    files: impl Iterator<Item = &'a PathBuf>,
    answers: &mut PipeWriter,
) -> Result<(), Box<dyn Error>> {
    for file in files {
        let text = String::from_utf8_lossy(&std::fs::read(file)?).into_owned();
        let answer = format!("{}\n", text.split_whitespace().count());
        answers.write_all(answer.as_bytes())?;
    }
    Ok(())
}
// ANCHOR_END: work
