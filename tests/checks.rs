//! The tools with which the other test programs read the project: do they read it right?

mod support;

use support::commands::{examples_run, faults, parsed_by_bash};
use support::page::{self, Part};
use support::project::{Project, chapter_number, resolve};
use support::rust;

#[test]
fn unsafe_counts_only_as_a_keyword() {
    let text = "// unsafe\n/// unsafe\nconst A: &str = \"unsafe\";\n#![allow(unsafe_code)]\n";
    assert!(rust::unsafe_lines(&rust::tokens(text).unwrap()).is_empty());
    let text = "fn a() {\n    match 1 { _ => unsafe { b() } }\n}\n";
    assert_eq!(rust::unsafe_lines(&rust::tokens(text).unwrap()), [2]);
}

#[test]
fn a_forbidden_unsafe_is_found_only_as_an_attribute() {
    let forbids = |text: &str| rust::forbids_unsafe(&rust::tokens(text).unwrap());
    assert!(forbids("//! a\n#![forbid(unsafe_code)]\nfn a() {}"));
    assert!(!forbids("// #![forbid(unsafe_code)]\nfn a() {}"));
    assert!(!forbids("#![deny(unsafe_code)]"));
}

#[test]
fn text_that_is_not_rust_is_named_with_its_line() {
    assert!(rust::tokens("fn a() {}\nfn b( {}").unwrap_err().contains("line 2"));
}

#[test]
fn modules_are_followed_from_file_to_file() {
    let project = Project::of(&[
        ("a/src/lib.rs", "mod one; mod two { mod three; } #[path = \"odd.rs\"] mod four;"),
        ("a/src/one.rs", "mod five;"),
        ("a/src/one/five.rs", ""),
        ("a/src/two/three/mod.rs", ""),
        ("a/src/odd.rs", ""),
        ("a/src/lost.rs", ""),
        ("a/tests/t.rs", "mod support;"),
        ("a/tests/support/mod.rs", ""),
    ])
    .package("a", "a", &[]);
    let found: Vec<String> = rust::compiled_files(&project).into_iter().collect();
    assert_eq!(
        found,
        [
            "a/src/lib.rs",
            "a/src/odd.rs",
            "a/src/one.rs",
            "a/src/one/five.rs",
            "a/src/two/three/mod.rs",
            "a/tests/support/mod.rs",
            "a/tests/t.rs",
        ]
    );
}

#[test]
fn paths_are_followed_inside_the_project_only() {
    let from = "chapters/01-process/README.md";
    assert_eq!(resolve(from, "src/lib.rs").as_deref(), Some("chapters/01-process/src/lib.rs"));
    assert_eq!(
        resolve(from, "../02-fork/README.md").as_deref(),
        Some("chapters/02-fork/README.md")
    );
    assert_eq!(resolve(from, "../../../etc/passwd"), None);
    assert_eq!(chapter_number(from), Some(1));
    assert_eq!(chapter_number("src/main.rs"), None);
}

#[test]
fn code_blocks_are_found_with_line_and_language() {
    let text = "a\n\n```rust,ignore\nb\n```\n\n- c\n\n  ```sh\n  d\n  ```\n\ne\n\n    f\n";
    let blocks = page::blocks(text);
    let seen: Vec<(usize, Option<&str>, &str)> = blocks
        .iter()
        .map(|block| (block.line, block.language.as_deref(), block.text.as_str()))
        .collect();
    assert_eq!(
        seen,
        [(3, Some("rust,ignore"), "b\n"), (9, Some("sh"), "d\n"), (15, None, "f\n")]
    );
}

