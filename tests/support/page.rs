//! A page of the book as text: code blocks, includes, headings and prose.
//!
//! Markdown is read by pulldown-cmark, the parser that mdBook itself uses.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// A code block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    /// The line of the page on which the block begins, from 1.
    pub(crate) line: usize,
    /// What stands behind the opening fence; `None` for a block made by indentation.
    pub(crate) language: Option<String>,
    pub(crate) text: String,
}

/// A directive such as `{{#include src/lib.rs:name}}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Directive {
    pub(crate) line: usize,
    /// `include` and its relatives.
    pub(crate) name: String,
    /// The file, relative to the page.
    pub(crate) path: String,
    /// What is taken from it.
    pub(crate) part: Part,
}

/// What an include takes from its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Whole,
    Anchor(String),
    /// First and last line, from 1.
    Lines(Option<usize>, Option<usize>),
}

/// A heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heading {
    pub(crate) line: usize,
    pub(crate) level: usize,
    pub(crate) text: String,
}

fn events(text: &str) -> impl Iterator<Item = (Event<'_>, Range<usize>)> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES
        | Options::ENABLE_DEFINITION_LIST
        | Options::ENABLE_GFM;
    Parser::new_ext(text, options).into_offset_iter()
}

/// The line, from 1, of an offset in bytes.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    1 + text[..offset].matches('\n').count()
}

/// The code blocks of a page.
pub(crate) fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open = false;
    for (event, range) in events(text) {
        match event {
            Event::Start(Tag::CodeBlock(kind)) => {
                let language = match kind {
                    CodeBlockKind::Fenced(language) => Some(language.to_string()),
                    CodeBlockKind::Indented => None,
                };
                let line = line_of(text, range.start);
                blocks.push(Block { line, language, text: String::new() });
                open = true;
            }
            Event::End(TagEnd::CodeBlock) => open = false,
            Event::Text(part) if open => {
                if let Some(block) = blocks.last_mut() {
                    block.text.push_str(&part);
                }
            }
            _ => {}
        }
    }
    blocks
}

/// The pieces of inline code of a page, with their lines.
pub(crate) fn inline_code(text: &str) -> Vec<(usize, String)> {
    events(text)
        .filter_map(|(event, range)| match event {
            Event::Code(code) => Some((line_of(text, range.start), code.to_string())),
            _ => None,
        })
        .collect()
}

/// The headings of a page.
pub(crate) fn headings(text: &str) -> Vec<Heading> {
    let mut headings: Vec<Heading> = Vec::new();
    let mut open = false;
    for (event, range) in events(text) {
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                let line = line_of(text, range.start);
                headings.push(Heading { line, level: level as usize, text: String::new() });
                open = true;
            }
            Event::End(TagEnd::Heading(_)) => open = false,
            Event::Text(part) | Event::Code(part) if open => {
                if let Some(heading) = headings.last_mut() {
                    heading.text.push_str(&part);
                }
            }
            _ => {}
        }
    }
    headings
}

/// The links and images of a page, with their lines.
pub(crate) fn links(text: &str) -> Vec<(usize, String)> {
    events(text)
        .filter_map(|(event, range)| match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                Some((line_of(text, range.start), dest_url.to_string()))
            }
            _ => None,
        })
        .collect()
}

/// How many words of prose a page has: everything that is read as sentences, which leaves out code
/// blocks, drawings and markup.
pub(crate) fn prose_words(text: &str) -> usize {
    let mut prose = String::new();
    let mut html = String::new();
    let mut in_code = false;
    for (event, _) in events(text) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => in_code = true,
            Event::End(TagEnd::CodeBlock) => in_code = false,
            Event::Text(part) | Event::Code(part) if !in_code => prose.push_str(&part),
            Event::Html(part) => html.push_str(&part),
            Event::SoftBreak | Event::HardBreak | Event::End(_) => prose.push(' '),
            _ => {}
        }
    }
    let words = |text: &str| text.split_whitespace().filter(|word| has_letter(word)).count();
    words(&prose) + words(&without_markup(&html))
}

fn has_letter(word: &str) -> bool {
    word.chars().any(char::is_alphanumeric)
}

/// The text between the tags, without the drawings.
fn without_markup(html: &str) -> String {
    let mut text = html.to_owned();
    while let Some(start) = text.find("<svg") {
        let end = text[start..].find("</svg>").map_or(text.len(), |end| start + end + 6);
        text.replace_range(start..end, " ");
    }
    let mut inside_tag = false;
    text.chars()
        .map(|character| match character {
            '<' => {
                inside_tag = true;
                ' '
            }
            '>' => {
                inside_tag = false;
                ' '
            }
            _ if inside_tag => ' ',
            other => other,
        })
        .collect()
}

/// The `{{#…}}` directives in a text. One that is escaped by a backslash is none.
pub(crate) fn directives(text: &str) -> Vec<Directive> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let mut rest = line;
        let mut escaped = false;
        while let Some(start) = rest.find("{{#") {
            escaped |= rest[..start].ends_with('\\');
            let inside = &rest[start + 3..];
            let Some(end) = inside.find("}}") else { break };
            if !escaped {
                found.push(directive(index + 1, inside[..end].trim()));
            }
            escaped = false;
            rest = &inside[end + 2..];
        }
    }
    found
}

fn directive(line: usize, inside: &str) -> Directive {
    let (name, argument) = inside.split_once(char::is_whitespace).unwrap_or((inside, ""));
    let argument = argument.trim();
    let (path, part) = match argument.split_once(':') {
        None => (argument, Part::Whole),
        Some((path, part)) => (path, part_of(part)),
    };
    Directive { line, name: name.into(), path: path.into(), part }
}

fn part_of(text: &str) -> Part {
    let (first, last) = text.split_once(':').unwrap_or((text, text));
    let number = |text: &str| match text {
        "" => Ok(None),
        digits => digits.parse().map(Some),
    };
    match (number(first), number(last)) {
        (Ok(first), Ok(last)) => Part::Lines(first, last),
        _ => Part::Anchor(text.to_owned()),
    }
}

/// The only directive of a text that has nothing else in it.
pub(crate) fn lone_include(text: &str) -> Option<Directive> {
    let line = text.trim();
    let whole = line.starts_with("{{#") && line.ends_with("}}") && line.lines().count() == 1;
    match <[Directive; 1]>::try_from(directives(line)) {
        Ok([include]) if whole && include.name == "include" => Some(include),
        _ => None,
    }
}
