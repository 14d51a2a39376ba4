//! How long it takes to make a thread, and to fork, against the memory of the maker.

use anyhow::{Context, Result};
use claims::{Axis, Plot, PlotKind, Series, shape};
use experiments::Trial;
use memmap2::{Advice, MmapMut};
use nix::sys::wait::waitpid;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

const PAGE_BYTES: usize = 4096;
const MIB: u64 = 1024 * 1024;

/// The medians at one size.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) heap_mib: u64,
    pub(crate) thread_us: f64,
    pub(crate) fork_us: f64,
}

/// Makes both in turns at each size.
pub(crate) fn costs(trial: &Trial) -> Result<Vec<Cost>> {
    let rounds = trial.pick(15, 5);
    let mut sizes: Vec<u64> = trial.pick(vec![16, 64, 128, 256, 512], vec![8, 128]);
    let available = process::available_memory_bytes().unwrap_or(u64::MAX);
    sizes.retain(|mib| mib * MIB < available / 2);
    let mut costs = Vec::new();
    for (index, heap_mib) in sizes.iter().copied().enumerate() {
        let mut heap = MmapMut::map_anon((heap_mib * MIB) as usize).context("mmap failed")?;
        // A huge page has one entry where 512 pages have one each. Without it the figures do not hang on luck.
        let _ = heap.advise(Advice::NoHugePage);
        heap.iter_mut().step_by(PAGE_BYTES).for_each(|byte| *byte = 1);
        let (mut threads, mut forks) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let begun = Instant::now();
            let thread = std::thread::Builder::new().spawn(|| ()).context("clone failed")?;
            threads.push(begun.elapsed().as_secs_f64() * 1e6);
            let _ = thread.join();
            // `fork` refuses while there is a second thread, and waits for one that is just ending.
            wait_until_alone();
            let begun = Instant::now();
            let pid = fork::fork(|| 0).context("fork failed")?;
            forks.push(begun.elapsed().as_secs_f64() * 1e6);
            waitpid(pid, None).context("waitpid failed")?;
        }
        let median = |values: &mut Vec<f64>| shape::median(values).unwrap_or(0.0);
        costs.push(Cost {
            heap_mib,
            thread_us: median(&mut threads),
            fork_us: median(&mut forks),
        });
        trial.progress(0.1 + 0.8 * (index + 1) as f64 / sizes.len() as f64);
    }
    Ok(costs)
}

/// Waits until the joined thread has left the kernel's list, for a second at most.
fn wait_until_alone() {
    let until = Instant::now() + Duration::from_secs(1);
    // The folder has a link for each thread and two for itself.
    while fs::metadata("/proc/self/task").is_ok_and(|tasks| tasks.nlink() > 3)
        && Instant::now() < until
    {
        std::thread::yield_now();
    }
}

/// The curves.
pub(crate) fn plot(costs: &[Cost]) -> Plot {
    let curve = |name: &str, of: fn(&Cost) -> f64| {
        let mut series = Series::new(name);
        costs.iter().for_each(|cost| series.push(cost.heap_mib as f64, of(cost)));
        series
    };
    Plot {
        id: "time".to_owned(),
        title: "Time to make a thread and to fork a process".to_owned(),
        kind: PlotKind::Lines,
        categories: Vec::new(),
        x: Axis::log2("memory of the maker", "MiB"),
        y: Axis::log10("time of the call", "µs"),
        series: vec![
            curve("thread", |cost| cost.thread_us),
            curve("fork", |cost| cost.fork_us),
        ],
    }
}
