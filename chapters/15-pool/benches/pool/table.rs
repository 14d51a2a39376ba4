//! Lines of the table, and measurements that take turns.

use std::fmt::{self, Display, Formatter};
use std::time::{Duration, Instant};

/// What a ratio has to be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Bound {
    fn is_reached(self, ratio: f64) -> bool {
        match self {
            Bound::AtMost(most) => ratio <= most,
            Bound::AtLeast(least) => ratio >= least,
        }
    }
}

impl Display for Bound {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Bound::AtMost(most) => write!(f, "at most {most}"),
            Bound::AtLeast(least) => write!(f, "at least {least}"),
        }
    }
}

/// Prints one line: the pool's figure, the one beside it, their ratio, and whether that is enough.
pub(crate) fn line(what: &str, own: (f64, Unit), beside: (&str, f64, Unit), bound: Bound) {
    let ratio = own.0 / beside.1;
    let (own, peer) = (own.1.show(own.0), beside.2.show(beside.1));
    print(what, &own, &format!("{} {peer}", beside.0), ratio, bound);
}

/// Prints a line whose bound is on the figure itself.
pub(crate) fn plain(what: &str, value: f64, unit: Unit, bound: Bound) {
    let limit = match bound {
        Bound::AtMost(limit) | Bound::AtLeast(limit) => limit,
    };
    let verdict = if bound.is_reached(value) { "reached" } else { "missed" };
    let word = if matches!(bound, Bound::AtMost(_)) { "at most" } else { "at least" };
    println!("  {what:<44} {:>12}   {word} {}: {verdict}", unit.show(value), unit.show(limit));
}

fn print(what: &str, own: &str, beside: &str, ratio: f64, bound: Bound) {
    let verdict = if bound.is_reached(ratio) { "reached" } else { "missed" };
    println!("  {what:<44} {own:>12}   {beside:<44} ratio {ratio:>8.3}   {bound}: {verdict}");
}

/// Says why a line is missing.
pub(crate) fn without(what: &str, why: &str) {
    println!("  {what:<44} not measured: {why}");
}

/// How a figure is printed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unit {
    /// The figure is in seconds.
    Time,
    /// In tasks or calls in a second.
    Rate,
    /// In bytes a second.
    Throughput,
    /// In bytes.
    Bytes,
    /// A number of things.
    Count,
}

impl Unit {
    fn show(self, value: f64) -> String {
        match self {
            Unit::Time if value < 1e-6 => format!("{:.0} ns", value * 1e9),
            Unit::Time if value < 1e-3 => format!("{:.2} µs", value * 1e6),
            Unit::Time if value < 1.0 => format!("{:.2} ms", value * 1e3),
            Unit::Time => format!("{value:.2} s"),
            Unit::Rate if value < 1e6 => format!("{:.1} k/s", value / 1e3),
            Unit::Rate => format!("{:.2} M/s", value / 1e6),
            Unit::Throughput => format!("{:.2} GiB/s", value / f64::from(1 << 30)),
            Unit::Bytes if value < 4096.0 => format!("{value:.0} B"),
            Unit::Bytes => format!("{:.0} KiB", value / 1024.0),
            Unit::Count => format!("{value}"),
        }
    }
}

/// The middle one of some figures.
///
/// # Panics
/// If there is none.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Lets measurements take turns, A B C A B C, `rounds` times after one that does not count; the median of each.
pub(crate) fn in_turns<const N: usize>(
    rounds: usize,
    mut measurements: [&mut dyn FnMut() -> f64; N],
) -> [f64; N] {
    let mut figures = [const { Vec::new() }; N];
    for round in 0..=rounds {
        for (measurement, figures) in measurements.iter_mut().zip(&mut figures) {
            let figure = measurement();
            if round > 0 {
                figures.push(figure);
            }
        }
    }
    figures.map(median)
}

/// How long `body` takes, in seconds.
pub(crate) fn seconds(body: impl FnOnce()) -> f64 {
    let begun = Instant::now();
    body();
    begun.elapsed().as_secs_f64()
}

/// The median time of one of `count` runs, in seconds.
pub(crate) fn median_of(count: usize, mut body: impl FnMut()) -> f64 {
    median((0..count).map(|_| seconds(&mut body)).collect())
}

/// What a figure of this table holds for.
pub(crate) fn print_machine() {
    let field = |path: &str, name: &str| -> Option<String> {
        let text = std::fs::read_to_string(path).ok()?;
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':').map_or(line, |(_, value)| value).trim().to_owned())
    };
    let model =
        field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".to_owned());
    let kernel = field("/proc/sys/kernel/osrelease", "").unwrap_or_default();
    let load = field("/proc/loadavg", "").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    let usable = process::cpus();
    println!("{model}, {usable:?}, Linux {kernel}, load {load} when it began");
    if cfg!(debug_assertions) {
        println!("This is a debug build: its figures mean nothing.");
    }
}

/// A second, for what has to be watched for one.
pub(crate) const SECOND: Duration = Duration::from_secs(1);
