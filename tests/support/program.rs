//! The program behind `cargo run`, as its tests start it, and a small book for it to work on.
//!
//! An edit or a broken page in that book harms nobody.

#![allow(dead_code, reason = "each test program uses its own part of this module")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use assert_cmd::Command;
use tempfile::TempDir;

/// No single step takes longer than this on a busy machine, and a test that meets it has
/// failed.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_workbook");

pub(crate) fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn workbook() -> Command {
    let mut command = Command::new(PROGRAM);
    command.timeout(DEADLINE);
    command
}

/// Runs the program and gives back its exit status, standard output and standard error.
pub(crate) fn outcome(command: &mut Command) -> (Option<i32>, String, String) {
    let output = command.output().expect("the program starts");
    let text = |bytes| String::from_utf8(bytes).expect("the program prints text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// A book of two pages and one crate with the project's own `book.toml` and styles.
pub(crate) struct MiniBook {
    folder: TempDir,
}

impl MiniBook {
    pub(crate) fn new() -> MiniBook {
        // Programs are built and run in it, which not every /tmp allows.
        let folder =
            tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
        let mini = MiniBook { folder };
        mini.write(
            "book.toml",
            &fs::read_to_string(project().join("book.toml")).expect("book.toml"),
        );
        for entry in fs::read_dir(project().join("theme")).expect("the theme's folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            mini.write(&format!("theme/{name}"), &fs::read_to_string(&path).expect("text"));
        }
        mini.write(
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"chapters/01-*\"]\n",
        );
        mini.write(
            "chapters/SUMMARY.md",
            "# Summary\n\n[Intro](00-introduction/README.md)\n\n- [One](01-one/README.md)\n",
        );
        mini.write(
            "chapters/00-introduction/Cargo.toml",
            "[package]\nname = \"introduction\"\n",
        );
        mini.write(
            "chapters/00-introduction/README.md",
            "# Introduction\n\nSee [one](../01-one/README.md#look).\n",
        );
        mini.write(
            "chapters/01-one/Cargo.toml",
            "[package]\nname = \"one\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
        );
        mini.write(
            "chapters/01-one/README.md",
            "# The first\n\n*About 45 minutes.*\n\n## Look\n\n```rust,ignore\n{{#include src/lib.rs:part}}\n```\n",
        );
        mini.write(
            "chapters/01-one/src/lib.rs",
            "// ANCHOR: part\npub fn part() {}\n// ANCHOR_END: part\n",
        );
        mini.write(
            "chapters/01-one/examples/show_arguments.rs",
            "//! Prints its arguments and ends with status 7.\n//! Minutes: 3\n\n\
             fn main() {\n    println!(\"{:?}\", std::env::args().skip(1).collect::<Vec<_>>());\n    \
             std::process::exit(7);\n}\n",
        );
        mini.write(
            "chapters/01-one/examples/abort.rs",
            "//! Dies of a signal.\n\nfn main() {\n    std::process::abort();\n}\n",
        );
        mini
    }

    /// Adds an exercise to the first chapter, and shows it in the page.
    pub(crate) fn add_exercise(&self, id: &str) {
        let folder = format!("exercises/01-one/{id}");
        self.write(
            &format!("{folder}/Cargo.toml"),
            &format!(
                "[package]\nname = \"{id}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
                 [package.metadata.exercise]\ntitle = \"The end of {id}\"\nkind = \"repair\"\n\
                 minutes = 15\norder = 1\nsection = \"Look\"\nstarter = \"ZOMBIE\"\n"
            ),
        );
        self.write(
            &format!("{folder}/README.md"),
            &format!(
                "# The end of {id}\n\n`{id}` · repair · 15 minutes\n\n\
                 It never ends, [as you saw](../../../chapters/01-one/README.md#look).\n\n\
                 ## Given\n\nA child.\n\n## Achieve\n\nAn end.\n\n## Hints\n\n\
                 <details>\n<summary>Hint 1</summary>\n\nWait for it.\n\n</details>\n"
            ),
        );
        self.write(&format!("{folder}/src/lib.rs"), "//! The reader's.\n");
        let page = "chapters/01-one/README.md";
        let mut text = fs::read_to_string(self.root().join(page)).expect("the page");
        if !text.contains("## Exercises") {
            text.push_str("\n## Exercises\n");
        }
        text.push_str(&format!("\n{{{{#exercise {id}}}}}\n"));
        self.write(page, &text);
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("the folder");
        fs::write(path, text).expect("the file");
    }

    pub(crate) fn workbook(&self) -> Command {
        let mut command = workbook();
        command
            .arg("--root")
            .arg(self.root())
            .env("CARGO_TARGET_DIR", self.root().join("target"));
        command
    }
}
