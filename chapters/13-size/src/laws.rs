//! Two laws that say what more workers can bring.
//!
//! # References
//! Gene Amdahl, "Validity of the single processor approach to achieving large scale computing capabilities", AFIPS 1967;
//! John Little, "A proof for the queuing formula: L = λW", Operations Research 9(3), 1961.

// ANCHOR: amdahl
/// How many times as fast a program is with `workers` of which each has a processor of its own, if the share `serial` of
/// its time cannot be divided among them (Amdahl's law).
///
/// ```
/// // A tenth of the work is done by one: no number of workers makes it ten times as fast.
/// assert!((size::speedup(0.1, 9) - 5.0).abs() < 1e-9);
/// assert!(size::speedup(0.1, 1_000_000) < 10.0);
/// ```
///
/// # Panics
/// If `serial` is not from 0.0 to 1.0, or `workers` is 0.
pub fn speedup(serial: f64, workers: usize) -> f64 {
    assert!((0.0..=1.0).contains(&serial), "{serial} is no share: it must be from 0.0 to 1.0");
    assert!(workers > 0, "no workers do no work");
    1.0 / (serial + (1.0 - serial) / workers as f64)
}
// ANCHOR_END: amdahl

// ANCHOR: little
/// The throughput of `workers` that each wait for the share `waiting` of their time and compute otherwise, on `cpus`
/// processors: in multiples of the throughput of one worker.
///
/// By Little's law one worker completes one task in one task's time, and `workers` complete as many as they are, until
/// together they would compute more than the processors can: that is the knee.
///
/// ```
/// // Tasks that wait for nine tenths of their time, on two processors: the knee is at 20 workers.
/// assert_eq!(size::throughput(0.9, 2.0, 5), 5.0);
/// assert!((size::throughput(0.9, 2.0, 100) - 20.0).abs() < 1e-9);
/// ```
///
/// # Panics
/// If `waiting` is not from 0.0 to 1.0, or `cpus` is not above 0.
pub fn throughput(waiting: f64, cpus: f64, workers: usize) -> f64 {
    assert!(
        (0.0..=1.0).contains(&waiting),
        "{waiting} is no share: it must be from 0.0 to 1.0"
    );
    assert!(cpus > 0.0, "{cpus} processors do no work");
    // With nothing to compute the knee is at infinity, and the smaller one counts.
    (workers as f64).min(cpus / (1.0 - waiting))
}
// ANCHOR_END: little

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_ends_of_both_laws() {
        assert_eq!(speedup(0.0, 8), 8.0);
        assert_eq!(speedup(1.0, 8), 1.0);
        assert_eq!(throughput(0.0, 2.0, 8), 2.0);
        assert_eq!(throughput(1.0, 2.0, 8), 8.0);
        // Half a processor's worth of quota halves what one worker can do.
        assert_eq!(throughput(0.0, 0.5, 1), 0.5);
    }

    proptest! {
        #[test]
        fn more_workers_never_do_less_and_never_more_than_they_are(
            share in 0.0..=1.0_f64, cpus in 0.1..64.0_f64, workers in 1_usize..1000,
        ) {
            prop_assert!(throughput(share, cpus, workers) <= throughput(share, cpus, workers + 1));
            prop_assert!(throughput(share, cpus, workers) <= workers as f64);
            prop_assert!(speedup(share, workers) <= speedup(share, workers + 1) * (1.0 + 1e-12));
            prop_assert!(speedup(share, workers) <= workers as f64 * (1.0 + 1e-12));
        }
    }
}
