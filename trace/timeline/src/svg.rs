//! The run as a drawing: inline SVG in the colours of the page that it stands in.
//!
//! ```text
//! 4001 program   ━━━━┳━┄┄┄┄┄┄┄┄┄┄▲━━━│ exit 0
//!                    ┃           │
//! 4002 fork          ┗━━━━━━━━━━━┷│☐ exit 0
//!                ├───┼───────────┼──┤
//! ```
//!
//! Invariant: every coordinate lies in the drawing's box, no two texts lie on each other, and whatever stands in the
//! record, the result is well-formed XML without a blank line, at which Markdown would end it.

use std::fmt::Write;

use crate::element::{Anchor, arrow, escaped, fitted, line, push, text, width_of};
use crate::model::{Birth, Timeline};
use crate::rows::{ROWS_MAX, Row, Rows};
use crate::say;
use crate::scale::Scale;

/// The drawing's width. Heights follow from the rows.
const WIDTH: f64 = 640.0;

/// Where the time begins and ends; left of it stand the names, right of it the last exit codes.
const CHART: std::ops::Range<f64> = 132.0..562.0;

const ROW_HEIGHT: f64 = 54.0;
const MORE_HEIGHT: f64 = 22.0;
const AXIS_HEIGHT: f64 = 34.0;

/// The bar's place in its row, and the baselines of the texts above and below it.
const BAR: f64 = 26.0;
const ABOVE: f64 = 14.0;
const BELOW: f64 = 44.0;

const FONT_SIZE: f64 = 13.0;

/// The run as SVG.
pub fn svg(timeline: &Timeline) -> String {
    let rows = Rows::of(timeline, ROWS_MAX);
    let scale = Scale::new(&rows.moments());
    let drawing = Drawing { scale, tops: tops(&rows), rows: &rows };
    let height = drawing.bottom() + AXIS_HEIGHT;
    let id = id_of(&timeline.name);
    let name = escaped(&say::plain(&timeline.name, 60));
    let (waits, others) = say::longest_waits(&rows, 3);
    let mut description =
        format!("{}. {}", say::summary(&rows, &timeline.lanes), waits.join(" "));
    if others > 0 {
        write!(description, " And {others} further waits.")
            .expect("a string takes every write");
    }

    let mut svg = format!(
        "<svg width=\"{WIDTH}\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-labelledby=\"timeline-{id}-title timeline-{id}-desc\" xmlns=\"http://www.w3.org/2000/svg\">\n\
         <title id=\"timeline-{id}-title\">Timeline of {name}</title>\n\
         <desc id=\"timeline-{id}-desc\">{}</desc>\n",
        escaped(description.trim())
    );
    drawing.axis(&mut svg);
    drawing.links(&mut svg);
    for (row, top) in rows.rows.iter().zip(&drawing.tops) {
        drawing.life(&mut svg, row, *top);
    }
    // A seam in the colour of the page keeps lines from striking the texts through.
    push(
        &mut svg,
        format_args!(
            "<g fill=\"currentColor\" font-size=\"{FONT_SIZE}\" stroke=\"var(--bg)\" stroke-width=\"4\" \
             stroke-linejoin=\"round\" paint-order=\"stroke\">"
        ),
    );
    for (row, top) in rows.rows.iter().zip(&drawing.tops) {
        drawing.words(&mut svg, row, *top);
    }
    if rows.hidden > 0 {
        let y = drawing.bottom() - 8.0;
        text(&mut svg, 4.0, y, Anchor::Start, &format!("and {} more", rows.hidden));
    }
    drawing.times(&mut svg);
    svg.push_str("</g>\n</svg>\n");
    svg
}

/// Where each row begins, and where the last ends.
fn tops(rows: &Rows<'_>) -> Vec<f64> {
    let mut top = 0.0;
    let mut tops = Vec::new();
    for row in &rows.rows {
        tops.push(top);
        top += ROW_HEIGHT + if row.alike > 0 { MORE_HEIGHT } else { 0.0 };
    }
    tops.push(top + if rows.hidden > 0 { MORE_HEIGHT } else { 0.0 });
    tops
}

struct Drawing<'r, 't> {
    scale: Scale,
    /// One more than there are rows.
    tops: Vec<f64>,
    rows: &'r Rows<'t>,
}

impl Drawing<'_, '_> {
    fn bottom(&self) -> f64 {
        self.tops.last().copied().unwrap_or(0.0)
    }

    fn x(&self, time_us: u64) -> f64 {
        CHART.start + (CHART.end - CHART.start) * self.scale.at(time_us)
    }

    fn ticks(&self) -> Vec<(u64, f64)> {
        self.scale
            .ticks(72.0 / (CHART.end - CHART.start))
            .into_iter()
            .map(|(at_us, _)| (at_us, self.x(at_us)))
            .collect()
    }

