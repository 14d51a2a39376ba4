//! The elements that a drawing is made of, written as SVG.
//!
//! Invariant: whatever a text holds, it is escaped; an element is one line, and no line is blank.

use std::fmt::{Display, Write};

use crate::say;

/// A character of the text is at most so wide on average; others than ASCII may be twice as wide.
const CHARACTER: f64 = 7.4;

/// What of a text is at its `x`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
}

/// Text that begins at `x`, or has its middle there.
pub(crate) fn text(svg: &mut String, x: f64, y: f64, anchor: Anchor, words: &str) {
    if words.is_empty() {
        return;
    }
    let anchor = match anchor {
        Anchor::Start => "",
        Anchor::Middle => " text-anchor=\"middle\"",
    };
    push(
        svg,
        format_args!("<text x=\"{x:.1}\" y=\"{y:.1}\"{anchor}>{}</text>", escaped(words)),
    );
}

/// A line, with `more` attributes.
pub(crate) fn line(svg: &mut String, x1: f64, y1: f64, x2: f64, y2: f64, more: &str) {
    push(
        svg,
        format_args!(
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"{more}/>"
        ),
    );
}

/// An arrow that ends at the edge of the bar at (`x2`, `y2`). It is never longer than the way.
pub(crate) fn arrow(svg: &mut String, x1: f64, y1: f64, x2: f64, y2: f64) {
    let down = if y2 > y1 { 1.0 } else { -1.0 };
    let tip = y2 - 4.0 * down;
    let base = tip - 8.0 * down;
    line(svg, x1, y1, x2, base, "");
    push(
        svg,
        format_args!(
            "<polygon points=\"{x2:.1},{tip:.1} {:.1},{base:.1} {:.1},{base:.1}\"/>",
            x2 - 4.0,
            x2 + 4.0
        ),
    );
}

/// Anything else, on a line of its own.
pub(crate) fn push(svg: &mut String, element: impl Display) {
    writeln!(svg, "{element}").expect("a string takes every write");
}

/// How wide `words` are at most.
pub(crate) fn width_of(words: &str) -> f64 {
    words.chars().map(|c| if c.is_ascii() { 1.0 } else { 2.0 }).sum::<f64>() * CHARACTER
}

/// `words` without controls, cut to `width`.
pub(crate) fn fitted(words: &str, width: f64) -> String {
    let mut count = (width / CHARACTER).max(1.0) as usize;
    loop {
        let fitted = say::plain(words, count);
        if width_of(&fitted) <= width || count == 1 {
            return fitted;
        }
        count -= 1;
    }
}

/// `text` as the content of an element.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
