//! Forks with a heap, has one of the two processes write, and counts whose the pages are.
//!
//! Invariant: each count is taken from a fork of its own, while both processes wait. What counts is the mapping of the
//! heap alone, so nothing else that the processes do is in the figures. A child ends when its parent does: it waits for
//! the end of a pipe that only the parent holds.
//!
//! The source is man 5 proc_pid_smaps (`Private_Dirty`) and man 2 getrusage (`ru_minflt`).

use crate::judge::{Count, Figures, judge};
use anyhow::{Context, Result, ensure};
use claims::{Axis, Fact, Plot, PlotKind, Series, shape};
use experiments::{Measured, Trial, fact};
use memmap2::{Advice, MmapMut};
use nix::sys::resource::{UsageWho, getrusage};
use nix::unistd::{SysconfVar, sysconf};
use procfs::process::Process;
use std::hint::black_box;
use std::io::Read;
use std::time::Instant;
use wait::Child;

const MIB: usize = 1 << 20;

/// What happens to the pages after the fork.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    ChildReads,
    ChildWritesBytes,
    ChildWritesPages,
    ParentWrites,
}

const ACTS: [(Act, &str); 4] = [
    (Act::ChildWritesBytes, "the child writes one byte in each"),
    (Act::ChildWritesPages, "the child writes each whole page"),
    (Act::ParentWrites, "the parent writes"),
    (Act::ChildReads, "the child only reads"),
];

/// What the child says when it is done, in this order: page faults, time for the first round and for a second one in ns,
/// the sum of the bytes that it found.
type Report = [u64; 4];

/// What was seen after one fork.
struct Seen {
    child_own: u64,
    parent_own: u64,
    report: Report,
}

struct Heap {
    memory: MmapMut,
    page_len: usize,
}

/// The whole experiment.
pub(crate) fn experiment(trial: &Trial) -> Result<Measured> {
    let len = trial.pick(64, 4) * MIB;
    let mut heap = Heap::new(len, Advice::NoHugePage)?;
    let pages = heap.pages();
    let mut notes = Vec::new();
    if heap.own_pages(std::process::id() as i32).is_err() {
        notes.push(
            "This kernel counts no memory per mapping: /proc/PID/smaps cannot be read. It needs CONFIG_PROC_PAGE_MONITOR."
                .to_owned(),
        );
        let (verdict, because) = judge(&Figures::default());
        return Ok(Measured { verdict, because, plots: vec![], facts: vec![], notes });
    }

    let eighths: Vec<usize> = (0..=8).map(|part| pages * part / 8).collect();
    let mut series = ACTS.map(|(_, name)| Series::new(name));
    let mut counts: [Vec<Count>; 4] = Default::default();
    let (mut first_ns, mut again_ns) = (Vec::new(), Vec::new());
    let mut facts = Vec::new();
    for (step, touched) in eighths.iter().copied().enumerate() {
        for (index, (act, _)) in ACTS.into_iter().enumerate() {
            let seen = heap.after_fork(act, touched)?;
            let own = if act == Act::ParentWrites { seen.parent_own } else { seen.child_own };
            series[index].push(touched as f64, own as f64);
            counts[index].push(Count { touched: touched as u64, own });
            if act == Act::ChildWritesBytes && touched > 0 {
                first_ns.push(seen.report[1] as f64 / touched as f64);
                again_ns.push(seen.report[2] as f64 / touched as f64);
            }
            if act == Act::ChildWritesBytes && touched == pages / 2 {
                facts.push(fact("pages written by the child", touched));
                facts.push(fact("page faults that this took", seen.report[0]));
                facts.push(fact("pages that the parent then had alone again", seen.parent_own));
            }
        }
        trial.progress((step + 1) as f64 / 11.0);
    }
    facts.extend(times(&mut first_ns, &mut again_ns));

    let sides = side_by_side(&mut heap)?;
    facts.push(fact("a byte at one address, in the child after it wrote 2", sides.child_after));
    facts.push(fact("the same address in the parent, which wrote 3", sides.parent_after));
    drop(heap);
    trial.progress(10.0 / 11.0);
    huge_pages(trial, &mut facts, &mut notes)?;

    let [bytes, _, parent, reads] = &counts;
    let figures = Figures {
        heap: pages as u64,
        child_writes: bytes.clone(),
        parent_writes: parent.clone(),
        child_reads: reads.clone(),
        same_before: sides.child_before == sides.parent_before,
        own_after: (sides.child_after, sides.parent_after) == (2, 3),
    };
    let (verdict, because) = judge(&figures);
    let plot = Plot {
        id: "own-pages".into(),
        title: format!("Pages of its own after a fork with {} MiB of heap", len / MIB),
        kind: PlotKind::Lines,
        categories: vec![],
        x: Axis::linear("pages that were touched after the fork", ""),
        y: Axis::linear("pages of its own", ""),
        series: series.into(),
    };
    Ok(Measured { verdict, because, plots: vec![plot], facts, notes })
}

