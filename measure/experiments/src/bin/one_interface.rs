//! Claim 11: an executor is the same simple interface over threads or processes.
//!
//! One program runs on a `ThreadPool` and on a `Pool` of processes: the line that makes the executor is all that differs. It
//! is timed with tasks from a microsecond to ten milliseconds, against a loop without any pool. What the interface does
//! not hide is looked at beside it: a task that ends its process, and a variable of the program.
#![forbid(unsafe_code)]

use anyhow::{Context, Result};
use claims::{Axis, Plot, PlotKind, Series, Verdict, amount};
use executor::{Executor, ThreadPool};
use experiments::{Measured, Trial, fact, run};
use procpool::{Pool, size};
use std::hint::black_box;
use std::io::{Read, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use wait::Child;

/// How long a task computes, in microseconds.
const LENGTHS_US: [f64; 5] = [1.0, 10.0, 100.0, 1_000.0, 10_000.0];

/// How many tasks of the crash experiment there are. One of them ends its process.
const TASKS: u64 = 10;
const CRASHING: u64 = 4;

static COUNTED: AtomicU64 = AtomicU64::new(0);

fn main() -> ExitCode {
    procpool::init();
    run("one-interface", experiment)
}

fn compute(rounds: u64) -> u64 {
    (0..rounds).fold(rounds, |sum, n| sum ^ black_box(n).wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

fn count(n: u64) -> u64 {
    COUNTED.fetch_add(1, Ordering::Relaxed);
    n
}

fn crash(n: u64) -> u64 {
    if n == CRASHING {
        std::process::abort();
    }
    n
}

/// The program. It does not know who runs its tasks.
fn all(
    executor: &impl Executor,
    task: fn(u64) -> u64,
    inputs: impl Iterator<Item = u64> + Send + 'static,
) -> Vec<Option<u64>> {
    executor.map(task, inputs).map(Result::ok).collect()
}

/// What was seen, for the verdict.
struct Seen {
    same_results: bool,
    speedup: [Series; 2],
    /// Results that came in when one of the tasks crashed: threads, processes.
    after_a_crash: [usize; 2],
    /// Whether the program's own variable had what its tasks did to it.
    variable_shared: [bool; 2],
}

fn experiment(trial: &Trial) -> Result<Measured> {
    // Before there are threads: the crash needs a process of its own.
    let by_threads = results_before_the_end()?;
    let workers = size::cpu_bound();
    let (threads, processes) =
        (ThreadPool::new(workers), Pool::builder().workers(workers).build()?);
    let by_processes = all(&processes, crash, 0..TASKS).into_iter().flatten().count();

    let counted = |before: u64| COUNTED.load(Ordering::Relaxed) - before == TASKS;
    all(&threads, count, 0..TASKS);
    let in_threads = counted(0);
    let before = COUNTED.load(Ordering::Relaxed);
    all(&processes, count, 0..TASKS);
    let in_processes = counted(before);

    let rounds_per_us = calibrate();
    // Called through a pointer, as the pools do: the loop must not gain or lose by what the compiler knows of it.
    let loop_body: fn(u64) -> u64 = black_box(compute);
    let mut speedup = ["threads", "processes"].map(Series::new);
    let mut same_results = true;
    let lengths = trial.pick(&LENGTHS_US[..], &LENGTHS_US[1..4]);
    for (nth, length_us) in lengths.iter().enumerate() {
        let rounds = (rounds_per_us * length_us).max(1.0) as u64;
        let tasks = (trial.pick(120_000.0, 20_000.0) / length_us).clamp(8.0, 50_000.0) as u64;
        let inputs = move || (0..tasks).map(move |n| rounds + n % 2);
        let mut least = [Duration::MAX; 3];
        for _ in 0..trial.pick(5, 3) {
            let mut results = Vec::new();
            let mut timed = |who: usize, work: &dyn Fn() -> Vec<Option<u64>>| {
                let begun = Instant::now();
                results.push(work());
                least[who] = least[who].min(begun.elapsed());
            };
            timed(0, &|| inputs().map(|rounds| Some(loop_body(rounds))).collect());
            timed(1, &|| all(&threads, compute, inputs()));
            timed(2, &|| all(&processes, compute, inputs()));
            same_results &= results[0] == results[1] && results[0] == results[2];
        }
        let [alone, threads, processes] = least.map(|time| time.as_secs_f64());
        speedup[0].push(*length_us, alone / threads);
        speedup[1].push(*length_us, alone / processes);
        trial.progress((nth + 1) as f64 / lengths.len() as f64);
    }
    let seen = Seen {
        same_results,
        speedup,
        after_a_crash: [by_threads, by_processes],
        variable_shared: [in_threads, in_processes],
    };
    let (verdict, because) = judge(&seen);
    let said =
        |shared: bool| if shared { "seen by the program" } else { "not seen by the program" };
    let facts = vec![
        fact("workers of each kind", workers),
        fact(
            format!("results of {TASKS} tasks of which one aborts, threads"),
            seen.after_a_crash[0],
        ),
        fact(
            format!("results of {TASKS} tasks of which one aborts, processes"),
            seen.after_a_crash[1],
        ),
        fact("what tasks do to a static variable, threads", said(seen.variable_shared[0])),
        fact("what tasks do to a static variable, processes", said(seen.variable_shared[1])),
    ];
    let plot = Plot {
        id: "speedup".into(),
        title: "Speed-up over a loop without a pool, against the length of a task".into(),
        kind: PlotKind::Lines,
        categories: Vec::new(),
        x: Axis::log10("a task computes for", "µs"),
        y: Axis::linear("times as fast as a loop", ""),
        series: seen.speedup.into(),
    };
    Ok(Measured { verdict, because, plots: vec![plot], facts, notes: Vec::new() })
}

/// How many results a program gets from a thread pool of which one task aborts. The program is a child of this one.
fn results_before_the_end() -> Result<usize> {
    let (mut reader, mut writer) = pipe::pipe()?;
    let mut child = Child::fork(|| {
        let results = all(&ThreadPool::new(2), crash, 0..TASKS).into_iter().flatten();
        // Not reached, unless a thread's abort should one day end only the thread.
        i32::from(writer.write_all(&[results.count() as u8]).is_err())
    })?;
    drop(writer);
    let mut count = Vec::new();
    reader.read_to_end(&mut count).context("cannot hear the child")?;
    child.wait()?;
    Ok(count.first().copied().map_or(0, usize::from))
}

/// How many rounds of [`compute`] make a microsecond.
fn calibrate() -> f64 {
    const ROUNDS: u64 = 200_000;
    let mut least = f64::INFINITY;
    for _ in 0..9 {
        let begun = Instant::now();
        black_box(compute(black_box(ROUNDS)));
        least = least.min(begun.elapsed().as_secs_f64() * 1e6);
    }
    ROUNDS as f64 / least
}

fn judge(seen: &Seen) -> (Verdict, String) {
    if !seen.same_results {
        return (
            Verdict::False,
            "The same program had other results on threads and on processes.".into(),
        );
    }
    let [threads, processes] = &seen.speedup;
    let even = processes
        .points
        .iter()
        .find(|point| threads.at(point.x).is_some_and(|threads| point.y >= 0.8 * threads));
    let cost = match even {
        Some(point) => format!(
            "from tasks of {} on, processes are as fast as threads or nearly so",
            amount(point.x, "µs")
        ),
        None => "processes are slower than threads for all tasks that were tried".to_owned(),
    };
    let differs = seen.after_a_crash[0] != seen.after_a_crash[1]
        || seen.variable_shared[0] != seen.variable_shared[1];
    if !differs {
        return (
            Verdict::True,
            format!("The same program had the same results on both; {cost}."),
        );
    }
    let because = format!(
        "The same program had the same results on both, and {cost}. What lies behind is not the same: of {TASKS} tasks \
         of which one aborts, threads leave {} results and processes {}, and only {} share the program's variables.",
        seen.after_a_crash[0],
        seen.after_a_crash[1],
        if seen.variable_shared[0] { "threads" } else { "processes" },
    );
    (Verdict::HalfTrue, because)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(threads: [f64; 2], processes: [f64; 2]) -> Seen {
        let mut speedup = ["threads", "processes"].map(Series::new);
        for (series, [short, long]) in speedup.iter_mut().zip([threads, processes]) {
            series.push(1.0, short);
            series.push(1_000.0, long);
        }
        Seen {
            same_results: true,
            speedup,
            after_a_crash: [0, 9],
            variable_shared: [true, false],
        }
    }

    #[test]
    fn the_same_interface_hides_two_things() {
        let (verdict, because) = judge(&seen([1.0, 2.0], [0.1, 1.9]));
        assert_eq!(verdict, Verdict::HalfTrue);
        assert!(because.contains("from tasks of 1 ms on"), "{because}");
        assert!(because.contains("threads leave 0 results and processes 9"), "{because}");
    }

    #[test]
    fn the_other_verdicts_follow_what_was_seen() {
        let wrong = Seen { same_results: false, ..seen([1.0, 2.0], [0.1, 1.9]) };
        assert_eq!(judge(&wrong).0, Verdict::False);
        let alike = Seen {
            after_a_crash: [9, 9],
            variable_shared: [true, true],
            ..seen([1.0, 2.0], [0.1, 0.2])
        };
        let (verdict, because) = judge(&alike);
        assert_eq!(verdict, Verdict::True);
        assert!(because.contains("slower than threads for all"), "{because}");
    }
}
