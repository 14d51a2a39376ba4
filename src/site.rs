//! A built book in memory, as the server hands it out.
//!
//! A request is a look-up among the paths that the build wrote, so that no request can name any
//! other file. A rebuild replaces the whole value: a reader gets the old book or the new one,
//! never half of each.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use axum::body::Bytes;
use walkdir::WalkDir;

/// All files of one build.
#[derive(Debug, Default)]
pub struct Site {
    files: HashMap<String, Page>,
}

/// One file of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// What the browser is told that the bytes are.
    pub content_type: String,
    /// The bytes themselves.
    pub bytes: Bytes,
}

/// What to answer to a request's path.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// This file.
    Page(&'a Page),
    /// Ask again with a slash at the end: relative links of a folder's page need it.
    AddSlash,
    /// There is nothing, and this is the page that says so.
    Missing(Option<&'a Page>),
}

impl Site {
    /// Reads the files of a build. `reload` is put at the end of each page's body.
    ///
    /// # Errors
    ///
    /// When a file under `folder` cannot be read.
    pub fn load(folder: &Path, reload: &str) -> Result<Site> {
        let mut files = HashMap::new();
        for entry in WalkDir::new(folder) {
            let entry = entry.with_context(|| format!("cannot list {}", folder.display()))?;
            if !entry.file_type().is_file() {
                continue;
            }
            let path = entry.path();
            let mut bytes =
                fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            let content_type = content_type(path);
            if content_type.starts_with("text/html") {
                bytes = with_reload(bytes, reload);
            }
            let name = path
                .strip_prefix(folder)
                .unwrap_or(path)
                .components()
                .map(|part| part.as_os_str().to_string_lossy())
                .collect::<Vec<_>>()
                .join("/");
            files.insert(name, Page { content_type, bytes: bytes.into() });
        }
        Ok(Site { files })
    }

    /// Looks up the path of a request, as it stands in the request line without the query.
    pub fn answer(&self, request_path: &str) -> Answer<'_> {
        let missing = Answer::Missing(self.files.get("404.html"));
        let Some(path) = percent_decoded(request_path.trim_start_matches('/')) else {
            return missing;
        };
        if path.is_empty() || path.ends_with('/') {
            return self.files.get(&format!("{path}index.html")).map_or(missing, Answer::Page);
        }
        if let Some(page) = self.files.get(&path) {
            return Answer::Page(page);
        }
        if self.files.contains_key(&format!("{path}/index.html")) {
            Answer::AddSlash
        } else {
            missing
        }
    }
}

fn content_type(path: &Path) -> String {
    let guess = mime_guess::from_path(path).first_or_octet_stream();
    // Rust sources, snapshots and Markdown lie beside the pages and are there to be read.
    let as_text = path.extension().is_some_and(|extension| {
        ["rs", "snap", "toml", "md"].iter().any(|known| extension == *known)
    });
    match guess.type_().as_str() {
        _ if as_text => "text/plain; charset=utf-8".to_owned(),
        "text" => format!("{}; charset=utf-8", guess.essence_str()),
        _ => guess.essence_str().to_owned(),
    }
}

fn with_reload(page: Vec<u8>, reload: &str) -> Vec<u8> {
    match String::from_utf8(page) {
        Ok(text) => match text.rfind("</body>") {
            Some(end) => format!("{}{reload}{}", &text[..end], &text[end..]).into_bytes(),
            None => text.into_bytes(),
        },
        Err(not_text) => not_text.into_bytes(),
    }
}

/// `None` when an escape is incomplete or the bytes are not UTF-8.
fn percent_decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = char::from(rest.next()?).to_digit(16)?;
            let low = char::from(rest.next()?).to_digit(16)?;
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> Site {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join("01-one")).expect("a folder");
        for (name, text) in [
            ("index.html", "<body>root</body>"),
            ("01-one/index.html", "one"),
            ("a b.css", "css"),
            ("404.html", "gone"),
            ("lib.rs", "fn main() {}"),
        ] {
            fs::write(folder.path().join(name), text).expect("a file");
        }
        Site::load(folder.path(), "<script></script>").expect("a site")
    }

    fn text<'a>(site: &'a Site, path: &str) -> (&'a str, &'a str) {
        match site.answer(path) {
            Answer::Page(page) => {
                (std::str::from_utf8(&page.bytes).expect("text"), &page.content_type)
            }
            other => panic!("{path}: {other:?}"),
        }
    }

    #[test]
    fn files_and_folders_are_found_with_their_types() {
        let site = site();
        assert_eq!(
            text(&site, "/"),
            ("<body>root<script></script></body>", "text/html; charset=utf-8")
        );
        assert_eq!(text(&site, "/01-one/").0, "one");
        assert_eq!(text(&site, "/a%20b.css"), ("css", "text/css; charset=utf-8"));
        assert_eq!(text(&site, "/lib.rs").1, "text/plain; charset=utf-8");
        assert_eq!(site.answer("/01-one"), Answer::AddSlash);
    }

    #[test]
    fn nothing_else_can_be_named() {
        let site = site();
        for path in [
            "/../Cargo.toml",
            "/%2e%2e/Cargo.toml",
            "//etc/passwd",
            "/gone",
            "/%zz",
            "/%f",
            "/01-one/../lib.rs",
        ] {
            assert!(matches!(site.answer(path), Answer::Missing(Some(_))), "{path}");
        }
    }
}
