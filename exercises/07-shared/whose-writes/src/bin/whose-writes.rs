//! The program of `whose-writes`: a program and its worker write to one board, and say what they see.
//!
//! By hand: `cargo run -p whose-writes -- before`, where the board is mapped before the fork, or `after`, where each of the
//! two maps it for itself.

use std::fs::File;
use std::io::{self, Read, Write, pipe};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use nix::sys::memfd::{MFdFlags, memfd_create};
use wait::Child;
use whose_writes::{SLOTS, board};

/// The slot that the worker writes to, the one that the program writes to, and one that nobody does.
const WORKERS: usize = 1;
const PROGRAMS: usize = 0;
const NOBODYS: usize = 2;

type Board = &'static [AtomicU64; SLOTS];

/// Lets two processes write to one board.
pub(crate) fn main() -> io::Result<()> {
    let is_before = std::env::args().nth(1).is_none_or(|word| word != "after");
    let file = File::from(memfd_create("board", MFdFlags::MFD_CLOEXEC)?);
    file.set_len(4096)?;
    file.write_all_at(&100_u64.to_ne_bytes(), 8 * NOBODYS as u64)?;
    let before = if is_before { Some(board(&file)?) } else { None };

    let (mut from_worker, to_program) = pipe()?;
    let (from_program, mut to_worker) = pipe()?;
    let mut ends = Some((from_program, to_program));
    let mut worker = Child::fork(|| {
        let Some((mut hear, mut tell)) = ends.take() else { return 1 };
        let mine = before.map_or_else(|| board(&file), Ok);
        let Ok(mine) = mine else { return 1 };
        match work(mine, &mut hear, &mut tell) {
            Ok(()) => 0,
            Err(_) => 1,
        }
    })
    .map_err(io::Error::other)?;
    drop(ends);
    let mine = before.map_or_else(|| board(&file), Ok)?;
    if from_worker.read_exact(&mut [0]).is_ok() {
        say("program sees", mine[WORKERS].load(SeqCst));
        let mut bytes = [0; 8];
        file.read_exact_at(&mut bytes, 8 * WORKERS as u64)?;
        say("file has", u64::from_ne_bytes(bytes));
        mine[PROGRAMS].store(9, SeqCst);
        to_worker.write_all(b"!")?;
    }
    println!("the worker: {}", worker.wait().map_err(io::Error::other)?);
    Ok(())
}

/// The worker: looks at the board, writes a 7, and looks again when the program has written a 9.
fn work(board: Board, hear: &mut impl Read, tell: &mut impl Write) -> io::Result<()> {
    say("worker finds", board[NOBODYS].load(SeqCst));
    board[WORKERS].store(7, SeqCst);
    gate::tell("board", format_args!("{:x}", board.as_ptr().addr()));
    gate::pass("written");
    tell.write_all(b"!")?;
    hear.read_exact(&mut [0])?;
    say("worker sees", board[PROGRAMS].load(SeqCst));
    Ok(())
}

fn say(what: &str, value: u64) {
    println!("{what} {value}");
    gate::tell(what, value);
}
