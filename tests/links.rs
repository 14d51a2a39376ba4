//! The built book: no link leads nowhere, nothing is loaded from another host, every picture has
//! a name. The book is built once into a folder of its own; nothing here uses the network.

#[path = "support/site.rs"]
mod site;
mod support;

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::OnceLock;

use site::{Html, Site, parse};
use support::project::{Project, resolve, root};
use support::{Finding, assert_none, assert_one, page};

/// The hosts that a page may send its reader to. Each has kept its addresses for years.
const HOSTS: &[&str] = &[
    "access.redhat.com",
    "crates.io",
    "cwe.mitre.org",
    "dl.acm.org",
    "doc.rust-lang.org",
    "docs.kernel.org",
    "docs.nats.io",
    "docs.python.org",
    "docs.rs",
    "doi.org",
    "en.wikipedia.org",
    "git.kernel.org",
    "github.com",
    "gitlab.com",
    "learn.microsoft.com",
    "lwn.net",
    "man7.org",
    "pubs.opengroup.org",
    "rust-lang.github.io",
    "rustup.rs",
    "sourceware.org",
    "www.gnu.org",
    "www.kernel.org",
    "www.man7.org",
    "www.microsoft.com",
    "www.rust-lang.org",
    "www.usenix.org",
];

/// Every link inside the book leads to a file, and its fragment to an element.
fn internal_links_lead_somewhere(site: &Site) -> Vec<Finding> {
    let pages: std::collections::BTreeMap<&str, Html> = site.pages().collect();
    let mut findings = Vec::new();
    for (path, html) in &pages {
        for reference in &html.references {
            let url = reference.url.as_str();
            if scheme(url).is_some() || url.starts_with("//") {
                continue;
            }
            let mut complain = |what: String| {
                findings.push(Finding::at(path, reference.line as usize, what));
            };
            let (target, fragment) = url.split_once('#').unwrap_or((url, ""));
            let Some(target) = target_of(path, html.base.as_deref(), target) else {
                complain(format!("`{url}` is absolute or leaves the site"));
                continue;
            };
            if !site.files.contains_key(&target) {
                complain(format!("`{url}` leads to no file"));
            } else if !fragment.is_empty()
                && let Some(page) = pages.get(target.as_str())
                && !page.ids.contains_key(&decode(fragment))
            {
                complain(format!("`{url}`: {target} has no element with this id"));
            }
        }
    }
    findings
}

fn scheme(url: &str) -> Option<&str> {
    let (scheme, _) = url.split_once(':')?;
    scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c)).then_some(scheme)
}

/// The file that a relative address means, seen from a page.
fn target_of(from: &str, base: Option<&str>, target: &str) -> Option<String> {
    let target = decode(target.split('?').next().unwrap_or_default());
    if target.is_empty() {
        return Some(from.to_owned());
    }
    let from = if base == Some("/") { "index.html" } else { from };
    if target.starts_with('/') && base != Some("/") {
        return None;
    }
    let file = resolve(from, &target)?;
    if file.is_empty() || target.ends_with('/') {
        return Some(format!("{file}/index.html").trim_start_matches('/').to_owned());
    }
    Some(file)
}

/// Resolves `%20` and its like.
fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digits = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whoever reads the book offline, or would rather not be seen reading it, loads nothing from
/// elsewhere. Links elsewhere are encrypted and lead to hosts that last.
fn nothing_is_loaded_from_elsewhere(site: &Site) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, html) in site.pages() {
        for reference in &html.references {
            let url = reference.url.as_str();
            let elsewhere = scheme(url).is_some() || url.starts_with("//");
            if !elsewhere || url.starts_with("data:") {
                continue;
            }
            let host = url
                .strip_prefix("https://")
                .map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
            let what = match host {
                _ if reference.loaded => format!("loads `{url}` from elsewhere"),
                None => format!("`{url}` is not https"),
                Some(host) if !HOSTS.contains(&host) => format!("`{host}` is not a known host"),
                Some(_) => continue,
            };
            findings.push(Finding::at(path, reference.line as usize, what));
        }
    }
    findings
}

