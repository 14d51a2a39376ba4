//! What the figures say about "for work that waits, many more workers than cores help".

use claims::Verdict;
use experiments::counted;

/// So many times the throughput of as many workers as processors is what "help" means; a tenth of the time is computing, so
/// ten times is the most.
const HELPS: f64 = 3.0;

/// Below this, more workers bring nothing.
const NOTHING: f64 = 1.25;

/// The curve.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures {
    pub(crate) usable: usize,
    /// Tasks per second with as many workers as processors.
    pub(crate) at_usable: Option<f64>,
    pub(crate) best: f64,
    /// With the most workers.
    pub(crate) last: f64,
    /// How many those are.
    pub(crate) most: f64,
    /// The fewest workers that come near the best.
    pub(crate) knee: Option<f64>,
    pub(crate) predicted_knee: f64,
}

/// The sentence holds up to a knee, whatever comes behind it.
pub(crate) fn judge(figures: &Figures) -> (Verdict, String) {
    let Figures { usable, at_usable, best, last, most, knee, predicted_knee } = *figures;
    let (Some(at_usable), Some(knee)) = (at_usable.filter(|rate| *rate > 0.0), knee) else {
        return (Verdict::Undecided, "The pool completed no task in the time given.".into());
    };
    let gain = best / at_usable;
    let figures = format!(
        "The best throughput is {gain:.1} times that of {} on {}, and is nearly reached with {knee} workers; \
         Little's law says {predicted_knee}.",
        counted(usable, "worker"),
        counted(usable, "processor")
    );
    let behind = if knee >= most {
        "More were not tried."
    } else if last < best * 0.8 {
        "Behind that knee it falls."
    } else {
        "Behind that knee more workers bring only their memory."
    };
    let (verdict, end) = match gain {
        gain if gain >= HELPS => (Verdict::True, behind),
        gain if gain >= NOTHING => (
            Verdict::HalfTrue,
            "That is less than the waiting would allow: the processors were not free for the pool.",
        ),
        _ => (Verdict::False, "More workers brought nothing here."),
    };
    (verdict, format!("{figures} {end}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(at_usable: f64, best: f64, last: f64) -> Figures {
        Figures {
            usable: 2,
            at_usable: Some(at_usable),
            best,
            last,
            most: 32.0,
            knee: Some(16.0),
            predicted_knee: 20.0,
        }
    }

    #[test]
    fn ten_times_is_true_with_a_knee() {
        let (verdict, because) = judge(&figures(200.0, 1900.0, 1850.0));
        assert_eq!(verdict, Verdict::True);
        assert!(
            because.contains("9.5 times") && because.contains("only their memory"),
            "{because}"
        );
        let (verdict, because) = judge(&figures(200.0, 1900.0, 1000.0));
        assert_eq!(verdict, Verdict::True);
        assert!(because.ends_with("it falls."), "{because}");
    }

    #[test]
    fn nothing_is_said_of_what_was_not_tried() {
        let (_, because) =
            judge(&Figures { knee: Some(32.0), ..figures(200.0, 1900.0, 1900.0) });
        assert!(because.ends_with("More were not tried."), "{because}");
    }

    #[test]
    fn less_is_half_true_and_nothing_is_false() {
        assert_eq!(judge(&figures(200.0, 400.0, 400.0)).0, Verdict::HalfTrue);
        assert_eq!(judge(&figures(200.0, 210.0, 200.0)).0, Verdict::False);
    }

    #[test]
    fn nothing_measured_decides_nothing() {
        let none = Figures { at_usable: None, ..figures(0.0, 0.0, 0.0) };
        assert_eq!(judge(&none).0, Verdict::Undecided);
        assert_eq!(judge(&figures(0.0, 0.0, 0.0)).0, Verdict::Undecided);
    }
}
