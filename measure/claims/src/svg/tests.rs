//! Whatever a plot's figures are, its picture is well-formed and keeps within its box.

use super::*;
use crate::plot::{Axis, AxisScale};
use proptest::prelude::*;

fn plot(kind: PlotKind, series: Vec<Series>) -> Plot {
    Plot {
        id: "p".into(),
        title: "Throughput <of> \"all\"".into(),
        kind,
        categories: vec!["fork".into(), "spawn & more".into()],
        x: Axis::linear("workers", ""),
        y: Axis::linear("rate", "tasks/s"),
        series,
    }
}

fn series(name: &str, points: &[(f64, f64)]) -> Series {
    let mut series = Series::new(name);
    points.iter().for_each(|(x, y)| series.push(*x, *y));
    series
}

/// Parses the picture and looks at every number of it.
fn check(svg: &str) {
    assert!(!svg.lines().any(|line| line.trim().is_empty()), "a blank line in {svg}");
    let document = roxmltree::Document::parse(svg).expect("well-formed");
    let root = document.root_element();
    let size: Vec<f64> = root
        .attribute("viewBox")
        .expect("a box")
        .split(' ')
        .map(|number| number.parse().expect("a number"))
        .collect();
    let inside = |x: f64, y: f64| {
        assert!((0.0..=size[2]).contains(&x), "{x} is not within {}", size[2]);
        assert!((0.0..=size[3]).contains(&y), "{y} is not within {}", size[3]);
    };
    for node in document.descendants() {
        let number = |name| {
            let text: &str = node.attribute(name)?;
            text.parse::<f64>().ok()
        };
        if let (Some(x), Some(y)) = (number("x"), number("y")) {
            inside(x, y);
            inside(x + number("width").unwrap_or(0.0), y + number("height").unwrap_or(0.0));
        }
        if let Some(path) = node.attribute("d") {
            assert!(!path.contains("NaN") && !path.contains("inf"), "{path}");
            for point in path.split(['M', 'L']).filter(|part| !part.is_empty()) {
                let mut numbers = point.split([' ', 'a', 'h', 'v', 'l', 'V', 'H', 'z']);
                let x = numbers.next().and_then(|it| it.parse().ok()).expect("a number");
                let y = numbers.next().and_then(|it| it.parse().ok()).expect("a number");
                inside(x, y);
            }
        }
    }
}

#[test]
fn a_plot_names_its_axes_and_its_series() {
    let ours = plot(PlotKind::Lines, vec![series("fork", &[(1.0, 10.0), (2.0, 20.0)])]);
    let picture = svg("p", &ours, None);
    check(&picture);
    for text in ["rate (tasks/s)", ">workers<", ">fork<", "&lt;of&gt;", ">20<"] {
        assert!(picture.contains(text), "no {text} in {picture}");
    }
    assert!(!picture.contains(">yours<"));
}

#[test]
fn the_readers_curve_lies_over_ours_on_axes_that_hold_both() {
    let ours = plot(PlotKind::Lines, vec![series("fork", &[(1.0, 10.0), (2.0, 20.0)])]);
    let yours = plot(PlotKind::Lines, vec![series("fork", &[(1.0, 70.0), (8.0, 90.0)])]);
    let picture = svg("p", &ours, Some(&yours));
    check(&picture);
    for text in [">ours<", ">yours<", ">100<", ">8<", "plot-series yours of-two"] {
        assert!(picture.contains(text), "no {text} in {picture}");
    }
    assert!(
        picture.contains("Yours, fork: 70 tasks/s at 1, 90 tasks/s at 8, 1.29 times as much."),
        "{picture}"
    );
    let other = Plot { id: "other".into(), ..yours };
    assert_eq!(svg("p", &ours, Some(&other)), svg("p", &ours, None));
}

#[test]
fn bars_have_their_names_and_figures() {
    let ours = plot(PlotKind::Bars, vec![series("USS", &[(0.0, 80.0), (1.0, 176.0)])]);
    let picture = svg("p", &ours, Some(&ours));
    check(&picture);
    for text in [">spawn &amp; more<", ">176 tasks/s<", "plot-bar yours"] {
        assert!(picture.contains(text), "no {text} in {picture}");
    }
}

#[test]
fn what_cannot_be_drawn_is_left_out() {
    for points in [
        &[][..],
        &[(1.0, 1.0)],
        &[(0.0, 0.0), (0.0, 0.0)],
        &[(f64::NAN, 1.0), (1.0, f64::INFINITY), (f64::NEG_INFINITY, -1e300)],
    ] {
        for scale in [AxisScale::Linear, AxisScale::Log2, AxisScale::Log10] {
            for kind in [PlotKind::Lines, PlotKind::Bars] {
                let mut odd = plot(kind, vec![series("a", points)]);
                (odd.x.scale, odd.y.scale) = (scale, scale);
                check(&svg("p", &odd, Some(&odd)));
            }
        }
    }
    let many: Vec<(f64, f64)> =
        (0..100_000).map(|n| (f64::from(n), f64::from(n % 7))).collect();
    let picture = svg("p", &plot(PlotKind::Lines, vec![series("a", &many)]), None);
    check(&picture);
    assert!(picture.len() < 50_000, "{} bytes", picture.len());
}

proptest! {
    #[test]
    fn any_plot_is_a_picture_within_its_box(
        names in proptest::collection::vec(".{0,60}", 0..12),
        points in proptest::collection::vec((any::<f64>(), any::<f64>()), 0..40),
        categories in proptest::collection::vec(".{0,90}", 0..50),
        title in ".*", label in ".{0,120}", unit in "[a-zA-Zµ/%]{0,6}",
        bars in any::<bool>(), scales in (0..3_u8, 0..3_u8),
    ) {
        let scale = |nth| match nth {
            0 => AxisScale::Linear,
            1 => AxisScale::Log2,
            _ => AxisScale::Log10,
        };
        let axis = |nth| Axis { label: label.clone(), unit: unit.clone(), scale: scale(nth) };
        let plot = Plot {
            id: "p".into(),
            title,
            kind: if bars { PlotKind::Bars } else { PlotKind::Lines },
            categories,
            x: axis(scales.0),
            y: axis(scales.1),
            series: names.iter().map(|name| series(name, &points)).collect(),
        };
        check(&svg("p", &plot, None));
        check(&svg("p", &plot, Some(&plot)));
    }
}
