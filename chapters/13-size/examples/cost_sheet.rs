//! Shows what one more worker costs in memory, and that RSS does not say so.
//! Minutes: 6
//!
//! Run it with `cargo run --example cost_sheet`.
//! Look at the worker that was forked from a program with a heap: which column has the heap, and which has not.

use memmap2::{Advice, MmapMut};
use process::Snapshot;
use start::{Kit, Launcher};
use std::error::Error;
use std::fs;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::time::Duration;
use wait::{Child, Pid};

const HEAP_MIB: usize = 128;

/// What a process has, in KiB.
struct Sheet {
    resident: u64,
    proportional: u64,
    own: u64,
    page_tables: u64,
}

fn worker(kit: Kit) -> i32 {
    kit.descriptors.into_iter().next().map_or(1, |out| ready(std::fs::File::from(out)))
}

/// Says that the worker runs, and waits to be killed, but not for ever: who kills it may be killed first.
fn ready(mut out: impl Write) -> i32 {
    if out.write_all(b"!").is_err() {
        return 1;
    }
    std::thread::sleep(Duration::from_secs(30));
    0
}

fn main() -> Result<(), Box<dyn Error>> {
    start::init(worker);
    // Before the heap: both of these start their workers from a process without it.
    let launchers = [
        ("spawn", Launcher::spawn("worker")?),
        ("forkserver", Launcher::forkserver("worker")?),
    ];
    let mut heap = MmapMut::map_anon(HEAP_MIB << 20)?;
    heap.advise(Advice::NoHugePage)?;
    heap.fill(1);

    println!("a worker of a program with {HEAP_MIB} MiB of heap");
    println!("                  RSS          PSS     own (USS)  page tables");
    let (mut reader, writer) = pipe::pipe()?;
    let child = Child::fork(move || ready(writer))?;
    reader.read_exact(&mut [0])?;
    let forked = show("fork", &child)?;
    drop(child);
    for (name, mut launcher) in launchers {
        let (mut reader, writer) = pipe::pipe()?;
        let child = launcher.start(&[writer.as_fd()], b"")?;
        reader.read_exact(&mut [0])?;
        show(name, &child)?;
    }
    let verdict =
        if forked.resident > 50 * forked.own { "a small part of it" } else { "much of it" };
    println!("the forked worker's RSS has the whole heap in it; its own is {verdict}");
    Ok(())
}

fn show(name: &str, child: &Child) -> Result<Sheet, Box<dyn Error>> {
    let sheet = sheet(child.pid())?;
    let Sheet { resident, proportional, own, page_tables } = &sheet;
    println!(
        "{name:10} {resident:>6} KiB {proportional:>8} KiB {own:>9} KiB {page_tables:>8} KiB"
    );
    Ok(sheet)
}

fn sheet(pid: Pid) -> Result<Sheet, Box<dyn Error>> {
    let memory = Snapshot::of(pid.as_raw())?.memory;
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let tables =
        status.lines().find_map(|line| line.strip_prefix("VmPTE:")).ok_or("no VmPTE")?;
    Ok(Sheet {
        resident: memory.rss_bytes / 1024,
        proportional: memory.pss_bytes / 1024,
        own: memory.uss_bytes / 1024,
        page_tables: tables.trim().trim_end_matches("kB").trim().parse()?,
    })
}
