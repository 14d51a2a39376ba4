//! Claim 10: spawn is slow, compared with fork or forkserver.
//!
//! A time is the least of several, from the call that starts a worker until the worker's first byte arrives, and nothing
//! else in it: what a start takes when nobody disturbs it. The program that asks has a heap of a growing size, in small
//! pages, so that the figures do not depend on how many huge ones the kernel has at hand.
#![forbid(unsafe_code)]

use anyhow::{Context, Result, ensure};
use claims::shape::{crossing, growth};
use claims::{Axis, Plot, PlotKind, Series, Verdict, amount};
use experiments::{Measured, Trial, fact, python, run};
use memmap2::{Advice, MmapMut};
use start::{Kit, Launcher};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::Instant;
use wait::Child;

const MIB: usize = 1 << 20;

/// The ways to start a worker, in the order of the curves.
const WAYS: [&str; 4] = ["fork", "fork from a template", "spawn", "forkserver"];

/// What Python's three methods take, in seconds: a process that ends at once, from `start` to the end of `join`.
const PYTHON: &str = "
import multiprocessing, os, time
for method in ('fork', 'spawn', 'forkserver'):
    context = multiprocessing.get_context(method)
    least = 1e9
    for _ in range(5):
        begun = time.perf_counter()
        process = context.Process(target=os.getpid)
        process.start()
        process.join()
        least = min(least, time.perf_counter() - begun)
    print(least)
";

fn main() -> ExitCode {
    start::init(worker);
    run("spawn-is-slow", experiment)
}

fn worker(kit: Kit) -> i32 {
    kit.descriptors.into_iter().next().map_or(1, |out| say_hello(File::from(out)))
}

fn say_hello(mut out: impl Write) -> i32 {
    i32::from(out.write_all(b"!").is_err())
}

fn experiment(trial: &Trial) -> Result<Measured> {
    let available =
        process::available_memory_bytes().context("/proc/meminfo cannot be read")?;
    let most_mib = usize::try_from(available / 2)? / MIB;
    let wanted = trial.pick(&[0, 64, 256, 512, 1024][..], &[0, 128]);
    let heaps: Vec<usize> = wanted.iter().copied().filter(|mib| *mib <= most_mib).collect();
    ensure!(heaps.len() > 1, "{most_mib} MiB are too little memory to see anything");

    let mut notes = Vec::new();
    if heaps.len() < wanted.len() {
        notes.push(format!("only half of the available memory was used: {most_mib} MiB"));
    }
    let mut curves = WAYS.map(Series::new);
    for (nth, mib) in heaps.iter().enumerate() {
        let times = times_ms(*mib, trial.pick(25, 9))?;
        for (series, time) in curves.iter_mut().zip(times) {
            series.push(*mib as f64, time);
        }
        trial.progress((nth + 1) as f64 / (heaps.len() + 1) as f64);
    }
    let mut facts = Vec::new();
    match python(PYTHON) {
        Ok(seconds) => {
            for (method, seconds) in ["fork", "spawn", "forkserver"].into_iter().zip(seconds) {
                let name = format!("Python's multiprocessing, {method}: from start to join");
                facts.push(fact(name, amount(seconds, "s")));
            }
        }
        Err(why) => notes.push(format!("Python was not measured: {why:#}")),
    }
    let (verdict, because) = judge(&curves);
    if let [Some(spawn), Some(server)] = [2, 3].map(|nth: usize| curves[nth].at(0.0)) {
        // A worker is started once. What a hundredth of its life then is, if its tasks take a millisecond each:
        let tasks = (100.0 * (spawn - server)).max(0.0);
        facts.push(fact(
            "tasks of 1 ms after which the difference is 1 % of a worker's time",
            format!("{tasks:.0}"),
        ));
    }
    let plot = Plot {
        id: "start".into(),
        title: "Time until a worker runs, against the heap of the program that starts it"
            .into(),
        kind: PlotKind::Lines,
        categories: Vec::new(),
        x: Axis::linear("heap of the program", "MiB"),
        y: Axis::log10("time until the worker's first byte", "ms"),
        series: curves.into(),
    };
    Ok(Measured { verdict, because, plots: vec![plot], facts, notes })
}

