//! Counts the words of texts, each part of a text in a task: the word count of chapter 15, for any executor.
//!
//! There a task gets a descriptor of shared memory and two numbers. No descriptor goes to another machine, so here a task
//! gets the bytes of its part.

#[path = "../../../15-pool/examples/wordcount/text.rs"]
mod text;
#[path = "../../../15-pool/examples/wordcount/words.rs"]
mod words;

use executor::{Executor, TaskError};
use procpool::SharedSlice;
use std::io;
use std::path::PathBuf;
use text::Texts;
pub(crate) use words::{Counts, top};

/// A task has about so many bytes of text.
const PART_BYTES: usize = 256 << 10;

/// Texts that are counted one after the other: files, or one that is made up.
pub(crate) fn texts(paths: &[PathBuf], made_up_bytes: usize) -> Texts {
    if paths.is_empty() { Texts::made_up(made_up_bytes) } else { Texts::of_files(paths) }
}

/// How many tasks a text makes.
pub(crate) fn parts(text: &SharedSlice<u8>) -> usize {
    words::split(text, PART_BYTES).count()
}

// ANCHOR: count
/// The task: counts the words of a part of the text.
fn count_part(part: Vec<u8>) -> Counts {
    words::count(&part)
}

/// Counts the words of a text, wherever the tasks run. `counted` hears of each part.
pub(crate) fn count_all(
    executor: &impl Executor,
    text: &SharedSlice<u8>,
    mut counted: impl FnMut(),
) -> Result<Counts, TaskError> {
    let parts = words::split(text, PART_BYTES).map(|part| text[part].to_vec());
    let mut counts = Counts::new();
    for (_, result) in executor.map_unordered(count_part, parts) {
        words::merge(&mut counts, result?);
        counted();
    }
    Ok(counts)
}
// ANCHOR_END: count

/// Counts the words of all texts, here and now, for comparison.
pub(crate) fn count_here(text: &SharedSlice<u8>) -> Counts {
    words::count(text)
}

/// Counts the words of the files and folders in the command line, or of a text that is made up, and prints the ten most
/// frequent ones.
pub(crate) fn run(executor: &impl Executor) -> anyhow::Result<()> {
    let paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let mut texts = texts(&paths, 4 << 20);
    let mut all = Counts::new();
    while let Some(text) = texts.next_text()? {
        words::merge(&mut all, count_all(executor, &text, || {})?);
    }
    if let Some((path, error)) = texts.failed().first() {
        return Err(io::Error::new(error.kind(), format!("{}: {error}", path.display())).into());
    }
    for (word, count) in top(&all, 10) {
        println!("{count:10}  {word}");
    }
    println!("{:10}  words, {} different ones", all.values().sum::<u64>(), all.len());
    Ok(())
}
