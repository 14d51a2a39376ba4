//! `list`: the chapters and their examples, as aligned columns.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use crate::chapters::Chapter;

const TITLE: Style = Style::new().bold();
const NAME: Style = AnsiColor::Green.on_default();
const QUIET: Style = Style::new().dimmed();

/// The whole list with colours. A stream that is no terminal has to strip them.
pub fn render(chapters: &[Chapter]) -> String {
    let name_width = chapters
        .iter()
        .flat_map(|chapter| &chapter.examples)
        .map(|example| example.name.chars().count())
        .max()
        .unwrap_or(0);
    let mut list = String::new();
    for chapter in chapters {
        let minutes = minutes_column(chapter.minutes);
        writeln!(
            list,
            "{QUIET}{minutes}{QUIET:#}  {TITLE}{} {}{TITLE:#}  {QUIET}crate {}{QUIET:#}",
            chapter.number, chapter.title, chapter.package
        )
        .expect("a string takes every write");
        for example in &chapter.examples {
            let minutes = minutes_column(example.minutes);
            let padding = " ".repeat(name_width - example.name.chars().count());
            writeln!(
                list,
                "{QUIET}{minutes}{QUIET:#}     {NAME}{}{NAME:#}{padding}  {}",
                example.name, example.title
            )
            .expect("a string takes every write");
        }
    }
    let programs: usize = chapters.iter().map(|chapter| chapter.examples.len()).sum();
    writeln!(
        list,
        "\n{} chapters, {programs} examples. Run one with: cargo run -- run NAME",
        chapters.len()
    )
    .expect("a string takes every write");
    list
}

fn minutes_column(minutes: Option<u32>) -> String {
    minutes.map_or_else(|| " ".repeat(7), |minutes| format!("{minutes:>3} min"))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::chapters::Example;

    #[test]
    fn columns_are_aligned() {
        let example = |name: &str, minutes| Example {
            name: name.into(),
            title: "Title.".into(),
            minutes,
            source: PathBuf::new(),
        };
        let chapter = Chapter {
            number: "02".into(),
            title: "Fork".into(),
            minutes: Some(45),
            package: "fork".into(),
            folder: PathBuf::new(),
            examples: vec![example("two_returns", Some(5)), example("cow", None)],
        };
        let plain = anstream::adapter::strip_str(&render(&[chapter])).to_string();
        assert_eq!(
            plain,
            " 45 min  02 Fork  crate fork\n\
             \x20 5 min     two_returns  Title.\n\
             \x20           cow          Title.\n\
             \n1 chapters, 2 examples. Run one with: cargo run -- run NAME\n"
        );
    }
}