fn times(first_ns: &mut [f64], again_ns: &mut [f64]) -> Vec<Fact> {
    let (Some(first), Some(again)) = (shape::median(first_ns), shape::median(again_ns)) else {
        return Vec::new();
    };
    vec![
        fact("time of the first write to a page", format!("{first:.0} ns")),
        fact("time of the second write to it", format!("{again:.0} ns")),
    ]
}

impl Heap {
    /// Memory that was written to everywhere, each byte 1.
    fn new(len: usize, advice: Advice) -> Result<Heap> {
        let page_len =
            usize::try_from(sysconf(SysconfVar::PAGE_SIZE)?.context("no page size")?)?;
        let mut memory =
            MmapMut::map_anon(len).with_context(|| format!("no memory for {len} bytes"))?;
        // A kernel without huge pages refuses the advice and does not need it.
        let _ = memory.advise(advice);
        memory.fill(1);
        Ok(Heap { memory, page_len })
    }

    fn pages(&self) -> usize {
        self.memory.len() / self.page_len
    }

    /// The pages of the heap that only process `pid` maps, and has written to.
    fn own_pages(&self, pid: i32) -> Result<u64> {
        Ok(self.counted(pid, "Private_Dirty")? / self.page_len as u64)
    }

    /// The bytes that the kernel counts as `field` in the mapping of the heap in process `pid`.
    fn counted(&self, pid: i32, field: &str) -> Result<u64> {
        let begin = self.memory.as_ptr().addr() as u64;
        let end = begin + self.memory.len() as u64;
        let maps = Process::new(pid)
            .and_then(|process| process.smaps())
            .with_context(|| format!("cannot read /proc/{pid}/smaps"))?;
        let mut sum = None;
        for map in maps {
            if map.address.0 < end
                && begin < map.address.1
                && let Some(bytes) = map.extension.map.get(field)
            {
                sum = Some(sum.unwrap_or(0) + bytes);
            }
        }
        sum.with_context(|| format!("/proc/{pid}/smaps has no {field} for the heap"))
    }

    /// Reads or writes `touched` pages that are spread over the heap; the sum of what was read.
    fn touch(&mut self, act: Act, touched: usize) -> u64 {
        let (pages, page_len) = (self.pages(), self.page_len);
        let mut sum = 0;
        for page in 0..touched {
            let begin = page * pages / touched * page_len;
            match act {
                Act::ChildReads => sum += u64::from(self.memory[begin]),
                Act::ChildWritesPages => self.memory[begin..begin + page_len].fill(2),
                Act::ChildWritesBytes | Act::ParentWrites => self.memory[begin] = 2,
            }
        }
        black_box(&self.memory[..]);
        sum
    }

