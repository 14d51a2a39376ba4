//! What the figures say about "the number of processors tells how many workers to use".

use claims::Verdict;

/// One setting.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    pub(crate) name: &'static str,
    /// The processors that a process may use there, as it is told.
    pub(crate) usable: usize,
    /// The fewest workers that come near the best throughput.
    pub(crate) needed: Option<f64>,
    /// The share of a task's time in which its worker did not run, with `usable` workers: next to nothing if nobody else
    /// wants the processors.
    pub(crate) stood_still: f64,
}

/// Above this share of standing still, other work competes with the pool, and more workers get more back from it.
const BUSY: f64 = 0.2;

/// The sentence holds if the machine's number is the right one everywhere. It is half true if the right one is the number
/// of those that the process may use.
pub(crate) fn judge(machine: usize, settings: &[Setting]) -> (Verdict, String) {
    if machine < 2 {
        let why =
            "This machine has one processor, so every number that could be asked for is 1.";
        return (Verdict::Undecided, why.into());
    }
    let whole = machine as f64;
    let measured: Vec<(&Setting, f64)> =
        settings.iter().filter_map(|setting| Some((setting, setting.needed?))).collect();
    let (tight, free): (Vec<_>, Vec<_>) =
        measured.iter().partition(|(setting, _)| setting.usable < machine);
    let said = |of: &[&(&Setting, f64)]| -> String {
        let each = of.iter().map(|(setting, needed)| {
            format!("{needed} with {} (usable: {})", setting.name, setting.usable)
        });
        each.collect::<Vec<_>>().join(", ")
    };
    let all: Vec<&(&Setting, f64)> = measured.iter().collect();
    if tight.is_empty() {
        let why = format!(
            "Nothing here allowed fewer than the {machine} processors of the machine, so the numbers could not differ."
        );
        return (Verdict::Undecided, why);
    }
    let figures =
        format!("The machine has {machine} processors; workers needed: {}.", said(&all));
    let enough = |(setting, needed): &&(&Setting, f64)| *needed <= setting.usable as f64 * 1.5;
    let all_needed = |(_, needed): &&(&Setting, f64)| *needed >= whole * 0.75;
    // With nothing else to do, a machine needs more than a worker. If it did not, the processors were not free.
    let was_free = free.iter().all(all_needed);
    if was_free && all.iter().all(enough) {
        let why = format!(
            "{figures} What counts is the number that this process may use, by its affinity and its quota."
        );
        return (Verdict::HalfTrue, why);
    }
    if was_free && tight.iter().all(all_needed) && free.iter().all(enough) {
        return (
            Verdict::True,
            format!("{figures} The machine's number was right everywhere."),
        );
    }
    let busy = settings.iter().any(|setting| setting.stood_still > BUSY);
    if !busy
        && was_free
        && !free.is_empty()
        && !free.iter().any(enough)
        && !all.iter().any(enough)
    {
        let why = format!("{figures} More workers than processors were better everywhere.");
        return (Verdict::False, why);
    }
    let why = format!(
        "{figures} That fits no rule: other work took a part of the processors. Run it again on a quiet machine."
    );
    (Verdict::Undecided, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(machine: usize, settings: &[(usize, f64)]) -> Verdict {
        let settings: Vec<Setting> = settings
            .iter()
            .map(|(usable, needed)| Setting {
                name: "some",
                usable: *usable,
                needed: Some(*needed),
                stood_still: 0.02,
            })
            .collect();
        let (verdict, because) = judge(machine, &settings);
        assert!(because.ends_with('.'), "{because}");
        verdict
    }

    #[test]
    fn what_may_be_used_is_what_is_needed() {
        assert_eq!(verdict(4, &[(4, 4.0), (1, 1.0), (1, 1.0)]), Verdict::HalfTrue);
        assert_eq!(verdict(2, &[(2, 2.0), (1, 1.0)]), Verdict::HalfTrue);
        // A container with a quota has no setting with all processors.
        assert_eq!(verdict(8, &[(2, 2.0), (1, 1.0)]), Verdict::HalfTrue);
    }

    #[test]
    fn the_machines_number_could_be_right() {
        assert_eq!(verdict(4, &[(4, 4.0), (1, 4.0), (1, 3.0)]), Verdict::True);
    }

    #[test]
    fn more_could_be_better_everywhere() {
        assert_eq!(verdict(4, &[(4, 12.0), (1, 12.0)]), Verdict::False);
    }

    #[test]
    fn more_that_only_win_against_other_work_decide_nothing() {
        let setting =
            |usable| Setting { name: "some", usable, needed: Some(12.0), stood_still: 0.5 };
        assert_eq!(judge(4, &[setting(4), setting(1)]).0, Verdict::Undecided);
    }

    #[test]
    fn one_processor_or_no_limit_or_noise_decide_nothing() {
        assert_eq!(verdict(1, &[(1, 1.0)]), Verdict::Undecided);
        assert_eq!(verdict(4, &[(4, 4.0)]), Verdict::Undecided);
        assert_eq!(verdict(4, &[(4, 1.0), (1, 1.0)]), Verdict::Undecided);
        assert_eq!(verdict(4, &[(4, 4.0), (1, 1.0), (1, 4.0)]), Verdict::Undecided);
        assert_eq!(verdict(4, &[]), Verdict::Undecided);
    }

    #[test]
    fn a_setting_that_was_not_measured_counts_for_nothing() {
        let setting =
            |usable, needed| Setting { name: "some", usable, needed, stood_still: 0.02 };
        let (verdict, _) = judge(4, &[setting(4, Some(4.0)), setting(1, None)]);
        assert_eq!(verdict, Verdict::Undecided);
    }
}
