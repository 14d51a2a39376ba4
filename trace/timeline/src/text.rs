//! The run for a terminal: a chart with a row for each lane, and below it what happened, in the order of time.
//!
//! It can be read without colours: every state has a character of its own.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use crate::model::Timeline;
use crate::rows::{ROWS_MAX, Row, Rows};
use crate::say;
use crate::scale::Scale;

const RUNS: Style = AnsiColor::Green.on_default();
const WAITS: Style = Style::new().dimmed();
const DIES: Style = AnsiColor::Red.on_default().bold();
const ZOMBIE: Style = AnsiColor::Yellow.on_default();
const TITLE: Style = Style::new().bold();

/// The chart is at least and at most so wide, in characters.
const CHART_WIDTH: std::ops::RangeInclusive<usize> = 24..=160;

/// The names of the lanes take at most so many characters.
const NAME_MAX: usize = 16;

/// Room for the end of a lane, as ` exit 101`, behind the chart.
const END_WIDTH: usize = 10;

/// More events are not listed. The shortest waits are left out first.
const EVENTS_MAX: usize = 60;

/// The run as text for a terminal of `width` characters, with colours. A stream that is no terminal has to strip them.
pub fn text(timeline: &Timeline, width: usize) -> String {
    let rows = Rows::of(timeline, ROWS_MAX);
    let moments = rows.moments();
    let scale = Scale::new(&moments);
    let heads: Vec<String> = rows.rows.iter().map(head).collect();
    let head_width = heads.iter().map(|head| head.chars().count()).max().unwrap_or(0);
    let chart_width = width
        .saturating_sub(head_width + 2 + END_WIDTH)
        .clamp(*CHART_WIDTH.start(), *CHART_WIDTH.end());

    let mut text = String::new();
    let mut line = |arguments: std::fmt::Arguments<'_>| {
        writeln!(text, "{arguments}").expect("a string takes every write");
    };
    let name = say::plain(&timeline.name, 60);
    line(format_args!("{TITLE}{name}{TITLE:#}: {}\n", say::summary(&rows, &timeline.lanes)));
    for (row, head) in rows.rows.iter().zip(&heads) {
        let padding = " ".repeat(head_width - head.chars().count());
        let end = row.end.map_or_else(|| "still there".to_owned(), say::ending);
        line(format_args!("{head}{padding}  {}  {end}", bar(row, &scale, chart_width)));
        if row.alike > 0 {
            line(format_args!(
                "{:head_width$}  and {} more like {}",
                "", row.alike, row.lane.pid
            ));
        }
    }
    if rows.hidden > 0 {
        line(format_args!("{:head_width$}  and {} more", "", rows.hidden));
    }
    line(format_args!("{:head_width$}  {}", "", axis(&scale, chart_width, rows.duration_us)));
    line(format_args!(
        "\n{RUNS}━{RUNS:#} runs  {WAITS}┄{WAITS:#} waits  ▸ executes a program  {DIES}×{DIES:#} ends  \
         {ZOMBIE}z{ZOMBIE:#} zombie; long stretches are drawn shorter\n"
    ));
    for event in listed(&rows) {
        line(format_args!("{event}"));
    }
    for note in timeline.notes.iter().take(10) {
        line(format_args!("note: {}", say::plain(note, 300)));
    }
    text
}

/// A thread is moved to the right of its process.
fn head(row: &Row<'_>) -> String {
    let name = say::plain(&row.lane.name, NAME_MAX);
    match row.lane.born.by {
        crate::Birth::Thread => format!("  {} {name}", row.lane.pid),
        _ => format!("{} {name}", row.lane.pid),
    }
}

/// The life of a lane, each character for the time between two places of the scale.
fn bar(row: &Row<'_>, scale: &Scale, width: usize) -> String {
    let cell_of = |time: u64| ((scale.at(time) * width as f64) as usize).min(width - 1);
    let mut cells = vec![(' ', Style::new()); width];
    let mut fill = |from: u64, to: u64, what: (char, Style)| {
        for cell in &mut cells[cell_of(from)..=cell_of(to)] {
            *cell = what;
        }
    };
    fill(row.born_us, row.end_us, ('━', RUNS));
    for wait in &row.waits {
        // A wait shows only if it fills a character; its ends belong to running.
        let (from, to) = (cell_of(wait.from_us) + 1, cell_of(wait.to_us));
        for cell in cells.iter_mut().take(to).skip(from) {
            *cell = ('┄', WAITS);
        }
    }
    if let Some(reaped) = row.reaped_us.filter(|_| row.lane.born.by != crate::Birth::Thread) {
        for cell in cells.iter_mut().take(cell_of(reaped) + 1).skip(cell_of(row.end_us) + 1) {
            *cell = ('z', ZOMBIE);
        }
    }
    for (at, _) in &row.execs {
        cells[cell_of(*at)] = ('▸', TITLE);
    }
    if row.end.is_some() {
        cells[cell_of(row.end_us)] = ('×', DIES);
    }
    let mut bar = String::new();
    for group in cells.chunk_by(|a, b| a.1 == b.1) {
        let style = group[0].1;
        let characters: String = group.iter().map(|cell| cell.0).collect();
        write!(bar, "{style}{characters}{style:#}").expect("a string takes every write");
    }
    bar
}

