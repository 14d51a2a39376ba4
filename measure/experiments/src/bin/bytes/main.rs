//! Ways to hand over bytes: the time per message and the bytes per second of eight ways, against the size.
//!
//! Two processes: the child sends, the parent receives and answers. A message counts as handed over when the receiver can
//! read all of it at addresses of its own. Nobody looks at the bytes while the time is taken; each step begins with one
//! message more, whose bytes the receiver compares.
//!
//! Both processes follow one plan that was made before the fork, so no way has to say how long a message is. The steps go
//! round by round through all sizes and ways, and what is shown is the median of the rounds. A message there and back
//! is measured with both processes on one core, a stream with a core for each.
#![forbid(unsafe_code)]

#[cfg(target_os = "linux")]
mod exchange;
#[cfg(target_os = "linux")]
mod judge;
#[cfg(target_os = "linux")]
mod places;
#[cfg(target_os = "linux")]
mod plan;
#[cfg(target_os = "linux")]
mod ways;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    experiments::run("bytes", linux::experiment)
}

#[cfg(not(target_os = "linux"))]
fn main() -> std::process::ExitCode {
    eprintln!("bytes: this experiment needs Linux");
    std::process::ExitCode::FAILURE
}

#[cfg(target_os = "linux")]
mod linux {
    use crate::judge::{Figures, judge};
    use crate::plan::{Kind, MIB, Plan};
    use crate::{exchange, ways};
    use anyhow::{Context, Result, ensure};
    use claims::{Axis, Plot, PlotKind, Series, amount};
    use experiments::{Measured, Trial, fact};

    /// What the buffers and segments take together, as a multiple of the longest message: the message, the receiver's
    /// buffer, the sender's copy of it for memcpy, the shared segment, and the slice that travels as a descriptor.
    const BUFFERS: usize = 5;

    pub(super) fn experiment(trial: &Trial) -> Result<Measured> {
        let mut notes = Vec::new();
        let sizes = sizes(trial, &mut notes)?;
        let size_max = sizes.last().copied().context("there is no size to measure")?;
        let (ways, missing) = ways::all(size_max)?;
        notes.extend(missing);
        let plan = Plan::new(trial, &sizes, &ways);
        let seen = exchange::run(trial, &plan, ways)?;
        notes.extend(seen.notes);

        let figures = Figures {
            times: curves(&plan, &seen.times_s, Kind::RoundTrip, |_, time_s| time_s * 1e9),
            rates: curves(&plan, &seen.times_s, Kind::Stream, |size, time_s| {
                size as f64 / time_s / 1e9
            }),
        };
        let (verdict, because) = judge(&figures);
        let mut facts = vec![fact(
            "messages whose bytes were compared",
            format!("{}, all of them whole", seen.compared),
        )];
        for (nth, way) in plan.ways.iter().enumerate() {
            let Some((kind, size)) = way.only else { continue };
            let Some(time_s) = plan.median(&seen.times_s, kind, nth, size) else { continue };
            let value = match kind {
                Kind::RoundTrip => amount(time_s * 1e9, "ns"),
                Kind::Stream => format!("{:.2} GB/s", size as f64 / time_s / 1e9),
            };
            facts.push(fact(format!("{}, {}", way.name, amount(size as f64, "B")), value));
        }
        if let Some([old_s, new_s]) = seen.reading_s {
            facts.push(fact(
                format!(
                    "reading {} in a buffer that was used before",
                    amount(size_max as f64, "B")
                ),
                amount(old_s * 1e9, "ns"),
            ));
            facts.push(fact(
                "reading as much in memory that a descriptor has just brought",
                amount(new_s * 1e9, "ns"),
            ));
        }
        facts.extend(ways::limits());

        let bytes = || Axis::log2("size of a message", "B");
        let plots = vec![
            Plot {
                id: "time".into(),
                title: "A message there, and an answer of eight bytes back".into(),
                kind: PlotKind::Lines,
                categories: Vec::new(),
                x: bytes(),
                y: Axis::log10("time", "ns"),
                series: figures.times,
            },
            Plot {
                id: "rate".into(),
                title: "Message after message in one direction".into(),
                kind: PlotKind::Lines,
                categories: Vec::new(),
                x: bytes(),
                y: Axis::log10("rate", "GB/s"),
                series: figures.rates,
            },
        ];
        Ok(Measured { verdict, because, plots, facts, notes })
    }

    fn sizes(trial: &Trial, notes: &mut Vec<String>) -> Result<Vec<usize>> {
        let wanted = trial.pick(
            &[8, 64, 512, 4096, 32_768, MIB / 4, 2 * MIB, 16 * MIB, 64 * MIB][..],
            &[8, 4096, MIB],
        );
        let available =
            process::available_memory_bytes().context("/proc/meminfo cannot be read")?;
        // Half of it is for others.
        let longest = usize::try_from(available / 2)? / BUFFERS;
        let sizes: Vec<usize> =
            wanted.iter().copied().filter(|size| *size <= longest).collect();
        ensure!(sizes.len() > 1, "{available} bytes are too little memory to see anything");
        if sizes.len() < wanted.len() {
            notes.push(format!(
                "messages above {} were left out: {BUFFERS} buffers of that size must fit into half of the memory that \
                 is available, {}; close other programs",
                amount(longest as f64, "B"),
                amount(available as f64 / 2.0, "B"),
            ));
        }
        Ok(sizes)
    }

    fn curves(
        plan: &Plan,
        times_s: &[f64],
        kind: Kind,
        shown: impl Fn(usize, f64) -> f64,
    ) -> Vec<Series> {
        let ways = plan.ways.iter().enumerate().filter(|(_, way)| way.only.is_none());
        ways.map(|(nth, way)| {
            let mut series = Series::new(way.name);
            for size in &plan.sizes {
                if let Some(time_s) = plan.median(times_s, kind, nth, *size) {
                    series.push(*size as f64, shown(*size, time_s));
                }
            }
            series
        })
        // The way that has no such steps is no curve; one that this machine refuses is an empty one.
        .zip(ways_with(plan, kind))
        .filter_map(|(series, has)| has.then_some(series))
        .collect()
    }

    fn ways_with(plan: &Plan, kind: Kind) -> Vec<bool> {
        let ways = plan.ways.iter().filter(|way| way.only.is_none());
        ways.map(|way| way.has(kind)).collect()
    }
}