/// The addresses in style sheets are inside the book, and exist.
fn style_sheets_load_what_exists(site: &Site) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in site.files.iter().filter(|(path, _)| path.ends_with(".css")) {
        for part in text.split("url(").skip(1) {
            let url =
                part.split(')').next().unwrap_or_default().trim().trim_matches(['"', '\'']);
            if url.starts_with("data:") || url.starts_with('#') {
                continue;
            }
            let target = url.split(['?', '#']).next().unwrap_or_default();
            let exists = scheme(url).is_none()
                && resolve(path, target).is_some_and(|file| site.files.contains_key(&file));
            if !exists {
                findings.push(Finding::new(path, format!("`url({url})` is not in the book")));
            }
        }
        if text.contains("@import") {
            findings.push(Finding::new(path, "has an `@import`"));
        }
    }
    findings
}

/// Everything that is looked at has words too, and no two elements have one id.
fn pictures_have_words(site: &Site) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, html) in site.pages() {
        for (lines, what) in [
            (&html.images_without_alt, "an image without `alt`"),
            (&html.drawings_without_name, "a drawing without `<title>` or `aria-label`"),
            (&html.figures_without_caption, "a figure without words in its `<figcaption>`"),
        ] {
            findings.extend(lines.iter().map(|line| Finding::at(path, *line as usize, what)));
        }
        for (id, count) in html.ids.iter().filter(|(_, count)| **count > 1) {
            findings.push(Finding::new(path, format!("{count} elements have the id `{id}`")));
        }
    }
    findings
}

/// A page that the summary does not name is not built.
fn pages_are_in_the_summary(project: &Project) -> Vec<Finding> {
    let summary = "chapters/SUMMARY.md";
    let text = project.files.get(summary).map_or("", String::as_str);
    let named: BTreeSet<String> =
        page::links(text).iter().filter_map(|(_, link)| resolve(summary, link)).collect();
    project
        .pages()
        .filter(|(page, _)| !named.contains(*page))
        .map(|(page, _)| Finding::new(page, "is not in chapters/SUMMARY.md"))
        .collect()
}

/// The table of contents of the built book leads to every page that the summary names.
fn contents_lead_to_every_page(project: &Project, site: &Site) -> Vec<Finding> {
    let contents = site.files.get("toc.html").map_or("", String::as_str);
    let linked: BTreeSet<String> = parse(contents)
        .references
        .iter()
        .filter_map(|reference| target_of("toc.html", None, &reference.url))
        .collect();
    project
        .pages()
        .map(|(page, _)| {
            page.trim_start_matches("chapters/").replace("README.md", "index.html")
        })
        .filter(|page| !linked.contains(page))
        .map(|page| Finding::new("toc.html", format!("does not lead to {page}")))
        .collect()
}

fn site() -> &'static Site {
    static SITE: OnceLock<Site> = OnceLock::new();
    SITE.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder for the site");
        let site = folder.path().join("site");
        let output = Command::new(env!("CARGO_BIN_EXE_workbook"))
            .args(["build", "--dest"])
            .arg(&site)
            .current_dir(root())
            .output()
            .expect("the workbook starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "workbook build: {}\n{errors}", output.status);
        Site::read(&site)
    })
}

#[test]
fn every_link_leads_somewhere() {
    assert!(site().pages().count() >= 8, "the pages were not built");
    assert_none(internal_links_lead_somewhere(site()));
}

#[test]
fn the_book_loads_nothing_from_elsewhere() {
    assert_none(nothing_is_loaded_from_elsewhere(site()));
    assert_none(style_sheets_load_what_exists(site()));
}

#[test]
fn every_picture_has_words() {
    assert_none(pictures_have_words(site()));
}

#[test]
fn every_page_can_be_reached() {
    let project = Project::read();
    assert_none(pages_are_in_the_summary(&project));
    assert_none(contents_lead_to_every_page(&project, site()));
    assert!(site().files.contains_key("print.html"), "the book cannot be printed");
}

