//! Rust files as cargo's compiler reads them: tokens, not text, so that a word in a comment or in
//! a string never counts.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::project::Project;

/// The tokens of a file.
///
/// # Errors
///
/// A message with line and column where the text is not Rust.
pub(crate) fn tokens(text: &str) -> Result<TokenStream, String> {
    text.parse().map_err(|error: proc_macro2::LexError| {
        let at = error.span().start();
        format!("is not Rust: line {}, column {}", at.line, at.column + 1)
    })
}

/// The lines on which the keyword `unsafe` stands.
pub(crate) fn unsafe_lines(tokens: &TokenStream) -> Vec<usize> {
    let mut lines = Vec::new();
    for token in tokens.clone() {
        match token {
            TokenTree::Ident(word) if word == "unsafe" => lines.push(word.span().start().line),
            TokenTree::Group(group) => lines.extend(unsafe_lines(&group.stream())),
            _ => {}
        }
    }
    lines
}

/// The strings that stand in the code, comments left out.
pub(crate) fn strings(tokens: &TokenStream) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for token in tokens.clone() {
        match token {
            TokenTree::Literal(literal) => {
                let text = literal.to_string();
                if let Some(text) = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) {
                    found.insert(text.to_owned());
                }
            }
            TokenTree::Group(group) => found.extend(strings(&group.stream())),
            _ => {}
        }
    }
    found
}

/// Whether the file begins with attributes among which is `#![forbid(unsafe_code)]`.
pub(crate) fn forbids_unsafe(tokens: &TokenStream) -> bool {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    tokens.windows(3).any(|three| match three {
        [TokenTree::Punct(hash), TokenTree::Punct(bang), TokenTree::Group(attribute)] => {
            hash.as_char() == '#'
                && bang.as_char() == '!'
                && squeezed(&attribute.stream()) == "forbid(unsafe_code)"
        }
        _ => false,
    })
}

fn squeezed(tokens: &TokenStream) -> String {
    tokens.to_string().split_whitespace().collect()
}

/// The `.rs` files that cargo compiles: the first file of each target, and every file that a
/// `mod name;` reaches from there.
pub(crate) fn compiled_files(project: &Project) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for package in &project.packages {
        for target in &package.targets {
            let folder = target.root.rsplit_once('/').map_or("", |(folder, _)| folder);
            follow(project, &target.root, folder, &mut found);
        }
    }
    found
}

/// Adds `file`, and the files of its modules, which lie under `folder`.
fn follow(project: &Project, file: &str, folder: &str, found: &mut BTreeSet<String>) {
    let Some(text) = project.files.get(file) else { return };
    if !found.insert(file.to_owned()) {
        return;
    }
    let Ok(tokens) = tokens(text) else { return };
    for module in modules(&tokens, folder) {
        match module {
            Module::At(path) => {
                let beside = file.rsplit_once('/').map_or("", |(beside, _)| beside);
                if let Some(path) = super::project::resolve(&format!("{beside}/_"), &path) {
                    let folder =
                        path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
                    follow(project, &path, &folder, found);
                }
            }
            Module::Named(path) => {
                let alone = format!("{path}.rs");
                let in_folder = format!("{path}/mod.rs");
                let file = if project.files.contains_key(&alone) { alone } else { in_folder };
                follow(project, &file, &path, found);
            }
        }
    }
}

enum Module {
    /// `#[path = "…"] mod name;`: the path as written.
    At(String),
    /// `mod name;`: where it is looked for, without `.rs` or `/mod.rs`.
    Named(String),
}

fn modules(tokens: &TokenStream, folder: &str) -> Vec<Module> {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let mut found = Vec::new();
    let mut path = None;
    for (index, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => {
                let attribute = squeezed(&group.stream());
                if let Some(value) = attribute.strip_prefix("path=") {
                    path = Some(value.trim_matches('"').to_owned());
                }
            }
            TokenTree::Ident(word) if word == "mod" => {
                let Some(TokenTree::Ident(name)) = tokens.get(index + 1) else { continue };
                let at = format!("{folder}/{name}");
                match tokens.get(index + 2) {
                    Some(TokenTree::Punct(end)) if end.as_char() == ';' => {
                        found.push(path.take().map_or(Module::Named(at), Module::At));
                    }
                    Some(TokenTree::Group(body)) => found.extend(modules(&body.stream(), &at)),
                    _ => {}
                }
            }
            TokenTree::Punct(end) if end.as_char() == ';' => path = None,
            _ => {}
        }
    }
    found
}
