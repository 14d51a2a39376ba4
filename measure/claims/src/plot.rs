//! A plot as data: what the experiment measured, ready to be drawn.

use serde::{Deserialize, Serialize};

/// How a plot is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlotKind {
    /// A curve for each series.
    #[default]
    Lines,
    /// A bar for each series at each of [`Plot::categories`]; `x` is the category's index.
    Bars,
}

/// How an axis is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AxisScale {
    /// From 0.
    #[default]
    Linear,
    /// By powers of 2; every value is above 0.
    Log2,
    /// By powers of 10; every value is above 0.
    Log10,
}

/// An axis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Axis {
    /// What it counts: `workers`, `time to start a worker`.
    pub label: String,
    /// The unit of the points: `ms`, `tasks/s`, `B`, `MiB`. Empty for a plain count. With `B` the ticks are written
    /// with binary prefixes (`4 KiB`), with `ns` by the fitting unit of time (`3 µs`).
    pub unit: String,
    /// How it is divided.
    pub scale: AxisScale,
}

/// One measured point.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// In the unit of the plot's `x`.
    pub x: f64,
    /// In the unit of the plot's `y`: the median of the repetitions.
    pub y: f64,
}

/// One curve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// What tells it from the others: `fork`, `spawn`.
    pub name: String,
    /// By growing `x`. May be empty if this machine could not measure it; a note says why.
    pub points: Vec<Point>,
}

/// Curves over the same two axes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plot {
    /// What tells it from the other plots of its finding: `throughput`. The reader's plot is laid over ours of the same id.
    pub id: String,
    /// What it shows, as a heading.
    pub title: String,
    /// How it is drawn.
    #[serde(default)]
    pub kind: PlotKind,
    /// The names below the bars; empty for lines.
    #[serde(default)]
    pub categories: Vec<String>,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// At most 8 of them.
    pub series: Vec<Series>,
}

impl Plot {
    /// The series called `name`, or nothing if this machine could not measure it.
    pub fn series(&self, name: &str) -> Option<&Series> {
        self.series.iter().find(|series| series.name == name && !series.points.is_empty())
    }
}

impl Series {
    /// A series without points.
    pub fn new(name: impl Into<String>) -> Series {
        Series { name: name.into(), points: Vec::new() }
    }

    /// Adds a point.
    pub fn push(&mut self, x: f64, y: f64) {
        self.points.push(Point { x, y });
    }

    /// The `y` at exactly this `x`.
    pub fn at(&self, x: f64) -> Option<f64> {
        self.points.iter().find(|point| point.x == x).map(|point| point.y)
    }
}

impl Axis {
    /// A linear axis.
    pub fn linear(label: impl Into<String>, unit: impl Into<String>) -> Axis {
        Axis { label: label.into(), unit: unit.into(), scale: AxisScale::Linear }
    }

    /// An axis by powers of 2.
    pub fn log2(label: impl Into<String>, unit: impl Into<String>) -> Axis {
        Axis { label: label.into(), unit: unit.into(), scale: AxisScale::Log2 }
    }

    /// An axis by powers of 10.
    pub fn log10(label: impl Into<String>, unit: impl Into<String>) -> Axis {
        Axis { label: label.into(), unit: unit.into(), scale: AxisScale::Log10 }
    }
}
