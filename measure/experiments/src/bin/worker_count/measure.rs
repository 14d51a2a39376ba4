//! The throughput of 1, 2, 3 ... workers in three settings, each in a process of its own.

use crate::judge::{Setting, judge};
use anyhow::{Context, Result};
use claims::{Axis, Plot, PlotKind, Series, shape};
use experiments::apart::apart;
use experiments::compute::{compute_and_look, steady, steps_for, use_at_most};
use experiments::group::{Group, Limited};
use experiments::{Measured, Trial, counted, fact};
use nix::unistd::{SysconfVar, sysconf};
use procpool::Pool;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long a task computes.
const TASK: Duration = Duration::from_millis(1);

/// More workers than this tell nothing new on any machine, and take long to start.
const WORKERS_MAX: usize = 128;

/// A part of the experiment that is not done after this long will never be.
const DEADLINE_S: u32 = 60;

/// The share of the best throughput that counts as reached.
const REACHED: f64 = 0.8;

/// One number of workers in one setting.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Sample {
    workers: usize,
    /// Tasks per second.
    rate: f64,
    /// The longest time that a task stood still, in milliseconds.
    stall_ms: f64,
    /// The share of all tasks' time in which they stood still.
    stood_still: f64,
    /// Periods of the quota in which the group stood still, and all periods.
    throttled: Option<(u64, u64)>,
}

/// What a process in a setting is told about processors.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Told {
    online: usize,
    std: usize,
    allowed: usize,
    quota: Option<f64>,
    recommended: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Where {
    Free,
    OneProcessor,
    Quota,
}

impl Where {
    fn name(self) -> &'static str {
        match self {
            Where::Free => "all processors",
            Where::OneProcessor => "an affinity mask of one processor",
            Where::Quota => "a quota of one processor's time",
        }
    }
}

struct Curve {
    place: Where,
    told: Told,
    samples: Vec<Sample>,
}

/// The whole experiment.
pub(crate) fn experiment(trial: &Trial) -> Result<Measured> {
    let mut notes = Vec::new();
    let quota = match Group::new(Limited::Cpu { quota_us: 100_000 }) {
        Ok(group) => Some(group),
        Err(error) => {
            notes.push(format!("the quota was left out: {error:#}"));
            None
        }
    };
    let cpus = process::cpus();
    let counts = counts(cpus.recommended, trial.pick(true, false));
    let steps = steps_for(TASK);
    let mut places = vec![Where::Free, Where::OneProcessor];
    places.extend(quota.as_ref().map(|_| Where::Quota));
    let mut curves = Vec::new();
    for place in &places {
        let told = apart(DEADLINE_S, || {
            enter(*place, quota.as_ref())?;
            Ok(told())
        })?;
        curves.push(Curve { place: *place, told, samples: Vec::new() });
    }
    let repetitions = trial.pick(3, 1);
    let (mut done, all) = (0, repetitions * counts.len() * places.len());
    trial.progress(0.0);
    for _ in 0..repetitions {
        for workers in &counts {
            for curve in &mut curves {
                let window = window(curve.place, trial);
                let sample = apart(DEADLINE_S, || {
                    sample(curve.place, quota.as_ref(), *workers, steps, window)
                })?;
                curve.samples.push(sample);
                done += 1;
                trial.progress(done as f64 / all as f64);
            }
        }
    }
    drop(quota);
    Ok(report(cpus.machine, &curves, &counts, notes))
}

/// From one worker to three for each processor, at most six numbers.
fn counts(usable: usize, full: bool) -> Vec<usize> {
    let mut counts = match full {
        true => vec![1, usable.div_ceil(2), usable, usable * 3 / 2, usable * 2, usable * 3],
        false => vec![1, usable, usable * 3],
    };
    counts.iter_mut().for_each(|count| *count = (*count).min(WORKERS_MAX));
    counts.sort_unstable();
    counts.dedup();
    counts
}

/// A quota is counted in periods of 100 ms, of which one alone would tell nothing.
fn window(place: Where, trial: &Trial) -> Duration {
    let (full_ms, small_ms) = if place == Where::Quota { (500, 200) } else { (150, 40) };
    Duration::from_millis(trial.pick(full_ms, small_ms))
}

fn enter(place: Where, quota: Option<&Group>) -> Result<()> {
    match (place, quota) {
        (Where::Free, _) => Ok(()),
        (Where::OneProcessor, _) => use_at_most(1),
        (Where::Quota, Some(group)) => group.enter(),
        (Where::Quota, None) => anyhow::bail!("there is no group with a quota"),
    }
}