/// What each way takes from a program with such a heap, in milliseconds.
fn times_ms(heap_mib: usize, rounds: usize) -> Result<[f64; 4]> {
    let mut heap = MmapMut::map_anon((heap_mib * MIB).max(1))?;
    // Not every kernel knows huge pages; then all are small anyway.
    let _ = heap.advise(Advice::NoHugePage);
    heap.fill(1);
    // The template is forked now, so it has the heap. It can have no more of it than the program.
    let mut launchers = [
        Launcher::fork("worker", worker)?,
        Launcher::spawn("worker")?,
        Launcher::forkserver("worker")?,
    ];
    let mut least = [f64::INFINITY; 4];
    for _ in 0..rounds {
        let mut times = [0.0; 4];
        let (reader, writer) = pipe::pipe()?;
        let begun = Instant::now();
        let child = Child::fork(move || say_hello(writer))?;
        times[0] = until_hello(reader, begun)?;
        drop(child);
        for (launcher, time) in launchers.iter_mut().zip(&mut times[1..]) {
            let (reader, writer) = pipe::pipe()?;
            let begun = Instant::now();
            let child = launcher.start(&[writer.as_fd()], b"")?;
            drop(writer);
            *time = until_hello(reader, begun)?;
            drop(child);
        }
        for (least, time) in least.iter_mut().zip(times) {
            *least = least.min(time);
        }
    }
    Ok(least)
}

fn until_hello(mut reader: impl Read, begun: Instant) -> Result<f64> {
    reader.read_exact(&mut [0]).context("a worker said nothing")?;
    Ok(begun.elapsed().as_secs_f64() * 1e3)
}

/// `curves` are those of [`WAYS`].
fn judge(curves: &[Series; 4]) -> (Verdict, String) {
    let [fork, _, spawn, server] = curves;
    let last = |series: &Series| series.points.last().map_or(f64::NAN, |point| point.y);
    let first = |series: &Series| series.points.first().map_or(f64::NAN, |point| point.y);
    let figures = format!(
        "spawn takes {} whatever the heap, forkserver {}; fork from the program itself goes from {} to {}",
        amount(last(spawn), "ms"),
        amount(last(server), "ms"),
        amount(first(fork), "ms"),
        amount(last(fork), "ms"),
    );
    let slow = first(spawn) > 2.0 * first(fork).min(first(server));
    let crosses = crossing(fork, spawn);
    match (slow, crosses) {
        (true, Some(heap)) => (
            Verdict::HalfTrue,
            format!(
                "It is the slowest for a small program, but {figures}, and from about {} of heap on fork is slower.",
                amount(heap, "MiB")
            ),
        ),
        (true, None) if growth(fork).is_some_and(|factor| factor > 1.5) => (
            Verdict::HalfTrue,
            format!(
                "It is the slowest up to the largest heap here, but it does not grow: {figures}."
            ),
        ),
        (true, None) => (Verdict::True, format!("It is the slowest throughout: {figures}.")),
        (false, _) => {
            (Verdict::False, format!("It is not even slow for a small program: {figures}."))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curves(fork: [f64; 2], spawn: f64, server: f64) -> [Series; 4] {
        let values = [fork, fork, [spawn, spawn], [server, server]];
        let mut curves = WAYS.map(Series::new);
        for (series, [small, large]) in curves.iter_mut().zip(values) {
            series.push(0.0, small);
            series.push(1024.0, large);
        }
        curves
    }

    #[test]
    fn where_fork_becomes_slower_the_claim_is_half_true() {
        let (verdict, because) = judge(&curves([0.1, 8.1], 1.1, 0.1));
        assert_eq!(verdict, Verdict::HalfTrue);
        assert!(because.contains("128 MiB of heap on fork is slower"), "{because}");
    }

    #[test]
    fn the_other_verdicts_follow_the_curves() {
        assert_eq!(judge(&curves([0.1, 0.9], 1.1, 0.1)).0, Verdict::HalfTrue);
        assert_eq!(judge(&curves([0.1, 0.1], 1.1, 0.1)).0, Verdict::True);
        assert_eq!(judge(&curves([1.0, 9.0], 1.1, 0.9)).0, Verdict::False);
    }
}
