//! A plot as inline SVG in the theme's colours: ours, and the reader's laid over it.
//!
//! Colour and the form of the markers tell the series apart, the line tells whose it is. The colours are CSS variables
//! `--plot-1` to `--plot-6`, which the book's style sheet sets for each theme. There is no blank line in it, because one
//! would end the HTML block of a page.

mod legend;

use crate::axis::{Ruler, label};
use crate::number::amount;
use crate::plot::{Plot, PlotKind, Point, Series};
use legend::{Legend, marker};
use std::collections::BTreeSet;
use std::fmt::Write;

/// The width of the box in its own units, which are pixels at full size.
const WIDTH: f64 = 640.0;
/// Room for the numbers of the vertical axis.
const LEFT: f64 = 76.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 34.0;
/// The height of the area that the curves lie in.
const HEIGHT: f64 = 250.0;
const FONT: f64 = 14.0;
/// How wide a letter is at most, on average.
const LETTER: f64 = 7.6;
const LEGEND_LINE: f64 = 22.0;
/// How many series are told apart.
const SERIES_MAX: usize = 8;
const COLOURS: usize = 6;
/// How many points of a series are drawn: more than there are pixels show nothing more.
const POINTS_MAX: usize = 640;
/// How many bars are drawn for one series.
const CATEGORIES_MAX: usize = 40;

/// Whose figures they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Ours,
    Yours,
}

/// What is drawn: a series, whose it is, and its number among the names.
struct Layer<'a> {
    series: &'a Series,
    whose: Whose,
    number: usize,
}

/// The plot as an `<svg>` element. `id` is unique on the page and made of letters, digits and hyphens.
///
/// `yours` is laid over `ours` on axes that hold both. Whatever the figures are, the picture keeps within its box.
pub fn svg(id: &str, ours: &Plot, yours: Option<&Plot>) -> String {
    let yours = yours.filter(|yours| {
        // Another unit would need another axis.
        (&yours.id, yours.kind, &yours.x.unit, &yours.y.unit)
            == (&ours.id, ours.kind, &ours.x.unit, &ours.y.unit)
    });
    let names: Vec<&str> = names(ours, yours);
    let layers = layers(ours, yours, &names);
    match ours.kind {
        PlotKind::Lines => lines(id, ours, &names, &layers),
        PlotKind::Bars => bars(id, ours, yours, &names, &layers),
    }
}

/// One sentence for each series: where it begins, where it ends, and how many times as high that is.
pub fn describe(ours: &Plot, yours: Option<&Plot>) -> String {
    let mut text = String::new();
    for (whose, plot) in [("Ours", Some(ours)), ("Yours", yours)] {
        let Some(plot) = plot else { continue };
        for series in plot.series.iter().take(SERIES_MAX) {
            let (Some(first), Some(last)) = (series.points.first(), series.points.last())
            else {
                continue;
            };
            let x = |point: &Point| match plot.kind {
                PlotKind::Bars => category(plot, point).to_owned(),
                PlotKind::Lines => amount(point.x, &plot.x.unit),
            };
            let grown = match (plot.kind, last.y / first.y) {
                (PlotKind::Lines, factor) if factor.is_finite() && series.points.len() > 1 => {
                    format!(", {} times as much", amount(factor, ""))
                }
                _ => String::new(),
            };
            let sentence = format!(
                "{whose}, {}: {} at {}, {} at {}{grown}. ",
                series.name,
                amount(first.y, &plot.y.unit),
                x(first),
                amount(last.y, &plot.y.unit),
                x(last)
            );
            text.push_str(&sentence);
        }
    }
    text.trim_end().to_owned()
}

/// The names of all series, ours first. A series that only the reader has comes behind them.
fn names<'a>(ours: &'a Plot, yours: Option<&'a Plot>) -> Vec<&'a str> {
    let mut seen = BTreeSet::new();
    let all = ours.series.iter().chain(yours.iter().flat_map(|plot| &plot.series));
    all.filter(|series| !series.points.is_empty())
        .map(|series| series.name.as_str())
        .filter(|name| seen.insert(*name))
        .take(SERIES_MAX)
        .collect()
}

fn layers<'a>(ours: &'a Plot, yours: Option<&'a Plot>, names: &[&str]) -> Vec<Layer<'a>> {
    let of = |plot: &'a Plot, whose| {
        plot.series.iter().filter_map(move |series| {
            let number = names.iter().position(|name| *name == series.name)?;
            Some(Layer { series, whose, number })
        })
    };
    of(ours, Whose::Ours)
        .chain(yours.into_iter().flat_map(|plot| of(plot, Whose::Yours)))
        .collect()
}

