//! What the figures say about "more workers than cores do not help; leave some for other work".

use claims::Verdict;
use experiments::counted;

/// More workers help if they bring this much.
const HELPS: f64 = 1.25;

/// A guest is slowed down if its work takes so many times as long as alone.
const SLOWED: f64 = 1.3;

/// Above this share of standing still, other work competes with the pool.
const BUSY: f64 = 0.2;

/// The guest's work, in milliseconds of a processor.
pub(crate) const BLOCK_MS: f64 = 10.0;

/// What the pool does beside the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guest {
    /// There is no pool.
    Alone,
    /// One worker less than processors.
    OneLess,
    /// As many workers as processors.
    AsMany,
    /// Twice as many.
    Twice,
    /// As many, with the lowest weight.
    AsManyNice,
    /// Twice as many, with the lowest weight.
    TwiceNice,
}

/// Tasks per second of the pool alone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Throughput {
    pub(crate) usable: usize,
    pub(crate) at_one: f64,
    pub(crate) at_usable: f64,
    /// The best of all that are more than `usable`.
    pub(crate) best_beyond: f64,
    /// With the most workers.
    pub(crate) last: f64,
    /// The share of a task's time in which its worker did not run, with `usable` workers: next to nothing if nobody else
    /// wants the processors.
    pub(crate) stood_still: f64,
}

