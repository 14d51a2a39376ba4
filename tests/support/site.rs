//! The built book: its files, and what each HTML page links to, loads and names.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use walkdir::WalkDir;

/// Every file of the built book by its path inside the site.
#[derive(Debug, Default)]
pub(crate) struct Site {
    pub(crate) files: BTreeMap<String, String>,
}

/// A reference from a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) line: u64,
    pub(crate) url: String,
    /// Whether the browser loads it on its own: a script, a style sheet, a picture.
    pub(crate) loaded: bool,
}

/// What a page holds, in the order of its text.
#[derive(Debug, Default, Clone)]
pub(crate) struct Html {
    /// Every `id`, with how often it stands there.
    pub(crate) ids: BTreeMap<String, usize>,
    pub(crate) references: Vec<Reference>,
    /// The `href` of `<base>`.
    pub(crate) base: Option<String>,
    /// The lines of `<img>` without `alt`.
    pub(crate) images_without_alt: Vec<u64>,
    /// The lines of `<svg>` in a figure that a screen reader cannot name.
    pub(crate) drawings_without_name: Vec<u64>,
    /// The lines of `<figure>` without a caption in words.
    pub(crate) figures_without_caption: Vec<u64>,
}

impl Site {
    /// Reads a folder.
    ///
    /// # Panics
    ///
    /// If the folder cannot be read.
    pub(crate) fn read(folder: &Path) -> Self {
        let mut files = BTreeMap::new();
        for entry in WalkDir::new(folder) {
            let entry = entry.expect("the site is readable");
            if entry.file_type().is_file() {
                let path = entry.path().strip_prefix(folder).expect("lies in the folder");
                let text =
                    String::from_utf8_lossy(&std::fs::read(entry.path()).expect("readable"))
                        .into_owned();
                files.insert(path.to_str().expect("the names are UTF-8").to_owned(), text);
            }
        }
        Site { files }
    }

    /// The HTML pages.
    pub(crate) fn pages(&self) -> impl Iterator<Item = (&str, Html)> {
        self.files
            .iter()
            .filter(|(path, _)| path.ends_with(".html"))
            .map(|(path, text)| (path.as_str(), parse(text)))
    }
}

/// Reads one page.
pub(crate) fn parse(text: &str) -> Html {
    let sink = Reader::default();
    let tokenizer = Tokenizer::new(sink, TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(text));
    // The reader never asks for a script to be run, so one call takes the whole text.
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.state.into_inner().html
}

#[derive(Default)]
struct Reader {
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    html: Html,
    /// The line of the figure that is open, and whether it has a caption in words.
    figure: Option<(u64, bool)>,
    in_caption: bool,
    /// The line of the drawing that is open, and whether it has a name.
    drawing: Option<(u64, bool)>,
    in_title: bool,
}

impl TokenSink for Reader {
    type Handle = ();

    fn process_token(&self, token: Token, line: u64) -> TokenSinkResult<()> {
        let mut state = self.state.borrow_mut();
        match token {
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => {
                state.start(&tag, line);
                return match &*tag.name {
                    "script" => TokenSinkResult::RawData(RawKind::ScriptData),
                    "style" => TokenSinkResult::RawData(RawKind::Rawtext),
                    _ => TokenSinkResult::Continue,
                };
            }
            Token::TagToken(tag) => state.end(&tag.name),
            Token::CharacterTokens(text) if !text.trim().is_empty() => state.text(),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl State {
    fn start(&mut self, tag: &Tag, line: u64) {
        let attribute = |name: &str| {
            let found = tag.attrs.iter().find(|attribute| &*attribute.name.local == name)?;
            Some(found.value.to_string())
        };
        let has = |name: &str| attribute(name).is_some_and(|value| !value.trim().is_empty());
        if let Some(id) = attribute("id") {
            *self.html.ids.entry(id).or_default() += 1;
        }
        let mut refer = |name: &str, loaded: bool| {
            if let Some(url) = attribute(name) {
                self.html.references.push(Reference { line, url, loaded });
            }
        };
        match &*tag.name {
            "a" | "area" => refer("href", false),
            "link" => refer("href", attribute("rel").as_deref() != Some("canonical")),
            "script" | "img" | "iframe" | "source" | "audio" | "video" | "embed" => {
                refer("src", true);
            }
            "object" => refer("data", true),
            "use" | "image" => refer("href", true),
            "base" => self.html.base = attribute("href"),
            _ => {}
        }
        match &*tag.name {
            "img" if attribute("alt").is_none() => self.html.images_without_alt.push(line),
            "figure" => self.figure = Some((line, false)),
            "figcaption" => self.in_caption = true,
            "svg" if self.figure.is_some() => {
                self.drawing = Some((line, has("aria-label") || has("aria-labelledby")));
            }
            "title" => self.in_title = true,
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        match name {
            "figure" => {
                if let Some((line, false)) = self.figure.take() {
                    self.html.figures_without_caption.push(line);
                }
            }
            "figcaption" => self.in_caption = false,
            "svg" => {
                if let Some((line, false)) = self.drawing.take() {
                    self.html.drawings_without_name.push(line);
                }
            }
            "title" => self.in_title = false,
            _ => {}
        }
    }

    fn text(&mut self) {
        if let Some((_, captioned)) = &mut self.figure {
            *captioned |= self.in_caption;
        }
        if let Some((_, named)) = &mut self.drawing {
            *named |= self.in_title;
        }
    }
}
