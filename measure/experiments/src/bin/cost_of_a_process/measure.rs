//! Builds pools of 1, 2, 4 ... workers in each way, and counts the memory that they add.
//!
//! Invariant: what counts is memory that the machine gives, each page once, for the program, its workers and whatever else
//! the pool has started. What a program needs for its first pool alone is there before the first look.

use crate::judge::{Cost, Forked, amount, judge};
use crate::memory::Sheet;
use crate::workers::Crew;
use crate::{python, workers};
use anyhow::{Context, Result};
use claims::{Axis, Fact, Plot, PlotKind, Series};
use experiments::{Measured, Trial, fact};
use memmap2::{Advice, MmapMut};
use procpool::StartMethod;

const MIB: f64 = 1024.0 * 1024.0;

/// Our start methods, from the cheapest to the dearest.
const METHODS: [(StartMethod, &str); 3] = [
    (StartMethod::Fork, "fork"),
    (StartMethod::Forkserver, "forkserver"),
    (StartMethod::Spawn, "spawn"),
];

/// One way to have workers: what it adds by their number, and a worker's own memory.
struct Way {
    name: String,
    added: Series,
    /// Of a worker that is a process.
    own: Option<f64>,
}

impl Way {
    /// Bytes that one further worker adds: the slope from the smallest to the largest pool.
    fn per_worker(&self) -> Option<f64> {
        let (first, last) = (self.added.points.first()?, self.added.points.last()?);
        (last.x > first.x).then(|| (last.y - first.y) / (last.x - first.x) * MIB)
    }

    fn cost(&self) -> Option<Cost> {
        Some(Cost { name: self.name.clone(), added_bytes: self.per_worker()? })
    }
}

/// The whole experiment.
pub(crate) fn experiment(trial: &Trial) -> Result<Measured> {
    let sizes: &[usize] = trial.pick(&[1, 2, 4, 8, 16, 32], &[1, 4]);
    let python_sizes: &[usize] = trial.pick(&[1, 4, 16], &[1, 2]);
    let python_methods = trial.pick(&python::METHODS[..], &python::METHODS[..1]);
    let (mut facts, mut notes) = (Vec::new(), Vec::new());

    let threads = of_threads(sizes, &mut notes);
    trial.progress(0.1);
    let mut ways = Vec::new();
    for (index, (method, name)) in METHODS.into_iter().enumerate() {
        ways.extend(of_processes(method, name, sizes, &mut facts, &mut notes));
        trial.progress(0.1 + 0.15 * (index + 1) as f64);
    }
    let mut others = Vec::new();
    // Where our own pools met a limit, Python's would hang at it: each needs threads as well.
    let reached =
        ways.iter().filter_map(|way: &Way| way.added.points.last()).map(|last| last.x);
    let room = reached.fold(0.0, f64::max) as usize / 2;
    let python_sizes: Vec<usize> =
        python_sizes.iter().copied().filter(|size| *size <= room).collect();
    match python::version() {
        Ok(version) => {
            facts.push(fact("Python", version));
            for (index, method) in python_methods.iter().enumerate() {
                others.extend(of_python(method, &python_sizes, &mut notes));
                trial.progress(0.55 + 0.1 * (index + 1) as f64);
            }
        }
        Err(note) => notes.push(note),
    }
    trial.progress(0.9);
    let heap = with_a_heap(trial, &mut facts, &mut notes);

    let costs = |ways: &[Way]| -> Vec<Cost> { ways.iter().filter_map(Way::cost).collect() };
    let thread = threads.as_ref().and_then(Way::per_worker).filter(|bytes| *bytes > 0.0);
    let forked = heap.as_ref().map(|heap| Forked {
        heap_bytes: heap.len_bytes,
        rss_bytes: heap.forked.rss,
        own_bytes: heap.forked.own,
    });
    let (verdict, because) = judge(&costs(&ways), thread, &costs(&others), forked);
    let all: Vec<Way> = threads.into_iter().chain(ways).chain(others).collect();
    let mut plots = vec![bars(&all), lines(all)];
    plots.extend(heap.map(Heap::into_plot));
    Ok(Measured { verdict, because, plots, facts, notes })
}

fn of_threads(sizes: &[usize], notes: &mut Vec<String>) -> Option<Way> {
    let mut added = Series::new("threads");
    for size in sizes {
        match workers::threads(*size) {
            Ok(bytes) => added.push(*size as f64, bytes / MIB),
            Err(error) => {
                notes.push(format!(
                    "A pool of {size} threads was not measured: {error}. `ulimit -u` and the cgroup's `pids.max` say how \
                     many are allowed."
                ));
                break;
            }
        }
    }
    (!added.points.is_empty()).then(|| Way { name: "thread".into(), added, own: None })
}

fn of_processes(
    method: StartMethod,
    name: &str,
    sizes: &[usize],
    facts: &mut Vec<Fact>,
    notes: &mut Vec<String>,
) -> Option<Way> {
    let mut added = Series::new(name);
    let mut last = None;
    // A pool that cannot be built says so again below.
    let _ = workers::processes(method, 1);
    for size in sizes {
        match workers::processes(method, *size) {
            Ok(crew) => {
                added.push(*size as f64, crew.added / MIB);
                last = Some((*size, crew));
            }
            Err(error) => {
                notes.push(format!(
                    "A pool of {size} workers by {name} was not measured: {error}."
                ));
                break;
            }
        }
    }
    let (size, crew) = last?;
    facts.extend(of_a_worker(name, size, &crew));
    Some(Way { name: name.into(), added, own: Some(crew.worked.own) })
}