fn told() -> Told {
    let cpus = process::cpus();
    let online = sysconf(SysconfVar::_NPROCESSORS_ONLN).ok().flatten();
    Told {
        online: online.and_then(|count| count.try_into().ok()).unwrap_or(cpus.machine),
        std: std::thread::available_parallelism().map_or(1, Into::into),
        allowed: cpus.allowed,
        quota: cpus.quota,
        recommended: cpus.recommended,
    }
}

fn sample(
    place: Where,
    quota: Option<&Group>,
    workers: usize,
    steps: u64,
    window: Duration,
) -> Result<Sample> {
    enter(place, quota)?;
    let pool = Pool::builder().workers(workers).build().context("cannot build a pool")?;
    let stat = |name| quota.filter(|_| place == Where::Quota)?.cpu_stat(name);
    let before = (stat("nr_throttled"), stat("nr_periods"));
    let warm_up = Duration::from_millis(20);
    let steady = steady(&pool, compute_and_look, steps, warm_up, window)?;
    let since = |before: Option<u64>, name| Some(stat(name)?.saturating_sub(before?));
    let throttled = since(before.0, "nr_throttled").zip(since(before.1, "nr_periods"));
    let stalls = steady.results.iter().map(|(took_us, ran_us)| took_us.saturating_sub(*ran_us));
    let stall_ms = f64::from(stalls.max().unwrap_or(0)) / 1000.0;
    let (took_us, ran_us) = steady.results.iter().fold((0, 0), |sum, (took_us, ran_us)| {
        (sum.0 + u64::from(*took_us), sum.1 + u64::from(*ran_us))
    });
    let stood_still = 1.0 - ran_us as f64 / took_us.max(1) as f64;
    Ok(Sample { workers, rate: steady.rate, stall_ms, stood_still, throttled })
}

fn report(machine: usize, curves: &[Curve], counts: &[usize], notes: Vec<String>) -> Measured {
    let draw = |id: &str, title: &str, y: Axis, of: fn(&Sample) -> f64| Plot {
        id: id.into(),
        title: title.into(),
        kind: PlotKind::Lines,
        categories: Vec::new(),
        x: Axis::linear("workers", ""),
        y,
        series: curves.iter().map(|curve| median_of(curve, counts, of)).collect(),
    };
    let throughput = draw(
        "throughput",
        "Tasks of 1 ms that a pool completes",
        Axis::linear("throughput", "tasks/s"),
        |sample| sample.rate,
    );
    let stall = draw(
        "stall",
        "The longest time that a task stood still",
        Axis::linear("standstill", "ms"),
        |sample| sample.stall_ms,
    );
    let mut settings = Vec::new();
    let mut facts = vec![fact("processors of the machine", machine)];
    for (curve, series) in curves.iter().zip(&throughput.series) {
        let needed = shape::knee(series, REACHED);
        let name = curve.place.name();
        let usable = curve.told.recommended;
        let stood = median_of(curve, counts, |sample| sample.stood_still);
        let stood_still = stood.at(usable as f64).unwrap_or(0.0);
        settings.push(Setting { name, usable, needed, stood_still });
        let Told { online, std, allowed, quota, recommended } = &curve.told;
        let quota = quota.map_or("none".into(), |quota| format!("{quota:.1}"));
        facts.push(fact(
            format!("with {name}"),
            format!(
                "switched on {online}, allowed by affinity {allowed}, quota {quota}; \
                 std::thread::available_parallelism {std}, process::cpus().recommended {recommended}"
            ),
        ));
        if let Some(needed) = needed {
            let percent = REACHED * 100.0;
            let reached = format!("workers that reach {percent} % of the best with {name}");
            facts.push(fact(reached, needed));
        }
        for workers in [curve.told.recommended, curve.told.recommended * 2] {
            let (throttled, periods) = throttled(curve, workers);
            if periods > 0 {
                facts.push(fact(
                    format!(
                        "periods of 100 ms in which the quota stopped {}",
                        counted(workers, "worker")
                    ),
                    format!("{throttled} of {periods}"),
                ));
            }
        }
    }
    let (verdict, because) = judge(machine, &settings);
    Measured { verdict, because, plots: vec![throughput, stall], facts, notes }
}

fn throttled(curve: &Curve, workers: usize) -> (u64, u64) {
    let of = curve.samples.iter().filter(|sample| sample.workers == workers);
    of.filter_map(|sample| sample.throttled)
        .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}

fn median_of(curve: &Curve, counts: &[usize], of: fn(&Sample) -> f64) -> Series {
    let mut series = Series::new(curve.place.name());
    for workers in counts {
        let samples = curve.samples.iter().filter(|sample| sample.workers == *workers);
        let mut values: Vec<f64> = samples.map(of).collect();
        if let Some(median) = shape::median(&mut values) {
            series.push(*workers as f64, median);
        }
    }
    series
}
