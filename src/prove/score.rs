//! The scores of all graders: `exercises/score.toml`, which git keeps and the book shows.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::iter::Sum;
use std::path::Path;

use anyhow::{Context, Result};
use exercise::Exercise;
use serde::{Deserialize, Serialize};

use crate::project::Project;

/// The file, from the project's root.
pub const FILE: &str = "exercises/score.toml";

const HEAD: &str = "\
# Written by `cargo run -- prove`. How many changes of each solution compile (viable), how many
# the grader refuses (caught), how many behave as the solution does (equivalent: see the
# exercise's equivalent.toml), and how many the grader lets pass (survived).
";

/// The figures of one exercise. The last three add up to the first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// Mutants that compile.
    pub viable: u32,
    /// Mutants that the grader refuses.
    pub caught: u32,
    /// Mutants that behave as the solution does.
    pub equivalent: u32,
    /// Mutants that the grader should refuse and does not.
    pub survived: u32,
}

impl Sum for Score {
    fn sum<I: Iterator<Item = Score>>(scores: I) -> Score {
        scores.fold(Score::default(), |sum, score| Score {
            viable: sum.viable + score.viable,
            caught: sum.caught + score.caught,
            equivalent: sum.equivalent + score.equivalent,
            survived: sum.survived + score.survived,
        })
    }
}

/// The scores by the exercises' ids.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scores(pub BTreeMap<String, Score>);

impl Scores {
    /// Reads the file of the project in `root`. No file is no scores.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or has another form.
    pub fn read(root: &Path) -> Result<Scores> {
        let path = root.join(FILE);
        match fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).with_context(|| {
                format!("cannot read {}: restore it, or remove it", path.display())
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Scores::default()),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Sets the score of `id` in the file, and takes those of exercises that are no more out.
    ///
    /// # Errors
    ///
    /// As [`Scores::read`], and when the file cannot be written.
    pub(super) fn update(
        project: &Project,
        exercises: &[Exercise],
        id: &str,
        score: Score,
    ) -> Result<()> {
        let Scores(mut scores) = Scores::read(project.root())?;
        scores.retain(|known, _| exercises.iter().any(|exercise| exercise.id == *known));
        scores.insert(id.to_owned(), score);
        let path = project.root().join(FILE);
        exercise::replace(&path, Scores(scores).text()?.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))
    }

    fn text(&self) -> Result<String> {
        Ok(format!("{HEAD}\n{}", toml::to_string(self)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read_and_is_sorted() {
        let score = |viable| Score { viable, caught: viable, equivalent: 0, survived: 0 };
        let scores =
            Scores([("reap".to_owned(), score(3)), ("exec".to_owned(), score(5))].into());
        let text = scores.text().expect("a text");
        assert!(text.ends_with(
            "\n[exec]\nviable = 5\ncaught = 5\nequivalent = 0\nsurvived = 0\n\
             \n[reap]\nviable = 3\ncaught = 3\nequivalent = 0\nsurvived = 0\n"
        ));
        assert_eq!(toml::from_str::<Scores>(&text).expect("scores"), scores);
    }
}
