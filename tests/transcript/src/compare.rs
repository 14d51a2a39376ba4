//! Compares a transcript with its page and leaves out what was measured.

use insta::Comparator;
use insta::internals::SnapshotContents;
use regex::Regex;

/// Compares after masking on both sides, so that the page keeps the figures of the recorded run.
#[derive(Clone)]
pub(crate) struct Masked {
    /// The number before a unit, with the blanks that align it.
    quantity: Option<Regex>,
    varying: Vec<Regex>,
}

impl Masked {
    pub(crate) fn new(units: &[String], varying: &[String]) -> Self {
        let mut units: Vec<String> = units.iter().map(|unit| regex::escape(unit)).collect();
        // The longest first: `MiB/s` before `MiB`.
        units.sort_by_key(|unit| std::cmp::Reverse(unit.len()));
        let quantity = (!units.is_empty()).then(|| {
            Regex::new(&format!(
                r"[ ]*[-+]?\d[\d.,_]*[ ]*(?P<unit>{})(?P<end>[^\w/]|$)",
                units.join("|")
            ))
            .expect("units make a valid pattern")
        });
        let varying = varying
            .iter()
            .map(|pattern| Regex::new(pattern).expect("a valid pattern"))
            .collect();
        Masked { quantity, varying }
    }

    fn mask(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for pattern in &self.varying {
            text = pattern.replace_all(&text, "#").into_owned();
        }
        if let Some(quantity) = &self.quantity {
            text = quantity.replace_all(&text, " # $unit$end").into_owned();
        }
        text
    }
}

impl Comparator for Masked {
    fn matches(&self, reference: &insta::Snapshot, test: &insta::Snapshot) -> bool {
        match (reference.contents(), test.contents()) {
            (SnapshotContents::Text(reference), SnapshotContents::Text(test)) => {
                self.mask(&reference.to_string()) == self.mask(&test.to_string())
            }
            _ => false,
        }
    }

    fn dyn_clone(&self) -> Box<dyn Comparator> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        Masked::new(&["ms".to_owned(), "MiB".to_owned(), "MiB/s".to_owned()], &[]).mask(text)
    }

    #[test]
    fn quantities_compare_equal_whatever_their_width() {
        assert_eq!(masked("fork:   1.25 ms | 64 MiB\n"), masked("fork: 130 ms |  9 MiB\n"));
        assert_eq!(masked("5 MiB/s"), " # MiB/s");
    }

    #[test]
    fn everything_else_is_compared() {
        assert_ne!(masked("2 children, 1 ms"), masked("3 children, 1 ms"));
        assert_ne!(masked("1 ms"), masked("1 MiB"));
        assert_eq!(masked("10 msg"), "10 msg");
    }
}
