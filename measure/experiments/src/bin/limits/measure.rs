//! Each limit that this machine lets one meet, and those that hold here as they are.

use crate::ask::{self, Met};
use crate::judge::{First, judge};
use anyhow::Result;
use claims::{Axis, Fact, Plot, PlotKind, Series};
use experiments::{Measured, Trial, fact};
use nix::errno::Errno;
use size::Cost;

/// Addresses that are left to a pool of one worker, in bytes.
const ADDRESSES_BYTES: u64 = 2 << 20;

/// How often a program is tried that may meet RLIMIT_AS where it cannot say so.
const ADDRESSES_TRIES: u32 = 4;

/// The whole experiment.
pub(crate) fn experiment(trial: &Trial) -> Result<Measured> {
    let room: u64 = trial.pick(100, 16);
    let mut notes = Vec::new();
    let mut met = Vec::new();
    let mut done = 0.0;
    let mut add = |name: &str, result: Result<Met>| {
        match result {
            Ok(one) => met.push(one),
            Err(error) => notes.push(format!("{name} was not met: {error:#}")),
        }
        done += 1.0;
        trial.progress(done / 6.0);
    };
    add("RLIMIT_NPROC", ask::user_processes(room));
    add("pids.max", ask::group(room).and_then(|group| ask::group_processes(&group, room)));
    add("pid_max", ask::process_numbers());
    add("RLIMIT_NOFILE", ask::descriptors(room));
    // Which allocation meets this limit is a matter of chance, and Rust ends a program whose small ones fail.
    let mut addresses = ask::addresses(ADDRESSES_BYTES, room);
    for _ in 1..ADDRESSES_TRIES {
        if addresses.is_err() {
            addresses = ask::addresses(ADDRESSES_BYTES, room);
        }
    }
    add("RLIMIT_AS", addresses);
    let first = size::room(Cost::default());
    let first = first.map(|(room, limit)| First { room, name: limit.resource.to_string() });
    let own = ask::library()?;
    let (verdict, because) = judge(&met, own.as_ref().map(|(max, _)| *max), first.as_ref());
    let mut facts: Vec<Fact> = met.iter().flat_map(facts_of).collect();
    facts.extend(
        own.map(|(_, said)| fact("a pool of more workers than any machine runs", said)),
    );
    facts.extend(size::limits().iter().map(|limit| {
        let used = limit.used.map_or(String::new(), |used| format!(", in use {used}"));
        let exempt = if limit.binding { "" } else { "; root is not held to it" };
        fact(
            format!("here as it is: {}", limit.resource),
            format!("{}{used}{exempt}", limit.max),
        )
    }));
    let plots = vec![bars(&met)];
    trial.progress(1.0);
    Ok(Measured { verdict, because, plots, facts, notes })
}

fn facts_of(met: &Met) -> Vec<Fact> {
    let Met { name, call, room, got, errno, pool } = met;
    let errno = errno.map_or("nothing".into(), |code| format!("{:?}", Errno::from_raw(code)));
    let what = match (call.as_str(), room) {
        ("fork", Some(room)) => {
            format!("room for {room} processes, {got} created, then fork said {errno}")
        }
        ("fork", None) => format!("{got} processes created, then fork said {errno}"),
        (call, _) => format!("{got} workers, then {call} said {errno}"),
    };
    let pool = pool.as_ref().map(|(workers, said)| {
        fact(format!("{name}, a pool"), format!("{workers} workers, then: {said}"))
    });
    [fact(name, what)].into_iter().chain(pool).collect()
}

fn bars(met: &[Met]) -> Plot {
    let mut plot = Plot {
        id: "created".into(),
        title: "Processes under each limit".into(),
        kind: PlotKind::Bars,
        categories: Vec::new(),
        x: Axis::linear("limit", ""),
        y: Axis::linear("processes", ""),
        series: vec![
            Series::new("room under the limit"),
            Series::new("created before a refusal"),
        ],
    };
    for one in met {
        let Some(room) = one.room else { continue };
        let x = plot.categories.len() as f64;
        plot.categories.push(one.name.clone());
        plot.series[0].push(x, room as f64);
        plot.series[1].push(x, one.got as f64);
    }
    plot
}
