//! Links to `README.md` become links to `index.html`, and a text that is shown in another folder
//! keeps its aims.
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
    rewrite(page, |destination| {
        let (path, rest) = destination.split_at(path_len(destination));
        let folder = path.strip_suffix(WRITTEN)?;
        let names_the_file = folder.is_empty() || folder.ends_with('/');
        names_the_file.then(|| format!("{folder}{RENDERED}{rest}"))
    })
}

/// `text`, which was written for a page in the folder `from`, with its links as the page `to`
/// has to write them. Both are relative to the project, with `/` between names.
pub fn move_to(text: &str, from: &str, to: &str) -> String {
    rewrite(text, |destination| {
        let (path, rest) = destination.split_at(path_len(destination));
        if path.is_empty() || path.starts_with('/') {
            return None;
        }
        let target = resolve(from, path)?;
        if target == to && rest.starts_with('#') {
            return Some(rest.to_owned());
        }
        let folder = to.rsplit_once('/').map_or("", |(folder, _)| folder);
        Some(format!("{}{rest}", relative(folder, &target)))
    })
}

/// Where in a destination the path ends and the query or the fragment begins.
fn path_len(destination: &str) -> usize {
    destination.find(['#', '?']).unwrap_or(destination.len())
}

/// Follows `path` from `folder`. `None` if it climbs out of the project.
fn resolve(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// The way from `folder` to `target`.
fn relative(folder: &str, target: &str) -> String {
    let here: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    let there: Vec<&str> = target.split('/').collect();
    let common = here.iter().zip(&there).take_while(|(a, b)| a == b).count();
    let mut way = vec![".."; here.len() - common];
    way.extend(&there[common..]);
    way.join("/")
}

/// `page` with each local destination of a link replaced by what `mend` makes of it; `None`
/// leaves it alone.
fn rewrite(page: &str, mend: impl Fn(&str) -> Option<String>) -> String {
    let mut places: Vec<(Range<usize>, String)> = Vec::new();
    let mut look_at = |within: Range<usize>, destination: &str| {
        let path = &destination[..path_len(destination)];
        if path.contains(':') || path.starts_with("//") {
            return;
        }
        // The text of a link may name the file too. Its destination is the last thing in the
        // brackets.
        if let Some(mended) = mend(destination)
            && let Some(start) = page[within.clone()].rfind(destination)
        {
            let start = within.start + start;
            places.push((start..start + destination.len(), mended));
        }
    };
    let parser = new_cmark_parser(page, &MarkdownOptions::default());
    for (_, definition) in parser.reference_definitions().iter() {
        look_at(definition.span.clone(), &definition.dest);
    }
    for (event, range) in parser.into_offset_iter() {
        match event {
            Event::Start(Tag::Link { dest_url, .. }) => look_at(range, &dest_url),
            Event::Html(_) | Event::InlineHtml(_) => {
                for found in in_html(page, range) {
                    let destination = page[found.clone()].to_owned();
                    look_at(found, &destination);
                }
            }
            _ => {}
        }
    }
    places.sort_unstable_by_key(|(place, _)| place.start);
    places.dedup_by_key(|(place, _)| place.start);

    let mut mended = String::with_capacity(page.len());
    let mut copied = 0;
    for (place, destination) in places {
        mended.push_str(&page[copied..place.start]);
        mended.push_str(&destination);
        copied = place.end;
    }
    mended.push_str(&page[copied..]);
    mended
}

/// The places of the values of `href` in a piece of HTML.
fn in_html(page: &str, range: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    static HREF: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"\bhref\s*=\s*["']([^"']*)["']"#).expect("a constant pattern")
    });
    HREF.captures_iter(&page[range.clone()]).filter_map(move |found| {
        let destination = found.get(1)?;
        Some(range.start + destination.start()..range.start + destination.end())
    })
}

#[cfg(test)]
mod tests {
    use super::{move_to, point_to_index};

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

    #[test]
    fn a_text_that_moves_keeps_its_aims() {
        let moved = |text: &str| {
            move_to(text, "exercises/05-pipe/pipe-eof", "chapters/05-pipe/README.md")
        };
        for (written, becomes) in [
            ("[a](../../../chapters/05-pipe/README.md#why)", "[a](#why)"),
            ("[a](../../../chapters/05-pipe/README.md)", "[a](README.md)"),
            (
                "[a](../../../chapters/02-fork/README.md#b \"c\")",
                "[a](../02-fork/README.md#b \"c\")",
            ),
            (
                "<a href='../../../chapters/02-fork/README.md'>",
                "<a href='../02-fork/README.md'>",
            ),
            ("[a](src/lib.rs)", "[a](../../exercises/05-pipe/pipe-eof/src/lib.rs)"),
        ] {
            assert_eq!(moved(written), becomes);
        }
        for alone in [
            "[a](#given)",
            "[a](https://man7.org/)",
            "`[a](../b)`",
            "[a](../../../../b)",
            "text",
        ] {
            assert_eq!(moved(alone), alone);
        }
    }
}
