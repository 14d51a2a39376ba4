//! Where a moment of the run lies on the axis.
//!
//! A run has steps of 0.1 ms and waits of 100 ms, and a reader has to see both. So the axis is not even: between one
//! moment and the next lies a length that grows with the logarithm of the time between them, once that is longer than
//! most. The order of the moments is always kept, and the ticks say the times.

/// A stretch that is this many times as long as the median one is marked as drawn too short.
const SQUEEZED: u64 = 10;

/// A monotonic map from the times of a run to 0..=1.
#[derive(Debug)]
pub(crate) struct Scale {
    /// Times, and where they lie; both never fall.
    points: Vec<(u64, f64)>,
    median_us: u64,
}

impl Scale {
    /// `moments` are sorted, each there once.
    pub(crate) fn new(moments: &[u64]) -> Scale {
        let mut stretches: Vec<u64> =
            moments.windows(2).map(|pair| pair[1] - pair[0]).collect();
        stretches.sort_unstable();
        let median_us = stretches.get(stretches.len() / 2).copied().unwrap_or(1).max(1);
        let length = |stretch: u64| (1.0 + stretch as f64 / median_us as f64).ln();
        let mut reached = 0.0;
        let mut points: Vec<(u64, f64)> =
            moments.first().map(|first| (*first, 0.0)).into_iter().collect();
        for pair in moments.windows(2) {
            reached += length(pair[1] - pair[0]);
            points.push((pair[1], reached));
        }
        for point in &mut points {
            point.1 = if reached > 0.0 { (point.1 / reached).min(1.0) } else { 0.0 };
        }
        Scale { points, median_us }
    }

    /// Where `time_us` lies, from 0 to 1.
    pub(crate) fn at(&self, time_us: u64) -> f64 {
        let after = self.points.partition_point(|point| point.0 <= time_us);
        let Some(before) = after.checked_sub(1).and_then(|index| self.points.get(index)) else {
            return 0.0;
        };
        let Some(next) = self.points.get(after) else { return before.1 };
        let part = (time_us - before.0) as f64 / (next.0 - before.0) as f64;
        before.1 + (next.1 - before.1) * part
    }

    /// Moments that a tick can stand at: the first, the last, and as many between them as keep `distance` (of 1) from
    /// each other.
    pub(crate) fn ticks(&self, distance: f64) -> Vec<(u64, f64)> {
        let (Some(first), Some(last)) = (self.points.first(), self.points.last()) else {
            return Vec::new();
        };
        let mut ticks = vec![*first];
        for point in &self.points {
            let reached = ticks.last().map_or(0.0, |tick| tick.1);
            if point.1 - reached >= distance && last.1 - point.1 >= distance {
                ticks.push(*point);
            }
        }
        if last.1 > first.1 {
            ticks.push(*last);
        }
        ticks
    }

    /// The middles of the stretches that are drawn much shorter than the others.
    pub(crate) fn squeezed(&self) -> Vec<f64> {
        self.points
            .windows(2)
            .filter(|pair| (pair[1].0 - pair[0].0) / self.median_us >= SQUEEZED)
            .map(|pair| f64::midpoint(pair[0].1, pair[1].1))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_steps_stay_even() {
        let scale = Scale::new(&[0, 100, 200, 300, 400]);
        for (time, place) in [(0, 0.0), (100, 0.25), (250, 0.625), (400, 1.0), (900, 1.0)] {
            assert!((scale.at(time) - place).abs() < 1e-9, "{time}: {}", scale.at(time));
        }
        assert!(scale.squeezed().is_empty());
    }

    #[test]
    fn a_long_stretch_leaves_room_for_the_short_ones_and_is_marked() {
        let scale = Scale::new(&[0, 100, 200, 300, 100_300, 100_400]);
        assert!(scale.at(100) > 0.05, "{scale:?}");
        assert!(scale.at(100_300) - scale.at(300) > scale.at(200) - scale.at(100));
        assert_eq!(scale.squeezed().len(), 1);
    }

    #[test]
    fn ticks_keep_their_distance_and_show_both_ends() {
        let moments: Vec<u64> = (0..100).map(|step| step * 10).collect();
        let ticks = Scale::new(&moments).ticks(0.2);
        assert_eq!((ticks[0].0, ticks.last().expect("ticks").0), (0, 990));
        assert!(ticks.windows(2).all(|pair| pair[1].1 - pair[0].1 >= 0.2), "{ticks:?}");
        assert!(ticks.len() >= 4);
    }

    #[test]
    fn one_moment_or_none_is_no_division_by_zero() {
        assert_eq!(Scale::new(&[]).at(5), 0.0);
        assert_eq!(Scale::new(&[5]).at(5), 0.0);
        assert_eq!(Scale::new(&[5]).ticks(0.1).len(), 1);
        let far = Scale::new(&[0, u64::MAX]);
        assert!(far.at(u64::MAX / 2) <= 1.0);
    }
}
