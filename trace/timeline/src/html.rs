//! The run as a figure for a page of the book, and as a page of its own.

use std::fmt::Write;

use crate::element::escaped;
use crate::model::Timeline;
use crate::rows::{ROWS_MAX, Rows};
use crate::say;
use crate::scale::Scale;
use crate::svg::svg;

/// A caption is read in full, so that it has few sentences: those about the longest waits.
const CAPTION_WAITS_MAX: usize = 4;

/// The drawing with a caption that says the same, as HTML without a blank line.
pub fn figure(timeline: &Timeline) -> String {
    let rows = Rows::of(timeline, ROWS_MAX);
    let (mut sentences, others) = say::longest_waits(&rows, CAPTION_WAITS_MAX);
    let summary = say::summary(&rows, &timeline.lanes);
    sentences.insert(0, format!("A recorded run, slower under the tracer: {summary}."));
    if others > 0 {
        sentences.push(match others {
            1 => "One wait was shorter.".to_owned(),
            _ => format!("{others} waits were shorter."),
        });
    }
    sentences.push(legend(&rows));
    format!(
        "<figure class=\"drawing timeline\">\n{}<figcaption>{}</figcaption>\n</figure>\n",
        svg(timeline),
        escaped(&sentences.join(" "))
    )
}

/// What the signs of the drawing mean, those that are in it.
fn legend(rows: &Rows<'_>) -> String {
    let mut legend = vec!["Thick: it runs."];
    if rows.rows.iter().any(|row| !row.waits.is_empty()) {
        legend.push("Dotted: it waits; the arrow comes from whoever ended the wait.");
    }
    if rows.rows.iter().any(|row| !row.execs.is_empty()) {
        legend.push("Diamond: it executes a program.");
    }
    if rows.rows.iter().any(|row| row.reaped_us > Some(row.end_us)) {
        legend.push("Box: a zombie.");
    }
    if !Scale::new(&rows.moments()).squeezed().is_empty() {
        legend.push("Two strokes on the axis: a long time, drawn shorter.");
    }
    legend.join(" ")
}

/// A page of its own, in light or dark as the reader's system says.
pub fn page(timeline: &Timeline) -> String {
    let rows = Rows::of(timeline, ROWS_MAX);
    let name = escaped(&say::plain(&timeline.name, 60));
    let mut events = String::new();
    for event in say::events(&rows) {
        writeln!(
            events,
            "<tr><td>{}</td><td>{}</td></tr>",
            escaped(&say::moment(event.at_us, rows.duration_us)),
            escaped(&event.text)
        )
        .expect("a string takes every write");
    }
    let notes: String = timeline
        .notes
        .iter()
        .take(10)
        .map(|note| format!("<p>Note: {}</p>\n", escaped(&say::plain(note, 300))))
        .collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{name}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{name}</h1>\n{}{notes}\
         <table>\n<thead><tr><th scope=\"col\">time</th><th scope=\"col\">what happened</th></tr></thead>\n\
         <tbody>\n{events}</tbody>\n</table>\n</body>\n</html>\n",
        // In a narrow window the drawing scrolls, also by the keyboard.
        figure(timeline).replacen("<figure ", "<figure tabindex=\"0\" ", 1)
    )
}

const STYLE: &str = "\
:root { color-scheme: light dark; --bg: #ffffff; --fg: #202020; --links: #20609f; --table-border-color: #b0b0b0; }
@media (prefers-color-scheme: dark) {
    :root { --bg: #161b20; --fg: #d5dbe0; --links: #6ab0de; --table-border-color: #57606a; }
}
body { background: var(--bg); color: var(--fg); font: 16px/1.45 sans-serif; max-width: 50em; margin: 2em auto; padding: 0 1em; }
figure { margin: 1.5em 0; overflow-x: auto; }
svg { min-width: 480px; width: 100%; height: auto; }
td, th { text-align: left; padding: 0.1em 1em 0.1em 0; font-variant-numeric: tabular-nums; }
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn the_caption_says_who_waited_for_whom_and_what_the_signs_mean() {
        let figure = figure(&samples::two_returns());
        let (_, caption) = figure.split_once("<figcaption>").expect("a caption");
        assert_eq!(
            caption,
            "A recorded run, slower under the tracer: 2 processes in 3.40 ms. 4001 waited 1.60 ms for the end of a \
             child, until 4002 ended. Thick: it runs. Dotted: it waits; the arrow comes from whoever ended the wait. \
             Box: a zombie.</figcaption>\n</figure>\n"
        );
    }

    #[test]
    fn waits_that_find_no_room_are_counted() {
        let figure = figure(&samples::pool(3));
        assert!(figure.contains("2 waits were shorter. Thick"), "{figure}");
        assert!(figure.contains("Diamond") && figure.contains("Two strokes"), "{figure}");
    }

    #[test]
    fn the_page_tells_every_event() {
        let page = page(&samples::two_returns());
        assert_eq!(page.matches("<tr><td>").count(), 4, "{page}");
        assert!(page.contains("<td>4001 forked 4002</td>"), "{page}");
    }
}
