//! Listings begin at the left margin.
//!
//! An include brings lines as they stand in their file, so a method keeps the indentation of its `impl` block. On a page
//! there is no `impl` block around it: what all lines of a listing have in common is taken away.

use std::ops::Range;

use mdbook_markdown::pulldown_cmark::{CodeBlockKind, Event, Tag};
use mdbook_markdown::{MarkdownOptions, new_cmark_parser};

/// `page` with its fenced code blocks moved to the left margin. Blocks inside a list or a quotation stay as they are:
/// their lines begin with what belongs to the list or quotation.
pub fn dedent_listings(page: &str) -> String {
    let parser = new_cmark_parser(page, &MarkdownOptions::default());
    let mut dedented = String::with_capacity(page.len());
    let mut copied = 0;
    for (event, block) in parser.into_offset_iter() {
        if !matches!(event, Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_)))) {
            continue;
        }
        if let Some(lines) = lines_of(page, block) {
            dedented.push_str(&page[copied..lines.start]);
            push_dedented(&mut dedented, &page[lines.clone()]);
            copied = lines.end;
        }
    }
    dedented.push_str(&page[copied..]);
    dedented
}

/// Where the lines between the two fences of `block` are, if the fences stand at the left margin.
fn lines_of(page: &str, block: Range<usize>) -> Option<Range<usize>> {
    let at_margin = block.start == 0 || page[..block.start].ends_with('\n');
    let text = &page[block.clone()];
    let first = text.find('\n')? + 1;
    let last = text.trim_end().rfind('\n')? + 1;
    (at_margin && first < last).then(|| block.start + first..block.start + last)
}

fn push_dedented(page: &mut String, lines: &str) {
    let indentation = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let common = lines.lines().filter(|line| !line.trim().is_empty()).map(indentation).min();
    for line in lines.split_inclusive('\n') {
        page.push_str(line.get(common.unwrap_or(0)..).unwrap_or("\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::dedent_listings;

    #[test]
    fn what_all_lines_have_in_common_is_taken_away() {
        assert_eq!(
            dedent_listings(
                "Text\n\n```rust\n    fn f() {\n\n        g()\n    }\n```\n    end\n"
            ),
            "Text\n\n```rust\nfn f() {\n\n    g()\n}\n```\n    end\n"
        );
    }

    #[test]
    fn listings_at_the_margin_and_inside_lists_stay() {
        for page in [
            "```rust\nfn f() {\n    g()\n}\n```\n",
            "- item\n\n  ```sh\n  ls\n  ```\n",
            "```text\n```\n",
            "```text\n\n```\n",
            "    indented\n",
            "```sh\nls",
        ] {
            assert_eq!(dedent_listings(page), page);
        }
    }
}
