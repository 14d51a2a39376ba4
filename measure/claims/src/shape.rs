//! The shapes that verdicts speak of: a curve grows, stays flat, has a knee, crosses another one.
//!
//! Machines differ and are noisy, so each question has a factor in it that is far from what noise does.

use crate::plot::{Point, Series};

/// The median, or `None` of nothing. It is what a figure of the book is: one slow repetition does not move it.
pub fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        n if n % 2 == 0 => Some((values[middle - 1] + values[middle]) / 2.0),
        _ => Some(values[middle]),
    }
}

/// How many times as high the last point is as the first; `None` with fewer than two points.
pub fn growth(series: &Series) -> Option<f64> {
    let (first, last) = (series.points.first()?, series.points.last()?);
    (series.points.len() > 1 && first.y > 0.0).then(|| last.y / first.y)
}

/// Whether the highest point is at most `factor` times the lowest.
pub fn is_flat(series: &Series, factor: f64) -> bool {
    let (mut low, mut high) = (f64::INFINITY, 0.0_f64);
    for point in &series.points {
        low = low.min(point.y);
        high = high.max(point.y);
    }
    !series.points.is_empty() && high <= low * factor
}

/// The first `x` at which the series reaches `share` of its highest point: the knee of a curve that rises and then stays
/// flat.
pub fn knee(series: &Series, share: f64) -> Option<f64> {
    let high = series.points.iter().map(|point| point.y).fold(0.0, f64::max);
    series.points.iter().find(|point| point.y >= share * high).map(|point| point.x)
}

/// The `x` at which `a`, which begins below `b`, comes above it, by straight lines between the points that both have.
/// `None` if it does not, or if they share fewer than two points.
pub fn crossing(a: &Series, b: &Series) -> Option<f64> {
    let both: Vec<(Point, f64)> =
        a.points.iter().filter_map(|point| Some((*point, b.at(point.x)?))).collect();
    both.windows(2).find_map(|pair| {
        let [(first, first_b), (second, second_b)] = pair else { return None };
        let (before, after) = (first.y - first_b, second.y - second_b);
        (before <= 0.0 && after > 0.0)
            .then(|| first.x + (second.x - first.x) * before / (before - after))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(points: &[(f64, f64)]) -> Series {
        let mut series = Series::new("a");
        points.iter().for_each(|(x, y)| series.push(*x, *y));
        series
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&mut []), None);
        assert_eq!(median(&mut [3.0, 1.0, 90.0]), Some(3.0));
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 90.0]), Some(3.0));
    }

    #[test]
    fn growth_and_flatness_are_opposites() {
        let grows = series(&[(1.0, 10.0), (2.0, 20.0), (4.0, 40.0)]);
        assert_eq!(growth(&grows), Some(4.0));
        assert!(!is_flat(&grows, 2.0) && is_flat(&grows, 4.0));
        assert_eq!(growth(&series(&[(1.0, 10.0)])), None);
        assert!(!is_flat(&series(&[]), 2.0));
    }

    #[test]
    fn the_knee_is_where_the_rise_ends() {
        let rises = series(&[(1.0, 10.0), (2.0, 19.0), (4.0, 20.0), (8.0, 19.5)]);
        assert_eq!(knee(&rises, 0.9), Some(2.0));
        assert_eq!(knee(&series(&[]), 0.9), None);
    }

    #[test]
    fn two_lines_cross_once_or_never() {
        let rises = series(&[(0.0, 1.0), (10.0, 3.0)]);
        let flat = series(&[(0.0, 2.0), (10.0, 2.0)]);
        assert_eq!(crossing(&rises, &flat), Some(5.0));
        assert_eq!(crossing(&flat, &rises), None);
        assert_eq!(crossing(&rises, &series(&[(3.0, 1.0)])), None);
    }
}
