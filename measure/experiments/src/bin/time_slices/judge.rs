//! What run times, waiting times and numbers of turns say about the claim.
//!
//! Invariant: nothing here measures.

use claims::Verdict;

/// What some processes that only compute did on one core, in one stretch of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Crowd {
    /// How many there were.
    pub(crate) processes: usize,
    /// The smallest part of the time that one of them ran: 1.0 is all of it.
    pub(crate) share_min: f64,
    /// The largest part.
    pub(crate) share_max: f64,
    /// The part of the time that one of them was ready and did not run, the median of them.
    pub(crate) waiting: f64,
    /// How long one ran at a time, in ms, the median of them.
    pub(crate) turn_ms: f64,
}

/// A process that sleeps most of the time, on a core with one that only computes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sleeper {
    /// How often it gave the core up because it had to wait.
    pub(crate) gave_up: u64,
    /// How often the core was taken from it.
    pub(crate) was_stopped: u64,
}

/// A lone process that waited for a larger part of the time was not alone on its core.
const LONE_WAITING_MAX: f64 = 0.03;

/// How many times as long the turns of a lone process must be as those in a crowd.
const TURN_FACTOR: f64 = 3.0;

/// How many times as much as the least favoured one the most favoured may get of equals.
const SHARE_FACTOR: f64 = 2.0;

/// The verdict, and why.
pub(crate) fn judge(crowds: &[Crowd], sleeper: Option<Sleeper>) -> (Verdict, String) {
    let lone = crowds.iter().find(|crowd| crowd.processes == 1);
    let most = crowds.iter().max_by_key(|crowd| crowd.processes);
    let (Some(lone), Some(most)) = (lone, most.filter(|crowd| crowd.processes > 1)) else {
        let because = "This kernel does not say how long a process ran and waited.";
        return (Verdict::Undecided, because.into());
    };
    let was_disturbed = lone.waiting > LONE_WAITING_MAX;
    let n = most.processes;
    if most.share_max > SHARE_FACTOR * most.share_min {
        if was_disturbed {
            return disturbed(lone);
        }
        let because = format!(
            "Of {n} equal processes on one core one got {:.0} % of the time and another {:.0} %: the turns were not dealt \
             out evenly.",
            100.0 * most.share_max,
            100.0 * most.share_min
        );
        return (Verdict::False, because);
    }
    let turns = format!(
        "{n} processes on one core each ran {:.0} to {:.0} % of the time, in turns of {}",
        100.0 * most.share_min,
        100.0 * most.share_max,
        milliseconds(most.turn_ms)
    );
    if lone.turn_ms < TURN_FACTOR * most.turn_ms {
        if was_disturbed {
            return disturbed(lone);
        }
        let because = format!(
            "{turns}; a lone one was stopped too, after {}.",
            milliseconds(lone.turn_ms)
        );
        return (Verdict::True, because);
    }
    let alone = format!("a lone one ran {} at a time", milliseconds(lone.turn_ms));
    let slept = sleeper.filter(|sleeper| sleeper.gave_up > sleeper.was_stopped);
    let because = match slept {
        Some(Sleeper { gave_up, was_stopped }) => format!(
            "{turns}; but {alone}, and one that mostly sleeps ended {gave_up} of its {} turns itself. A slice decides \
             only while more want to run than there are cores.",
            gave_up + was_stopped
        ),
        None => format!(
            "{turns}; but {alone}. A slice decides only while more want to run than there are cores."
        ),
    };
    (Verdict::HalfTrue, because)
}

fn disturbed(lone: &Crowd) -> (Verdict, String) {
    let because = format!(
        "No core was quiet enough: a lone process had to wait for {:.0} % of the time, for other programs or for a quota.",
        100.0 * lone.waiting
    );
    (Verdict::Undecided, because)
}

/// Three digits are enough for a length of time.
pub(crate) fn milliseconds(ms: f64) -> String {
    match ms {
        0.0..10.0 => format!("{ms:.1} ms"),
        _ => format!("{ms:.0} ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crowd(processes: usize, turn_ms: f64) -> Crowd {
        let share = 1.0 / processes as f64;
        Crowd { processes, share_min: share, share_max: share, waiting: 1.0 - share, turn_ms }
    }

    const SLEEPER: Sleeper = Sleeper { gave_up: 300, was_stopped: 2 };

    #[test]
    fn slices_only_where_there_is_a_crowd_are_half_true() {
        let crowds = [crowd(1, 400.0), crowd(2, 4.0), crowd(8, 3.0)];
        let (verdict, because) = judge(&crowds, Some(SLEEPER));
        assert_eq!(verdict, Verdict::HalfTrue);
        assert!(because.contains("300 of its 302 turns"), "{because}");
        let (verdict, because) = judge(&crowds, None);
        assert_eq!(verdict, Verdict::HalfTrue);
        assert!(because.contains("400 ms at a time"), "{because}");
    }

    #[test]
    fn a_sleeper_that_is_stopped_all_the_time_is_not_spoken_of() {
        let crowds = [crowd(1, 400.0), crowd(8, 3.0)];
        let stopped = Sleeper { gave_up: 3, was_stopped: 200 };
        assert!(!judge(&crowds, Some(stopped)).1.contains("sleeps"));
    }

    #[test]
    fn a_lone_process_that_is_stopped_as_often_makes_it_true() {
        let (verdict, because) = judge(&[crowd(1, 5.0), crowd(8, 3.0)], Some(SLEEPER));
        assert_eq!(verdict, Verdict::True);
        assert!(because.contains("after 5.0 ms"), "{because}");
    }

    #[test]
    fn uneven_shares_make_it_false() {
        let uneven = Crowd { share_min: 0.1, share_max: 0.6, ..crowd(4, 3.0) };
        assert_eq!(judge(&[crowd(1, 400.0), uneven], None).0, Verdict::False);
    }

    #[test]
    fn a_busy_core_leaves_it_open() {
        let pressed = Crowd { share_max: 0.8, waiting: 0.17, ..crowd(1, 7.7) };
        let (verdict, because) = judge(&[pressed, crowd(8, 3.0)], Some(SLEEPER));
        assert_eq!(verdict, Verdict::Undecided);
        assert!(because.contains("17 %"), "{because}");
        let still_long = Crowd { turn_ms: 40.0, ..pressed };
        assert_eq!(judge(&[still_long, crowd(8, 3.0)], None).0, Verdict::HalfTrue);
        let uneven = Crowd { share_min: 0.02, share_max: 0.06, ..crowd(8, 3.0) };
        assert_eq!(judge(&[still_long, uneven], None).0, Verdict::Undecided);
    }

    #[test]
    fn no_figures_leave_it_open() {
        assert_eq!(judge(&[], None).0, Verdict::Undecided);
        assert_eq!(judge(&[crowd(1, 400.0)], None).0, Verdict::Undecided);
    }
}
