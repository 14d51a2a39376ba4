//! The throughput of a pool that computes, and what its workers cost a thread of another kind: one that wakes up, and one
//! that computes too.

use crate::judge::{BLOCK_MS, Guest, Throughput, judge};
use anyhow::{Context, Result};
use claims::{Axis, Plot, PlotKind, Series, shape};
use experiments::compute::{compute, compute_and_look, steady, steps_for, use_at_most};
use experiments::{Measured, Trial, fact};
use procpool::{Pool, TaskError};
use std::iter;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long a task computes.
const TASK: Duration = Duration::from_millis(1);

/// More processors than this tell nothing new, and four workers for each take long to start.
const PROCESSORS_MAX: usize = 16;

/// How long the guest sleeps between two looks at the clock.
const NAP: Duration = Duration::from_millis(1);

/// The nice value of workers that shall leave processors to others.
const NICE: i32 = 19;

/// What a pool does beside the guest.
#[derive(Clone)]
struct Neighbour {
    name: &'static str,
    guest: Guest,
    workers: usize,
    nice: i32,
}

#[derive(Default)]
struct Figures {
    /// The p99 of how late the guest was woken, in milliseconds.
    late_ms: Vec<f64>,
    /// How long the guest's block took, in milliseconds.
    block_ms: Vec<f64>,
    /// Tasks of the pool per second.
    rate: Vec<f64>,
}

/// The whole experiment.
pub(crate) fn experiment(trial: &Trial) -> Result<Measured> {
    let mut notes = Vec::new();
    let all = process::cpus().recommended;
    if all > PROCESSORS_MAX {
        use_at_most(PROCESSORS_MAX)?;
        notes.push(format!(
            "{PROCESSORS_MAX} of {all} processors were used, by an affinity mask: what is shown here repeats itself with more"
        ));
    }
    let usable = process::cpus().recommended;
    let steps = steps_for(TASK);
    trial.progress(0.02);
    let (rates, stood_still) = throughput(trial, usable, steps, 0.02)?;
    let neighbours = neighbours(usable);
    if usable < 2 {
        notes.push(
            "with one processor there is none to leave to others; run it where there are two"
                .into(),
        );
    }
    let figures = guests(trial, &neighbours, steps, 0.6)?;
    Ok(report(usable, (rates, stood_still), &neighbours, figures, notes))
}

fn throughput(trial: &Trial, usable: usize, steps: u64, begun: f64) -> Result<(Series, f64)> {
    let mut counts = match trial.pick(true, false) {
        true => {
            vec![
                1,
                usable.div_ceil(2),
                usable,
                usable * 3 / 2,
                usable * 2,
                usable * 3,
                usable * 4,
            ]
        }
        false => vec![1, usable, usable * 4],
    };
    counts.sort_unstable();
    counts.dedup();
    let window = Duration::from_millis(trial.pick(250, 60));
    let repetitions = trial.pick(3, 1);
    let mut rates: Vec<Vec<f64>> = vec![Vec::new(); counts.len()];
    let mut stood_still = Vec::new();
    for repetition in 0..repetitions {
        for (rates, workers) in rates.iter_mut().zip(&counts) {
            let pool =
                Pool::builder().workers(*workers).build().context("cannot build a pool")?;
            let warm_up = Duration::from_millis(20);
            let steady = steady(&pool, compute_and_look, steps, warm_up, window)?;
            rates.push(steady.rate);
            if *workers == usable {
                let (took, ran) =
                    steady.results.into_iter().fold((0, 0), |sum, one: (u32, u32)| {
                        (sum.0 + u64::from(one.0), sum.1 + u64::from(one.1))
                    });
                stood_still.push(1.0 - ran as f64 / took.max(1) as f64);
            }
        }
        trial.progress(
            begun + (0.58 - begun) * f64::from(repetition + 1) / f64::from(repetitions),
        );
    }
    let mut series = Series::new("measured");
    for (workers, rates) in counts.iter().zip(&mut rates) {
        if let Some(median) = shape::median(rates) {
            series.push(*workers as f64, median);
        }
    }
    Ok((series, shape::median(&mut stood_still).unwrap_or(0.0)))
}

fn neighbours(usable: usize) -> Vec<Neighbour> {
    let twice = usable * 2;
    let all = [
        (Guest::Alone, "no pool", 0, 0),
        (Guest::OneLess, "cores - 1", usable - 1, 0),
        (Guest::AsMany, "cores", usable, 0),
        (Guest::Twice, "2 × cores", twice, 0),
        (Guest::AsManyNice, "cores, nice 19", usable, NICE),
        (Guest::TwiceNice, "2 × cores, nice 19", twice, NICE),
    ];
    // On one processor, one less is no pool at all.
    let there = all
        .into_iter()
        .filter(|(guest, _, workers, _)| *guest != Guest::OneLess || *workers > 0);
    there.map(|(guest, name, workers, nice)| Neighbour { name, guest, workers, nice }).collect()
}

fn guests(
    trial: &Trial,
    neighbours: &[Neighbour],
    steps: u64,
    begun: f64,
) -> Result<Vec<Figures>> {
    let mut figures: Vec<Figures> = neighbours.iter().map(|_| Figures::default()).collect();
    let repetitions = trial.pick(3, 1);
    let all = (repetitions * neighbours.len()) as f64;
    let mut done = 0.0;
    for _ in 0..repetitions {
        for (figures, neighbour) in figures.iter_mut().zip(neighbours) {
            beside(trial, neighbour, steps, figures)?;
            done += 1.0;
            trial.progress(begun + (1.0 - begun) * done / all);
        }
    }
    Ok(figures)
}

