//! `{{#exercise ID}}`, alone on a line of a page, becomes the text of an exercise.
//!
//! The text is the exercise's own README, which a reader also meets beside the code. On the way
//! into the page its headings are lowered, its links are written as the page must write them,
//! and places are left for the tick and the last diagnosis. They stay hidden unless `cargo run`
//! serves the page and fills them ([`crate::progress_page`]).

use std::fmt::Write;
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::sync::LazyLock;

use anyhow::{Context, Result, bail};
use mdbook_markdown::pulldown_cmark::{Event, Tag};
use mdbook_markdown::{MarkdownOptions, new_cmark_parser};
use regex::Regex;

use crate::links;

/// An exercise as a page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its name, which is also its package's.
    pub id: String,
    /// What the reader does in it: `fill`, `repair`, `write` or `predict`.
    pub kind: String,
    /// How long it takes.
    pub minutes: u32,
    /// Its folder, relative to the project, with `/` between names.
    pub folder: String,
    /// Its README.
    pub text: String,
}

/// Reads all exercises of the project in `root`.
///
/// # Errors
///
/// When an exercise lacks a file or its metadata, with the path.
pub fn read_all(root: &Path) -> Result<Vec<Shown>> {
    let exercises = exercise::read_all(root).context("cannot read the exercises")?;
    exercises
        .into_iter()
        .map(|exercise| {
            let readme = exercise.readme();
            let text = fs::read_to_string(&readme)
                .with_context(|| format!("cannot read {}", readme.display()))?;
            let folder = format!("exercises/{}/{}", exercise.chapter, exercise.id);
            let (kind, minutes) = (exercise.kind.to_string(), exercise.minutes);
            Ok(Shown { id: exercise.id, kind, minutes, folder, text })
        })
        .collect()
}

/// Whether `page` may have the directive, so that the exercises must be read.
pub fn is_wanted(page: &str) -> bool {
    page.contains("{{#exercise")
}

/// `page`, which lies at `path` relative to the project, with its exercises in full.
///
/// # Errors
///
/// When a directive names no exercise, the same one twice, or is not alone on its line, or an
/// exercise's README has not the form. The message names the page and the nearest id.
pub fn expand(page: &str, path: &str, exercises: &[Shown]) -> Result<String> {
    let mut found: Vec<(Range<usize>, &Shown)> = Vec::new();
    let code = code_ranges(page);
    let mut start = 0;
    for line in page.split_inclusive('\n') {
        let range = start..start + line.len();
        start = range.end;
        if !line.contains("{{#exercise") || code.iter().any(|code| code.contains(&range.start))
        {
            continue;
        }
        let Some(id) = directive(line) else {
            // Inline code may speak of the directive.
            if line.contains("`{{#exercise") {
                continue;
            }
            bail!(
                "{path}: {} must stand alone on its line, as {{{{#exercise ID}}}}",
                line.trim()
            );
        };
        let Some(exercise) = exercises.iter().find(|known| known.id == id) else {
            bail!("{path}: no exercise is called {id}.{}", advice(id, exercises));
        };
        if found.iter().any(|(_, shown)| shown.id == id) {
            bail!("{path}: shows the exercise {id} twice");
        }
        found.push((range, exercise));
    }

    let mut expanded = String::with_capacity(page.len());
    let mut copied = 0;
    for (index, (place, exercise)) in found.iter().enumerate() {
        expanded.push_str(&page[copied..place.start]);
        if index == 0 {
            expanded.push_str(&overview(&found)?);
        }
        expanded.push_str(&section(exercise, path)?);
        copied = place.end;
    }
    expanded.push_str(&page[copied..]);
    Ok(expanded)
}

/// The id that a line names which is nothing but a directive.
fn directive(line: &str) -> Option<&str> {
    static LINE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^\{\{#exercise\s+([^\s}]+)\s*\}\}\s*$").expect("a constant pattern")
    });
    Some(LINE.captures(line)?.get(1)?.as_str())
}

/// Where the code blocks of a page are.
pub(crate) fn code_ranges(page: &str) -> Vec<Range<usize>> {
    new_cmark_parser(page, &MarkdownOptions::default())
        .into_offset_iter()
        .filter(|(event, _)| matches!(event, Event::Start(Tag::CodeBlock(_))))
        .map(|(_, range)| range)
        .collect()
}

fn advice(id: &str, exercises: &[Shown]) -> String {
    let likeness = |known: &&Shown| strsim::jaro_winkler(id, &known.id);
    exercises
        .iter()
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
        .map_or_else(String::new, |nearest| format!(" Did you mean {}?", nearest.id))
}

