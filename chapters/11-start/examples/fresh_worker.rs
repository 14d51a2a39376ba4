//! Shows what a fresh worker of each start method finds, listed by itself.
//! Minutes: 8
//!
//! Run it with `cargo run --example fresh_worker`.
//! The program first makes itself as untidy as it can. Look for the rows in which the workers differ.

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::prctl;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use start::{Kit, Launcher};
use std::error::Error;
use std::fs::File;
use std::io::{Write, pipe, read_to_string};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};

/// 1 where `main` has not run.
static COUNTER: AtomicU32 = AtomicU32::new(1);

/// The process group of the program.
static GROUP: AtomicI32 = AtomicI32::new(0);

/// What a row is about, and who answers it in the process that the column is about.
type Row = (&'static str, fn() -> String);

const ROWS: [Row; 12] = [
    ("name", || text_of("/proc/self/comm")),
    ("threads", || std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count).to_string()),
    ("in the program's group", || {
        yes(nix::unistd::getpgrp().as_raw() == GROUP.load(Ordering::Relaxed))
    }),
    (
        "killed when its parent ends",
        || yes(prctl::get_pdeathsig() == Ok(Some(Signal::SIGKILL))),
    ),
    ("signals blocked", || signals("SigBlk:")),
    ("signals ignored", || signals("SigIgn:")),
    ("memory that main wrote", || yes(COUNTER.load(Ordering::Relaxed) == 42)),
    ("file opened before", || yes(has_open("/dev/zero"))),
    ("file opened after", || yes(has_open("/dev/full"))),
    ("variable set before", || variable("BEFORE")),
    ("variable set after", || variable("AFTER")),
    ("folder changed after", || {
        yes(std::env::current_dir().is_ok_and(|at| at == Path::new("/")))
    }),
];

fn worker(kit: Kit) -> i32 {
    let group = <[u8; 4]>::try_from(kit.note).map_or(0, i32::from_ne_bytes);
    GROUP.store(group, Ordering::Relaxed);
    let answers: Vec<String> = ROWS.iter().map(|(_, answer)| answer()).collect();
    let Some(out) = kit.descriptors.into_iter().next() else { return 1 };
    i32::from(File::from(out).write_all(answers.join("\n").as_bytes()).is_err())
}

fn main() -> Result<(), Box<dyn Error>> {
    start::init(worker);
    COUNTER.store(42, Ordering::Relaxed);
    let group = nix::unistd::getpgrp().as_raw();
    GROUP.store(group, Ordering::Relaxed);
    let _zero = leaky("/dev/zero")?;
    // SAFETY: this program has one thread.
    unsafe { std::env::set_var("BEFORE", "1") };
    let mut mask = SigSet::empty();
    mask.add(Signal::SIGUSR1);
    mask.thread_block()?;
    let ignore = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    // SAFETY: no function of this program becomes a handler.
    unsafe { sigaction(Signal::SIGHUP, &ignore) }?;

    let mut launchers = [
        Launcher::fork("worker", worker)?,
        Launcher::spawn("worker")?,
        Launcher::forkserver("worker")?,
    ];

    let _full = leaky("/dev/full")?;
    // SAFETY: this program has one thread.
    unsafe { std::env::set_var("AFTER", "1") };
    std::env::set_current_dir("/")?;

    let mut columns = vec![ROWS.iter().map(|(_, answer)| answer()).collect::<Vec<_>>()];
    let mut titles = vec!["program".to_owned()];
    for launcher in &mut launchers {
        let (reader, writer) = pipe()?;
        let mut child = launcher.start(&[writer.as_fd()], &group.to_ne_bytes())?;
        drop(writer);
        columns.push(read_to_string(reader)?.lines().map(str::to_owned).collect());
        titles.push(launcher.method().to_string());
        if !child.wait()?.success() {
            return Err(format!("the worker by {} could not answer", launcher.method()).into());
        }
    }
    let [a, b, c, d] = &titles[..] else { return Err("a column is missing".into()) };
    println!("{:27}  {a:15} {b:8} {c:8} {d}", "");
    for (row, (title, _)) in ROWS.iter().enumerate() {
        let [a, b, c, d] = [0, 1, 2, 3].map(|column| columns[column][row].as_str());
        println!("{title:27}  {a:15} {b:8} {c:8} {d}");
    }
    Ok(())
}

/// An open file that would survive an exec, as careless code makes it.
fn leaky(path: &str) -> Result<File, Box<dyn Error>> {
    let file = File::open(path)?;
    fcntl(&file, FcntlArg::F_SETFD(FdFlag::empty()))?;
    Ok(file)
}

fn has_open(path: &str) -> bool {
    let Ok(descriptors) = std::fs::read_dir("/proc/self/fd") else { return false };
    descriptors
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .any(|target| target == Path::new(path))
}

fn signals(field: &str) -> String {
    let status = text_of("/proc/self/status");
    let mask = status.lines().find_map(|line| line.strip_prefix(field)).map_or("", str::trim);
    let mask = u64::from_str_radix(mask, 16).unwrap_or(0);
    // The two of interest and the one that Rust's runtime ignores; what else a shell passed on differs.
    let names: Vec<&str> =
        [(Signal::SIGHUP, "HUP"), (Signal::SIGUSR1, "USR1"), (Signal::SIGPIPE, "PIPE")]
            .into_iter()
            .filter(|(signal, _)| mask >> (*signal as i32 - 1) & 1 == 1)
            .map(|(_, name)| name)
            .collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn variable(name: &str) -> String {
    yes(std::env::var_os(name).is_some())
}

fn text_of(path: &str) -> String {
    std::fs::read_to_string(path)
        .map_or_else(|error| error.to_string(), |text| text.trim_end().to_owned())
}

fn yes(is: bool) -> String {
    if is { "yes" } else { "-" }.to_owned()
}
