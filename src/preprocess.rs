//! The book's own step between mdBook's `links` preprocessor and its renderer.
//!
//! `cargo run` calls it in its own process, `mdbook serve` through `workbook preprocess` and
//! JSON on standard input and output. Both get the same pages.
//! Source: <https://rust-lang.github.io/mdBook/for_developers/preprocessors.html>.

use std::io::{Read, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};
use mdbook_preprocessor::book::{Book, BookItem};
use mdbook_preprocessor::{Preprocessor, PreprocessorContext, parse_input};

use crate::chapters::{package_name, page_minutes};
use crate::dedent::dedent_listings;
use crate::exercise_page::{self, Shown};
use crate::links;
use crate::measured_page::Figures;
use crate::score_table;
use crate::timeline_page;

/// Puts in the exercises, their scores, what was measured and what was recorded, mends links, moves listings to the
/// margin and writes the strip under each chapter's title.
#[derive(Debug, Clone, Copy, Default)]
pub struct Workbook;

impl Preprocessor for Workbook {
    fn name(&self) -> &str {
        "workbook"
    }

    fn run(&self, context: &PreprocessorContext, mut book: Book) -> Result<Book> {
        let source = context.root.join(&context.config.book.src);
        // A book without exercises needs none to be readable.
        let mut exercises: Option<Vec<Shown>> = None;
        let figures = Figures::of(&context.root);
        let mut problems = Vec::new();
        book.for_each_mut(|item| {
            if let BookItem::Chapter(chapter) = item
                && let Some(path) = &chapter.source_path
            {
                let folder = path.parent().unwrap_or(Path::new(""));
                let package = package_name(&source.join(folder));
                let page = with_strip(&chapter.content, folder, package.as_deref());
                let place = context.config.book.src.join(path);
                let page = with_exercises(page, &place, &context.root, &mut exercises)
                    .and_then(|page| score_table::expand(page, &place, &context.root))
                    .and_then(|page| figures.expand(page, &place))
                    .and_then(|page| timeline_page::expand(page, &place, &context.root));
                match page {
                    Ok(page) => {
                        chapter.content = dedent_listings(&links::point_to_index(&page))
                    }
                    Err(error) => problems.push(format!("{error:#}")),
                }
            }
        });
        if !problems.is_empty() {
            bail!("{}", problems.join("\n"));
        }
        Ok(book)
    }

    fn supports_renderer(&self, renderer: &str) -> Result<bool> {
        Ok(supports(renderer))
    }
}

/// Whether the step knows what `renderer` makes of a page.
pub fn supports(renderer: &str) -> bool {
    renderer == "html"
}

/// Speaks mdBook's protocol: one book in, the changed book out, both as JSON.
///
/// # Errors
///
/// When the input is not what mdBook sends, or the output cannot be written.
pub fn speak(input: impl Read, mut output: impl Write) -> Result<()> {
    let (context, book) = parse_input(input)
        .context("standard input is not a book: this command is for mdBook to call")?;
    let book = Workbook.run(&context, book)?;
    serde_json::to_writer(&mut output, &book)
        .context("cannot write the book to standard output")?;
    output.flush().context("cannot write the book to standard output")
}

/// `page`, which lies at `place` in the project, with its exercises. They are read for the first
/// page that shows one.
fn with_exercises(
    page: String,
    place: &Path,
    root: &Path,
    exercises: &mut Option<Vec<Shown>>,
) -> Result<String> {
    if !exercise_page::is_wanted(&page) {
        return Ok(page);
    }
    let known = match exercises {
        Some(known) => known,
        None => exercises.insert(exercise_page::read_all(root)?),
    };
    let place = place.to_string_lossy().replace('\\', "/");
    exercise_page::expand(&page, &place, known)
}

/// `page` with its line about the minutes replaced by a strip that also names the chapter's
/// crate.
fn with_strip(page: &str, folder: &Path, package: Option<&str>) -> String {
    let Some((minutes, line)) = page_minutes(page) else {
        return page.to_owned();
    };
    let folder = folder.to_string_lossy().replace('\\', "/");
    let unit = if minutes == 1 { "minute" } else { "minutes" };
    let place = match package {
        Some(package) => {
            format!(" · crate <code>{package}</code> in <code>chapters/{folder}</code>")
        }
        None => String::new(),
    };
    let strip = format!("<p class=\"chapter-strip\">About {minutes} {unit}{place}</p>");
    format!("{}{strip}{}", &page[..line.start], &page[line.end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strip_takes_the_place_of_the_minutes() {
        let page = "# Fork\n\n*About 45 minutes.*\n\nText.\n";
        assert_eq!(
            with_strip(page, Path::new("02-fork"), Some("fork")),
            "# Fork\n\n<p class=\"chapter-strip\">About 45 minutes · crate <code>fork</code> in \
             <code>chapters/02-fork</code></p>\n\nText.\n"
        );
    }

    #[test]
    fn a_page_without_minutes_stays_as_it_is() {
        assert_eq!(with_strip("# Title\n", Path::new(""), None), "# Title\n");
    }

    #[test]
    fn only_html_is_supported() {
        assert!(supports("html") && !supports("markdown"));
    }
}