    /// Forks, lets one of the two touch `touched` pages, and counts while both wait.
    fn after_fork(&mut self, act: Act, touched: usize) -> Result<Seen> {
        let (mut reports, mut report) = pipe::pipe()?;
        let (mut gate, bar) = pipe::pipe()?;
        let mut bar = Some(bar);
        let mut child = Child::fork(|| {
            drop(bar.take());
            let said =
                if act == Act::ParentWrites { Ok([0; 4]) } else { self.life(act, touched) };
            let Ok(said) = said else { return 1 };
            if pipe::write_all(&mut report, &said.map(u64::to_ne_bytes).concat()).is_err() {
                return 1;
            }
            // Nothing ever comes: the pipe ends when the parent has counted, or when it was killed.
            i32::from(gate.read(&mut [0]).is_err())
        })?;
        drop(report);
        let mut bytes = [0; size_of::<Report>()];
        pipe::read_exact(&mut reports, &mut bytes)
            .context("the child has not said what it did")?;
        if act == Act::ParentWrites {
            self.touch(act, touched);
        }
        let child_own = self.own_pages(child.pid().as_raw())?;
        let parent_own = self.own_pages(std::process::id() as i32)?;
        drop(bar);
        let status = child.wait()?;
        ensure!(status.success(), "the child ended with {status:?}");
        let mut report = [0; 4];
        for (value, chunk) in report.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *value = u64::from_ne_bytes(*chunk);
        }
        Ok(Seen { child_own, parent_own, report })
    }

    /// What the child does: it touches the pages twice, and says what that took.
    fn life(&mut self, act: Act, touched: usize) -> Result<Report> {
        let faults = getrusage(UsageWho::RUSAGE_SELF)?.minor_page_faults();
        let begun = Instant::now();
        let sum = self.touch(act, touched);
        let first_ns = begun.elapsed().as_nanos() as u64;
        let faults = getrusage(UsageWho::RUSAGE_SELF)?.minor_page_faults() - faults;
        let begun = Instant::now();
        self.touch(act, touched);
        let again_ns = begun.elapsed().as_nanos() as u64;
        Ok([u64::try_from(faults)?, first_ns, again_ns, sum])
    }
}

/// The byte at one address, in two processes at two moments.
struct Sides {
    parent_before: u64,
    child_before: u64,
    parent_after: u64,
    child_after: u64,
}

/// Both processes look at all of the heap, then each writes to the first byte, then each looks at it again.
fn side_by_side(heap: &mut Heap) -> Result<Sides> {
    let (mut reports, mut report) = pipe::pipe()?;
    let (mut gate, bar) = pipe::pipe()?;
    let pages = heap.pages();
    heap.memory.fill(1);
    let mut bar = Some(bar);
    let mut child = Child::fork(|| {
        drop(bar.take());
        let before = heap.touch(Act::ChildReads, pages);
        heap.memory[0] = 2;
        let mut tell = |value: u64| pipe::write_all(&mut report, &value.to_ne_bytes());
        // The end of the gate says that the parent has written as well.
        let told = tell(before)
            .and_then(|()| gate.read(&mut [0]))
            .and_then(|_| tell(u64::from(black_box(&heap.memory)[0])));
        i32::from(told.is_err())
    })?;
    drop(report);
    let mut hear = || -> Result<u64> {
        let mut bytes = [0; 8];
        pipe::read_exact(&mut reports, &mut bytes)
            .context("the child has not said what it saw")?;
        Ok(u64::from_ne_bytes(bytes))
    };
    let child_before = hear()?;
    let parent_before = heap.touch(Act::ChildReads, pages);
    heap.memory[0] = 3;
    drop(bar);
    let child_after = hear()?;
    let parent_after = u64::from(black_box(&heap.memory)[0]);
    let status = child.wait()?;
    ensure!(status.success(), "the child ended with {status:?}");
    Ok(Sides { parent_before, child_before, parent_after, child_after })
}

/// Where the heap stands in pages of 2 MiB: what one written byte costs then.
fn huge_pages(trial: &Trial, facts: &mut Vec<Fact>, notes: &mut Vec<String>) -> Result<()> {
    let mut heap = Heap::new(trial.pick(64, 8) * MIB, Advice::HugePage)?;
    let own = std::process::id() as i32;
    let huge_bytes = heap.counted(own, "AnonHugePages").unwrap_or(0);
    if huge_bytes == 0 {
        notes.push(
            "The kernel gave no huge pages, so nothing is said about them. \
             /sys/kernel/mm/transparent_hugepage/enabled must be `madvise` or `always`, and memory free in pieces of \
             2 MiB."
                .to_owned(),
        );
        return Ok(());
    }
    // In each 2 MiB one byte is written.
    let touched = heap.memory.len() / (2 * MIB);
    let seen = heap.after_fork(Act::ChildWritesBytes, touched)?;
    facts.push(fact(
        "the heap in huge pages",
        format!("{} of {} MiB", huge_bytes as usize / MIB, heap.memory.len() / MIB),
    ));
    facts.push(fact(
        "a byte written in each 2 MiB of it made the child's own",
        format!(
            "{} KiB per written byte",
            seen.child_own as usize * heap.page_len / touched / 1024
        ),
    ));
    Ok(())
}