/// One thread feeds the pool while this one is the guest.
fn beside(
    trial: &Trial,
    neighbour: &Neighbour,
    steps: u64,
    figures: &mut Figures,
) -> Result<()> {
    let naps = trial.pick(150, 20);
    let blocks = trial.pick(8, 2);
    if neighbour.workers == 0 {
        guest(naps, blocks, steps, figures);
        return Ok(());
    }
    let builder = Pool::builder().workers(neighbour.workers);
    let builder = if neighbour.nice == 0 { builder } else { builder.nice(neighbour.nice) };
    let pool = builder.build().context("cannot build a pool")?;
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let feeder = scope.spawn(|| -> Result<f64, TaskError> {
            let begun = Instant::now();
            let inputs = iter::from_fn(|| (!over.load(Ordering::Relaxed)).then_some(steps));
            let mut tasks = 0_u32;
            for (_, result) in pool.map_unordered(compute, inputs) {
                result?;
                tasks += 1;
            }
            Ok(f64::from(tasks) / begun.elapsed().as_secs_f64())
        });
        guest(naps, blocks, steps, figures);
        over.store(true, Ordering::Relaxed);
        let rate = feeder.join().map_err(|_| anyhow::anyhow!("the feeder panicked"))?;
        figures.rate.push(rate.context("a task failed")?);
        Ok(())
    })
}

/// Sleeps and looks how late it wakes up, then computes and looks how long that takes.
fn guest(naps: usize, blocks: usize, steps: u64, figures: &mut Figures) {
    let mut late_ms: Vec<f64> = (0..naps)
        .map(|_| {
            let begun = Instant::now();
            thread::sleep(NAP);
            begun.elapsed().saturating_sub(NAP).as_secs_f64() * 1000.0
        })
        .collect();
    late_ms.sort_by(f64::total_cmp);
    // The smallest that 99 of 100 do not exceed.
    let rank = (late_ms.len() * 99).div_ceil(100).saturating_sub(1);
    figures.late_ms.extend(late_ms.get(rank));
    let per_block = steps as f64 * BLOCK_MS / (TASK.as_secs_f64() * 1000.0);
    let took = (0..blocks).map(|_| {
        let begun = Instant::now();
        compute(per_block as u64);
        begun.elapsed().as_secs_f64() * 1000.0
    });
    figures.block_ms.extend(took);
}

fn report(
    usable: usize,
    (rates, stood_still): (Series, f64),
    neighbours: &[Neighbour],
    mut figures: Vec<Figures>,
    notes: Vec<String>,
) -> Measured {
    let mut late = Series::new("woken too late (p99)");
    let mut block = Series::new("time for 10 ms of work");
    let mut facts = vec![fact("processors that the pool may use", usable)];
    let mut slowdown = Vec::new();
    for (index, (neighbour, figures)) in neighbours.iter().zip(&mut figures).enumerate() {
        let late_ms = shape::median(&mut figures.late_ms).unwrap_or(0.0);
        let block_ms = shape::median(&mut figures.block_ms).unwrap_or(0.0);
        late.push(index as f64, late_ms);
        block.push(index as f64, block_ms);
        slowdown.push((neighbour.guest, block_ms));
        if let Some(rate) = shape::median(&mut figures.rate) {
            facts.push(fact(
                format!("the pool's own throughput beside the guest: {}", neighbour.name),
                format!("{rate:.0} tasks/s"),
            ));
        }
    }
    let throughput = Throughput {
        usable,
        at_usable: rates.at(usable as f64).unwrap_or(0.0),
        at_one: rates.at(1.0).unwrap_or(0.0),
        best_beyond: best(&rates, |workers| workers > usable as f64),
        last: rates.points.last().map_or(0.0, |point| point.y),
        stood_still,
    };
    facts.push(fact(
        "share of a task's time that its worker stood still, with as many workers as cores",
        format!("{:.0} %", stood_still * 100.0),
    ));
    if let Some(knee) = shape::knee(&rates, 0.9) {
        facts.push(fact("workers that reach 90 % of the best", knee));
    }
    let (verdict, because) = judge(&throughput, &slowdown);
    let curve = Plot {
        id: "throughput".into(),
        title: "Tasks of 1 ms of computing that a pool completes".into(),
        kind: PlotKind::Lines,
        categories: Vec::new(),
        x: Axis::linear("workers", ""),
        y: Axis::linear("throughput", "tasks/s"),
        series: vec![rates],
    };
    let bars = Plot {
        id: "guest".into(),
        title: "What the pool costs another thread".into(),
        kind: PlotKind::Bars,
        categories: neighbours.iter().map(|neighbour| neighbour.name.into()).collect(),
        x: Axis::linear("beside", ""),
        y: Axis::linear("time", "ms"),
        series: vec![block, late],
    };
    Measured { verdict, because, plots: vec![curve, bars], facts, notes }
}

fn best(series: &Series, of: impl Fn(f64) -> bool) -> f64 {
    let points = series.points.iter().filter(|point| of(point.x));
    points.map(|point| point.y).fold(0.0, f64::max)
}
