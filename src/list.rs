//! `list`: the chapters, their examples and their exercises, and those of the appendices, as aligned columns.
//!
//! What it says can be read without colours: a tick stands for an exercise that was passed once,
//! a cross and the code of the diagnosis for one that was tried, a blank for one that was not.

use std::collections::BTreeSet;
use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use exercise::{Exercise, Outcome, Progress};

use crate::chapters::Chapter;
use crate::project::Project;

const TITLE: Style = Style::new().bold();
const NAME: Style = AnsiColor::Green.on_default();
const FAILED: Style = AnsiColor::Red.on_default();
const QUIET: Style = Style::new().dimmed();

/// The exercises, each with its record.
pub struct Standing<'a>(Vec<(&'a Exercise, Option<Progress>)>);

impl<'a> Standing<'a> {
    /// Reads the records of the exercises.
    pub fn of(project: &Project, exercises: &'a [Exercise]) -> Standing<'a> {
        let record = |exercise: &Exercise| Progress::read(project.root(), &exercise.id);
        Standing(exercises.iter().map(|exercise| (exercise, record(exercise))).collect())
    }
}

/// The whole list with colours. A stream that is no terminal has to strip them.
pub fn render(chapters: &[Chapter], standing: &Standing<'_>) -> String {
    let examples = chapters.iter().flat_map(|chapter| &chapter.examples);
    let example_width = width(examples.map(|example| example.name.as_str()));
    let exercise_width = width(standing.0.iter().map(|(exercise, _)| exercise.id.as_str()));
    let mut list = String::new();
    for chapter in chapters {
        let minutes = minutes_column(chapter.minutes);
        line(
            &mut list,
            format_args!(
                "{QUIET}{minutes}{QUIET:#}  {TITLE}{} {}{TITLE:#}  {QUIET}crate {}{QUIET:#}",
                chapter.number, chapter.title, chapter.package
            ),
        );
        for example in &chapter.examples {
            let minutes = minutes_column(example.minutes);
            line(
                &mut list,
                format_args!(
                    "{QUIET}{minutes}{QUIET:#}     {NAME}{}{NAME:#}{}  {}",
                    example.name,
                    padding(&example.name, example_width),
                    example.title
                ),
            );
        }
        let name = chapter.folder.file_name().unwrap_or_default();
        let own = standing.0.iter().filter(|(exercise, _)| name == exercise.chapter.as_str());
        add_exercises(&mut list, own, exercise_width);
    }
    // An appendix has a letter instead of a number, and nothing to run but its exercises.
    let appendices: BTreeSet<&str> = standing
        .0
        .iter()
        .map(|(exercise, _)| exercise.chapter.as_str())
        .filter(|name| name.starts_with(|first: char| first.is_ascii_uppercase()))
        .collect();
    for appendix in appendices {
        let (letter, title) = appendix.split_once('-').unwrap_or(("", appendix));
        let title = title.replace('-', " ");
        let blank = minutes_column(None);
        line(&mut list, format_args!("{blank}  {TITLE}{letter} {title}{TITLE:#}"));
        let own = standing.0.iter().filter(|(exercise, _)| exercise.chapter == appendix);
        add_exercises(&mut list, own, exercise_width);
    }
    let programs: usize = chapters.iter().map(|chapter| chapter.examples.len()).sum();
    line(
        &mut list,
        format_args!(
            "\n{} chapters, {programs} examples. Run one with: cargo run -- run NAME",
            chapters.len()
        ),
    );
    if !standing.0.is_empty() {
        line(
            &mut list,
            format_args!(
                "{} of {} exercises solved. Try one with: cargo run -- watch NAME",
                standing.0.iter().filter(|(_, progress)| is_solved(progress.as_ref())).count(),
                standing.0.len()
            ),
        );
    }
    list
}

/// A line for each exercise of a chapter or an appendix.
fn add_exercises<'a>(
    list: &mut String,
    own: impl Iterator<Item = &'a (&'a Exercise, Option<Progress>)>,
    exercise_width: usize,
) {
    for (index, (exercise, progress)) in own.enumerate() {
        if index == 0 {
            line(list, format_args!("{}     {QUIET}Exercises{QUIET:#}", minutes_column(None)));
        }
        let minutes = minutes_column(Some(exercise.minutes));
        let (mark, code) = marks(progress.as_ref());
        line(
            list,
            format_args!(
                "{QUIET}{minutes}{QUIET:#}   {mark} {NAME}{}{NAME:#}{}  {QUIET}{:7}{QUIET:#}  {}{code}",
                exercise.id,
                padding(&exercise.id, exercise_width),
                exercise.kind,
                exercise.title
            ),
        );
    }
}