    /// The axis below the rows, and a line through them at each of its ticks.
    fn axis(&self, svg: &mut String) {
        let y = self.bottom() + 6.0;
        push(
            svg,
            format_args!(
                "<g stroke=\"var(--table-border-color)\" stroke-width=\"1\" fill=\"none\">"
            ),
        );
        line(svg, CHART.start, y, CHART.end, y, "");
        for (_, x) in self.ticks() {
            line(svg, x, 0.0, x, y + 4.0, " stroke-dasharray=\"1 4\"");
        }
        svg.push_str("</g>\n<g stroke=\"currentColor\" stroke-width=\"1.5\">\n");
        for place in self.scale.squeezed() {
            let x = CHART.start + (CHART.end - CHART.start) * place;
            for shift in [-3.0, 2.0] {
                line(svg, x + shift - 2.0, y + 4.0, x + shift + 2.0, y - 4.0, "");
            }
        }
        svg.push_str("</g>\n");
    }

    /// Births, from the maker's bar to the new one, and arrows from whoever ended a wait to whoever waited.
    fn links(&self, svg: &mut String) {
        svg.push_str(
            "<g stroke=\"currentColor\" stroke-width=\"1.5\" fill=\"currentColor\">\n",
        );
        for (row, top) in self.rows.rows.iter().zip(&self.tops) {
            if let Some(from) = row.from.and_then(|from| self.tops.get(from)) {
                let x = self.x(row.born_us);
                line(svg, x, from + BAR, x, top + BAR, "");
                push(
                    svg,
                    format_args!("<circle cx=\"{x:.1}\" cy=\"{:.1}\" r=\"3\"/>", from + BAR),
                );
            }
        }
        svg.push_str(
            "</g>\n<g stroke=\"var(--links)\" fill=\"var(--links)\" stroke-width=\"1.5\">\n",
        );
        for (row, top) in self.rows.rows.iter().zip(&self.tops) {
            for wait in &row.waits {
                let Some(by) = &wait.by else { continue };
                let Some(from) = by.row.and_then(|from| self.tops.get(from)) else { continue };
                if from != top {
                    let to_x = self.x(wait.to_us);
                    arrow(svg, self.x(by.at_us), from + BAR, to_x, top + BAR);
                }
            }
        }
        svg.push_str("</g>\n");
    }

    /// The bar of a lane: thick while it runs, thin and dashed while it waits, hollow while it is a zombie.
    fn life(&self, svg: &mut String, row: &Row<'_>, top: f64) {
        let y = top + BAR;
        let thickness = if row.lane.born.by == Birth::Thread { 4.0 } else { 7.0 };
        push(svg, format_args!("<g stroke=\"currentColor\" stroke-width=\"{thickness}\">"));
        let mut from_us = row.born_us;
        for wait in &row.waits {
            line(svg, self.x(from_us), y, self.x(wait.from_us), y, "");
            from_us = wait.to_us;
        }
        line(svg, self.x(from_us), y, self.x(row.end_us), y, "");
        svg.push_str(
            "</g>\n<g stroke=\"currentColor\" stroke-width=\"2\" fill=\"var(--bg)\">\n",
        );
        for wait in &row.waits {
            let (from, to) = (self.x(wait.from_us), self.x(wait.to_us));
            line(svg, from, y, to, y, " stroke-dasharray=\"2 3\"");
        }
        for (at_us, _) in &row.execs {
            let x = self.x(*at_us);
            push(
                svg,
                format_args!(
                    "<polygon points=\"{:.1},{y:.1} {x:.1},{:.1} {:.1},{y:.1} {x:.1},{:.1}\"/>",
                    x - 6.0,
                    y - 6.0,
                    x + 6.0,
                    y + 6.0
                ),
            );
        }
        if row.end.is_some() {
            let x = self.x(row.end_us);
            if let Some(reaped_us) = self.zombie_until(row) {
                let width = self.x(reaped_us) - x;
                push(
                    svg,
                    format_args!(
                        "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"7\" \
                         stroke-width=\"1\" stroke-dasharray=\"2 2\"/>",
                        y - 3.5
                    ),
                );
            }
            line(svg, x, y - 8.0, x, y + 8.0, "");
        }
        svg.push_str("</g>\n");
    }

    /// Until when the lane is drawn as a zombie. One that nobody waited for is one to the end of the record.
    fn zombie_until(&self, row: &Row<'_>) -> Option<u64> {
        let is_process = row.lane.born.by != Birth::Thread;
        row.reaped_us.filter(|_| is_process)
    }

