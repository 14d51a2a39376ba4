//! What lies below a plot, and the markers that it explains.

use super::{
    COLOURS, LEGEND_LINE, Layer, WIDTH, Whose, class, cut, has_both, push, text_at, width_of,
};
use crate::plot::PlotKind;

/// What lies below a plot: each name with its marker, and whose line is which.
pub(super) struct Legend {
    kind: PlotKind,
    /// Where each entry stands: across, and in which line.
    places: Vec<(f64, usize)>,
    pub(super) height: f64,
}

/// The entries that say whose line is which, if there are two kinds.
const OWNERS: [(&str, Whose); 2] = [("ours", Whose::Ours), ("yours", Whose::Yours)];

impl Legend {
    pub(super) fn new(kind: PlotKind, names: &[&str], layers: &[Layer<'_>]) -> Legend {
        let owners = if has_both(layers) { &OWNERS[..] } else { &[] };
        let owners = owners.iter().map(|(name, _)| *name);
        let (mut places, mut across, mut line) = (Vec::new(), 4.0, 0);
        for name in names.iter().copied().chain(owners) {
            let width = 40.0 + width_of(name) + 18.0;
            if across > 4.0 && across + width > WIDTH {
                (across, line) = (4.0, line + 1);
            }
            places.push((across, line));
            across += width;
        }
        let lines = if places.is_empty() { 0 } else { line + 1 };
        Legend { kind, places, height: lines as f64 * LEGEND_LINE + 6.0 }
    }

    pub(super) fn draw(
        &self,
        svg: &mut String,
        top: f64,
        names: &[&str],
        layers: &[Layer<'_>],
    ) {
        for (nth, (across, line)) in self.places.iter().enumerate() {
            let y = top + *line as f64 * LEGEND_LINE + LEGEND_LINE / 2.0;
            let (name, whose, number) = match names.get(nth) {
                Some(name) => (*name, Whose::Yours, Some(nth)),
                None => {
                    let (name, whose) = OWNERS[(nth - names.len()).min(1)];
                    (name, whose, None)
                }
            };
            let colour = match number {
                Some(number) => format!("var(--plot-{})", number % COLOURS + 1),
                None => "currentColor".to_owned(),
            };
            let both = if has_both(layers) { " of-two" } else { "" };
            push(
                svg,
                format_args!(
                    r#"<g class="plot-series {}{both}" style="--plot: {colour}">"#,
                    class(whose)
                ),
            );
            match (self.kind, number) {
                (PlotKind::Bars, _) => push(
                    svg,
                    format_args!(
                        r#"<rect class="plot-bar {}{both}" x="{across:.1}" y="{:.1}" width="30" height="12"/>"#,
                        class(whose),
                        y - 6.0
                    ),
                ),
                (PlotKind::Lines, number) => {
                    push(
                        svg,
                        format_args!(r#"<path class="plot-line" d="M{across:.1} {y:.1}h30"/>"#),
                    );
                    if let Some(number) = number {
                        marker(svg, number, across + 15.0, y);
                    }
                }
            }
            svg.push_str("</g>\n");
            let room = WIDTH - across - 38.0;
            text_at(svg, across + 38.0, y + 5.0, "start", &cut(name, room));
        }
    }
}

/// A small form of its own for each of the eight numbers.
pub(super) fn marker(svg: &mut String, number: usize, x: f64, y: f64) {
    let path = match number % 8 {
        0 => format!("M{:.1} {y:.1}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z", x - 4.0),
        1 => format!("M{:.1} {:.1}h7v7h-7z", x - 3.5, y - 3.5),
        2 => format!("M{x:.1} {:.1}l5 5l-5 5l-5 -5z", y - 5.0),
        3 => format!("M{x:.1} {:.1}l5 9h-10z", y - 5.0),
        4 => format!("M{x:.1} {:.1}l5 -9h-10z", y + 5.0),
        5 => format!("M{:.1} {:.1}h12v4h-12z", x - 6.0, y - 2.0),
        6 => format!("M{:.1} {:.1}h4v12h-4z", x - 2.0, y - 6.0),
        _ => format!("M{:.1} {:.1}l8 8l0 -8l-8 8z", x - 4.0, y - 4.0),
    };
    push(svg, format_args!(r#"<path class="plot-mark" d="{path}"/>"#));
}
