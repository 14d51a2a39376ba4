//! `{{#scores}}`, alone on a line of a page, becomes a table: how the graders of each chapter
//! stand the proof that `cargo run -- prove` is.
//!
//! The figures are those of `exercises/score.toml`, so the book shows what was last measured.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::prove::score::{self, Score, Scores};

const DIRECTIVE: &str = "{{#scores}}";

/// `page`, which lies at `place` in the project in `root`, with the table. The scores are read
/// if the page shows them.
///
/// # Errors
///
/// When the directive is not alone on its line, or when there are no scores or they cannot be
/// read.
pub fn expand(page: String, place: &Path, root: &Path) -> Result<String> {
    if !page.contains(DIRECTIVE) {
        return Ok(page);
    }
    let place = place.display();
    let is_alone = |line: &&str| line.trim_end() == DIRECTIVE;
    if let Some(line) = page.lines().find(|line| line.contains(DIRECTIVE) && !is_alone(line)) {
        bail!("{place}: {} must stand alone on its line: {DIRECTIVE}", line.trim());
    }
    let table = table(&by_chapter(root)?);
    if table.is_empty() {
        bail!("{place}: no exercise has a score in {}: cargo run -- prove", score::FILE);
    }
    let lines = page.split_inclusive('\n');
    Ok(lines.map(|line| if is_alone(&line) { table.as_str() } else { line }).collect())
}

/// The sum of each chapter that has scores, by the name of its folder.
fn by_chapter(root: &Path) -> Result<BTreeMap<String, Score>> {
    let Scores(scores) = Scores::read(root)?;
    let mut chapters: BTreeMap<String, Score> = BTreeMap::new();
    for exercise in exercise::read_all(root).context("cannot read the exercises")? {
        if let Some(score) = scores.get(&exercise.id) {
            let sum = chapters.entry(exercise.chapter).or_default();
            *sum = [*sum, *score].into_iter().sum();
        }
    }
    Ok(chapters)
}

fn table(chapters: &BTreeMap<String, Score>) -> String {
    let mut text = String::new();
    if chapters.is_empty() {
        return text;
    }
    text.push_str(
        "| chapter | viable | caught | equivalent | survived |\n|---|--:|--:|--:|--:|\n",
    );
    let total = ("all", chapters.values().copied().sum());
    let chapters = chapters.iter().map(|(chapter, score)| (chapter.as_str(), *score));
    for (name, Score { viable, caught, equivalent, survived }) in chapters.chain([total]) {
        writeln!(text, "| {name} | {viable} | {caught} | {equivalent} | {survived} |")
            .expect("a string takes every write");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const PLACE: &str = "chapters/B-failure-index/README.md";

    /// A project with the exercises `a` and `b` of one chapter and `c` of another.
    fn project(scores: &str) -> tempfile::TempDir {
        let project = tempfile::tempdir().expect("a folder");
        for (chapter, id) in [("04-exec", "a"), ("04-exec", "b"), ("05-pipe", "c")] {
            let folder = project.path().join("exercises").join(chapter).join(id);
            fs::create_dir_all(&folder).expect("a folder");
            let manifest = format!(
                "[package]\nname = \"{id}\"\n\n[package.metadata.exercise]\ntitle = \"A\"\n\
                 kind = \"repair\"\nminutes = 5\norder = 1\nsection = \"Why\"\n\
                 starter = \"TODO_LEFT\"\n"
            );
            fs::write(folder.join("Cargo.toml"), manifest).expect("a manifest");
            fs::write(folder.join("README.md"), "# A\n").expect("a text");
        }
        fs::write(project.path().join(score::FILE), scores).expect("scores");
        project
    }

    fn score(id: &str, viable: u32, caught: u32, equivalent: u32, survived: u32) -> String {
        format!(
            "[{id}]\nviable = {viable}\ncaught = {caught}\nequivalent = {equivalent}\n\
             survived = {survived}\n"
        )
    }

    #[test]
    fn the_scores_are_summed_by_chapter() {
        let scores = [score("a", 3, 2, 1, 0), score("b", 5, 4, 0, 1), score("c", 10, 10, 0, 0)];
        let project = project(&scores.concat());
        let page = "# Index\n\n{{#scores}}\n\nMore.\n".to_owned();
        assert_eq!(
            expand(page, Path::new(PLACE), project.path()).expect("a page"),
            "# Index\n\n\
             | chapter | viable | caught | equivalent | survived |\n\
             |---|--:|--:|--:|--:|\n\
             | 04-exec | 8 | 6 | 1 | 1 |\n\
             | 05-pipe | 10 | 10 | 0 | 0 |\n\
             | all | 18 | 16 | 1 | 1 |\n\
             \nMore.\n"
        );
    }

    #[test]
    fn a_page_without_the_directive_needs_no_scores() {
        let page = "# Index\n\n{{#exercise a}}\n".to_owned();
        let expanded = expand(page.clone(), Path::new(PLACE), Path::new("/nowhere"));
        assert_eq!(expanded.expect("a page"), page);
    }

    #[test]
    fn what_cannot_be_shown_is_an_error_that_names_the_page() {
        for (scores, page, part) in [
            (score("a", 1, 1, 0, 0), "See {{#scores}}.\n", "must stand alone"),
            (String::new(), "{{#scores}}\n", "no exercise has a score"),
        ] {
            let error = expand(page.to_owned(), Path::new(PLACE), project(&scores).path());
            let error = format!("{:#}", error.expect_err("it cannot be shown"));
            assert!(error.starts_with(PLACE) && error.contains(part), "{error}");
        }
    }
}
