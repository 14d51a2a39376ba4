//! Where a value lies on an axis, and where the ticks are.

use crate::number::{amount, bytes_per, names_unit};
use crate::plot::{Axis, AxisScale};

/// The most ticks on an axis.
const TICKS_MAX: usize = 9;

/// An axis whose ends are known.
#[derive(Debug)]
pub(crate) struct Ruler {
    scale: AxisScale,
    /// In the axis's own measure: the value, or its logarithm.
    from: f64,
    to: f64,
    pub(crate) ticks: Vec<(f64, String)>,
}

impl Ruler {
    /// A ruler that holds all of `values` that can be shown on such an axis.
    pub(crate) fn new(axis: &Axis, values: impl Iterator<Item = f64>) -> Ruler {
        let shown = values.filter_map(|value| measure(axis.scale, value));
        let (mut from, mut to) = shown
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(value), high.max(value))
            });
        if from > to {
            (from, to) = (0.0, 1.0);
        }
        let step = match axis.scale {
            AxisScale::Linear => {
                // From 0, so that twice as high is twice as much.
                (from, to) = (from.min(0.0), to.max(0.0));
                if to - from <= 0.0 {
                    to = from + 1.0;
                }
                let step = match bytes_per(&axis.unit) {
                    Some(bytes) => power_of_2((to - from) * bytes / 4.0) / bytes,
                    None => nice((to - from) / 5.0),
                };
                (from, to) = ((from / step).floor() * step, (to / step).ceil() * step);
                step
            }
            AxisScale::Log2 | AxisScale::Log10 => {
                (from, to) = (from.floor(), to.ceil());
                if to - from < 1.0 {
                    to = from + 1.0;
                }
                ((to - from) / (TICKS_MAX - 1) as f64).ceil().max(1.0)
            }
        };
        let count = (((to - from) / step).round() as usize).min(TICKS_MAX * 2);
        let ticks = (0..=count)
            .map(|nth| from + nth as f64 * step)
            .filter(|tick| *tick <= to + step * 1e-9)
            .map(|tick| {
                let value = value(axis.scale, tick);
                // Where the numbers do not name the unit, the axis's label does.
                let unit = if names_unit(&axis.unit) { axis.unit.as_str() } else { "" };
                (value, amount(value, unit))
            })
            .collect();
        Ruler { scale: axis.scale, from, to, ticks }
    }

    /// Where `value` lies, from 0.0 to 1.0; `None` if this axis cannot show it.
    pub(crate) fn place(&self, value: f64) -> Option<f64> {
        let place = (measure(self.scale, value)? - self.from) / (self.to - self.from);
        Some(place.clamp(0.0, 1.0))
    }
}

/// What an axis is called, with its unit unless the ticks name it.
pub(crate) fn label(axis: &Axis) -> String {
    if axis.unit.is_empty() || names_unit(&axis.unit) {
        axis.label.clone()
    } else {
        format!("{} ({})", axis.label, axis.unit)
    }
}

/// The greatest number that a plot shows. Beyond it the differences of two could be infinite.
const VALUE_MAX: f64 = 1e30;

fn measure(scale: AxisScale, value: f64) -> Option<f64> {
    let value = value.clamp(-VALUE_MAX, VALUE_MAX);
    match scale {
        _ if value.is_nan() => None,
        AxisScale::Linear => Some(value),
        AxisScale::Log2 => (value > 1e-30).then(|| value.log2()),
        AxisScale::Log10 => (value > 1e-30).then(|| value.log10()),
    }
}

fn value(scale: AxisScale, measure: f64) -> f64 {
    match scale {
        AxisScale::Linear => measure,
        AxisScale::Log2 => measure.exp2(),
        AxisScale::Log10 => 10_f64.powf(measure),
    }
}

/// The next number above that is 1, 2 or 5 times a power of 10.
fn nice(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= step * 0.999_999);
    factor.unwrap_or(10.0) * power
}

/// The next power of 2 above, for what is counted in KiB and MiB.
fn power_of_2(step: f64) -> f64 {
    step.log2().ceil().exp2()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(axis: &Axis, values: &[f64]) -> Vec<String> {
        let ruler = Ruler::new(axis, values.iter().copied());
        ruler.ticks.into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn a_linear_axis_begins_at_0_and_has_round_ticks() {
        let axis = Axis::linear("time", "ms");
        assert_eq!(ticks(&axis, &[3.0, 11.5]), ["0", "5 ms", "10 ms", "15 ms"]);
        assert_eq!(ticks(&Axis::linear("n", ""), &[]), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        assert_eq!(ticks(&Axis::linear("n", ""), &[0.0, 0.0]).len(), 6);
        let memory = Axis::linear("memory", "KiB");
        assert_eq!(ticks(&memory, &[3_100.0]), ["0 B", "1 MiB", "2 MiB", "3 MiB", "4 MiB"]);
    }

    #[test]
    fn a_logarithmic_axis_has_whole_powers() {
        let axis = Axis::log2("size", "B");
        let ticks_of = ticks(&axis, &[8.0, 64.0 * 1048576.0]);
        assert_eq!(ticks_of.first().map(String::as_str), Some("8 B"));
        assert!(ticks_of.len() <= TICKS_MAX, "{ticks_of:?}");
        assert_eq!(
            ticks(&Axis::log10("rate", "tasks/s"), &[20.0, 3000.0]),
            ["10", "100", "1 k", "10 k"]
        );
        // Zeros and worse cannot be shown, and are left out.
        assert_eq!(ticks(&Axis::log10("n", ""), &[0.0, -1.0, f64::NAN, 5.0]), ["1", "10"]);
    }

    #[test]
    fn places_are_within_the_axis() {
        let ruler = Ruler::new(&Axis::linear("n", ""), [0.0, 10.0].into_iter());
        assert_eq!(ruler.place(5.0), Some(0.5));
        assert_eq!(ruler.place(50.0), Some(1.0));
        assert_eq!(ruler.place(f64::NAN), None);
        let ruler = Ruler::new(&Axis::log2("n", ""), [1.0, 16.0].into_iter());
        assert_eq!(ruler.place(4.0), Some(0.5));
        assert_eq!(ruler.place(0.0), None);
    }
}