/// What stands before an exercise's name, and what after its title.
fn marks(progress: Option<&Progress>) -> (String, String) {
    let mark = match progress {
        None => " ".to_owned(),
        _ if is_solved(progress) => format!("{NAME}✓{NAME:#}"),
        Some(_) => format!("{FAILED}✗{FAILED:#}"),
    };
    let code = match progress.map(|progress| &progress.outcome) {
        // A tick stays when a later run fails, and the line says that one did.
        Some(Outcome::Failed { code, .. }) => format!("  {FAILED}✗ {code}{FAILED:#}"),
        _ => String::new(),
    };
    (mark, code)
}

fn is_solved(progress: Option<&Progress>) -> bool {
    progress.is_some_and(|progress| progress.passed_at_s.is_some())
}

fn line(list: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(list, "{text}").expect("a string takes every write");
}

fn width<'a>(names: impl Iterator<Item = &'a str>) -> usize {
    names.map(|name| name.chars().count()).max().unwrap_or(0)
}

fn padding(name: &str, width: usize) -> String {
    " ".repeat(width - name.chars().count())
}

fn minutes_column(minutes: Option<u32>) -> String {
    minutes.map_or_else(|| " ".repeat(7), |minutes| format!("{minutes:>3} min"))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use exercise::Kind;

    use super::*;
    use crate::chapters::Example;

    fn chapter() -> Chapter {
        let example = |name: &str, minutes| Example {
            name: name.into(),
            title: "Title.".into(),
            minutes,
            source: PathBuf::new(),
        };
        Chapter {
            number: "02".into(),
            title: "Fork".into(),
            minutes: Some(45),
            package: "fork".into(),
            folder: "chapters/02-fork".into(),
            examples: vec![example("two_returns", Some(5)), example("cow", None)],
        }
    }

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn columns_are_aligned() {
        let list = plain(&render(&[chapter()], &Standing(Vec::new())));
        assert_eq!(
            list,
            " 45 min  02 Fork  crate fork\n\
             \x20 5 min     two_returns  Title.\n\
             \x20           cow          Title.\n\
             \n1 chapters, 2 examples. Run one with: cargo run -- run NAME\n"
        );
    }

    #[test]
    fn an_exercise_shows_its_tick_or_the_code_of_its_failure() {
        let exercise = |id: &str, chapter: &str, kind| Exercise {
            id: id.into(),
            title: "Title".into(),
            chapter: chapter.into(),
            kind,
            minutes: 10,
            order: 1,
            section: String::new(),
            starter: String::new(),
            hints: Vec::new(),
            folder: PathBuf::new(),
        };
        let failed = || Outcome::Failed {
            code: "ZOMBIE".into(),
            case: String::new(),
            diagnosis: String::new(),
        };
        let progress = |outcome, passed_at_s| {
            Some(Progress { outcome, at_s: 2, attempts: 1, passed_at_s })
        };
        let exercises = [
            exercise("one", "02-fork", Kind::Fill),
            exercise("three", "02-fork", Kind::Predict),
            exercise("four", "02-fork", Kind::Write),
            exercise("five", "02-fork", Kind::Repair),
            exercise("elsewhere", "03-wait", Kind::Write),
            exercise("far", "D-two-machines", Kind::Write),
        ];
        let records = [
            progress(Outcome::Passed, Some(1)),
            progress(failed(), None),
            None,
            progress(failed(), Some(1)),
            None,
            None,
        ];
        let standing = Standing(exercises.iter().zip(records).collect());
        let list = plain(&render(&[chapter()], &standing));
        let lines: Vec<&str> = list.lines().skip(3).collect();
        assert_eq!(
            lines,
            [
                "            Exercises",
                " 10 min   ✓ one        fill     Title",
                " 10 min   ✗ three      predict  Title  ✗ ZOMBIE",
                " 10 min     four       write    Title",
                " 10 min   ✓ five       repair   Title  ✗ ZOMBIE",
                "         D two machines",
                "            Exercises",
                " 10 min     far        write    Title",
                "",
                "1 chapters, 2 examples. Run one with: cargo run -- run NAME",
                "2 of 6 exercises solved. Try one with: cargo run -- watch NAME",
            ]
        );
    }
}
