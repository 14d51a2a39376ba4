//! Puts 1, 2, 3 ... processes on one core and reads how long each ran, waited, and ran at a time.
//!
//! Invariant: the core is the quietest that this program may use, and the program itself keeps off it if it has another.
//!
//! The sources are man 7 sched and the kernel's scheduler/sched-eevdf.rst.

use crate::crew::{self, Job, Source, Watched};
use crate::judge::{Crowd, Sleeper, judge, milliseconds};
use anyhow::{Context, Result};
use claims::{Axis, Fact, Plot, PlotKind, Series, shape};
use experiments::{Measured, Trial, fact};
use nix::sched::{CpuSet, sched_getaffinity};
use nix::unistd::Pid;
use std::collections::HashMap;
use std::fs;
use std::thread::sleep;
use std::time::Duration;

/// For how long the cores are looked at before one is chosen.
const LOOK: Duration = Duration::from_millis(100);

/// The weights that the kernel gives to the levels of niceness (`sched_prio_to_weight` in kernel/sched/core.c).
const WEIGHTS: [(i32, f64); 3] = [(0, 1024.0), (5, 335.0), (10, 110.0)];

/// The whole experiment.
pub(crate) fn experiment(trial: &Trial) -> Result<Measured> {
    let crowd_sizes: &[usize] = trial.pick(&[1, 2, 3, 4, 6, 8], &[1, 4]);
    let rounds = trial.pick(3, 1);
    let window = Duration::from_millis(trial.pick(300, 200));
    let long_window = Duration::from_millis(trial.pick(600, 200));
    let steps = (rounds * crowd_sizes.len() + WEIGHTS.len() + 1) as f64;
    let mut done = 0.0;
    let mut step = || {
        done += 1.0;
        trial.progress(done / steps);
    };

    let core = quiet_core()?;
    let source = Source::of_this_kernel();
    let mut seen: Vec<Vec<Vec<Watched>>> = vec![Vec::new(); crowd_sizes.len()];
    for _ in 0..rounds {
        for (size, seen) in crowd_sizes.iter().zip(&mut seen) {
            let jobs = vec![Job::Compute { nice: 0 }; *size];
            seen.push(crew::watch(core, &jobs, window, source)?);
            step();
        }
    }
    let crowds: Vec<Crowd> =
        crowd_sizes.iter().zip(&seen).map(|(size, rounds)| crowd(*size, rounds)).collect();

    let mut facts = vec![fact("the core that was used", core)];
    facts.extend(base_slice());
    facts.extend(switches(crowd_sizes, &seen));
    let mut nice = ["the process with nice 0", "the other one"].map(Series::new);
    let mut categories = Vec::new();
    for (index, (level, weight)) in WEIGHTS.into_iter().enumerate() {
        let jobs = [Job::Compute { nice: 0 }, Job::Compute { nice: level }];
        let pair = crew::watch(core, &jobs, long_window, source)?;
        let shares = [share(&pair[0]), share(&pair[1])];
        nice[0].push(index as f64, 100.0 * shares[0]);
        nice[1].push(index as f64, 100.0 * shares[1]);
        categories.push(format!("nice 0 and {level}"));
        let by_weight = 100.0 * WEIGHTS[0].1 / (WEIGHTS[0].1 + weight);
        facts.push(fact(
            format!("nice 0 beside nice {level}"),
            format!(
                "{:.0} % of what both ran; by their weights {by_weight:.0} %",
                100.0 * shares[0] / (shares[0] + shares[1]).max(f64::MIN_POSITIVE)
            ),
        ));
        step();
    }
    let pair =
        crew::watch(core, &[Job::Compute { nice: 0 }, Job::MostlySleep], long_window, source)?;
    facts.extend(beside_a_sleeper(&pair[0], &pair[1], source));
    step();

    let sleeper = Sleeper { gave_up: pair[1].gave_up, was_stopped: pair[1].was_stopped };
    let (verdict, because) = judge(&crowds, Some(sleeper));
    let plots = vec![
        times(&crowds),
        turns(&crowds),
        Plot {
            id: "nice".into(),
            title: "Two processes that compute on one core".into(),
            kind: PlotKind::Bars,
            categories,
            x: Axis::linear("niceness of the two", ""),
            y: Axis::linear("time that it ran", "%"),
            series: nice.into(),
        },
    ];
    Ok(Measured { verdict, because, plots, facts, notes: notes(source) })
}

fn notes(source: Source) -> Vec<String> {
    let mut notes = Vec::new();
    if source == Source::Ticks {
        notes.push(
            "This kernel has no /proc/PID/schedstat, so times are in ticks of 10 ms and the waiting time is what is left. \
             It needs CONFIG_SCHED_INFO."
                .to_owned(),
        );
    }
    if let Some(quota) = process::cpus().quota {
        notes.push(format!(
            "A cgroup's quota of {quota:.2} processors holds here. It stops processes as well, whoever else wants to run; \
             without it (`cpu.max`) the figures are of the time slices alone."
        ));
    }
    notes
}

fn share(watched: &Watched) -> f64 {
    watched.ran_ns / watched.watched_ns
}

