//! `{{#measured ID}}`, alone on a line of a page, becomes what was found about a claim: the verdict, the curves, the
//! figures and the command. `{{#claims}}` becomes the table of all claims.
//!
//! The book's own figures are those of [`store::REFERENCE`]. If the reader has run `cargo run -- measure`, theirs are drawn
//! beside them. A page never fails because of a reader's file: then it shows ours, and says what to do.

mod tables;

use std::cell::OnceCell;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use anyhow::{Result, bail};
use claims::{CLAIMS, Claim, EXTRA, Finding, Plot, Run, Scale, Taken, svg};
use regex::Regex;

use crate::measure::store;
use crate::run::closest;

const CLAIMS_DIRECTIVE: &str = "{{#claims}}";

/// The figures that pages show, read when the first page wants them.
#[derive(Debug)]
pub struct Figures {
    root: PathBuf,
    read: OnceCell<(Option<Run>, Yours)>,
}

/// What there is of the reader's.
#[derive(Debug)]
enum Yours {
    None,
    Run(Box<Run>),
    /// A file that cannot be used, and why.
    Broken(String),
}

impl Figures {
    /// The figures of the project in `root`. Nothing is read yet.
    pub fn of(root: &Path) -> Figures {
        Figures { root: root.to_path_buf(), read: OnceCell::new() }
    }

    /// `page`, which lies at `place` in the project, with its findings.
    ///
    /// # Errors
    ///
    /// When a directive names no claim, stands twice, or is not alone on its line, or the book has no figures for it.
    pub fn expand(&self, page: String, place: &Path) -> Result<String> {
        if !page.contains("{{#measured") && !page.contains(CLAIMS_DIRECTIVE) {
            return Ok(page);
        }
        let place = place.display();
        let mut expanded = String::with_capacity(page.len());
        let mut shown: Vec<&str> = Vec::new();
        for line in page.split_inclusive('\n') {
            if line.trim_end() == CLAIMS_DIRECTIVE {
                expanded.push_str(&self.table()?);
                continue;
            }
            let Some(id) = directive(line) else {
                let speaks_of_it = line.contains("`{{#") || line.contains("\\{{#");
                if !speaks_of_it
                    && (line.contains("{{#measured") || line.contains(CLAIMS_DIRECTIVE))
                {
                    bail!("{place}: {} must stand alone on its line", line.trim());
                }
                expanded.push_str(line);
                continue;
            };
            let Some(claim) = claims::claim(id) else {
                let closest = closest(id, all().map(|claim| claim.id));
                bail!("{place}: no claim is called {id}; the nearest: {}", closest.join(", "));
            };
            if shown.contains(&claim.id) {
                bail!("{place}: shows {id} twice");
            }
            shown.push(claim.id);
            expanded.push_str(&self.block(claim)?);
        }
        Ok(expanded)
    }

    fn read(&self) -> Result<&(Option<Run>, Yours)> {
        if let Some(read) = self.read.get() {
            return Ok(read);
        }
        let ours = store::read(&self.root.join(store::REFERENCE))?;
        let yours = match store::read(&self.root.join(store::MEASURED)) {
            Ok(None) => Yours::None,
            Ok(Some(run)) => Yours::Run(Box::new(run)),
            Err(error) => Yours::Broken(format!("{error:#}")),
        };
        Ok(self.read.get_or_init(|| (ours, yours)))
    }

    /// Our finding with its run, and the reader's if there is one.
    fn findings(&self, claim: &Claim) -> Result<(Found<'_>, Option<Found<'_>>)> {
        let (ours, yours) = self.read()?;
        let Some(ours) = ours.as_ref().and_then(|run| Found::of(run, claim)) else {
            bail!(
                "{} has no finding for {}: cargo run -- measure {} --reference",
                store::REFERENCE,
                claim.id,
                claim.id
            );
        };
        let yours = match yours {
            Yours::Run(run) => Found::of(run, claim),
            Yours::None | Yours::Broken(_) => None,
        };
        Ok((ours, yours))
    }

    /// All that is shown of one claim, as one block of HTML: no line in it is blank.
    fn block(&self, claim: &'static Claim) -> Result<String> {
        let (ours, yours) = self.findings(claim)?;
        let mut html = String::new();
        push(
            &mut html,
            format_args!("<section class=\"measured\" id=\"measured-{}\">", claim.id),
        );
        if claim.number > 0 {
            push(
                &mut html,
                format_args!(
                    "<p class=\"measured-claim\">Claim {}: “{}”</p>",
                    claim.number,
                    escape(claim.sentence)
                ),
            );
        }
        push(&mut html, format_args!("<p>{}</p>", verdict("Ours", claim, ours.finding)));
        if let Some(yours) = &yours {
            push(&mut html, format_args!("<p>{}</p>", verdict("Yours", claim, yours.finding)));
        }
        for plot in &ours.finding.plots {
            let id = format!("plot-{}-{}", claim.id, slug(&plot.id));
            let other = yours.as_ref().and_then(|it| it.plot(&plot.id));
            html.push_str("<figure class=\"drawing plot\">\n");
            html.push_str(&svg(&id, plot, other));
            push(
                &mut html,
                format_args!("\n<figcaption>{}</figcaption>\n</figure>", escape(&plot.title)),
            );
        }
        self.details(&mut html, claim, &ours, yours.as_ref());
        push(
            &mut html,
            format_args!("<p class=\"measured-source\">Measured: {}.", escape(claim.measured)),
        );
        push(&mut html, format_args!("Ours: {}.", source(&ours)));
        match (&yours, self.read()?) {
            (Some(yours), _) => push(&mut html, format_args!("Yours: {}.", source(yours))),
            (None, (_, Yours::Broken(why))) => {
                push(&mut html, format_args!("Yours cannot be shown: {}.", escape(why)));
            }
            (None, _) => html.push_str("Yours: not measured yet.\n"),
        }
        push(
            &mut html,
            format_args!(
                "To measure on your machine: <code>cargo run -- measure {}</code></p>",
                claim.id
            ),
        );
        html.push_str("</section>\n");
        Ok(html)
    }

