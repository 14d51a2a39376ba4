//! Processes on one core: they begin together, and are looked at from outside.
//!
//! Invariant: a process of the crew ends with this program, however that ends, and after a minute at the latest.
//!
//! The sources are man 5 proc_pid_stat and proc_pid_status, man 2 sched_setaffinity, man 2 nice, man 2const
//! PR_SET_PDEATHSIG, and the kernel's scheduler/sched-stats.rst (`/proc/PID/schedstat`).

use anyhow::{Context, Result, ensure};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getpid, getppid};
use procfs::process::Process;
use std::hint::black_box;
use std::io::Read;
use std::thread::sleep;
use std::time::{Duration, Instant};
use wait::Child;

/// No process of a crew lives longer.
const LIFE_MAX: Duration = Duration::from_secs(60);

/// How long a crew runs before it is looked at: the kernel has then dealt with all of them.
const SETTLE: Duration = Duration::from_millis(30);

/// What a process of the crew does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Job {
    /// It computes without end, with this niceness.
    Compute { nice: i32 },
    /// It computes for a moment and sleeps for a longer one.
    MostlySleep,
}

const AWAKE: Duration = Duration::from_micros(200);
const ASLEEP: Duration = Duration::from_millis(2);

/// What one process did while it was watched.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watched {
    /// How long, by the clock.
    pub(crate) watched_ns: f64,
    /// How long it ran.
    pub(crate) ran_ns: f64,
    /// How long it was ready and did not run.
    pub(crate) waited_ns: f64,
    /// How often it began to run; at least 1.
    pub(crate) turns: u64,
    /// How often it gave the core up itself.
    pub(crate) gave_up: u64,
    /// How often the core was taken from it.
    pub(crate) was_stopped: u64,
}

/// Where the figures come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// `/proc/PID/schedstat`, in nanoseconds.
    Schedstat,
    /// `/proc/PID/stat`, in ticks of 10 ms, and the context switches in `/proc/PID/status`.
    Ticks,
}

impl Source {
    /// The better one of those that this kernel has.
    pub(crate) fn of_this_kernel() -> Source {
        let own = Process::myself().and_then(|process| process.schedstat());
        match own {
            // A kernel without this statistic has the file all the same, with zeroes.
            Ok(stat) if stat.sum_exec_runtime > 0 && stat.pcount > 0 => Source::Schedstat,
            _ => Source::Ticks,
        }
    }
}

struct Reading {
    at: Instant,
    ran_ns: u64,
    waited_ns: Option<u64>,
    turns: u64,
    gave_up: u64,
    was_stopped: u64,
}

/// Runs a process for each job on `core`, together, and watches them for `window`. The order is that of the jobs.
pub(crate) fn watch(
    core: usize,
    jobs: &[Job],
    window: Duration,
    source: Source,
) -> Result<Vec<Watched>> {
    let (mut reports, report) = pipe::pipe()?;
    let (gate, bar) = pipe::pipe()?;
    let (mut gate, mut report, mut bar) = (Some(gate), Some(report), Some(bar));
    let program = getpid();
    let mut crew = Vec::with_capacity(jobs.len());
    for job in jobs {
        crew.push(Child::fork(|| {
            // The gate opens when nobody holds the bar any more.
            drop(bar.take());
            let (Some(mut gate), Some(mut report)) = (gate.take(), report.take()) else {
                return 1;
            };
            let ready = prepare(program, core, *job).is_ok()
                && pipe::write_all(&mut report, b"!").is_ok();
            if !ready || gate.read(&mut [0]).is_err() {
                return 1;
            }
            work(*job);
            0
        })?);
    }
    drop((gate.take(), report.take()));
    let mut ready = vec![0; jobs.len()];
    pipe::read_exact(&mut reports, &mut ready)
        .with_context(|| format!("a process could not go to core {core}"))?;
    drop(bar.take());
    sleep(SETTLE);
    let read_all = || -> Result<Vec<Reading>> {
        crew.iter().map(|child| read(child.pid(), source)).collect()
    };
    let begin = read_all()?;
    sleep(window);
    let end = read_all()?;
    for child in &mut crew {
        ensure!(child.try_wait()?.is_none(), "a process has ended while it was watched");
    }
    Ok(begin.iter().zip(&end).map(|(begin, end)| between(begin, end)).collect())
}

fn prepare(program: Pid, core: usize, job: Job) -> Result<()> {
    set_pdeathsig(Signal::SIGKILL)?;
    ensure!(getppid() == program, "the program has ended");
    pin(&[core])?;
    if let Job::Compute { nice } = job {
        rustix::process::nice(nice)?;
    }
    Ok(())
}

fn work(job: Job) {
    let until = Instant::now() + LIFE_MAX;
    while Instant::now() < until {
        match job {
            Job::Compute { .. } => compute(),
            Job::MostlySleep => {
                let awake_until = Instant::now() + AWAKE;
                while Instant::now() < awake_until {
                    compute();
                }
                sleep(ASLEEP);
            }
        }
    }
}

/// Some microseconds of work without a system call.
fn compute() {
    let mut sum = 1_u64;
    for round in 0..1000_u64 {
        sum = black_box(sum.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(round));
    }
}

/// From now on the calling process runs only on these cores.
pub(crate) fn pin(cores: &[usize]) -> Result<()> {
    let mut set = CpuSet::new();
    for core in cores {
        set.set(*core)?;
    }
    sched_setaffinity(Pid::from_raw(0), &set).context("sched_setaffinity is refused")
}

fn read(pid: Pid, source: Source) -> Result<Reading> {
    let process = Process::new(pid.as_raw())?;
    let status = process.status().context("cannot read /proc/PID/status")?;
    let gave_up = status.voluntary_ctxt_switches.unwrap_or(0);
    let was_stopped = status.nonvoluntary_ctxt_switches.unwrap_or(0);
    let at = Instant::now();
    let (ran_ns, waited_ns, turns) = match source {
        Source::Schedstat => {
            let stat = process.schedstat().context("cannot read /proc/PID/schedstat")?;
            (stat.sum_exec_runtime, Some(stat.run_delay), stat.pcount)
        }
        Source::Ticks => {
            let stat = process.stat().context("cannot read /proc/PID/stat")?;
            let tick_ns = 1_000_000_000 / procfs::ticks_per_second();
            ((stat.utime + stat.stime) * tick_ns, None, gave_up + was_stopped)
        }
    };
    Ok(Reading { at, ran_ns, waited_ns, turns, gave_up, was_stopped })
}

fn between(begin: &Reading, end: &Reading) -> Watched {
    let watched_ns = (end.at - begin.at).as_nanos() as f64;
    let ran_ns = end.ran_ns.saturating_sub(begin.ran_ns) as f64;
    let waited_ns = match (begin.waited_ns, end.waited_ns) {
        (Some(begin), Some(end)) => end.saturating_sub(begin) as f64,
        // Who only computes waits whenever it does not run.
        _ => (watched_ns - ran_ns).max(0.0),
    };
    Watched {
        watched_ns,
        ran_ns,
        waited_ns,
        turns: end.turns.saturating_sub(begin.turns).max(1),
        gave_up: end.gave_up.saturating_sub(begin.gave_up),
        was_stopped: end.was_stopped.saturating_sub(begin.was_stopped),
    }
}
