//! The memory of processes, one by one and together.
//!
//! The sources are man 5 proc_pid_smaps (RSS, PSS and its parts), proc_pid_status (`VmPTE`) and proc_meminfo (`KernelStack`).

use anyhow::{Context, Result, bail};
use claims::shape;
use process::Snapshot;
use procfs::process::Process;
use procfs::{Current, Meminfo, ProcError};
use std::collections::HashMap;

/// What a process has, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sheet {
    pub(crate) rss: f64,
    pub(crate) pss: f64,
    pub(crate) own: f64,
    /// The page tables, which the kernel keeps for it and which none of the other three has in it.
    pub(crate) tables: f64,
}

/// The memory of process `pid`.
pub(crate) fn sheet(pid: i32) -> Result<Sheet> {
    let memory = Snapshot::of(pid)?.memory;
    let status = Process::new(pid)
        .and_then(|process| process.status())
        .with_context(|| format!("cannot read /proc/{pid}/status"))?;
    let tables = status.vmpte.unwrap_or(0) * 1024;
    Ok(Sheet {
        rss: memory.rss_bytes as f64,
        pss: memory.pss_bytes as f64,
        own: memory.uss_bytes as f64,
        tables: tables as f64,
    })
}

/// The sheet that has the median in each field.
pub(crate) fn median(sheets: &[Sheet]) -> Option<Sheet> {
    let of = |field: fn(&Sheet) -> f64| {
        shape::median(&mut sheets.iter().map(field).collect::<Vec<_>>())
    };
    Some(Sheet {
        rss: of(|sheet| sheet.rss)?,
        pss: of(|sheet| sheet.pss)?,
        own: of(|sheet| sheet.own)?,
        tables: of(|sheet| sheet.tables)?,
    })
}

/// The memory that the machine gives for process `root` and all that descend from it, in bytes: pages that are no file's,
/// each of them once, and page tables.
pub(crate) fn of_family(root: i32) -> Result<f64> {
    let mut parents: HashMap<i32, Vec<i32>> = HashMap::new();
    for process in procfs::process::all_processes().context("cannot list /proc")? {
        // It may have ended since it was listed.
        if let Ok(stat) = process.and_then(|process| process.stat()) {
            parents.entry(stat.ppid).or_default().push(stat.pid);
        }
    }
    let mut sum = given(root).with_context(|| format!("cannot read the memory of {root}"))?;
    let mut next = parents.remove(&root).unwrap_or_default();
    while let Some(pid) = next.pop() {
        next.extend(parents.remove(&pid).unwrap_or_default());
        sum += match given(pid) {
            Err(ProcError::PermissionDenied(_)) => {
                bail!("the memory of process {pid} may not be read")
            }
            // Who has ended has no memory.
            given => given.unwrap_or(0),
        };
    }
    Ok(sum as f64)
}

/// The share of one process in the memory that is no file's, and its page tables. What is a file's (the program's own code
/// is) the kernel keeps for the file's sake, and shares it also with processes that are not of the family.
fn given(pid: i32) -> Result<u64, ProcError> {
    let process = Process::new(pid)?;
    let tables = process.status()?.vmpte.unwrap_or(0) * 1024;
    let rollup = process.smaps_rollup()?.memory_map_rollup;
    let sum = |field: &str| -> Option<u64> {
        rollup.iter().map(|map| map.extension.map.get(field).copied()).sum()
    };
    let pages =
        sum("Pss_Anon").zip(sum("Pss_Shmem")).map(|(anonymous, shared)| anonymous + shared);
    // Older kernels do not divide it by kind.
    Ok(pages.or_else(|| sum("Pss")).unwrap_or(0) + tables)
}

/// The stacks that the kernel has for all threads of the machine, in bytes. `None` where it does not say.
pub(crate) fn kernel_stacks() -> Option<f64> {
    Some(Meminfo::current().ok()?.kernel_stack? as f64)
}