    fn details(
        &self,
        html: &mut String,
        claim: &Claim,
        ours: &Found<'_>,
        yours: Option<&Found<'_>>,
    ) {
        push(html, format_args!("<details><summary>The figures of {}</summary>", claim.id));
        for plot in &ours.finding.plots {
            tables::figures(html, plot, yours.and_then(|it| it.plot(&plot.id)));
        }
        tables::facts(html, &ours.finding.facts, yours.map(|it| it.finding.facts.as_slice()));
        let notes = |found: &Found<'_>| found.finding.notes.clone();
        for (whose, notes) in
            [("Ours", notes(ours)), ("Yours", yours.map(notes).unwrap_or_default())]
        {
            for note in notes {
                push(html, format_args!("<p>{whose}: {}</p>", escape(&note)));
            }
        }
        html.push_str("</details>\n");
    }

    /// The table of all claims, as Markdown.
    fn table(&self) -> Result<String> {
        let has_yours = matches!(self.read()?.1, Yours::Run(_));
        let yours_head = if has_yours { " yours |" } else { "" };
        let mut table =
            format!("| | people say | ours |{yours_head} measured in |\n|--:|---|---|");
        table.push_str(if has_yours { "---|---|\n" } else { "---|\n" });
        for claim in &CLAIMS {
            let (ours, yours) = self.findings(claim)?;
            let yours = match (has_yours, yours) {
                (false, _) => String::new(),
                (true, None) => " - |".to_owned(),
                (true, Some(yours)) => format!(" {} |", yours.finding.verdict),
            };
            let Claim { number, sentence, chapter, id, .. } = claim;
            push(
                &mut table,
                format_args!(
                    "| {number} | {sentence} | {} |{yours} [{id}](../{chapter}/README.md#measured-{id}) |",
                    ours.finding.verdict
                ),
            );
        }
        Ok(table)
    }
}

/// A finding with the run that it is from.
struct Found<'a> {
    run: &'a Run,
    taken: &'a Taken,
    finding: &'a Finding,
}

impl<'a> Found<'a> {
    fn of(run: &'a Run, claim: &Claim) -> Option<Found<'a>> {
        let taken = run.findings.iter().find(|taken| taken.finding.id == claim.id)?;
        Some(Found { run, taken, finding: &taken.finding })
    }

    fn plot(&self, id: &str) -> Option<&'a Plot> {
        self.finding.plots.iter().find(|plot| plot.id == id)
    }
}

fn all() -> impl Iterator<Item = &'static Claim> {
    CLAIMS.iter().chain(&EXTRA)
}

/// The id that a line names which is nothing but a directive.
fn directive(line: &str) -> Option<&str> {
    static LINE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^\{\{#measured\s+([^\s}]+)\s*\}\}\s*$").expect("a constant pattern")
    });
    Some(LINE.captures(line)?.get(1)?.as_str())
}

fn verdict(whose: &str, claim: &Claim, finding: &Finding) -> String {
    let because = escape(&finding.because);
    match claim.number {
        0 => format!("{whose}: {because}"),
        _ => format!("{whose}: <strong>{}</strong>. {because}", finding.verdict),
    }
}

/// Where and when a finding was made.
fn source(found: &Found<'_>) -> String {
    let Taken { unix_s, scale, other_load, .. } = found.taken;
    let scale = match scale {
        Scale::Full => "",
        Scale::Small => ", a small run that shows only shapes",
    };
    let busy = match *other_load {
        load if load > 0.25 => format!(", beside other work of {load:.1} processors"),
        _ => String::new(),
    };
    format!("{}, {}{scale}{busy}", escape(&found.run.machine.to_string()), date(*unix_s))
}

/// The day in the calendar, by the algorithm of days since 1 March of year 0.
/// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
fn date(unix_s: u64) -> String {
    let days = unix_s / 86_400 + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02}")
}

/// What an element's id may be made of.
fn slug(text: &str) -> String {
    text.chars().map(|it| if it.is_ascii_alphanumeric() { it } else { '-' }).collect()
}

fn escape(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn push(html: &mut String, text: std::fmt::Arguments<'_>) {
    push_part(html, text);
    html.push('\n');
}

fn push_part(html: &mut String, text: std::fmt::Arguments<'_>) {
    html.write_fmt(text).expect("a string takes every write");
}

#[cfg(test)]
mod tests;