/// What the kernel keeps for a worker, and what its first task adds.
fn of_a_worker(name: &str, size: usize, crew: &Crew) -> Vec<Fact> {
    let Crew { fresh, worked, kernel_stacks, descriptors, .. } = crew;
    let mut facts = vec![
        fact(
            format!("{name}: a worker's own memory before and after its first task"),
            format!("{}, {}", amount(fresh.own), amount(worked.own)),
        ),
        fact(format!("{name}: its page tables, which come on top"), amount(worked.tables)),
        fact(
            format!("{name}: descriptors in the program, per worker"),
            format!("{:.1}", *descriptors as f64 / size as f64),
        ),
    ];
    // Other programs start and end threads too: only a growth that is clearly the pool's is shown.
    let grown = kernel_stacks.map(|(before, with)| (with - before) / size as f64);
    if let Some(grown) = grown.filter(|grown| size >= 16 && (4096.0..=65_536.0).contains(grown))
    {
        facts.push(fact(
            format!("{name}: the kernel's stack for it, by the growth of KernelStack"),
            amount(grown),
        ));
    }
    facts
}

fn of_python(method: &str, sizes: &[usize], notes: &mut Vec<String>) -> Option<Way> {
    let name = format!("Python {method}");
    let mut added = Series::new(name.as_str());
    let mut own = None;
    for size in sizes {
        match python::processes(method, *size) {
            Ok((bytes, worker)) => {
                added.push(*size as f64, bytes / MIB);
                own = Some(worker.own);
            }
            Err(error) => {
                notes.push(format!(
                    "A pool of {size} workers by {name} was not measured: {error}. `ulimit -u` and the cgroup's `pids.max` \
                     say how many processes are allowed."
                ));
                break;
            }
        }
    }
    (!added.points.is_empty()).then_some(Way { name, added, own })
}

fn bars(ways: &[Way]) -> Plot {
    let mut series = ["added by each further worker", "its own (USS)"].map(Series::new);
    for (index, way) in ways.iter().enumerate() {
        if let Some(bytes) = way.per_worker().filter(|bytes| *bytes > 0.0) {
            series[0].push(index as f64, bytes);
        }
        if let Some(bytes) = way.own.filter(|bytes| *bytes > 0.0) {
            series[1].push(index as f64, bytes);
        }
    }
    Plot {
        id: "per-worker".into(),
        title: "The memory of one worker".into(),
        kind: PlotKind::Bars,
        categories: ways.iter().map(|way| way.name.clone()).collect(),
        x: Axis::linear("how workers are made", ""),
        y: Axis::log2("memory", "B"),
        series: series.into(),
    }
}

fn lines(ways: Vec<Way>) -> Plot {
    Plot {
        id: "added".into(),
        title: "The memory that a pool adds, each page counted once, with its page tables"
            .into(),
        kind: PlotKind::Lines,
        categories: vec![],
        x: Axis::linear("workers", ""),
        y: Axis::linear("memory added", "MiB"),
        series: ways.into_iter().map(|way| way.added).collect(),
    }
}

/// Workers of a program that has much memory itself.
struct Heap {
    len_bytes: f64,
    forked: Sheet,
    spawned: Option<Sheet>,
}

/// Builds pools in a program with a heap that was written to everywhere.
fn with_a_heap(trial: &Trial, facts: &mut Vec<Fact>, notes: &mut Vec<String>) -> Option<Heap> {
    let wanted = trial.pick(256_usize, 32) << 20;
    let len = match process::available_memory_bytes() {
        Some(free) if free < 3 * wanted as u64 => {
            notes.push(format!(
                "Only {} are free, so the program with a heap has less of it than elsewhere.",
                amount(free as f64)
            ));
            (free as usize / 4) & !0xffff
        }
        _ => wanted,
    };
    let measured = heap_of(len).and_then(|heap| {
        let forked = workers::processes(StartMethod::Fork, 4)?.worked;
        let spawned = workers::processes(StartMethod::Spawn, 4).ok().map(|crew| crew.worked);
        drop(heap);
        Ok(Heap { len_bytes: len as f64, forked, spawned })
    });
    match measured {
        Ok(heap) => {
            facts.push(fact(
                format!("page tables of a worker forked from {}", amount(heap.len_bytes)),
                amount(heap.forked.tables),
            ));
            Some(heap)
        }
        Err(error) => {
            notes.push(format!("Workers of a program with a heap were not measured: {error}."));
            None
        }
    }
}

/// Memory that was written to everywhere, in small pages, so that the machine's setting for huge ones is not in the figures.
fn heap_of(len: usize) -> Result<MmapMut> {
    let mut heap = MmapMut::map_anon(len).context("no memory for the heap")?;
    // A kernel without huge pages refuses the advice and does not need it.
    let _ = heap.advise(Advice::NoHugePage);
    heap.fill(1);
    Ok(heap)
}

impl Heap {
    fn into_plot(self) -> Plot {
        let sheets = [("forked", Some(self.forked)), ("spawned", self.spawned)];
        let series = sheets.map(|(name, sheet)| {
            let mut series = Series::new(name);
            if let Some(sheet) = sheet {
                let fields = [sheet.rss, sheet.pss, sheet.own, sheet.tables];
                for (index, bytes) in fields.into_iter().enumerate() {
                    series.push(index as f64, bytes / MIB);
                }
            }
            series
        });
        Plot {
            id: "with-a-heap".into(),
            title: format!(
                "A worker of 4, in a program with {} of heap",
                amount(self.len_bytes)
            ),
            kind: PlotKind::Bars,
            categories: ["RSS", "PSS", "own (USS)", "page tables"].map(str::to_owned).into(),
            x: Axis::linear("what is counted", ""),
            y: Axis::linear("memory", "MiB"),
            series: series.into(),
        }
    }
}