/// The first half of the sentence is about the pool, the second about the guest's work: `block_ms` holds its time in
/// milliseconds beside each pool.
pub(crate) fn judge(rates: &Throughput, block_ms: &[(Guest, f64)]) -> (Verdict, String) {
    let Throughput { usable, at_one, at_usable, best_beyond, last, stood_still } = *rates;
    if at_usable <= 0.0 || at_one <= 0.0 {
        return (Verdict::Undecided, "The pool completed no task in the time given.".into());
    }
    let first = format!(
        "A pool of {} on {} completes {:.2} times the tasks of one worker; with four times the workers it is {:.2} times.",
        counted(usable, "worker"),
        counted(usable, "processor"),
        at_usable / at_one,
        last / at_one
    );
    if usable > 1 && at_usable < at_one * HELPS {
        let why = format!(
            "{first} The processors were not free for the pool: run it again on a quiet machine."
        );
        return (Verdict::Undecided, why);
    }
    if best_beyond > at_usable * HELPS && stood_still > BUSY {
        let why = format!(
            "{first} Other work took {:.0} % of the workers' time, and more workers got more of it back: run it again on a \
             quiet machine.",
            stood_still * 100.0
        );
        return (Verdict::Undecided, why);
    }
    if best_beyond > at_usable * HELPS {
        let why = format!("{first} More workers than processors did help.");
        return (Verdict::False, why);
    }
    let at =
        |guest| block_ms.iter().find(|(of, ms)| *of == guest && *ms > 0.0).map(|(_, ms)| *ms);
    let (Some(alone), Some(as_many), Some(nice)) =
        (at(Guest::Alone), at(Guest::AsMany), at(Guest::AsManyNice))
    else {
        return (Verdict::HalfTrue, format!("{first} The second half could not be measured."));
    };
    if alone > BLOCK_MS * SLOWED {
        let why = format!(
            "{first} Work of {BLOCK_MS} ms took another thread {alone:.1} ms even without the pool: run it again on a quiet machine."
        );
        return (Verdict::Undecided, why);
    }
    let Some(one_less) = at(Guest::OneLess) else {
        let why =
            format!("{first} There is no processor to leave, so only the first half is shown.");
        return (Verdict::HalfTrue, why);
    };
    let second = format!(
        "Work of {alone:.1} ms takes another thread {as_many:.1} ms beside as many workers as processors, {one_less:.1} ms \
         beside one less, and {nice:.1} ms beside as many with nice 19."
    );
    let slowed = |ms: f64| ms > alone * SLOWED;
    let (verdict, end) = match (slowed(as_many), slowed(one_less), slowed(nice)) {
        (true, false, false) => (
            Verdict::HalfTrue,
            "Leaving a processor helps others, but nice does the same and gives nothing away.",
        ),
        (true, false, true) => (Verdict::True, "Only leaving a processor helps others."),
        (true, true, _) => {
            (Verdict::HalfTrue, "Leaving one processor was not enough for others.")
        }
        (false, _, _) => {
            (Verdict::HalfTrue, "The other thread lost next to nothing in any case.")
        }
    };
    (verdict, format!("{first} {second} {end}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(at_one: f64, at_usable: f64, best_beyond: f64) -> Throughput {
        Throughput {
            usable: 4,
            at_one,
            at_usable,
            best_beyond,
            last: best_beyond,
            stood_still: 0.02,
        }
    }

    fn blocks(one_less: f64, as_many: f64, nice: f64) -> Vec<(Guest, f64)> {
        vec![
            (Guest::Alone, 10.0),
            (Guest::OneLess, one_less),
            (Guest::AsMany, as_many),
            (Guest::AsManyNice, nice),
        ]
    }

    fn verdict(rates: Throughput, blocks: &[(Guest, f64)]) -> Verdict {
        let (verdict, because) = judge(&rates, blocks);
        assert!(because.ends_with('.'), "{because}");
        verdict
    }

    const FLAT: (f64, f64, f64) = (1000.0, 4000.0, 3900.0);

    fn flat() -> Throughput {
        rates(FLAT.0, FLAT.1, FLAT.2)
    }

    #[test]
    fn more_workers_do_not_help_and_nice_does_what_leaving_does() {
        assert_eq!(verdict(flat(), &blocks(10.0, 20.0, 10.5)), Verdict::HalfTrue);
    }

    #[test]
    fn leaving_may_be_the_only_way() {
        assert_eq!(verdict(flat(), &blocks(10.0, 20.0, 20.0)), Verdict::True);
    }

    #[test]
    fn leaving_may_bring_nothing() {
        assert_eq!(verdict(flat(), &blocks(20.0, 20.0, 10.0)), Verdict::HalfTrue);
        assert_eq!(verdict(flat(), &blocks(10.0, 10.0, 10.0)), Verdict::HalfTrue);
    }

    #[test]
    fn more_workers_could_help() {
        let verdict = verdict(rates(1000.0, 4000.0, 8000.0), &blocks(10.0, 20.0, 10.0));
        assert_eq!(verdict, Verdict::False);
    }

    #[test]
    fn a_busy_machine_or_no_task_decides_nothing() {
        let busy = rates(1000.0, 1100.0, 1100.0);
        assert_eq!(verdict(busy, &blocks(10.0, 20.0, 10.0)), Verdict::Undecided);
        assert_eq!(verdict(rates(0.0, 0.0, 0.0), &[]), Verdict::Undecided);
        let stolen = Throughput { stood_still: 0.5, ..rates(1000.0, 4000.0, 8000.0) };
        assert_eq!(verdict(stolen, &blocks(10.0, 20.0, 10.0)), Verdict::Undecided);
        let slow_alone =
            [(Guest::Alone, 20.0), (Guest::AsMany, 20.0), (Guest::AsManyNice, 20.0)];
        assert_eq!(verdict(flat(), &slow_alone), Verdict::Undecided);
    }

    #[test]
    fn one_processor_shows_the_first_half() {
        let one = Throughput {
            usable: 1,
            at_one: 1000.0,
            at_usable: 1000.0,
            best_beyond: 990.0,
            last: 980.0,
            stood_still: 0.02,
        };
        let mut blocks = blocks(0.0, 20.0, 10.0);
        blocks.retain(|(guest, _)| *guest != Guest::OneLess);
        assert_eq!(verdict(one, &blocks), Verdict::HalfTrue);
    }
}
