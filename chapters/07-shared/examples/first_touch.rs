//! Shows what the first touch of a page costs, and what all later ones cost.
//! Minutes: 6
//!
//! Run it with `cargo run --release --example first_touch`.
//! Look at the page faults: they are what the first touch pays for, and they come in each process anew.

use memmap2::{Advice, MmapOptions, MmapRaw};
use nix::sys::resource::{UsageWho, getrusage};
use rustix::fs::{FallocateFlags, MemfdFlags, fallocate, memfd_create};
use rustix::param::page_size;
use std::error::Error;
use std::hint::black_box;
use std::os::fd::OwnedFd;
use std::time::Instant;

const LEN_BYTES: usize = 32 << 20;

/// Of so many runs the median counts.
const ROUNDS: usize = 5;

/// What a pass over all pages cost.
#[derive(Clone, Copy)]
struct Cost {
    ns_per_page: f64,
    faults: i64,
}

/// A pass over all pages of a mapping.
type Pass = fn(&MmapRaw) -> std::io::Result<()>;

fn main() -> Result<(), Box<dyn Error>> {
    println!(
        "{} MiB of memory that exists already, in pages of {} bytes",
        LEN_BYTES >> 20,
        page_size()
    );
    let rows: [(&str, &[Pass]); 3] = [
        ("write one byte per page", &[write_each, write_each]),
        ("read one byte per page", &[read_each, read_each]),
        ("ask for all pages, then write", &[populate, write_each]),
    ];
    let mut costs = Vec::new();
    for (what, passes) in rows {
        let row = measure(passes)?;
        for (pass, cost) in ["first pass", "second pass"].into_iter().zip(&row) {
            println!(
                "{what:30} {pass:12} {:8.1} ns per page, {:6} faults",
                cost.ns_per_page, cost.faults
            );
        }
        costs.push(row);
    }
    let (first, second) = (costs[0][0], costs[0][1]);
    if first.ns_per_page > 3.0 * second.ns_per_page {
        println!("the first write to a page costs several times as much as the second");
    } else {
        println!(
            "this machine shows no difference between the first write to a page and the second"
        );
    }
    if costs[1][0].faults * 2 < first.faults {
        println!("a fault for reading maps several pages at once");
    } else {
        println!("a fault for reading maps one page, as one for writing does");
    }
    if costs[2][1].faults * 10 < first.faults {
        println!("after all pages were asked for, writing to them is like the second time");
    } else {
        println!("this kernel cannot be asked for all pages at once (Linux 5.14 can)");
    }
    Ok(())
}

/// The passes, one after the other, over a new mapping of new memory.
fn measure(passes: &[Pass]) -> Result<Vec<Cost>, Box<dyn Error>> {
    let mut runs = Vec::new();
    for _ in 0..ROUNDS {
        let file = allocated()?;
        let mapping = MmapOptions::new().len(LEN_BYTES).map_raw(&file)?;
        let run = passes.iter().map(|pass| cost(*pass, &mapping));
        runs.push(run.collect::<Result<Vec<_>, _>>()?);
    }
    let median = |pass: usize| {
        runs.sort_by(|a, b| a[pass].ns_per_page.total_cmp(&b[pass].ns_per_page));
        runs[ROUNDS / 2][pass]
    };
    Ok((0..passes.len()).map(median).collect())
}

/// A memfd whose pages have all been written to once, through another mapping.
fn allocated() -> Result<OwnedFd, Box<dyn Error>> {
    let file = memfd_create("pages", MemfdFlags::CLOEXEC)?;
    fallocate(&file, FallocateFlags::empty(), 0, LEN_BYTES as u64)?;
    write_each(&MmapOptions::new().len(LEN_BYTES).map_raw(&file)?)?;
    Ok(file)
}

fn cost(pass: Pass, mapping: &MmapRaw) -> Result<Cost, Box<dyn Error>> {
    let faults = || Ok::<_, nix::Error>(getrusage(UsageWho::RUSAGE_SELF)?.minor_page_faults());
    let before = faults()?;
    let start = Instant::now();
    pass(mapping)?;
    let ns = start.elapsed().as_nanos() as f64;
    let pages = (LEN_BYTES / page_size()) as f64;
    Ok(Cost { ns_per_page: ns / pages, faults: faults()? - before })
}

fn write_each(mapping: &MmapRaw) -> std::io::Result<()> {
    for offset in (0..LEN_BYTES).step_by(page_size()) {
        let byte = mapping.as_mut_ptr().wrapping_add(offset);
        // SAFETY: inside the mapping, of which nobody has a reference; the file is as long and stays so.
        unsafe { byte.write_volatile(1) };
    }
    Ok(())
}

fn read_each(mapping: &MmapRaw) -> std::io::Result<()> {
    for offset in (0..LEN_BYTES).step_by(page_size()) {
        let byte = mapping.as_ptr().wrapping_add(offset);
        // SAFETY: as above.
        black_box(unsafe { byte.read_volatile() });
    }
    Ok(())
}

fn populate(mapping: &MmapRaw) -> std::io::Result<()> {
    // A kernel that does not know the advice refuses it; then the pages come one by one.
    let _ = mapping.advise(Advice::PopulateWrite);
    Ok(())
}
