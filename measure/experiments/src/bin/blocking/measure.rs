//! The throughput of 1, 2, 4 ... workers on tasks that sleep 9 ms and compute 1 ms, beside what Little's law says, and the
//! memory that the workers take.

use crate::judge::{Figures, judge};
use anyhow::{Context, Result};
use claims::{Axis, Plot, PlotKind, Series, shape};
use experiments::compute::{compute, steady, steps_for, use_at_most};
use experiments::{Measured, Trial, fact};
use process::Snapshot;
use procpool::Pool;
use std::thread;
use std::time::{Duration, Instant};

/// How long a task waits.
const WAIT: Duration = Duration::from_millis(9);

/// How long it computes.
const COMPUTE: Duration = Duration::from_millis(1);

/// The share of its time that a task waits: 9 of 10 ms.
const WAITING: f64 = 0.9;

/// With more, 32 workers for each would be more processes than one wants to see started.
const PROCESSORS_MAX: usize = 8;

/// The share of the best throughput at which the curve counts as flat.
const REACHED: f64 = 0.8;

/// The whole experiment.
pub(crate) fn experiment(trial: &Trial) -> Result<Measured> {
    let mut notes = Vec::new();
    let all = process::cpus().recommended;
    if all > PROCESSORS_MAX {
        use_at_most(PROCESSORS_MAX)?;
        notes.push(format!(
            "{PROCESSORS_MAX} of {all} processors were used, by an affinity mask: with all, the knee would be at too many processes"
        ));
    }
    let usable = process::cpus().recommended;
    let counts = counts(usable, trial.pick(true, false));
    let steps = steps_for(COMPUTE);
    trial.progress(0.02);
    let repetitions = trial.pick(3, 1);
    let window = Duration::from_millis(trial.pick(300, 150));
    let mut rates: Vec<Vec<f64>> = vec![Vec::new(); counts.len()];
    let mut memory: Vec<Vec<f64>> = vec![Vec::new(); counts.len()];
    let (mut done, all) = (0.0, (repetitions * counts.len()) as f64);
    let mut alone_ms = Vec::new();
    for _ in 0..repetitions {
        for (index, workers) in counts.iter().enumerate() {
            let pool =
                Pool::builder().workers(*workers).build().context("cannot build a pool")?;
            let warm_up = WAIT + COMPUTE * 2;
            let steady = steady(&pool, wait_and_compute, steps, warm_up, window)?;
            rates[index].push(steady.rate);
            if *workers == 1 {
                alone_ms.extend(steady.results.iter().map(|us| f64::from(*us) / 1000.0));
            }
            memory[index].extend(pss_bytes(&pool));
            done += 1.0;
            trial.progress(0.02 + 0.98 * done / all);
        }
    }
    let task_ms = shape::median(&mut alone_ms).unwrap_or((WAIT + COMPUTE).as_secs_f64() * 1e3);
    Ok(report(usable, task_ms, &counts, rates, memory, notes))
}

/// 1, 2, 4 ... to 32 for each processor, and the number that the law gives.
fn counts(usable: usize, full: bool) -> Vec<usize> {
    let most = usable * 32;
    let knee = knee_by_law(usable);
    let mut counts: Vec<usize> = match full {
        true => (0..).map(|power| 1 << power).take_while(|count| *count < most).collect(),
        false => vec![1, usable],
    };
    counts.extend([usable, knee, most]);
    counts.sort_unstable();
    counts.dedup();
    counts
}

/// From so many workers on, they would compute for more time than the processors have.
fn knee_by_law(usable: usize) -> usize {
    (usable as f64 / (1.0 - WAITING)).round() as usize
}

/// Sleeps, computes, and returns how many microseconds that took.
fn wait_and_compute(steps: u64) -> u32 {
    let begun = Instant::now();
    thread::sleep(WAIT);
    compute(steps);
    begun.elapsed().as_micros().try_into().unwrap_or(u32::MAX)
}

/// What the workers have in memory together, each shared page counted once. `None` if one of them cannot be looked at.
fn pss_bytes(pool: &Pool) -> Option<f64> {
    let workers = pool.stats().workers;
    let each = workers.iter().map(|worker| {
        let snapshot = Snapshot::of(i32::try_from(worker.pid).ok()?).ok()?;
        Some(snapshot.memory.pss_bytes as f64)
    });
    each.sum()
}

fn report(
    usable: usize,
    task_ms: f64,
    counts: &[usize],
    mut rates: Vec<Vec<f64>>,
    mut memory: Vec<Vec<f64>>,
    mut notes: Vec<String>,
) -> Measured {
    let mut measured = Series::new("measured");
    let mut predicted = Series::new("by Little's law");
    let mut bytes = Series::new("all workers");
    for (index, workers) in counts.iter().enumerate() {
        let x = *workers as f64;
        if let Some(rate) = shape::median(&mut rates[index]) {
            measured.push(x, rate);
        }
        // One worker completes a task in a task's time.
        let by_one = 1.0 / (WAIT + COMPUTE).as_secs_f64();
        predicted.push(x, by_one * size::throughput(WAITING, usable as f64, *workers));
        if let Some(sum) = shape::median(&mut memory[index]) {
            bytes.push(x, sum);
        }
    }
    let knee = shape::knee(&measured, REACHED);
    let predicted_knee = knee_by_law(usable) as f64;
    let mut facts = vec![
        fact("processors that the pool may use", usable),
        fact("time of a task on one worker", format!("{task_ms:.1} ms")),
        fact("workers at the knee by Little's law", predicted_knee),
    ];
    if let Some(knee) = knee {
        facts.push(fact("workers that reach 80 % of the best", knee));
    }
    match (bytes.points.first(), bytes.points.last()) {
        (Some(first), Some(last)) if last.x > first.x => {
            let each = (last.y - first.y) / (last.x - first.x);
            facts.push(fact(
                "memory that each further worker takes (PSS)",
                format!("{:.0} KiB", each / 1024.0),
            ));
        }
        _ => {
            notes.push("the workers' memory could not be read in /proc/PID/smaps_rollup".into())
        }
    }
    let figures = Figures {
        usable,
        at_usable: measured.at(usable as f64),
        best: measured.points.iter().map(|point| point.y).fold(0.0, f64::max),
        last: measured.points.last().map_or(0.0, |point| point.y),
        most: measured.points.last().map_or(0.0, |point| point.x),
        knee,
        predicted_knee,
    };
    let (verdict, because) = judge(&figures);
    let plot = |id: &str, title: &str, y: Axis, series: Vec<Series>| Plot {
        id: id.into(),
        title: title.into(),
        kind: PlotKind::Lines,
        categories: Vec::new(),
        x: Axis::log2("workers", ""),
        y,
        series,
    };
    let plots = vec![
        plot(
            "throughput",
            "Tasks of 9 ms of waiting and 1 ms of computing that a pool completes",
            Axis::linear("throughput", "tasks/s"),
            vec![measured, predicted],
        ),
        plot(
            "memory",
            "What the workers have in memory",
            Axis::linear("memory (PSS)", "B"),
            vec![bytes],
        ),
    ];
    Measured { verdict, because, plots, facts, notes }
}