#[test]
fn directives_are_read_with_the_part_that_they_take() {
    let text = "{{#include a.rs}}\n\\{{#include no.rs}}\n{{#include b.rs:name}} {{#include c.snap:4:}}\n{{#include d.md:2}}";
    let found: Vec<(usize, String, Part)> =
        page::directives(text).into_iter().map(|d| (d.line, d.path, d.part)).collect();
    assert_eq!(
        found,
        [
            (1, "a.rs".into(), Part::Whole),
            (3, "b.rs".into(), Part::Anchor("name".into())),
            (3, "c.snap".into(), Part::Lines(Some(4), None)),
            (4, "d.md".into(), Part::Lines(Some(2), Some(2))),
        ]
    );
    assert!(page::lone_include("{{#include a.rs:b}}\n").is_some());
    assert!(page::lone_include("use a;\n{{#include a.rs:b}}\n").is_none());
    assert!(page::lone_include("{{#include a.rs:b}} {{#include a.rs:c}}\n").is_none());
    assert!(page::lone_include("{{#playground a.rs}}").is_none());
}

#[test]
fn only_prose_is_counted() {
    let figure =
        "<figure><svg>\n<text>no no</text>\n</svg><figcaption>four five</figcaption></figure>";
    let text =
        format!("# one\n\ntwo `three`\n\n```sh\nno no\n```\n\n{figure}\n\nsix &mdash; seven\n");
    assert_eq!(page::prose_words(&text), 7);
}

fn one_example() -> Project {
    Project::of(&[
        ("chapters/02-fork/examples/two_returns.rs", ""),
        ("chapters/02-fork/src/lib.rs", ""),
    ])
    .package("fork", "chapters/02-fork", &[])
}

#[test]
fn commands_that_name_what_exists_have_no_fault() {
    let script = "\
cargo run --example two_returns -- 5   # a comment; not a command
RUST_BACKTRACE=1 cargo run -q -p fork --example two_returns 2>&1 | sort | head -n 3
taskset -c 0 cargo run -- run two_returns && cargo test -p fork
for n in 1 2; do cat '/proc/self/status; x'; done
cargo run -- list; cargo run
cargo build --release --example two_returns && target/release/examples/two_returns
all=$(pgrep -d, -f \"^[^ ]*debug/$name\"); ps -p \"$(pgrep -P $(pgrep -of \"x/$name\") | head -n 1)\"
( ulimit -u $(( $(ps -L --no-headers | wc -l) + 40 )); cargo build -p $name )
cargo test -p ID-solution; cargo run -p fork -- anything; cargo run -- watch
";
    assert_eq!(faults(&one_example(), script), Vec::<String>::new());
    assert_eq!(examples_run(script), ["two_returns"; 4]);
}

#[test]
fn commands_that_name_what_does_not_exist_have_a_fault() {
    for (script, part) in [
        ("cargo run --example three_returns", "no example `three_returns`"),
        ("cargo run -p spoon --example two_returns", "no package `spoon`"),
        ("cargo run -- run nothing", "no example `nothing`"),
        ("cargo run -- trace --mine nothing", "no example and no exercise `nothing`"),
        ("cargo run -- sing", "no `sing`"),
        ("cargo sing", "`cargo sing`"),
        ("target/release/examples/absent 5", "no example `absent`"),
        ("cargo test --test absent", "no test `absent`"),
        ("sort x | frobnicate", "`frobnicate` is not among"),
        ("for n in 1 2; do frobnicate; done", "`frobnicate` is not among"),
        ("kill $(frobnicate | head -n 1)", "`frobnicate` is not among"),
        ("echo \"$(( $(frobnicate) + 1 ))\"", "`frobnicate` is not among"),
        ("cargo run -- hint absent", "no exercise `absent`"),
        ("cargo run -- prove --yes absent", "no exercise `absent`"),
    ] {
        let faults = faults(&one_example(), script);
        assert!(faults.len() == 1 && faults[0].contains(part), "{script}: {faults:?}");
    }
}

#[test]
fn bash_reads_the_scripts() {
    assert_eq!(parsed_by_bash("for n in 1 2; do echo $n; done"), Ok(()));
    assert!(parsed_by_bash("for n in 1 2; do echo $n").is_err());
}
