//! Shows what two processes of one program have in common: the file, and no variable.
//! Minutes: 6
//!
//! Run it: `cargo run --example two_of_me`
//!
//! Look at the address of the variable in each process, and at its value after one of them has changed it.

use std::error::Error;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// The variable that one of the processes changes.
static COUNTER: AtomicU32 = AtomicU32::new(0);

fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1).as_deref() {
        None => compare(),
        Some("child") => obey(),
        Some(other) => Err(format!("unknown argument {other}: this program takes none").into()),
    }
}

/// The parent: starts the program that it runs itself, twice, and asks both.
fn compare() -> Result<(), Box<dyn Error>> {
    let mut first = Copy::start()?;
    let mut second = Copy::start()?;
    let parent = std::process::id();
    println!(
        "parent {parent}: started child {} and child {}",
        first.child.id(),
        second.child.id()
    );
    let same_file = first.program_file()? == second.program_file()?;
    println!("parent {parent}: both run the same file: {same_file}");

    let (here, there) = (first.ask("where")?, second.ask("where")?);
    println!("child {}: my counter is at {here}", first.child.id());
    println!("child {}: my counter is at {there}", second.child.id());
    println!("child {}: I add 1, my counter is {}", first.child.id(), first.ask("add")?);
    println!(
        "child {}: I add nothing, my counter is {}",
        second.child.id(),
        second.ask("read")?
    );

    for copy in [first, second] {
        copy.end()?;
    }
    println!("parent {parent}: my own counter is {}", COUNTER.load(Ordering::Relaxed));
    Ok(())
}

/// A child: answers each line on its standard input by a line on its standard output.
fn obey() -> Result<(), Box<dyn Error>> {
    for request in io::stdin().lines() {
        match request?.as_str() {
            "where" => println!("{:#x}", (&raw const COUNTER).addr()),
            "add" => println!("{}", COUNTER.fetch_add(1, Ordering::Relaxed) + 1),
            _ => println!("{}", COUNTER.load(Ordering::Relaxed)),
        }
    }
    Ok(())
}

/// A running child and the two ends of its conversation.
struct Copy {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Copy {
    fn start() -> Result<Self, Box<dyn Error>> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("child")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let requests = child.stdin.take().ok_or("no standard input")?;
        let answers = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        Ok(Copy { child, requests, answers })
    }

    /// Device and inode of the file that the child runs: what makes a file the same file.
    fn program_file(&self) -> Result<(u64, u64), Box<dyn Error>> {
        let file = fs::metadata(format!("/proc/{}/exe", self.child.id()))?;
        Ok((file.dev(), file.ino()))
    }

    fn ask(&mut self, request: &str) -> Result<String, Box<dyn Error>> {
        writeln!(self.requests, "{request}")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        Ok(answer.trim_end().to_owned())
    }

    /// Closes the child's input, which ends it, and waits for it.
    fn end(mut self) -> Result<(), Box<dyn Error>> {
        drop(self.requests);
        self.child.wait()?;
        Ok(())
    }
}