fn lines(id: &str, plot: &Plot, names: &[&str], layers: &[Layer<'_>]) -> String {
    let points = || layers.iter().flat_map(|layer| &layer.series.points);
    let x = Ruler::new(&plot.x, points().map(|point| point.x));
    let y = Ruler::new(&plot.y, points().map(|point| point.y));
    let legend = Legend::new(plot.kind, names, layers);
    let bottom = TOP + HEIGHT;
    let mut svg = open(id, plot, layers, bottom + 52.0 + legend.height);

    for (value, text) in &y.ticks {
        let at = bottom - HEIGHT * y.place(*value).unwrap_or(0.0);
        push(
            &mut svg,
            format_args!(
                r#"<path class="plot-grid" d="M{LEFT} {at:.1}H{:.1}"/>"#,
                WIDTH - RIGHT
            ),
        );
        text_at(&mut svg, LEFT - 8.0, at + 5.0, "end", text);
    }
    let mut free_from = 0.0;
    for (value, text) in &x.ticks {
        let at = LEFT + (WIDTH - LEFT - RIGHT) * x.place(*value).unwrap_or(0.0);
        push(&mut svg, format_args!(r#"<path class="plot-axis" d="M{at:.1} {bottom}v6"/>"#));
        let half = width_of(text) / 2.0;
        // A number that would touch the one before is left out; its tick stays.
        if at - half >= free_from {
            let middle = at.min(WIDTH - half);
            text_at(&mut svg, middle, bottom + 21.0, "middle", text);
            free_from = at + half + 8.0;
        }
    }
    push(
        &mut svg,
        format_args!(
            r#"<path class="plot-axis" d="M{LEFT} {TOP}V{bottom}H{:.1}"/>"#,
            WIDTH - RIGHT
        ),
    );
    text_at(&mut svg, 4.0, 18.0, "start", &cut(&label(&plot.y), WIDTH - 8.0));
    let x_label = cut(&label(&plot.x), WIDTH - LEFT - RIGHT);
    text_at(&mut svg, WIDTH - RIGHT, bottom + 42.0, "end", &x_label);

    for layer in layers {
        let places: Vec<(f64, f64)> = thinned(&layer.series.points)
            .filter_map(|point| {
                let across = LEFT + (WIDTH - LEFT - RIGHT) * x.place(point.x)?;
                Some((across, bottom - HEIGHT * y.place(point.y)?))
            })
            .collect();
        curve(&mut svg, layer, &places, has_both(layers));
    }
    legend.draw(&mut svg, bottom + 52.0, names, layers);
    svg.push_str("</svg>");
    svg
}

/// Bars lie on their side, so that what they stand for can be written beside them.
fn bars(
    id: &str,
    plot: &Plot,
    yours: Option<&Plot>,
    names: &[&str],
    layers: &[Layer<'_>],
) -> String {
    const BAR: f64 = 16.0;
    const LABEL: f64 = 24.0;
    let mut categories: Vec<&str> = Vec::new();
    for plot in [Some(plot), yours].into_iter().flatten() {
        for category in &plot.categories {
            if !categories.contains(&category.as_str()) && categories.len() < CATEGORIES_MAX {
                categories.push(category);
            }
        }
    }
    let points = || layers.iter().flat_map(|layer| &layer.series.points);
    let ruler = Ruler::new(&plot.y, points().map(|point| point.y));
    let mut rows: Vec<(&str, Vec<(&Layer<'_>, f64)>)> = Vec::new();
    for name in categories {
        let bars = layers.iter().filter_map(|layer| {
            let of = match layer.whose {
                Whose::Ours => plot,
                Whose::Yours => yours?,
            };
            let point = layer.series.points.iter().find(|it| category(of, it) == name)?;
            Some((layer, point.y))
        });
        rows.push((name, bars.collect()));
    }
    let rows_height: f64 =
        rows.iter().map(|(_, bars)| LABEL + BAR * bars.len() as f64 + 6.0).sum();
    let legend = Legend::new(plot.kind, names, layers);
    let mut svg = open(id, plot, layers, TOP + rows_height + 10.0 + legend.height);
    text_at(&mut svg, 4.0, 18.0, "start", &cut(&label(&plot.y), WIDTH - 8.0));
    // A bar says whose figure it is in words, where there are several.
    let figure = |layer: &Layer<'_>, value| match names.len() {
        0 | 1 => amount(value, &plot.y.unit),
        _ => format!("{}, {}", amount(value, &plot.y.unit), layer.series.name),
    };
    let figures = rows.iter().flat_map(|(_, bars)| bars);
    let widest =
        figures.map(|(layer, value)| width_of(&figure(layer, *value))).fold(0.0, f64::max);
    let room = (WIDTH - 16.0 - widest).max(WIDTH / 3.0);
    let both = if has_both(layers) { " of-two" } else { "" };
    let mut at = TOP;
    for (name, bars) in rows {
        text_at(&mut svg, 8.0, at + 17.0, "start", &cut(name, WIDTH - 8.0));
        at += LABEL;
        for (layer, value) in bars {
            let length = (room * ruler.place(value).unwrap_or(0.0)).max(1.0);
            let (whose, number) = (class(layer.whose), layer.number % COLOURS + 1);
            push(
                &mut svg,
                format_args!(
                    r#"<rect class="plot-bar {whose}{both}" style="--plot: var(--plot-{number})" x="4" y="{:.1}" width="{length:.1}" height="{:.1}"/>"#,
                    at + 1.0,
                    BAR - 3.0
                ),
            );
            let text = cut(&figure(layer, value), WIDTH - length - 12.0);
            text_at(&mut svg, length + 12.0, at + 12.0, "start", &text);
            at += BAR;
        }
        at += 6.0;
    }
    push(&mut svg, format_args!(r#"<path class="plot-axis" d="M4 {TOP}V{at:.1}"/>"#));
    legend.draw(&mut svg, at + 10.0, names, layers);
    svg.push_str("</svg>");
    svg
}

fn category<'a>(plot: &'a Plot, point: &Point) -> &'a str {
    let index = point.x as usize;
    plot.categories.get(index).map_or("", String::as_str)
}

fn has_both(layers: &[Layer<'_>]) -> bool {
    layers.iter().any(|layer| layer.whose == Whose::Yours)
}

fn open(id: &str, plot: &Plot, layers: &[Layer<'_>], height: f64) -> String {
    let mut svg = String::new();
    let yours = has_both(layers).then(|| plot_of(plot, layers));
    push(
        &mut svg,
        format_args!(
            r#"<svg class="plot" width="{WIDTH}" viewBox="0 0 {WIDTH} {height:.0}" role="img" aria-labelledby="{id}-title {id}-desc" xmlns="http://www.w3.org/2000/svg">"#
        ),
    );
    push(&mut svg, format_args!(r#"<title id="{id}-title">{}</title>"#, escape(&plot.title)));
    let description = describe(plot, yours.as_ref());
    push(&mut svg, format_args!(r#"<desc id="{id}-desc">{}</desc>"#, escape(&description)));
    svg
}

/// The reader's layers as a plot again, for the description.
fn plot_of(plot: &Plot, layers: &[Layer<'_>]) -> Plot {
    let yours = layers.iter().filter(|layer| layer.whose == Whose::Yours);
    Plot { series: yours.map(|layer| layer.series.clone()).collect(), ..plot.clone() }
}

fn curve(svg: &mut String, layer: &Layer<'_>, places: &[(f64, f64)], both: bool) {
    let whose = class(layer.whose);
    let number = layer.number % COLOURS + 1;
    let path = places.iter().enumerate().fold(String::new(), |mut path, (nth, (x, y))| {
        let letter = if nth == 0 { 'M' } else { 'L' };
        push_part(&mut path, format_args!("{letter}{x:.1} {y:.1}"));
        path
    });
    let both = if both { " of-two" } else { "" };
    push(
        svg,
        format_args!(
            r#"<g class="plot-series {whose}{both}" style="--plot: var(--plot-{number})">"#
        ),
    );
    if places.len() > 1 {
        push(svg, format_args!(r#"<path class="plot-line" d="{path}"/>"#));
    }
    // Between many points the markers would be a band of their own.
    let every = places.len().div_ceil(24).max(1);
    for (x, y) in places.iter().step_by(every) {
        marker(svg, layer.number, *x, *y);
    }
    svg.push_str("</g>\n");
}

fn class(whose: Whose) -> &'static str {
    match whose {
        Whose::Ours => "ours",
        Whose::Yours => "yours",
    }
}

fn thinned(points: &[Point]) -> impl Iterator<Item = &Point> {
    let every = points.len().div_ceil(POINTS_MAX).max(1);
    points.iter().step_by(every)
}

fn text_at(svg: &mut String, x: f64, y: f64, anchor: &str, text: &str) {
    let text = escape(text);
    push(
        svg,
        format_args!(
            r#"<text x="{x:.1}" y="{y:.1}" font-size="{FONT}" text-anchor="{anchor}" fill="currentColor">{text}</text>"#
        ),
    );
}

fn width_of(text: &str) -> f64 {
    text.chars().count() as f64 * LETTER
}

/// `text`, or its beginning if it does not fit.
fn cut(text: &str, width: f64) -> String {
    let fits = (width / LETTER).max(1.0) as usize;
    if text.chars().count() <= fits {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(fits.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// Text as it stands between tags. Line breaks and control characters would end a page's block, or are not allowed.
pub(crate) fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut escaped, letter| {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push(' '),
            letter if letter.is_control() => escaped.push(' '),
            letter => escaped.push(letter),
        }
        escaped
    })
}

fn push(svg: &mut String, text: std::fmt::Arguments<'_>) {
    push_part(svg, text);
    svg.push('\n');
}

fn push_part(svg: &mut String, text: std::fmt::Arguments<'_>) {
    svg.write_fmt(text).expect("a string takes every write");
}

#[cfg(test)]
mod tests;
