//! WRONG_ANSWER: takes the mean of the runs, which one run of them can move.

use std::collections::BTreeMap;

/// One run: with how many workers, and how many tasks they completed in a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The number of workers.
    pub workers: usize,
    /// Tasks per second.
    pub rate: u64,
}

/// The curve has not bent so far as it was measured. Runs with more workers would tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoKnee;

/// The smallest number of workers, among those that were measured, that reaches 90 % of the best rate. The rate of a
/// number of workers is the median of its runs, the lower one of the two in the middle if they are even.
///
/// # Errors
/// [`NoKnee`] if nothing was measured, or if only the largest number of workers is enough.
pub fn enough(runs: &[Run]) -> Result<usize, NoKnee> {
    let curve = curve(runs);
    let best = curve.values().max().ok_or(NoKnee)?;
    let first = curve.iter().find(|(_, rate)| *rate * 10 >= best * 9);
    first
        .map(|(workers, _)| *workers)
        .filter(|workers| curve.last_key_value().is_some_and(|(largest, _)| largest != workers))
        .ok_or(NoKnee)
}

/// The median rate of each number of workers that was measured, in ascending order.
fn curve(runs: &[Run]) -> BTreeMap<usize, u64> {
    let mut rates: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
    for run in runs {
        rates.entry(run.workers).or_default().push(run.rate);
    }
    rates.into_iter().map(|(workers, rates)| (workers, median(rates))).collect()
}

fn median(rates: Vec<u64>) -> u64 {
    rates.iter().sum::<u64>() / rates.len() as u64
}
