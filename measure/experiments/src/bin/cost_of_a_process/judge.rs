//! What the counted memory says about the claim.
//!
//! Invariant: nothing here measures.

use claims::Verdict;

/// What one further worker adds, by one way to start it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cost {
    /// The way: `fork`, `Python spawn`.
    pub(crate) name: String,
    /// Bytes that it adds to the memory of all processes together.
    pub(crate) added_bytes: f64,
}

/// A worker that was forked from a program with much memory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Forked {
    /// What the program had, in bytes.
    pub(crate) heap_bytes: f64,
    /// What RSS says of the worker.
    pub(crate) rss_bytes: f64,
    /// What is its own.
    pub(crate) own_bytes: f64,
}

/// A worker that adds less costs no memory worth a word: a few pages.
const NOTHING_BYTES: f64 = 16.0 * 1024.0;

/// A process that adds at most so many times what a thread adds is no dearer than a thread.
const LIKE_A_THREAD: f64 = 1.5;

/// The verdict, and why. `processes` are the pool's own start methods, `others` are there for comparison.
pub(crate) fn judge(
    processes: &[Cost],
    thread: Option<f64>,
    others: &[Cost],
    forked: Option<Forked>,
) -> (Verdict, String) {
    let least = processes.iter().min_by(|a, b| a.added_bytes.total_cmp(&b.added_bytes));
    let Some(least) = least else {
        let because = "No worker could be measured.";
        return (Verdict::Undecided, because.into());
    };
    let mut costs: Vec<String> = processes.iter().map(named).collect();
    costs.extend(thread.map(|bytes| format!("{} (thread)", amount(bytes))));
    costs.extend(others.iter().map(named));
    let costs = format!("Each further worker added {}.", listed(&costs));
    if least.added_bytes < NOTHING_BYTES {
        return (Verdict::False, costs);
    }
    if let Some(thread) = thread.filter(|thread| least.added_bytes <= LIKE_A_THREAD * thread) {
        let because = format!(
            "{costs} So a worker costs memory, but as a process ({}) no more than as a thread ({}).",
            amount(least.added_bytes),
            amount(thread)
        );
        return (Verdict::HalfTrue, because);
    }
    let because = match forked {
        Some(Forked { heap_bytes, rss_bytes, own_bytes }) if rss_bytes > 4.0 * own_bytes => {
            format!(
                "{costs} RSS does not say how much: it shows {} for one that was forked from a program with {}, and {} of \
                 it are its own.",
                amount(rss_bytes),
                amount(heap_bytes),
                amount(own_bytes)
            )
        }
        _ => costs,
    };
    (Verdict::True, because)
}

fn named(cost: &Cost) -> String {
    format!("{} ({})", amount(cost.added_bytes), cost.name)
}

/// `a, b and c`.
fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Bytes with a fitting unit.
pub(crate) fn amount(bytes: f64) -> String {
    let (kib, mib) = (bytes / 1024.0, bytes / f64::from(1 << 20));
    if kib < 1000.0 {
        format!("{kib:.0} KiB")
    } else if mib < 10.0 {
        format!("{mib:.1} MiB")
    } else {
        format!("{mib:.0} MiB")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: f64 = 1024.0;
    const MIB: f64 = 1024.0 * KIB;

    fn costs(pairs: &[(&str, f64)]) -> Vec<Cost> {
        pairs
            .iter()
            .map(|&(name, added_bytes)| Cost { name: name.into(), added_bytes })
            .collect()
    }

    const FORKED: Forked =
        Forked { heap_bytes: 256.0 * MIB, rss_bytes: 258.0 * MIB, own_bytes: 300.0 * KIB };

    #[test]
    fn it_is_true_with_how_much() {
        let own = costs(&[("fork", 300.0 * KIB), ("spawn", 700.0 * KIB)]);
        let python = costs(&[("Python spawn", 9.0 * MIB)]);
        let (verdict, because) = judge(&own, Some(30.0 * KIB), &python, Some(FORKED));
        assert_eq!(verdict, Verdict::True);
        assert!(
            because.contains(
                "300 KiB (fork), 700 KiB (spawn), 30 KiB (thread) and 9.0 MiB (Python spawn)"
            ),
            "{because}"
        );
        assert!(because.contains("258 MiB for one"), "{because}");
    }

    #[test]
    fn without_python_threads_and_heap_it_is_still_true() {
        let (verdict, because) = judge(&costs(&[("fork", 300.0 * KIB)]), None, &[], None);
        assert_eq!(verdict, Verdict::True);
        assert_eq!(because, "Each further worker added 300 KiB (fork).");
    }

    #[test]
    fn an_honest_rss_is_not_spoken_of() {
        let honest = Forked { own_bytes: 200.0 * MIB, ..FORKED };
        let (_, because) = judge(&costs(&[("fork", MIB)]), None, &[], Some(honest));
        assert!(!because.contains("RSS"), "{because}");
    }

    #[test]
    fn processes_as_cheap_as_threads_are_half_of_it() {
        let own = costs(&[("fork", 100.0 * KIB), ("spawn", 700.0 * KIB)]);
        let (verdict, because) = judge(&own, Some(90.0 * KIB), &[], None);
        assert_eq!(verdict, Verdict::HalfTrue);
        assert!(because.contains("no more than as a thread (90 KiB)"), "{because}");
    }

    #[test]
    fn no_growth_makes_it_false() {
        assert_eq!(judge(&costs(&[("fork", 900.0)]), None, &[], None).0, Verdict::False);
    }

    #[test]
    fn nothing_measured_leaves_it_open() {
        assert_eq!(judge(&[], Some(KIB), &[], None).0, Verdict::Undecided);
    }
}