/// The list above the first exercise of a page, with a place for the count of those solved.
fn overview(found: &[(Range<usize>, &Shown)]) -> Result<String> {
    let mut list = String::from(
        "\n<div class=\"exercise-overview\">\n<p class=\"exercise-count\" hidden></p>\n\n",
    );
    for (_, exercise) in found {
        let Readme { title, .. } = readme(exercise)?;
        let Shown { id, kind, minutes, .. } = exercise;
        writeln!(
            list,
            "- [{title}](#exercise-{id}) · {kind} · {} \
             <span class=\"exercise-tick\" data-exercise=\"{id}\" hidden></span>",
            in_minutes(*minutes)
        )
        .expect("a string takes every write");
    }
    list.push_str("\n</div>\n\n");
    Ok(list)
}

fn section(exercise: &Shown, page_path: &str) -> Result<String> {
    let Readme { title, body } = readme(exercise)?;
    let Shown { id, kind, minutes, .. } = exercise;
    let body = links::move_to(body, &exercise.folder, page_path);
    let (task, hints) = lowered(&body, id);
    let minutes = in_minutes(*minutes);
    let command = format!("cargo test -p {id}");
    let command = if body.lines().any(|line| line.trim_end() == command) {
        String::new()
    } else {
        format!("```sh\n{command}\n```\n\n")
    };
    // Markdown goes on between HTML's tags where blank lines part them.
    Ok(format!(
        "\n<section class=\"exercise\" data-exercise=\"{id}\" aria-labelledby=\"exercise-{id}\">\n\n\
         ### {title} {{#exercise-{id}}}\n\n\
         <p class=\"exercise-strip\"><code>{id}</code> · {kind} · {minutes}</p>\n\n\
         {task}{command}\
         <p class=\"exercise-state\" role=\"status\" aria-live=\"polite\" hidden></p>\n\n\
         <div class=\"exercise-diagnosis\" hidden></div>\n\n\
         {hints}</section>\n\n"
    ))
}

fn in_minutes(minutes: u32) -> String {
    format!("{minutes} minute{}", if minutes == 1 { "" } else { "s" })
}

struct Readme<'a> {
    title: &'a str,
    /// What follows the title and the line about id, kind and minutes.
    body: &'a str,
}

fn readme(exercise: &Shown) -> Result<Readme<'_>> {
    static HEAD: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"\A# ([^\n]+)\n\n`([^`\n]+)` · [a-z]+ · \d+ minutes?\n")
            .expect("a constant pattern")
    });
    let head = HEAD.captures(&exercise.text).filter(|head| head[2] == exercise.id);
    let Some(head) = head else {
        bail!(
            "{}/README.md: does not begin with its title and a line such as `{}` · {} · {} \
             minutes",
            exercise.folder,
            exercise.id,
            exercise.kind,
            exercise.minutes
        );
    };
    if exercise.text.contains("{{#") {
        bail!("{}/README.md: the text of an exercise includes nothing", exercise.folder);
    }
    let end = head.get(0).map_or(0, |head| head.end());
    Ok(Readme {
        title: head.get(1).map_or("", |title| title.as_str()).trim(),
        body: &exercise.text[end..],
    })
}

