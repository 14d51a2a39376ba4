//! What the figures say, in a sentence. Nobody claims anything about bytes, so the verdict is only whether there is one.

use claims::{Series, Verdict, amount};

/// The curves: time in ns per round trip, and GB/s in one direction.
pub(crate) struct Figures {
    pub(crate) times: Vec<Series>,
    pub(crate) rates: Vec<Series>,
}

/// What copies no byte when it hands over a message.
const WITHOUT_COPY: &str = "descriptor";

/// The line to reach.
const MEMCPY: &str = "memcpy";

pub(crate) fn judge(figures: &Figures) -> (Verdict, String) {
    let summed_up = sum_up(figures);
    match summed_up {
        Some(because) => (Verdict::True, because),
        None => (
            Verdict::Undecided,
            "No way could be measured here for more than one size; the notes say what is refused.".to_owned(),
        ),
    }
}

fn sum_up(figures: &Figures) -> Option<String> {
    let copying: Vec<&Series> =
        figures.times.iter().filter(|series| series.name != WITHOUT_COPY).collect();
    let short =
        copying.iter().filter_map(|it| it.points.first()).map(|it| it.x).reduce(f64::min)?;
    let long =
        copying.iter().filter_map(|it| it.points.last()).map(|it| it.x).reduce(f64::max)?;
    if long <= short {
        return None;
    }
    let at = |x: f64| {
        let places = copying.iter().filter_map(|series| Some((&series.name, series.at(x)?)));
        places.min_by(|a, b| a.1.total_cmp(&b.1))
    };
    let ((first, first_ns), (last, last_ns)) = (at(short)?, at(long)?);
    let last = if first == last { "also" } else { last.as_str() };
    let mut because = format!(
        "Of the ways that copy, {first} is the fastest for {} ({} there and back) and {last} for {} ({})",
        amount(short, "B"),
        amount(first_ns, "ns"),
        amount(long, "B"),
        amount(last_ns, "ns"),
    );
    if let Some(share) = share_of_memcpy(&figures.rates, long) {
        because.push_str(&share);
    }
    because.push('.');
    let descriptor = figures.times.iter().find(|series| series.name == WITHOUT_COPY);
    let ends = |it: &Series| Some((it.at(short)?, it.at(long)?));
    if let Some((descriptor, (short_ns, long_ns))) =
        descriptor.and_then(|it| Some((it, ends(it)?)))
    {
        because.push_str(&format!(
            " To hand over a descriptor takes {} for the short message and {} for the long one",
            amount(short_ns, "ns"),
            amount(long_ns, "ns"),
        ));
        let wins = |x: f64| Some(descriptor.at(x)? < at(x)?.1);
        // From the first size on after which no copy is faster again.
        let mut sizes: Vec<f64> = descriptor.points.iter().map(|point| point.x).collect();
        sizes.reverse();
        let from = sizes.into_iter().take_while(|x| wins(*x) == Some(true)).last();
        match from {
            Some(from) => {
                because
                    .push_str(&format!(", and is the fastest from {} on.", amount(from, "B")));
            }
            None => because.push_str(", but was not the fastest of all at any size."),
        }
    }
    Some(because)
}

/// Which way carries the most bytes of the longest messages, and how near it comes to the machine's own copy.
fn share_of_memcpy(rates: &[Series], size: f64) -> Option<String> {
    let memcpy = rates.iter().find(|series| series.name == MEMCPY)?.at(size)?;
    let others = rates.iter().filter(|series| series.name != MEMCPY);
    let rates = others.filter_map(|series| Some((&series.name, series.at(size)?)));
    let (best, rate) = rates.max_by(|a, b| a.1.total_cmp(&b.1))?;
    (memcpy > 0.0).then(|| {
        format!(
            "; in one direction {best} carries {rate:.1} GB/s then, {:.0} % of memcpy's {memcpy:.1} GB/s",
            rate / memcpy * 100.0
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &str, points: &[(f64, f64)]) -> Series {
        let mut series = Series::new(name);
        points.iter().for_each(|(x, y)| series.push(*x, *y));
        series
    }

    fn figures() -> Figures {
        Figures {
            times: vec![
                series("pipe", &[(8.0, 10_000.0), (4096.0, 12_000.0), (1048576.0, 900_000.0)]),
                series("ring", &[(8.0, 6_000.0), (4096.0, 13_000.0), (1048576.0, 950_000.0)]),
                series("vmsplice", &[]),
                series(
                    "descriptor",
                    &[(8.0, 20_000.0), (4096.0, 20_000.0), (1048576.0, 20_000.0)],
                ),
            ],
            rates: vec![
                series("pipe", &[(1048576.0, 2.0)]),
                series("ring", &[(1048576.0, 3.0)]),
                series("memcpy", &[(1048576.0, 12.0)]),
            ],
        }
    }

    #[test]
    fn the_sentence_names_the_fastest_at_both_ends() {
        let (verdict, because) = judge(&figures());
        assert_eq!(verdict, Verdict::True);
        for text in [
            "ring is the fastest for 8 B",
            "pipe for 1 MiB",
            "ring carries 3.0 GB/s then, 25 % of memcpy's 12.0 GB/s",
            "takes 20 µs for the short message and 20 µs for the long one, and is the fastest from 1 MiB on.",
        ] {
            assert!(because.contains(text), "no {text:?} in {because:?}");
        }
    }

    #[test]
    fn a_slow_descriptor_and_a_missing_memcpy_are_no_reason_to_say_nothing() {
        let mut figures = figures();
        figures.rates.clear();
        for point in &mut figures.times[3].points {
            point.y = 2e6;
        }
        let (verdict, because) = judge(&figures);
        assert_eq!(verdict, Verdict::True);
        assert!(because.contains("not the fastest of all at any size"), "{because}");
        assert!(!because.contains("memcpy"), "{because}");
        figures.times.truncate(1);
        assert!(
            judge(&figures).1.contains(
                "pipe is the fastest for 8 B (10 µs there and back) and also for 1 MiB"
            )
        );
        figures.times.push(series("ring", &[]));
        assert!(!judge(&figures).1.contains("descriptor"));
    }

    #[test]
    fn one_size_or_none_decides_nothing() {
        let nothing = Figures { times: Vec::new(), rates: Vec::new() };
        assert_eq!(judge(&nothing).0, Verdict::Undecided);
        let one = Figures { times: vec![series("pipe", &[(8.0, 1.0)])], rates: Vec::new() };
        assert_eq!(judge(&one).0, Verdict::Undecided);
    }
}
