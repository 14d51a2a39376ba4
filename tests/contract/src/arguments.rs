//! What `cargo test -- ...` and other runners ask of a test program.

/// The options of libtest that have a meaning here.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub(crate) list: bool,
    exact: bool,
    ignored: bool,
    filters: Vec<String>,
    skipped: Vec<String>,
}

/// Options whose value stands in the next word and is not the name of a case.
const WITH_VALUE: [&str; 6] =
    ["--format", "--color", "--test-threads", "--logfile", "--shuffle-seed", "-Z"];

impl Arguments {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Self {
        let mut arguments = Arguments::default();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--list" => arguments.list = true,
                "--exact" => arguments.exact = true,
                "--ignored" => arguments.ignored = true,
                "--skip" => arguments.skipped.extend(words.next()),
                option if option.starts_with("--skip=") => {
                    arguments.skipped.push(option["--skip=".len()..].to_owned());
                }
                option if WITH_VALUE.contains(&option) => drop(words.next()),
                option if option.starts_with('-') => {}
                _ => arguments.filters.push(word),
            }
        }
        arguments
    }

    /// Whether the case `name` is to run. No case is ignored, so a request for the ignored ones asks for nothing.
    pub(crate) fn choose(&self, name: &str) -> bool {
        let fits =
            |filter: &String| if self.exact { name == filter } else { name.contains(filter) };
        !self.ignored
            && (self.filters.is_empty() || self.filters.iter().any(fits))
            && !self.skipped.iter().any(fits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(words: &[&str]) -> Vec<&'static str> {
        let arguments = Arguments::parse(words.iter().map(|word| (*word).to_owned()));
        ["fork", "fork_twice", "wait"]
            .into_iter()
            .filter(|name| arguments.choose(name))
            .collect()
    }

    #[test]
    fn names_choose_and_skips_exclude() {
        assert_eq!(chosen(&[]), ["fork", "fork_twice", "wait"]);
        assert_eq!(chosen(&["fork"]), ["fork", "fork_twice"]);
        assert_eq!(chosen(&["fork", "--exact"]), ["fork"]);
        assert_eq!(chosen(&["--skip", "fork"]), ["wait"]);
        assert_eq!(chosen(&["--skip=fork"]), ["wait"]);
        assert_eq!(chosen(&["--skip", "fork", "--exact"]), ["fork_twice", "wait"]);
    }

    #[test]
    fn the_value_of_an_option_is_no_name() {
        assert_eq!(chosen(&["--test-threads", "1", "-q", "wait"]), ["wait"]);
        assert_eq!(chosen(&["--format", "wait"]), ["fork", "fork_twice", "wait"]);
    }

    #[test]
    fn none_is_ignored() {
        assert!(chosen(&["--ignored"]).is_empty());
    }
}