fn axis(scale: &Scale, width: usize, duration_us: u64) -> String {
    let mut axis: Vec<char> = vec![' '; width + END_WIDTH];
    let mut free = 0;
    for (at_us, place) in scale.ticks(12.0 / width as f64) {
        let label = say::moment(at_us, duration_us);
        let start = ((place * width as f64) as usize).min(width - 1);
        if start < free || start + label.chars().count() > axis.len() {
            continue;
        }
        for (cell, character) in axis[start..].iter_mut().zip(label.chars()) {
            *cell = character;
        }
        free = start + label.chars().count() + 1;
    }
    axis.into_iter().collect::<String>().trim_end().to_owned()
}

fn listed(rows: &Rows<'_>) -> Vec<String> {
    let mut events = say::events(rows);
    let too_many = events.len().saturating_sub(EVENTS_MAX);
    let mut waits_us: Vec<u64> = events.iter().filter_map(|event| event.wait_us).collect();
    waits_us.sort_unstable();
    let mut left_out = 0;
    if let Some(limit_us) = too_many
        .checked_sub(1)
        .and_then(|index| waits_us.get(index.min(waits_us.len().saturating_sub(1))).copied())
    {
        events.retain(|event| {
            let goes = left_out < too_many && event.wait_us.is_some_and(|us| us <= limit_us);
            left_out += usize::from(goes);
            !goes
        });
    }
    let others = events.len().saturating_sub(EVENTS_MAX);
    events.truncate(EVENTS_MAX);
    let mut lines: Vec<String> = events
        .iter()
        .map(|event| {
            format!("{:>9}  {}", say::moment(event.at_us, rows.duration_us), event.text)
        })
        .collect();
    if left_out > 0 {
        lines.push(format!("{:>9}  and {left_out} shorter waits", ""));
    }
    if others > 0 {
        lines.push(format!("{:>9}  and {others} later events", ""));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    fn plain(text: &str) -> String {
        let mut plain = String::new();
        let mut rest = text;
        while let Some(start) = rest.find('\x1b') {
            plain.push_str(&rest[..start]);
            let end = rest[start..].find('m').expect("the end of a colour");
            rest = &rest[start + end + 1..];
        }
        plain + rest
    }

    #[test]
    fn a_parent_that_waits_and_a_zombie_are_seen_at_once() {
        let shown = plain(&text(&samples::two_returns(), 80));
        let rows: Vec<&str> = shown.lines().skip(2).take(2).collect();
        assert!(rows[0].starts_with("4001 two_returns  ━"), "{shown}");
        assert!(rows[0].contains("━┄") && rows[0].contains("┄━"), "{shown}");
        assert!(rows[1].contains("×zz") && rows[1].ends_with("exit 0"), "{shown}");
        assert!(
            shown.contains("  0.90 ms  4001 waited 1.60 ms for the end of a child"),
            "{shown}"
        );
    }

    #[test]
    fn no_row_is_wider_than_the_terminal() {
        for width in [80, 120, 200] {
            let shown = plain(&text(&samples::pool(30), width));
            let chart = shown.split("runs").next().expect("the chart");
            let widest = chart.lines().map(|line| line.chars().count()).max();
            assert!(widest <= Some(width), "{shown}");
            assert!(shown.contains("and 28 more like 4003"), "{shown}");
        }
    }

    #[test]
    fn a_long_run_is_cut_and_says_so() {
        let mut timeline = samples::pool(2);
        let lane = &mut timeline.lanes[1];
        let wait = lane.waits[0].clone();
        lane.waits = (0..150)
            .map(|step| crate::Wait {
                from_us: 2_000 + step * 100,
                to_us: 2_000 + step * 100 + 20 + step % 7,
                ..wait.clone()
            })
            .collect();
        let shown = plain(&text(&timeline, 100));
        assert!(shown.contains("shorter waits"), "{shown}");
        assert!(shown.lines().count() < EVENTS_MAX + 15, "{shown}");
    }

    #[test]
    fn an_empty_record_is_shown() {
        let mut timeline = samples::two_returns();
        timeline.lanes.clear();
        timeline.duration_us = 0;
        assert!(plain(&text(&timeline, 0)).contains("0 processes"));
    }
}
