//! A record from its JSON.

use std::error::Error;
use std::fmt;

use serde::Deserialize;

use crate::model::{Timeline, VERSION};

/// Why a record cannot be read.
#[derive(Debug)]
pub enum ReadError {
    /// The text is not the JSON of a record.
    Form(serde_json::Error),
    /// Another version of the tracer has written it.
    Version {
        /// The one that the record names.
        found: u32,
    },
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Form(_) => {
                f.write_str("this is no record of a run; trace the program again")
            }
            ReadError::Version { found } => write!(
                f,
                "the record has version {found}, and version {VERSION} can be shown; trace the program again"
            ),
        }
    }
}

impl Error for ReadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            ReadError::Form(error) => Some(error),
            ReadError::Version { .. } => None,
        }
    }
}

/// Reads a record.
///
/// # Errors
///
/// When `json` is no record, or one of another version.
pub fn from_json(json: &str) -> Result<Timeline, ReadError> {
    #[derive(Deserialize)]
    struct Head {
        version: u32,
    }

    // The version is looked at first: another one may have other fields.
    let Head { version } = serde_json::from_str(json).map_err(ReadError::Form)?;
    if version != VERSION {
        return Err(ReadError::Version { found: version });
    }
    serde_json::from_str(json).map_err(ReadError::Form)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn a_record_comes_back_as_it_was() {
        let timeline = samples::pool(3);
        let json = serde_json::to_string(&timeline).expect("JSON");
        assert_eq!(from_json(&json).expect("a record"), timeline);
    }

    #[test]
    fn another_version_and_other_text_are_refused_with_the_way_out() {
        let error = from_json("{\"version\": 7, \"planets\": 8}").expect_err("another version");
        assert_eq!(
            error.to_string(),
            "the record has version 7, and version 1 can be shown; trace the program again"
        );
        let error = from_json("{\"version\": 1}").expect_err("half a record");
        assert!(matches!(error, ReadError::Form(_)) && error.source().is_some());
        assert!(from_json("").is_err());
    }
}
