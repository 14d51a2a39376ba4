//! A project with three small exercises.

use std::fs;
use std::path::PathBuf;

use super::support::*;

pub(super) const RIGHT: &str = "//! Right.\npub fn answer() -> u32 {\n    42\n}\n";
pub(super) const WRONG: &str = "//! Wrong.\npub fn answer() -> u32 {\n    6 * 9\n}\n";
pub(super) const HANGS: &str = "//! Hangs.\npub fn answer() -> u32 {\n    loop {\n        std::thread::park();\n    }\n}\n";
pub(super) const BROKEN: &str =
    "//! Does not compile.\npub fn answer() -> u32 {\n    forty_two\n}\n";

/// Judges `answer()` in its own process, and records the outcome as the grader does.
pub(super) const GRADE: &str = r##"//! A small judge.
use std::io::Write;

fn main() {
    let _ = writeln!(std::io::stdout(), "judge {}", std::process::id());
    let passed = LIBRARY::answer() == 42;
    let (outcome, passed_at) = if passed {
        ("\"outcome\": \"passed\"", "1700000000")
    } else {
        ("\"outcome\": \"failed\", \"code\": \"WRONG_ANSWER\", \"case\": \"c\", \"diagnosis\": \"d\"", "null")
    };
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../.workbook/progress");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("ID.json");
    let attempts = std::fs::read_to_string(&file).map_or(0, |text| text.len()) + 1;
    std::fs::write(
        file,
        format!("{{{outcome}, \"at_s\": 1700000000, \"attempts\": {attempts}, \"passed_at_s\": {passed_at}}}"),
    )
    .unwrap();
    std::process::exit(if passed { 0 } else { 101 });
}
"##;

/// A project whose chapter 01 has the exercises `first-one`, `second-one` and `third-one`.
pub(super) struct Exercises(pub(super) MiniBook);

impl Exercises {
    pub(super) fn new() -> Exercises {
        let mini = Exercises(MiniBook::new());
        mini.0.write(
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"chapters/01-*\", \"exercises/[0-9]*/*\"]\n",
        );
        for (order, id) in ["first-one", "second-one", "third-one"].into_iter().enumerate() {
            let write = |path: &str, text: &str| {
                mini.0.write(&format!("exercises/01-one/{id}/{path}"), text)
            };
            write(
                "Cargo.toml",
                &format!(
                    "[package]\nname = \"{id}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
                     [lib]\ntest = false\ndoctest = false\n\n\
                     [package.metadata.exercise]\ntitle = \"The {id}\"\nkind = \"fill\"\nminutes = 5\n\
                     order = {order}\nsection = \"Look\"\nstarter = \"TODO_LEFT\"\n\n\
                     [[test]]\nname = \"grade\"\nharness = false\n"
                ),
            );
            write(
                "README.md",
                &format!(
                    "# The {id}\n\n## Hints\n\n<details>\n<summary>Hint 1</summary>\n\nThink.\n\n</details>\n\n\
                     <details>\n<summary>Hint 2</summary>\n\nIt is `42`.\n\n</details>\n"
                ),
            );
            write("src/lib.rs", WRONG);
            write("starter/lib.rs", WRONG);
            write("solution/src/lib.rs", RIGHT);
            let library = id.replace('-', "_");
            write(
                "tests/grade.rs",
                &GRADE
                    .replace("LIBRARY", &library)
                    .replace("\"ID.json\"", &format!("\"{id}.json\"")),
            );
        }
        mini
    }

    pub(super) fn source(&self, id: &str) -> PathBuf {
        self.0.root().join("exercises/01-one").join(id).join("src/lib.rs")
    }

    pub(super) fn write(&self, id: &str, text: &str) {
        fs::write(self.source(id), text).expect("the reader's file");
    }

    /// What the grader would have recorded.
    pub(super) fn record(&self, id: &str, outcome: exercise::Outcome) {
        exercise::Progress::record(self.0.root(), id, outcome).expect("a record");
    }

    pub(super) fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        outcome(self.0.workbook().env("CARGO", env!("CARGO")).args(arguments))
    }
}

pub(super) fn failed(code: &str) -> exercise::Outcome {
    exercise::Outcome::Failed { code: code.into(), case: "c".into(), diagnosis: "d".into() }
}
