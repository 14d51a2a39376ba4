//! Shows how much memory three processes of one program use together.
//! Minutes: 6
//!
//! Run it: `cargo run --example same_pages`
//!
//! Each process reads a table of 16 MiB that is part of the program file. Look at RSS, PSS and USS of the first one
//! while a second and a third are started. The first one does nothing meanwhile.

use process::{Memory, Snapshot};
use std::error::Error;
use std::hint::black_box;
use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

/// Part of the program file, so every process of this program maps the same pages of it.
static TABLE: [u8; 16 * MIB as usize] = [1; 16 * MIB as usize];
const MIB: u64 = 1 << 20;
/// One byte in each piece of this size is enough to touch every page: no page is smaller.
const PAGE_LEN: usize = 4096;

fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1).as_deref() {
        None => measure(),
        Some("reader") => read_table(),
        Some(other) => Err(format!("unknown argument {other}: this program takes none").into()),
    }
}

/// Starts one reader after the other and measures all of them each time.
fn measure() -> Result<(), Box<dyn Error>> {
    let mut readers = Readers(Vec::new());
    println!("readers |  first: RSS       PSS       USS | sum of RSS | sum of PSS");
    let mut firsts = Vec::new();
    for count in 1..=3 {
        readers.start_one()?;
        let memories = readers.measure()?;
        let first = memories[0];
        let rss: u64 = memories.iter().map(|memory| memory.rss_bytes).sum();
        let pss: u64 = memories.iter().map(|memory| memory.pss_bytes).sum();
        println!(
            "{count:>7} | {} {} {} | {} | {}",
            mib(first.rss_bytes),
            mib(first.pss_bytes),
            mib(first.uss_bytes),
            mib(rss),
            mib(pss)
        );
        firsts.push(first);
    }
    let (alone, among_three) = (firsts[0], firsts[2]);
    println!("RSS of the first one {}", verdict(alone.rss_bytes, among_three.rss_bytes));
    println!("PSS of the first one {}", verdict(alone.pss_bytes, among_three.pss_bytes));
    println!("USS of the first one {}", verdict(alone.uss_bytes, among_three.uss_bytes));
    Ok(())
}

fn mib(bytes: u64) -> String {
    format!("{:5.1} MiB", bytes as f64 / MIB as f64)
}

fn verdict(before: u64, now: u64) -> &'static str {
    match now.abs_diff(before) {
        0..MIB => "stays flat",
        _ if now < before => "falls, though it did nothing",
        _ => "grows",
    }
}

/// A reader: touches the table, says so, and waits for the end of its input.
fn read_table() -> Result<(), Box<dyn Error>> {
    let table = black_box(&TABLE);
    let sum: u64 = table.iter().step_by(PAGE_LEN).map(|byte| u64::from(*byte)).sum();
    println!("{sum} pages read");
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// The running readers; dropping them ends them and waits for each.
struct Readers(Vec<Child>);

impl Readers {
    /// Returns once the new reader has touched the table.
    fn start_one(&mut self) -> Result<(), Box<dyn Error>> {
        let mut reader = Command::new(std::env::current_exe()?)
            .arg("reader")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = reader.stdout.take();
        self.0.push(reader);
        let mut answer = String::new();
        BufReader::new(output.ok_or("no standard output")?).read_line(&mut answer)?;
        if answer.is_empty() { Err("the reader ended early".into()) } else { Ok(()) }
    }

    fn measure(&self) -> Result<Vec<Memory>, Box<dyn Error>> {
        let snapshots =
            self.0.iter().map(|reader| Ok(Snapshot::of(i32::try_from(reader.id())?)?.memory));
        snapshots.collect()
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        for reader in &mut self.0 {
            // `wait` closes the reader's input first, which ends it.
            let _ = reader.wait();
        }
    }
}
