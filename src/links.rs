//! Links to `README.md` become links to `index.html`.
//!
//! mdBook renders a folder's `README.md` as `index.html`, yet turns a link to `README.md` into
//! one to `README.html`, which does not exist. The pages keep the links that work in an editor
//! and on a code host, and this module mends them on the way to the browser. Code is left
//! alone: only what Markdown takes for a link is touched.
//! Source: <https://github.com/rust-lang/mdBook/issues/984>.

use std::ops::Range;
use std::sync::LazyLock;

use mdbook_markdown::pulldown_cmark::{Event, Tag};
use mdbook_markdown::{MarkdownOptions, new_cmark_parser};
use regex::Regex;

const WRITTEN: &str = "README.md";
const RENDERED: &str = "index.html";

/// `page` with its links mended.
pub fn point_to_index(page: &str) -> String {
    let mut places: Vec<usize> = Vec::new();
    let parser = new_cmark_parser(page, &MarkdownOptions::default());
    for (_, definition) in parser.reference_definitions().iter() {
        places.extend(place_of(page, definition.span.clone(), &definition.dest));
    }
    for (event, range) in parser.into_offset_iter() {
        match event {
            Event::Start(Tag::Link { dest_url, .. }) => {
                places.extend(place_of(page, range, &dest_url))
            }
            Event::Html(_) | Event::InlineHtml(_) => places.extend(places_in_html(page, range)),
            _ => {}
        }
    }
    places.sort_unstable();
    places.dedup();

    let mut mended = String::with_capacity(page.len());
    let mut copied = 0;
    for place in places {
        mended.push_str(&page[copied..place]);
        mended.push_str(RENDERED);
        copied = place + WRITTEN.len();
    }
    mended.push_str(&page[copied..]);
    mended
}

/// Where in `page` the file name of the link that covers `range` stands, if the link has to be
/// mended.
fn place_of(page: &str, range: Range<usize>, destination: &str) -> Option<usize> {
    let path = destination.split(['#', '?']).next()?;
    let is_local = !path.contains(':') && !path.starts_with("//");
    if !is_local || !(path == WRITTEN || path.ends_with("/README.md")) {
        return None;
    }
    // The text of a link may name the file too. Its destination is the last thing in the
    // brackets.
    let start = page[range.clone()].rfind(destination)?;
    Some(range.start + start + path.len() - WRITTEN.len())
}

fn places_in_html(page: &str, range: Range<usize>) -> impl Iterator<Item = usize> {
    static HREF: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"\bhref\s*=\s*["']([^"']*)["']"#).expect("a constant pattern")
    });
    HREF.captures_iter(&page[range.clone()]).filter_map(move |found| {
        let destination = found.get(1)?;
        let within = range.start + destination.start()..range.start + destination.end();
        place_of(page, within, destination.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::point_to_index;

    #[test]
    fn links_with_and_without_a_fragment_are_mended() {
        assert_eq!(
            point_to_index(
                "See [fork](../02-fork/README.md#cow), [here](README.md) and \
                 [`README.md`](../README.md \"t\")."
            ),
            "See [fork](../02-fork/index.html#cow), [here](index.html) and \
             [`README.md`](../index.html \"t\")."
        );
    }

    #[test]
    fn reference_links_and_html_are_mended() {
        assert_eq!(
            point_to_index(
                "[fork][f] <a href=\"../03-wait/README.md#zombie\">wait</a>\n\n[f]: ../02-fork/README.md\n"
            ),
            "[fork][f] <a href=\"../03-wait/index.html#zombie\">wait</a>\n\n[f]: ../02-fork/index.html\n"
        );
    }

    #[test]
    fn code_and_other_places_are_left_alone() {
        for page in [
            "`[fork](../02-fork/README.md)`\n",
            "```md\n[fork](../02-fork/README.md)\n```\n",
            "[elsewhere](https://example.org/README.md)\n",
            "[other](NOT-README.md)\n",
            "Plain README.md text\n",
        ] {
            assert_eq!(point_to_index(page), page);
        }
    }
}