    /// What stands beside, above, below and behind a bar. Above and below is room for few words; what finds none is in
    /// the sentences that go with the drawing.
    fn words(&self, svg: &mut String, row: &Row<'_>, top: f64) {
        let indent = if row.lane.born.by == Birth::Thread { 16.0 } else { 4.0 };
        let kind = match row.lane.born.by {
            Birth::Program => String::new(),
            by => format!(" · {}", say::birth(by)),
        };
        let head = format!("{}{kind}", row.lane.pid);
        let room = CHART.start - indent - 6.0;
        text(svg, indent, top + BAR - 3.0, Anchor::Start, &fitted(&head, room));
        let name = fitted(&row.lane.name, room);
        text(svg, indent, top + BAR + 13.0, Anchor::Start, &name);
        if row.alike > 0 {
            let more = format!("and {} more like {}", row.alike, row.lane.pid);
            text(svg, 4.0, top + ROW_HEIGHT + 12.0, Anchor::Start, &more);
        }

        let mut above = Track::new(top + ABOVE);
        for (at_us, program) in &row.execs {
            above.put(
                svg,
                self.x(*at_us),
                Anchor::Start,
                &fitted(&format!("exec {program}"), 150.0),
            );
        }
        let mut below = Track::new(top + BELOW);
        if let Some(reaped_us) = self.zombie_until(row) {
            let middle = f64::midpoint(self.x(row.end_us), self.x(reaped_us));
            if self.x(reaped_us) - self.x(row.end_us) > 12.0 {
                below.put(svg, middle, Anchor::Middle, "zombie");
            }
        }
        let mut waits: Vec<_> = row.waits.iter().collect();
        waits.sort_by_key(|wait| std::cmp::Reverse(wait.to_us - wait.from_us));
        for wait in waits {
            let (from, to) = (self.x(wait.from_us), self.x(wait.to_us));
            if to - from > 10.0 {
                let label = fitted(&say::waiting(wait.what), 150.0);
                below.put(svg, f64::midpoint(from, to), Anchor::Middle, &label);
            }
        }
        if let Some(end) = row.end {
            let ending = say::ending(end);
            let x = self.zombie_until(row).map_or(row.end_us, |reaped| reaped);
            let x = self.x(x) + 7.0;
            text(svg, x, top + BAR + 5.0, Anchor::Start, &fitted(&ending, WIDTH - x));
        }
    }

    /// The times at the ticks.
    fn times(&self, svg: &mut String) {
        let y = self.bottom() + 24.0;
        for (at_us, x) in self.ticks() {
            let label = say::moment(at_us, self.rows.duration_us);
            text(svg, x, y, Anchor::Middle, &label);
        }
    }
}

/// A line of texts that keep apart.
struct Track {
    y: f64,
    taken: Vec<(f64, f64)>,
}

impl Track {
    fn new(y: f64) -> Track {
        Track { y, taken: Vec::new() }
    }

    /// Writes `words` at `x`, moved into the chart if they stick out of it, unless something stands there.
    fn put(&mut self, svg: &mut String, x: f64, anchor: Anchor, words: &str) {
        let width = width_of(words);
        let start = match anchor {
            Anchor::Start => x,
            Anchor::Middle => x - width / 2.0,
        };
        let start = start.clamp(CHART.start, (WIDTH - width).max(CHART.start));
        let end = start + width;
        if self.taken.iter().all(|(from, to)| end + 6.0 < *from || start > to + 6.0) {
            text(svg, start, self.y, Anchor::Start, words);
            self.taken.push((start, end));
        }
    }
}

/// An id of HTML for `name`.
fn id_of(name: &str) -> String {
    let good = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    name.chars().take(60).map(good).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn a_birth_a_wait_and_its_end_are_in_the_drawing() {
        let svg = svg(&samples::two_returns());
        for (part, count) in [
            ("<circle ", 1),
            ("stroke-dasharray=\"2 3\"", 1),
            ("<polygon ", 1),
            ("<rect ", 1),
            (">exit 0</text>", 2),
            (">4002 · fork</text>", 1),
            (">waits for a child</text>", 1),
        ] {
            assert_eq!(svg.matches(part).count(), count, "{part}: {svg}");
        }
        assert!(svg.contains("until 4002 ended.</desc>"), "{svg}");
    }

    #[test]
    fn an_arrow_leads_from_who_ended_the_wait_to_who_waited() {
        let (two, rows) = (samples::two_returns(), ROW_HEIGHT + BAR);
        let svg = svg(&two);
        let arrow =
            svg.lines().position(|line| line.starts_with("<polygon")).expect("an arrow");
        let shaft = svg.lines().nth(arrow - 1).expect("its shaft");
        assert!(shaft.contains(&format!("y1=\"{rows:.1}\"")), "it begins at 4002: {shaft}");
        assert!(
            shaft.contains(&format!("y2=\"{:.1}\"", BAR + 12.0)),
            "and ends at 4001: {shaft}"
        );
    }

    #[test]
    fn an_executed_program_is_named_and_many_alike_are_one_line() {
        let svg = svg(&samples::pool(40));
        assert_eq!(svg.matches(">exec worker</text>").count(), 2, "{svg}");
        assert!(svg.contains(">and 38 more like 4003</text>"), "{svg}");
    }
}
