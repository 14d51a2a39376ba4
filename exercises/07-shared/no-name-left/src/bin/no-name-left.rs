//! The program of `no-name-left`: a pool whose workers open a board by its path, and which ends in one way or another.
//!
//! By hand: `cargo run -p no-name-left -- ends`; or `fails`, where a worker cannot be started; or `another`, where somebody
//! else has a file of that path when the pool ends. With `killed` the pool ends itself by SIGKILL when all have the board.
//! As `--worker PATH` this is the program of a worker.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::{Child as Started, Command, Stdio};

use nix::sys::signal::{Signal, raise};
use nix::sys::wait::wait;
use no_name_left::Board;
use wait::Child;

/// How many workers a pool has.
const WORKERS: u8 = 2;

/// The program that a pool tries to start as its second worker if that is to fail.
const NO_PROGRAM: &str = "/proc/self/no-such-program";

/// Forks the pool and waits for it, or is a worker.
pub(crate) fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let word = |index: usize| args.get(index).map_or("", String::as_str);
    if word(0) == "--worker" {
        return work(Path::new(word(1)), word(2).parse().unwrap_or(0));
    }
    wait::become_subreaper().map_err(io::Error::other)?;
    let mut pool = Child::fork(|| match pool(word(0)) {
        Ok(()) => 0,
        Err(error) => {
            println!("the pool says: {error}");
            1
        }
    })
    .map_err(io::Error::other)?;
    println!("the pool ended: {}", pool.wait().map_err(io::Error::other)?);
    // The workers of a pool that was killed are this program's children now.
    while wait().is_ok() {}
    Ok(())
}

/// The process that owns the board.
fn pool(mode: &str) -> io::Result<()> {
    let mut board = Board::new(4096)?;
    let is = board.file().metadata()?;
    println!("the board is {}", board.path().display());
    gate::tell("board", format_args!("{} {} {}", is.dev(), is.ino(), board.path().display()));
    let mut workers = Workers(Vec::new());
    for number in 0..WORKERS {
        let program = if mode == "fails" && number > 0 { NO_PROGRAM } else { "/proc/self/exe" };
        workers.0.push(start(program, board.path(), number)?);
    }
    println!("all workers have it");
    board.all_have_it()?;
    gate::pass("all have it");
    if mode == "killed" {
        raise(Signal::SIGKILL)?;
    }
    drop(workers);
    let mut found = [0; WORKERS as usize];
    board.file().read_exact_at(&mut found, 0)?;
    println!("on the board is {found:?}");
    let anothers = (mode == "another").then(|| another(board.path())).flatten();
    drop(board);
    if let Some(path) = anothers {
        println!("the other file is there: {}", fs::remove_file(path).is_ok());
    }
    Ok(())
}

/// Workers that run. They end when the pool closes their standard input, also by its own end.
struct Workers(Vec<Started>);

impl Drop for Workers {
    fn drop(&mut self) {
        for worker in &mut self.0 {
            drop(worker.stdin.take());
            let _ = worker.wait();
        }
    }
}

/// Starts a worker, and waits until it has opened the board.
fn start(program: &str, path: &Path, number: u8) -> io::Result<Started> {
    let mut command = Command::new(program);
    command.arg("--worker").arg(path).arg(number.to_string());
    let mut worker = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut word = [0];
    let has_it = match &mut worker.stdout {
        Some(stdout) => stdout.read_exact(&mut word).is_ok(),
        None => false,
    };
    if !has_it {
        worker.wait()?;
        return Err(io::Error::other("a worker could not open the board"));
    }
    Ok(worker)
}

/// The worker: opens the board, says so, and writes to it when the pool has no more for it.
fn work(path: &Path, number: u8) -> io::Result<()> {
    let board = File::options().read(true).write(true).open(path)?;
    io::stdout().write_all(b"!")?;
    io::stdout().flush()?;
    io::stdin().read_to_end(&mut Vec::new())?;
    board.write_all_at(&[number + 1], number.into())
}

/// Makes a file at the path of the board, which nobody needs any more, for somebody else.
fn another(path: &Path) -> Option<PathBuf> {
    let made = File::options().write(true).create_new(true).open(path);
    made.is_ok().then(|| path.to_path_buf())
}