/// What the rounds with so many processes come to.
fn crowd(processes: usize, rounds: &[Vec<Watched>]) -> Crowd {
    let median_of = |of_round: &dyn Fn(&[Watched]) -> f64| {
        let mut values: Vec<f64> = rounds.iter().map(|round| of_round(round)).collect();
        shape::median(&mut values).unwrap_or(0.0)
    };
    let middle = |round: &[Watched], of_one: fn(&Watched) -> f64| {
        shape::median(&mut round.iter().map(of_one).collect::<Vec<f64>>()).unwrap_or(0.0)
    };
    Crowd {
        processes,
        share_min: median_of(&|round| round.iter().map(share).fold(f64::INFINITY, f64::min)),
        share_max: median_of(&|round| round.iter().map(share).fold(0.0, f64::max)),
        waiting: median_of(&|round| middle(round, |one| one.waited_ns / one.watched_ns)),
        turn_ms: median_of(&|round| middle(round, |one| one.ran_ns / one.turns as f64 / 1e6)),
    }
}

/// How the time of one process is divided, against the number of processes.
fn times(crowds: &[Crowd]) -> Plot {
    let mut series = ["it runs", "it is ready and waits", "an equal share"].map(Series::new);
    for crowd in crowds {
        let x = crowd.processes as f64;
        series[0].push(x, 50.0 * (crowd.share_min + crowd.share_max));
        series[1].push(x, 100.0 * crowd.waiting);
        series[2].push(x, 100.0 / x);
    }
    Plot {
        id: "times".into(),
        title: "The time of one of n processes that compute on one core".into(),
        kind: PlotKind::Lines,
        categories: vec![],
        x: Axis::linear("processes on the core", ""),
        y: Axis::linear("part of the time", "%"),
        series: series.into(),
    }
}

/// How long a process runs at a time.
fn turns(crowds: &[Crowd]) -> Plot {
    let mut series = Series::new("until it is stopped");
    for crowd in crowds.iter().filter(|crowd| crowd.turn_ms > 0.0) {
        series.push(crowd.processes as f64, crowd.turn_ms);
    }
    Plot {
        id: "turns".into(),
        title: "How long one of n processes runs at a time".into(),
        kind: PlotKind::Lines,
        categories: vec![],
        x: Axis::linear("processes on the core", ""),
        y: Axis::log10("length of a turn", "ms"),
        series: vec![series],
    }
}

/// How often a process of the smallest and of the largest crowd was stopped.
fn switches(crowd_sizes: &[usize], seen: &[Vec<Vec<Watched>>]) -> Vec<Fact> {
    let both = [(crowd_sizes.first(), seen.first()), (crowd_sizes.last(), seen.last())];
    let per_second = |rounds: &[Vec<Watched>]| {
        let per_s = |one: &Watched| one.was_stopped as f64 / (one.watched_ns / 1e9);
        shape::median(&mut rounds.iter().flatten().map(per_s).collect::<Vec<f64>>())
    };
    both.into_iter()
        .filter_map(|(size, rounds)| {
            let name = match size? {
                1 => "how often a lone process is stopped".to_owned(),
                size => format!("how often one of {size} processes is stopped"),
            };
            Some(fact(name, format!("{:.0} times a second", per_second(rounds?)?)))
        })
        .collect()
}

fn beside_a_sleeper(computes: &Watched, sleeps: &Watched, source: Source) -> Vec<Fact> {
    let turn = |one: &Watched| milliseconds(one.ran_ns / one.turns as f64 / 1e6);
    let mut facts = vec![
        fact("a turn of a process that mostly sleeps, beside one that computes", turn(sleeps)),
        fact(
            "turns that the one that mostly sleeps ended itself",
            format!("{} of {}", sleeps.gave_up, sleeps.gave_up + sleeps.was_stopped),
        ),
        fact("a turn of the one that computes", turn(computes)),
    ];
    // Without schedstat nobody can tell its sleep from its waiting.
    if source == Source::Schedstat {
        let waited_ms = sleeps.waited_ns / sleeps.turns as f64 / 1e6;
        facts.push(fact(
            "how long the one that mostly sleeps waits for the core when it wakes",
            milliseconds(waited_ms),
        ));
    }
    facts
}

/// The kernel's own figure, where it may be read.
fn base_slice() -> Option<Fact> {
    let text = fs::read_to_string("/sys/kernel/debug/sched/base_slice_ns").ok()?;
    let ns: f64 = text.trim().parse().ok()?;
    Some(fact("the kernel's base slice", milliseconds(ns / 1e6)))
}

/// The core with the most idle time of those that this program may use. The program leaves it to the others.
fn quiet_core() -> Result<usize> {
    let set = sched_getaffinity(Pid::from_raw(0)).context("sched_getaffinity is refused")?;
    let allowed: Vec<usize> =
        (0..CpuSet::count()).filter(|core| set.is_set(*core) == Ok(true)).collect();
    let before = idle_ticks();
    sleep(LOOK);
    let after = idle_ticks();
    let idle = |core: &usize| {
        after
            .get(core)
            .zip(before.get(core))
            .map(|(after, before)| after.saturating_sub(*before))
    };
    let core = *allowed.iter().max_by_key(|core| idle(core)).context("no core may be used")?;
    let others: Vec<usize> = allowed.into_iter().filter(|other| *other != core).collect();
    if !others.is_empty() {
        crew::pin(&others)?;
    }
    Ok(core)
}

/// For each core the ticks that it was idle since the start, from `/proc/stat`; nothing where it cannot be read.
fn idle_ticks() -> HashMap<usize, u64> {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    text.lines()
        .filter_map(|line| {
            let mut fields = line.strip_prefix("cpu")?.split(' ');
            Some((fields.next()?.parse().ok()?, fields.nth(3)?.parse().ok()?))
        })
        .collect()
}
