//! Judges `no-name-left`: whether anything is left of a board, however the process that has made it ends.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use grader::{Case, Code, Diagnosis, Ended, Program, Run, Signal, Verdict, ensure, same};

const CASES: &[Case] = &[
    ("the workers write to the board, and nothing is left of it", |program| {
        ends(program, "ends")
    }),
    ("a pool that is killed leaves nothing", killed),
    ("a worker that cannot be started leaves nothing", fails),
    ("a file of somebody else stays", |program| ends(program, "another")),
];

/// The file that a board is.
struct Board {
    device: u64,
    inode: u64,
    path: PathBuf,
}

fn ends(program: &Program, mode: &str) -> Verdict {
    let mut run = program.arg(mode).start()?;
    let Some(stop) = run.try_at("all have it")? else {
        let board = board(&run);
        let end = finish(run, board.as_ref(), "the pool has ended")?;
        return Err(could_not_open(&end, board.as_ref()));
    };
    let board = board(&run);
    stop.go();
    let end = finish(run, board.as_ref(), "the pool has ended")?;
    same("on the board", "[1, 2]", line(&end, "on the board is ").unwrap_or("nothing")).map_err(
        |found| found.idea("Every process must have the same file: what the workers write is to be in Board::file of the pool."),
    )?;
    ensure(line(&end, "the other file is there: ") != Some("false"), || {
        Code::WrongAnswer
            .because("when the board was dropped, a file of somebody else was removed, which had got the same path meanwhile")
            .evidence(format!("the path: {}", board.map_or_else(String::new, |board| board.path.display().to_string())))
            .idea("A path means whatever file has that name now. Remove a name once; after that it is not yours.")
    })?;
    same(
        "the end of the pool",
        "exit code 0",
        line(&end, "the pool ended: ").unwrap_or_default(),
    )
}

fn killed(program: &Program) -> Verdict {
    let mut run = program.arg("ends").start()?;
    let stop = run.at("all have it")?;
    let board = board(&run);
    let pool = stop.pid;
    // No destructor runs, and no handler.
    run.kill(pool, Signal::SIGKILL);
    stop.go();
    let end = finish(
        run,
        board.as_ref(),
        &format!(
            "all workers had the board, and process {pool}, which had made it, was killed"
        ),
    )?;
    let ended = line(&end, "the pool ended: ").unwrap_or_default();
    same("the end of the pool", "signal 9 (SIGKILL)", ended)
}

fn fails(program: &Program) -> Verdict {
    let mut run = program.arg("fails").start()?;
    // Nobody comes: the second worker is not there.
    run.try_at("all have it")?;
    let board = board(&run);
    let end = finish(
        run,
        board.as_ref(),
        "a worker could not be started, and the pool has given up and dropped the board",
    )?;
    same(
        "the end of the pool",
        "exit code 1",
        line(&end, "the pool ended: ").unwrap_or_default(),
    )
}

fn could_not_open(end: &Ended, board: Option<&Board>) -> Diagnosis {
    let found = Code::WrongAnswer
        .because("the workers never had the board")
        .evidence(line(end, "the pool says: ").unwrap_or("the pool says nothing"))
        .evidence(end.stderr().lines().next().unwrap_or_default())
        .idea("A worker is another program, and opens the path after it has begun. Until all of them have, the path must lead to the board, also from another process.");
    match board {
        Some(board) => found.evidence(format!("the path: {}", board.path.display())),
        None => found,
    }
}

/// The board that the pool has told.
fn board(run: &Run) -> Option<Board> {
    let told = run.told().iter().find(|told| told.name == "board")?;
    let mut words = told.value.splitn(3, ' ');
    let mut next = || words.next();
    Some(Board {
        device: next()?.parse().ok()?,
        inode: next()?.parse().ok()?,
        path: PathBuf::from(next()?),
    })
}

/// The end of the run, if nothing is left of the board.
fn finish(run: Run, board: Option<&Board>, when: &str) -> Result<Ended, Diagnosis> {
    let end = run.finish();
    // Also if the run has failed otherwise, its file is removed.
    let left = left(board, when);
    let end = end?;
    left?;
    Ok(end)
}

/// That the file has no name any more, where it was or beside it. If it has, the name is removed.
fn left(board: Option<&Board>, when: &str) -> Verdict {
    let Some(board) = board else { return Ok(()) };
    let folders = [board.path.parent().unwrap_or(Path::new("/")), Path::new("/dev/shm")];
    let entries =
        folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    // Only names count: what is a link to a descriptor of some process is none.
    let is_board = |path: &PathBuf| {
        fs::symlink_metadata(path)
            .is_ok_and(|is| is.dev() == board.device && is.ino() == board.inode)
    };
    let Some(path) = entries.map(|entry| entry.path()).find(is_board) else { return Ok(()) };
    let len_bytes = fs::symlink_metadata(&path).map_or(0, |is| is.len());
    let _ = fs::remove_file(&path);
    Err(Code::LeakedShm
        .because(format!("{when}, and the board is still there, with nobody to remove it"))
        .evidence(format!("{}: {len_bytes} bytes, inode {}", path.display(), board.inode))
        .evidence("the grader has removed it"))
}

fn line<'a>(end: &'a Ended, begin: &str) -> Option<&'a str> {
    end.stdout().lines().find_map(|line| line.strip_prefix(begin))
}

grader::main!(CASES);
