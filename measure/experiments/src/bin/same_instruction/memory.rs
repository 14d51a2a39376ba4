//! What fork copies of a heap, and how long that takes.
//!
//! Source: man 2 fork; man 5 proc_pid_status, VmPTE; man 5 proc_pid_smaps.

use anyhow::{Context, Result};
use claims::{Axis, Plot, PlotKind, Series, shape};
use experiments::Trial;
use memmap2::{Advice, MmapMut};
use nix::sys::wait::waitpid;
use process::Snapshot;
use std::fs;
use std::hint::black_box;
use std::os::fd::AsRawFd;
use std::time::Instant;

const PAGE_BYTES: usize = 4096;
const MIB: u64 = 1024 * 1024;

/// What one fork cost with a heap of a given size.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) heap_bytes: u64,
    /// The call in the parent.
    pub(crate) fork_us: f64,
    /// The child's page tables.
    pub(crate) tables_bytes: u64,
    /// The pages that the child has for itself while it waits.
    pub(crate) own_bytes: u64,
}

/// Whether a child finds a local variable where the parent has it, with its value.
pub(crate) fn same_address() -> Result<bool> {
    let local = black_box(std::process::id());
    let address = black_box(&raw const local) as usize;
    let pid = fork::fork(|| {
        let its = black_box(&raw const local) as usize;
        i32::from(its != address || local == std::process::id())
    })
    .context("fork failed")?;
    let status = waitpid(pid, None).context("waitpid failed")?;
    Ok(status == nix::sys::wait::WaitStatus::Exited(pid, 0))
}

/// Forks at each size, several times, and takes the medians.
pub(crate) fn costs(trial: &Trial) -> Result<Vec<Cost>> {
    let rounds = trial.pick(9, 3);
    let mut sizes: Vec<u64> = trial.pick(vec![16, 64, 128, 256, 512], vec![8, 64, 128]);
    let available = process::available_memory_bytes().unwrap_or(u64::MAX);
    sizes.retain(|mib| mib * MIB < available / 2);
    let mut costs = Vec::new();
    for (index, mib) in sizes.iter().enumerate() {
        let mut heap = MmapMut::map_anon((mib * MIB) as usize).context("mmap failed")?;
        // A huge page has one entry where 512 pages have one each. Without it the figures do not hang on luck.
        let _ = heap.advise(Advice::NoHugePage);
        heap.iter_mut().step_by(PAGE_BYTES).for_each(|byte| *byte = 1);
        let mut costs_here = Vec::new();
        for _ in 0..rounds {
            costs_here.push(fork_once(mib * MIB)?);
        }
        drop(heap);
        let median = |of: fn(&Cost) -> f64| {
            shape::median(&mut costs_here.iter().map(of).collect::<Vec<f64>>()).unwrap_or(0.0)
        };
        costs.push(Cost {
            heap_bytes: mib * MIB,
            fork_us: median(|cost| cost.fork_us),
            tables_bytes: median(|cost| cost.tables_bytes as f64) as u64,
            own_bytes: median(|cost| cost.own_bytes as f64) as u64,
        });
        trial.progress(0.1 + 0.9 * (index + 1) as f64 / sizes.len() as f64);
    }
    Ok(costs)
}

fn fork_once(heap_bytes: u64) -> Result<Cost> {
    let (gate, opener) = nix::unistd::pipe().context("pipe failed")?;
    let own_opener = opener.as_raw_fd();
    let begun = Instant::now();
    let pid = fork::fork(|| {
        let _ = nix::unistd::close(own_opener);
        let _ = nix::unistd::read(&gate, &mut [0]);
        0
    })
    .context("fork failed")?;
    let fork_us = begun.elapsed().as_secs_f64() * 1e6;
    let status = fs::read_to_string(format!("/proc/{pid}/status"));
    let snapshot = Snapshot::of(pid.as_raw());
    drop(opener);
    waitpid(pid, None).context("waitpid failed")?;
    let tables_kib: u64 = status
        .context("cannot read the child's status")?
        .lines()
        .find_map(|line| line.strip_prefix("VmPTE:")?.trim().strip_suffix(" kB")?.parse().ok())
        .context("the child's status has no VmPTE")?;
    let own_bytes = snapshot.context("cannot look at the child")?.memory.private_dirty_bytes;
    Ok(Cost { heap_bytes, fork_us, tables_bytes: tables_kib * 1024, own_bytes })
}

/// The curves.
pub(crate) fn plots(costs: &[Cost]) -> Vec<Plot> {
    let curve = |name: &str, of: fn(&Cost) -> f64| {
        let mut series = Series::new(name);
        costs.iter().for_each(|cost| series.push((cost.heap_bytes / MIB) as f64, of(cost)));
        series
    };
    let heap = || Axis::log2("memory of the parent", "MiB");
    let copied = Plot {
        id: "copied".to_owned(),
        title: "What the child has of its own after fork".to_owned(),
        kind: PlotKind::Lines,
        categories: Vec::new(),
        x: heap(),
        y: Axis::log2("bytes", "B"),
        series: vec![
            curve("a copy of the whole memory would be", |cost| cost.heap_bytes as f64),
            curve("page tables", |cost| cost.tables_bytes as f64),
            curve("pages", |cost| cost.own_bytes.max(1) as f64),
        ],
    };
    let time = Plot {
        id: "time".to_owned(),
        title: "Time of fork".to_owned(),
        kind: PlotKind::Lines,
        categories: Vec::new(),
        x: heap(),
        y: Axis::linear("time of the call", "µs"),
        series: vec![curve("fork", |cost| cost.fork_us)],
    };
    vec![copied, time]
}