/// `body` with its headings two levels lower, each with an id that no other exercise has, cut
/// in front of the hints.
fn lowered(body: &str, id: &str) -> (String, String) {
    let mut lowered = String::with_capacity(body.len());
    let mut copied = 0;
    let mut hints = None;
    let headings = new_cmark_parser(body, &MarkdownOptions::default())
        .into_offset_iter()
        .filter(|(event, _)| matches!(event, Event::Start(Tag::Heading { .. })))
        .map(|(_, range)| range);
    for range in headings {
        let line = body[range.clone()].trim_end();
        let words = line.trim_start_matches('#').trim();
        lowered.push_str(&body[copied..range.start]);
        if words == "Hints" {
            hints = Some(lowered.len());
        }
        let slug: String = words
            .to_lowercase()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        write!(lowered, "##{line} {{#{id}-{slug}}}").expect("a string takes every write");
        copied = range.start + line.len();
    }
    lowered.push_str(&body[copied..]);
    let end = hints.unwrap_or(lowered.len());
    let with_blank_line = |text: &str| match text.trim() {
        "" => String::new(),
        text => format!("{text}\n\n"),
    };
    (with_blank_line(&lowered[..end]), with_blank_line(&lowered[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# The end that nobody closed

`pipe-eof` · repair · 15 minutes

The reader waits for ever, [as the page says](../../../chapters/05-pipe/README.md#why).

## Given

A pipe.

## Hints

<details>
<summary>Hint 1</summary>

Count.

</details>
";

    fn exercise(id: &str) -> Shown {
        Shown {
            id: id.into(),
            kind: "repair".into(),
            minutes: 15,
            folder: format!("exercises/05-pipe/{id}"),
            text: TEXT.replace("pipe-eof", id),
        }
    }

    const PATH: &str = "chapters/05-pipe/README.md";

    fn refusal(page: &str) -> String {
        let known = [exercise("pipe-eof"), exercise("two-full-pipes")];
        format!("{:#}", expand(page, PATH, &known).expect_err("the page is wrong"))
    }

    #[test]
    fn the_text_of_an_exercise_takes_the_place_of_its_line() {
        let page = "## Exercises\n\n{{#exercise pipe-eof}}\n\n## Sources\n";
        let expected = "\
## Exercises


<div class=\"exercise-overview\">
<p class=\"exercise-count\" hidden></p>

- [The end that nobody closed](#exercise-pipe-eof) · repair · 15 minutes \
<span class=\"exercise-tick\" data-exercise=\"pipe-eof\" hidden></span>

</div>


<section class=\"exercise\" data-exercise=\"pipe-eof\" aria-labelledby=\"exercise-pipe-eof\">

### The end that nobody closed {#exercise-pipe-eof}

<p class=\"exercise-strip\"><code>pipe-eof</code> · repair · 15 minutes</p>

The reader waits for ever, [as the page says](#why).

#### Given {#pipe-eof-given}

A pipe.

```sh
cargo test -p pipe-eof
```

<p class=\"exercise-state\" role=\"status\" aria-live=\"polite\" hidden></p>

<div class=\"exercise-diagnosis\" hidden></div>

#### Hints {#pipe-eof-hints}

<details>
<summary>Hint 1</summary>

Count.

</details>

</section>


## Sources
";
        let expanded = expand(page, PATH, &[exercise("pipe-eof")]).expect("the page is right");
        assert_eq!(expanded, expected);
    }

    #[test]
    fn the_command_stands_there_once() {
        let mut own = exercise("pipe-eof");
        own.text = own.text.replace("A pipe.", "```sh\ncargo test -p pipe-eof\n```");
        let expanded = expand("{{#exercise pipe-eof}}\n", PATH, &[own]).expect("a page");
        assert_eq!(expanded.matches("cargo test -p pipe-eof").count(), 1);
    }

    #[test]
    fn the_overview_lists_every_exercise_above_the_first() {
        let page = "{{#exercise two-full-pipes}}\n{{#exercise pipe-eof}}\n";
        let known = [exercise("pipe-eof"), exercise("two-full-pipes")];
        let expanded = expand(page, PATH, &known).expect("a page");
        let (overview, rest) = expanded.split_once("<section").expect("a section");
        assert_eq!(overview.matches("\n- [The end that nobody closed](#exercise-").count(), 2);
        assert!(!rest.contains("exercise-overview") && rest.contains("<section"));
    }

    #[test]
    fn what_names_no_exercise_is_an_error_with_the_nearest_id() {
        assert_eq!(
            refusal("{{#exercise pipe-eol}}\n"),
            "chapters/05-pipe/README.md: no exercise is called pipe-eol. Did you mean pipe-eof?"
        );
        assert!(refusal("{{#exercise two-pipes}}").ends_with("Did you mean two-full-pipes?"));
        assert!(refusal("See {{#exercise pipe-eof}}.").contains("must stand alone"));
        assert!(refusal("{{#exercise}}").contains("must stand alone"));
        let twice = "{{#exercise pipe-eof}}\n\n{{#exercise pipe-eof}}\n";
        assert!(refusal(twice).contains("shows the exercise pipe-eof twice"));
    }

    #[test]
    fn a_text_without_the_form_is_an_error_that_names_its_file() {
        for (from, to, part) in [
            ("# The end", "The end", "does not begin with its title"),
            ("`pipe-eof` ·", "`pipe-end` ·", "does not begin with its title"),
            ("A pipe.", "{{#include src/lib.rs}}", "includes nothing"),
        ] {
            let mut own = exercise("pipe-eof");
            own.text = own.text.replace(from, to);
            let error = expand("{{#exercise pipe-eof}}", PATH, &[own]).expect_err("no form");
            let error = format!("{error:#}");
            assert!(error.starts_with("exercises/05-pipe/pipe-eof/README.md"), "{error}");
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn code_is_left_alone() {
        for page in ["```text\n{{#exercise pipe-eof}}\n```\n", "Write `{{#exercise ID}}`.\n"] {
            assert_eq!(expand(page, PATH, &[]).expect("a page"), page);
        }
    }
}