/// A site of one page in a folder, and a second page beside it.
fn two_pages(body: &str) -> Site {
    let files = [
        ("01-process/index.html", body),
        ("02-fork/index.html", "<h1 id=\"fork\">Fork</h1>"),
        ("index.html", ""),
        ("book.css", "a { background: url('fonts/a.woff2') }"),
        ("fonts/a.woff2", ""),
    ];
    Site { files: files.map(|(path, text)| (path.to_owned(), text.to_owned())).into() }
}

#[test]
fn links_that_lead_somewhere_have_no_finding() {
    let site = two_pages(
        "<a id=here href='#here'>a</a> <a href='../02-fork/index.html#fork'>b</a> <a href='../'>c</a>
         <a href='https://man7.org/linux/man-pages/man2/fork.2.html'>d</a>
         <link rel=stylesheet href=../book.css> <script>'<a href=absent>'</script>",
    );
    assert_none(internal_links_lead_somewhere(&site));
    assert_none(nothing_is_loaded_from_elsewhere(&site));
    assert_none(style_sheets_load_what_exists(&site));
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    for (body, part) in [
        ("<a href='../03-wait/index.html'>", "leads to no file"),
        ("<a href='#absent'>", "has no element with this id"),
        ("\n<a href='../02-fork/index.html#spoon'>", "index.html:2"),
        ("<a href='/02-fork/index.html'>", "is absolute"),
        ("<a href='../../outside.html'>", "leaves the site"),
        ("<img alt='' src=absent.png>", "leads to no file"),
        ("<script src=absent.js></script>", "leads to no file"),
    ] {
        assert_one(&internal_links_lead_somewhere(&two_pages(body)), part);
    }
}

#[test]
fn what_comes_from_elsewhere_is_found() {
    for (body, part) in [
        ("<script src='https://github.com/a.js'></script>", "loads `https://github.com/a.js`"),
        ("<link rel=stylesheet href='//man7.org/a.css'>", "loads `//man7.org/a.css`"),
        ("<a href='http://man7.org/'>", "is not https"),
        ("<a href='javascript:alert(1)'>", "is not https"),
        ("<a href='https://example.org/'>", "not a known host"),
        ("<a href='https://man7.org.example.org/'>", "not a known host"),
    ] {
        assert_one(&nothing_is_loaded_from_elsewhere(&two_pages(body)), part);
    }
    for style in ["a{background:url(absent.png)}", "a{background:url(https://man7.org/a)}"] {
        let mut site = two_pages("");
        site.files.insert("book.css".into(), style.into());
        assert_one(&style_sheets_load_what_exists(&site), "is not in the book");
    }
}

#[test]
fn a_picture_without_words_is_found() {
    for (body, part) in [
        ("<img src=a.png>", "without `alt`"),
        ("<figure><svg><path/></svg><figcaption>a</figcaption></figure>", "a drawing without"),
        ("<figure><svg><title></title></svg><figcaption>a</figcaption></figure>", "a drawing"),
        (
            "<figure><svg aria-label=a></svg><figcaption> </figcaption></figure>",
            "a figure without",
        ),
        ("<a id=x></a><b id=x></b>", "2 elements have the id `x`"),
    ] {
        assert_one(&pictures_have_words(&two_pages(body)), part);
    }
    let figure = "<figure><svg><title>a</title></svg><figcaption>b</figcaption></figure><svg/>";
    assert_none(pictures_have_words(&two_pages(figure)));
}

#[test]
fn a_page_outside_the_summary_is_found() {
    let lost = Project::of(&[
        ("chapters/SUMMARY.md", "- [Fork](02-fork/README.md)\n"),
        ("chapters/02-fork/README.md", ""),
        ("chapters/03-wait/README.md", ""),
    ]);
    assert_one(&pages_are_in_the_summary(&lost), "chapters/03-wait/README.md");
    let mut site = two_pages("");
    site.files.insert("toc.html".into(), "<a href='02-fork/index.html'>".into());
    assert_one(&contents_lead_to_every_page(&lost, &site), "03-wait/index.html");
}
