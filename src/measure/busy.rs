//! How much else the machine has to do while something is measured.
//!
//! Source: man 5 proc_stat, man 5 proc_pid_stat.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::time::{Duration, Instant};

/// How long one look takes.
const LOOK: Duration = Duration::from_millis(400);
/// How long to wait for a machine that has just built something.
const PATIENCE: Duration = Duration::from_secs(6);
/// This share of one processor is no more than a desktop does when nobody touches it.
const MUCH: f64 = 0.25;
/// How many programs a warning names.
const NAMES_MAX: usize = 3;

/// What the machine did during one look.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Load {
    /// Processors' worth of work: 1.0 is one that was busy all the time.
    pub(super) processors: f64,
    /// The busiest programs with their share of one processor.
    busiest: Vec<(String, f64)>,
}

impl Load {
    pub(super) fn is_much(&self) -> bool {
        self.processors > MUCH
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "The machine is busy: other work takes {:.1} processors. The figures will be worse than they could be.",
            self.processors
        )?;
        for (nth, (name, share)) in self.busiest.iter().enumerate() {
            let before = if nth == 0 { " Busiest: " } else { ", " };
            write!(f, "{before}{name} ({:.0} %)", share * 100.0)?;
        }
        Ok(())
    }
}

/// Looks until the machine is quiet, or for as long as makes sense.
pub(super) fn wait_for_quiet() -> Load {
    let begun = Instant::now();
    loop {
        let load = look();
        if !load.is_much() || begun.elapsed() > PATIENCE {
            return load;
        }
    }
}

fn look() -> Load {
    let (before, processes) = (busy_s(), processes_s());
    let begun = Instant::now();
    std::thread::sleep(LOOK);
    let took_s = begun.elapsed().as_secs_f64();
    let (after, later) = (busy_s(), processes_s());
    let mut busiest: Vec<(String, f64)> = later
        .into_iter()
        .filter_map(|(pid, (name, after_s))| {
            let (_, before_s) = processes.get(&pid)?;
            Some((name, (after_s - before_s) / took_s))
        })
        .filter(|(_, share)| *share > MUCH / 2.0)
        .collect();
    busiest.sort_by(|a, b| b.1.total_cmp(&a.1));
    busiest.truncate(NAMES_MAX);
    Load { processors: ((after - before) / took_s).max(0.0), busiest }
}

/// The kernel counts in hundredths of a second here, on every architecture.
const TICKS_PER_S: f64 = 100.0;

/// What all processors together have worked since the start, in seconds.
fn busy_s() -> f64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    busy_ticks(&text).unwrap_or(0.0) / TICKS_PER_S
}

/// `cpu USER NICE SYSTEM IDLE IOWAIT IRQ SOFTIRQ STEAL ...`: all but idle and iowait. What the hypervisor has stolen was
/// somebody else's work.
fn busy_ticks(stat: &str) -> Option<f64> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Vec<f64> = line.split_whitespace().filter_map(|it| it.parse().ok()).collect();
    let working = [0, 1, 2, 5, 6, 7].iter().filter_map(|nth| ticks.get(*nth));
    Some(working.sum())
}

/// Each process's name and processor time in seconds.
fn processes_s() -> BTreeMap<u32, (String, f64)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read(entry.path().join("stat")).ok()?;
            Some((pid, name_and_time(&String::from_utf8_lossy(&stat))?))
        })
        .collect()
}

/// From `PID (NAME) STATE ...`, where the name may hold anything, parentheses included.
fn name_and_time(stat: &str) -> Option<(String, f64)> {
    let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((name.to_owned(), (user + system) / TICKS_PER_S))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_is_no_work() {
        assert_eq!(busy_ticks("cpu  1 2 4 1000 1000 8 16 32 0 0\ncpu0 9\n"), Some(63.0));
        assert_eq!(busy_ticks(""), None);
    }

    #[test]
    fn a_name_may_have_parentheses() {
        let stat = "17 (a) b (c) S 1 17 17 0 -1 4194304 100 0 0 0 150 50 0 0 20 0 1 0";
        assert_eq!(name_and_time(stat), Some(("a) b (c".to_owned(), 2.0)));
    }

    #[test]
    fn a_busy_machine_is_told_of_with_names() {
        let load = Load { processors: 1.5, busiest: vec![("rustc".into(), 0.97)] };
        assert!(load.is_much());
        assert_eq!(
            load.to_string(),
            "The machine is busy: other work takes 1.5 processors. The figures will be worse than they \
             could be. Busiest: rustc (97 %)"
        );
    }
}
