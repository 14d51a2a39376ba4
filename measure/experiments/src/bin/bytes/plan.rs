//! What is measured, in which order: the same list in both processes.

use crate::ways::Way;
use claims::shape::median;
use experiments::Trial;

pub(crate) const MIB: usize = 1 << 20;

/// What is repeated in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A message, and the answer to it.
    RoundTrip,
    /// One message after the other. A way that lends memory has an answer to each, the others one to the last.
    Stream,
}

/// What the plan knows of a way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    pub(crate) name: &'static str,
    /// No curve, but a single figure beside them.
    pub(crate) only: Option<(Kind, usize)>,
    /// The sender may not touch the message before the answer.
    pub(crate) lends: bool,
    round_trips: bool,
    streams: bool,
}

/// So many messages of one size by one way, in one go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    /// The index of the way in [`Plan::ways`].
    pub(crate) way: usize,
    pub(crate) kind: Kind,
    pub(crate) size: usize,
    pub(crate) messages: usize,
}

pub(crate) struct Plan {
    pub(crate) ways: Vec<Line>,
    pub(crate) sizes: Vec<usize>,
    pub(crate) steps: Vec<Step>,
}

impl Line {
    pub(crate) fn has(&self, kind: Kind) -> bool {
        match kind {
            Kind::RoundTrip => self.round_trips,
            Kind::Stream => self.streams,
        }
    }
}

impl Plan {
    /// The last line is memcpy, which has no way: the sender does it alone.
    pub(crate) fn new(trial: &Trial, sizes: &[usize], ways: &[Way]) -> Plan {
        let mut lines: Vec<Line> = ways
            .iter()
            .map(|way| Line {
                name: way.name,
                only: way.only,
                lends: way.lends,
                round_trips: true,
                streams: way.streams,
            })
            .collect();
        let memcpy = Line {
            name: "memcpy",
            only: None,
            lends: false,
            round_trips: false,
            streams: true,
        };
        lines.push(memcpy);
        let mut steps = Vec::new();
        for round in 0..trial.pick(9, 3) {
            for size in sizes {
                // The largest take most of the time, and vary least.
                if *size > 16 * MIB && round >= 5 {
                    continue;
                }
                for kind in [Kind::RoundTrip, Kind::Stream] {
                    for (way, line) in lines.iter().enumerate() {
                        if line.has(kind) && line.only.is_none_or(|only| only == (kind, *size))
                        {
                            let moved = if line.streams { *size } else { 1 };
                            let messages = messages(trial, kind, moved);
                            steps.push(Step { way, kind, size: *size, messages });
                        }
                    }
                }
            }
        }
        Plan { ways: lines, sizes: sizes.to_vec(), steps }
    }

    /// The median over the rounds, in seconds per message. `times_s` has a time for each step; NaN where it was left out.
    pub(crate) fn median(
        &self,
        times_s: &[f64],
        kind: Kind,
        way: usize,
        size: usize,
    ) -> Option<f64> {
        let of_these = self.steps.iter().zip(times_s).filter(|(step, time_s)| {
            (step.kind, step.way, step.size) == (kind, way, size) && !time_s.is_nan()
        });
        median(&mut of_these.map(|(_, time_s)| *time_s).collect::<Vec<f64>>())
    }
}

/// Enough messages for the clock, and not so many that a step takes long; `moved` bytes are what each of them costs.
fn messages(trial: &Trial, kind: Kind, moved: usize) -> usize {
    let (bytes, most) = match kind {
        Kind::RoundTrip => trial.pick((16 * MIB, 200), (2 * MIB, 20)),
        Kind::Stream => trial.pick((32 * MIB, 1000), (2 * MIB, 100)),
    };
    (bytes / moved).clamp(1, most)
}
