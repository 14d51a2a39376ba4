//! Kills a worker at each point of a task's life, and shows what becomes of the tasks.
//! Minutes: 10
//!
//! Run it with `cargo run --example killed_mid_task`; a release build has no such points.
//! Look at which rows lose a task, and at those in which a retry does work twice.
#![forbid(unsafe_code)]

use anyhow::{Context, Result, ensure};
use procpool::{Pool, PoolError, Shutdown};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};
use supervise::fault::{IS_ACTIVE, Point, VARIABLE};
use supervise::fault_point;

const TASKS: u64 = 40;
/// What the program of a row prints if there is no pool.
const REFUSED: &str = "no pool";
/// How long a death may take to be seen.
const PATIENCE: Duration = Duration::from_secs(30);

/// The task: leaves a mark in the file that it is given, so that its executions can be counted.
fn square((number, marks): (u64, PathBuf)) -> u64 {
    fault_point!(Point::InTask);
    if let Ok(mut file) = File::options().append(true).open(marks) {
        let _ = file.write_all(b".");
    }
    number * number
}

fn main() -> Result<()> {
    procpool::init();
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [retries, marks] = &words[..] {
        return row(retries.parse()?, Path::new(marks));
    }
    if !IS_ACTIVE {
        println!("This is a release build: there is no fault point in it.");
        return Ok(());
    }
    println!("{TASKS} tasks, 2 workers; one worker dies at the point:");
    println!("{:<16} {:<26} retries(1)", "", "retries(0)");
    let columns = format!("{:>9} {:>6} {:>9}", "answered", "lost", "replaced");
    println!("{:<16} {columns} {:>9} {:>6} {:>9}", "", "answered", "lost", "run twice");
    // A worker rings only if somebody wants to know, so not every run passes the point before the ring.
    for point in Point::ALL.into_iter().filter(|point| *point != Point::BeforeRing) {
        let [without, with] = [run(point, 0)?, run(point, 1)?];
        println!("{}", format!("{point:<16} {} {}", without.0, with.1).trim_end());
    }
    Ok(())
}

/// Runs the tasks in a program of its own, of which one worker finds the file and dies at the point. The two halves
/// of a row, either of which may be shown.
fn run(point: Point, retries: u32) -> Result<(String, String)> {
    let folder = tempfile::tempdir()?;
    let (token, marks) = (folder.path().join("token"), folder.path().join("marks"));
    fs::write(&token, "")?;
    fs::write(&marks, "")?;
    let output = Command::new("/proc/self/exe")
        .arg(retries.to_string())
        .arg(&marks)
        .env(VARIABLE, format!("{point}:0:{}", token.display()))
        .output()?;
    let text = String::from_utf8(output.stdout)?;
    ensure!(output.status.success() && !token.exists(), "{point}: {text}");
    if text == REFUSED {
        return Ok(("no pool: `build` says that its worker ended".into(), String::new()));
    }
    let counts: Vec<u64> = text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    let [answered, lost, replaced] = counts[..] else { anyhow::bail!("{text}") };
    let done = fs::read(&marks)?.len() as u64;
    let twice = done.saturating_sub(answered);
    Ok((
        format!("{answered:>9} {lost:>6} {replaced:>9}"),
        format!("{answered:>9} {lost:>6} {twice:>9}"),
    ))
}

/// In the program of one row: prints how many tasks were answered, how many lost, how many workers replaced.
fn row(retries: u32, marks: &Path) -> Result<()> {
    let pool = match Pool::builder().workers(2).retries(retries).build() {
        Ok(pool) => pool,
        Err(PoolError::Handshake { .. }) => {
            print!("{REFUSED}");
            return Ok(());
        }
        Err(error) => return Err(error).context("the pool cannot be built"),
    };
    let inputs = (0..TASKS).map(|number| (number, marks.to_owned()));
    let handles: Vec<_> = inputs.map(|input| pool.submit(square, input)).collect();
    let (mut answered, mut lost) = (0, 0);
    for (number, handle) in (0..).zip(handles) {
        match handle.join() {
            Ok(answer) => answered += u64::from(answer == number * number),
            Err(_) => lost += 1,
        }
    }
    // The others may have been faster than the death of the one. Nobody is replaced in a pool that ends.
    let until = Instant::now() + PATIENCE;
    let dies_before_the_end = !std::env::var(VARIABLE)?.starts_with("WhileLeaving");
    while dies_before_the_end && pool.stats().restarts == 0 && Instant::now() < until {
        sleep(Duration::from_millis(1));
    }
    let summary = pool.shutdown(Shutdown::Finish, None)?;
    println!("{answered} {lost} {}", summary.stats.restarts);
    Ok(())
}
