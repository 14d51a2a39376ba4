//! The mutants of a solution that behave as it does, each with the reason: `equivalent.toml`
//! beside the exercise's `Cargo.toml`.
//!
//! ```toml
//! [[mutant]]
//! name = "replace < with <= in fill"
//! reason = "The buffer is never exactly full: its length is odd and the frames are even."
//! ```

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// The list of one exercise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Equivalents {
    /// The mutants. One that stands twice stands for two places.
    #[serde(rename = "mutant", default)]
    pub mutants: Vec<Equivalent>,
}

/// One entry of the list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Equivalent {
    /// What is changed, without the place.
    pub name: String,
    /// Why nothing that the task demands depends on it.
    pub reason: String,
}

impl Equivalents {
    /// Reads the list of the exercise in `folder`. No file is an empty list.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, has another form, or has an entry without a reason.
    pub fn read(folder: &Path) -> Result<Equivalents> {
        let path = folder.join("equivalent.toml");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Equivalents::default());
            }
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        Equivalents::parse(&text).with_context(|| format!("cannot read {}", path.display()))
    }

    fn parse(text: &str) -> Result<Equivalents> {
        let equivalents: Equivalents = toml::from_str(text)?;
        for mutant in &equivalents.mutants {
            if mutant.reason.trim().is_empty() {
                bail!(
                    "{:?} has no reason: say why it behaves as the solution does",
                    mutant.name
                );
            }
        }
        Ok(equivalents)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_entry_has_a_name_and_a_reason() {
        let text =
            "[[mutant]]\nname = \"replace < with <= in fill\"\nreason = \"Never full.\"\n";
        let equivalents = Equivalents::parse(text).expect("a list");
        assert_eq!(
            equivalents.mutants,
            [Equivalent {
                name: "replace < with <= in fill".into(),
                reason: "Never full.".into()
            }]
        );
        assert_eq!(Equivalents::parse("").expect("a list"), Equivalents::default());
        for text in [
            "[[mutant]]\nname = \"a\"\n",
            "[[mutant]]\nname = \"a\"\nreason = \" \"\n",
            "[[mutants]]\nname = \"a\"\nreason = \"b\"\n",
        ] {
            assert!(Equivalents::parse(text).is_err(), "{text}");
        }
    }
}
