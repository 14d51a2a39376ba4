//! The order of the parts: a chapter is built on lower numbers only, `unsafe` stands only where
//! the book explains it, and every package follows the rules of the workspace.

mod support;

use std::collections::BTreeSet;

use support::exercises::{self, exercise_number, is_the_readers, stands_in};
use support::project::{Package, Project, cargo_metadata, chapter_number, root};
use support::{Finding, assert_none, assert_one, rust};

/// Where `unsafe` may stand, and must: an entry without it is out of date.
const UNSAFE_ALLOWED: &[&str] = &[
    "chapters/00-introduction/examples/first_pool.rs",
    "chapters/00-introduction/examples/green_and_leaking.rs",
    "chapters/00-introduction/examples/green_and_wrong.rs",
    "chapters/02-fork/",
    "chapters/03-wait/",
    "chapters/04-exec/",
    "chapters/06-signal/examples/ctrl_c.rs",
    "chapters/06-signal/examples/deaf_child.rs",
    "chapters/06-signal/examples/lock_in_a_handler.rs",
    "chapters/07-shared/",
    "chapters/08-wake/",
    "chapters/09-ring/",
    "chapters/10-task/",
    "chapters/11-start/",
    "chapters/14-executor/examples/one_each/",
    "chapters/15-pool/",
    "chapters/D-beyond-one-machine/src/",
    "exercises/gate/fault.rs",
    "exercises/grader/",
    "measure/experiments/src/bin/same_instruction/",
    "measure/experiments/src/bin/spawn_inherits.rs",
    "tests/contract/src/lib.rs",
    "trace/tracer/",
];

/// The exercises that may call the kernel on their own. Not every one has to, so nothing is said about an entry without
/// `unsafe`.
const UNSAFE_IN_EXERCISES: &[&str] = &[
    "exercises/00-introduction/",
    "exercises/01-process/early-return/",
    "exercises/01-process/whose-memory/",
    "exercises/02-fork/",
    "exercises/03-wait/",
    "exercises/04-exec/",
    "exercises/05-pipe/",
    "exercises/06-signal/",
    "exercises/07-shared/",
    "exercises/08-wake/",
    "exercises/10-task/",
    "exercises/11-start/",
    "exercises/14-executor/",
];

/// The crates that run what a chapter has: the cases of its contract, its examples. Every chapter may test with them.
const DEV_CRATES: [&str; 2] = ["contract", "transcript"];

/// What a package is, as far as the order of the packages goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The part of a chapter.
    Chapter(u32),
    /// An exercise of a chapter, or its solution.
    Exercise(u32),
    /// What every exercise is: its description and the reader's progress.
    Description,
    /// The half of the grader that is in the program of an exercise.
    Gate,
    Grader,
    /// The pools that readers write tests for.
    Pools,
    /// What a pool must offer to be tested, in the program of an exercise, as [`Place::Gate`] is.
    TestedPool,
    /// The suite that tests a pool: it runs programs, as [`Place::Grader`] does, and is beside procpool.
    Conformance,
    /// One of [`DEV_CRATES`].
    Dev,
    /// The workbook itself, and whatever else uses the others.
    Above,
}

fn place(package: &Package) -> Place {
    if let Some(number) = chapter_number(&package.dir) {
        return Place::Chapter(number);
    }
    if let Some(number) = exercise_number(&package.dir) {
        return Place::Exercise(number);
    }
    match package.dir.as_str() {
        "exercises/exercise" => Place::Description,
        "exercises/gate" => Place::Gate,
        "exercises/grader" => Place::Grader,
        "exercises/pools" => Place::Pools,
        "exercises/tested-pool" => Place::TestedPool,
        "exercises/conformance" => Place::Conformance,
        _ if DEV_CRATES.contains(&package.name.as_str()) => Place::Dev,
        _ => Place::Above,
    }
}

/// Whether a package may depend on another one. `kind` is cargo's: `normal`, `dev` or `build`.
fn may_depend(own: Place, used: Place, kind: &str) -> bool {
    use Place::{
        Above, Chapter, Conformance, Description, Dev, Exercise, Gate, Grader, Pools,
        TestedPool,
    };

    match (own, used) {
        (Chapter(own), Chapter(used)) => used < own,
        (Chapter(_), Dev) => kind == "dev",
        (Exercise(own), Chapter(used)) => used <= own,
        (Exercise(_), Gate | Pools | TestedPool) => kind == "normal",
        (Exercise(_), Grader | Conformance) => kind == "dev",
        (Pools, Chapter(_)) => true,
        (TestedPool, Gate) => true,
        (Conformance, Chapter(_) | Gate | Grader | TestedPool) => true,
        (Grader, Chapter(_) | Description | Gate) => true,
        (Grader | Gate | Description | TestedPool | Conformance, Dev) => kind == "dev",
        (Above, Exercise(_)) => false,
        (Above, _) => true,
        _ => false,
    }
}

fn depends_downwards(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in &project.packages {
        for (name, kind) in &package.depends_on {
            let Some(used) = project.packages.iter().find(|known| known.name == *name) else {
                continue;
            };
            if !may_depend(place(package), place(used), kind) {
                let what = format!("`{}` must not depend on `{name}` ({kind})", package.name);
                findings.push(Finding::new(format!("{}/Cargo.toml", package.dir), what));
            }
        }
    }
    findings
}

fn unsafe_only_where_allowed(project: &Project, allowed: &[&str]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut used = BTreeSet::new();
    for (path, text) in rust_files(project) {
        let tokens = match rust::tokens(text) {
            Ok(tokens) => tokens,
            Err(what) => {
                findings.push(Finding::new(path, what));
                continue;
            }
        };
        let lines = rust::unsafe_lines(&tokens);
        match allowed.iter().find(|place| path.starts_with(**place)) {
            Some(place) if !lines.is_empty() => {
                used.insert(*place);
            }
            Some(_) => {}
            None if UNSAFE_IN_EXERCISES.iter().any(|place| path.starts_with(place)) => {}
            None => {
                findings.extend(lines.into_iter().map(|line| {
                    Finding::at(path, line, "`unsafe` is not allowed in this crate")
                }))
            }
        }
    }
    for place in allowed.iter().filter(|place| !used.contains(*place)) {
        findings.push(Finding::new(
            *place,
            "is allowed `unsafe` and has none: take it off the list",
        ));
    }
    findings
}

fn forbids_unsafe_elsewhere(project: &Project, allowed: &[&str]) -> Vec<Finding> {
    project
        .targets("lib")
        .chain(project.targets("bin"))
        .filter(|(_, target)| !allowed.iter().any(|place| target.root.starts_with(place)))
        // The reader's crate is the reader's, and its other crates hold what the reader could write.
        .filter(|(_, target)| exercise_number(&target.root).is_none())
        .filter(|(_, target)| {
            let text = project.files.get(&target.root).map_or("", String::as_str);
            !rust::tokens(text).is_ok_and(|tokens| rust::forbids_unsafe(&tokens))
        })
        .map(|(_, target)| Finding::new(&target.root, "lacks `#![forbid(unsafe_code)]`"))
        .collect()
}

fn files_begin_with_a_comment(project: &Project) -> Vec<Finding> {
    rust_files(project)
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(path, _)| {
            Finding::at(path, 1, "begins without a `//!` that says what the file is")
        })
        .collect()
}

fn every_file_is_compiled(project: &Project) -> Vec<Finding> {
    let compiled = rust::compiled_files(project);
    rust_files(project)
        .filter(|(path, _)| !compiled.contains(*path) && !stands_in(path))
        .map(|(path, _)| Finding::new(path, "is compiled by no target of any package"))
        .collect()
}

/// The project's own Rust files. What the reader writes may break every rule.
fn rust_files(project: &Project) -> impl Iterator<Item = (&str, &str)> {
    project
        .files
        .iter()
        .filter(|(path, _)| path.ends_with(".rs") && !is_the_readers(path))
        .map(|(path, text)| (path.as_str(), text.as_str()))
}

fn packages_inherit(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in &project.packages {
        let path = format!("{}/Cargo.toml", package.dir).trim_start_matches('/').to_owned();
        let text = project.files.get(&path).map_or("", String::as_str);
        let manifest: toml::Table = match text.parse() {
            Ok(manifest) => manifest,
            Err(error) => {
                findings.push(Finding::new(path, error.to_string()));
                continue;
            }
        };
        let inherits = |value: Option<&toml::Value>| {
            value.and_then(|value| value.get("workspace")).and_then(toml::Value::as_bool)
                == Some(true)
        };
        for key in ["version", "edition", "rust-version", "license"] {
            let value = manifest.get("package").and_then(|package| package.get(key));
            if !inherits(value) {
                let what = format!("does not say `{key}.workspace = true`");
                findings.push(Finding::new(&path, what));
            }
        }
        // A starter is not finished, and its reader need not document anything.
        let is_the_readers =
            exercises::all(project).iter().any(|exercise| exercise.folder == package.dir);
        if !is_the_readers && !inherits(manifest.get("lints")) {
            findings.push(Finding::new(&path, "does not say `[lints] workspace = true`"));
        }
        if !package.private {
            findings.push(Finding::new(&path, "could be published: say `publish = false`"));
        }
    }
    findings
}

/// A package of ours with the name of a registry's crate makes `-p NAME` ambiguous.
fn names_are_free(project: &Project, lock: &str) -> Vec<Finding> {
    let lock: toml::Table = lock.parse().expect("Cargo.lock is TOML");
    let packages =
        lock.get("package").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let brought: BTreeSet<&str> = packages
        .iter()
        .filter(|package| package.get("source").is_some())
        .filter_map(|package| package.get("name")?.as_str())
        .collect();
    project
        .packages
        .iter()
        .filter(|package| brought.contains(package.name.as_str()))
        .map(|package| {
            let what = format!("`{}` is also the name of a dependency's crate", package.name);
            Finding::new(format!("{}/Cargo.toml", package.dir), what)
        })
        .collect()
}

/// Packages, each with the oldest Rust that it promises to work with, held against ours.
fn rust_version_is_true(own: &str, needed: &[(String, String)]) -> Vec<Finding> {
    needed
        .iter()
        .filter(|(_, version)| version_parts(version) > version_parts(own))
        .map(|(name, version)| {
            let what = format!("rust-version is {own}, but `{name}` needs {version}");
            Finding::new("Cargo.toml", what)
        })
        .collect()
}

fn version_parts(version: &str) -> [u32; 3] {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    [(); 3].map(|()| parts.next().unwrap_or(0))
}

#[test]
fn the_chapters_depend_on_lower_numbers_only() {
    assert_none(depends_downwards(&Project::read()));
}

#[test]
fn unsafe_stands_only_where_the_book_explains_it() {
    let project = Project::read();
    assert_none(unsafe_only_where_allowed(&project, UNSAFE_ALLOWED));
    assert_none(forbids_unsafe_elsewhere(&project, UNSAFE_ALLOWED));
}

#[test]
fn every_rust_file_says_what_it_is_and_is_compiled() {
    let project = Project::read();
    assert!(rust_files(&project).count() > 10, "the project's files were not found");
    assert_none(files_begin_with_a_comment(&project));
    assert_none(every_file_is_compiled(&project));
}

#[test]
fn every_package_follows_the_workspace() {
    let project = Project::read();
    assert!(project.packages.len() >= 8, "the packages were not found");
    assert_none(packages_inherit(&project));
    assert_none(names_are_free(&project, &project.files["Cargo.lock"]));
}

#[test]
fn the_rust_version_is_true() {
    let manifest: toml::Table =
        std::fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    let own = manifest["workspace"]["package"]["rust-version"].as_str().unwrap();
    // Only what is compiled on this system: the rest may never have been downloaded.
    let metadata = cargo_metadata(&["--filter-platform", &host()]);
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    let needed: Vec<(String, String)> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|package| Some((text(&package["name"])?, text(&package["rust_version"])?)))
        .collect();
    assert!(needed.len() > 20, "the dependencies were not found");
    assert_none(rust_version_is_true(own, &needed));
}

fn host() -> String {
    let output = std::process::Command::new("rustc").arg("-vV").output().expect("rustc starts");
    let text = String::from_utf8(output.stdout).expect("rustc prints text");
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.expect("rustc names its host").to_owned()
}

fn two_chapters(upper: &[(&str, &str)], lower: &[(&str, &str)]) -> Project {
    Project::of(&[
        ("chapters/01-process/src/lib.rs", "//! a\n#![forbid(unsafe_code)]\n"),
        ("chapters/02-fork/src/lib.rs", "//! b\nfn a() {\n    unsafe { b() }\n}\n"),
    ])
    .package("process", "chapters/01-process", lower)
    .package("fork", "chapters/02-fork", upper)
    .package("transcript", "tests/transcript", &[])
}

#[test]
fn a_dependency_on_a_higher_number_is_found() {
    let good = two_chapters(&[("process", "normal"), ("transcript", "dev")], &[]);
    assert_none(depends_downwards(&good));
    let upwards = depends_downwards(&two_chapters(&[], &[("fork", "dev")]));
    assert_one(&upwards, "`process` must not depend on `fork`");
    let shipped = depends_downwards(&two_chapters(&[("transcript", "normal")], &[]));
    assert_one(&shipped, "`fork` must not depend on `transcript`");
    let good = good.package("extra", "tests/extra", &[("fork", "normal")]);
    assert_none(depends_downwards(&good));
}

#[test]
fn the_dev_crate_depends_on_no_chapter() {
    let mut project = two_chapters(&[], &[]);
    project.packages[2].depends_on.push(("process".into(), "normal".into()));
    assert_one(&depends_downwards(&project), "`transcript` must not depend on `process`");
}

#[test]
fn an_exercise_depends_on_its_chapter_and_on_lower_ones() {
    let with = |depends_on: &[(&str, &str)]| {
        two_chapters(&[], &[])
            .package("gate", "exercises/gate", &[])
            .package("grader", "exercises/grader", &[("gate", "normal"), ("process", "normal")])
            .package("exercise", "exercises/exercise", &[])
            .package("tested-pool", "exercises/tested-pool", &[("gate", "normal")])
            .package(
                "conformance",
                "exercises/conformance",
                &[("grader", "normal"), ("tested-pool", "normal"), ("fork", "normal")],
            )
            .package("one", "exercises/01-process/one", depends_on)
            .package("one-solution", "exercises/01-process/one/solution", &[])
            .package("workbook", "", &[("exercise", "normal"), ("process", "normal")])
    };
    assert_none(depends_downwards(&with(&[
        ("process", "normal"),
        ("gate", "normal"),
        ("grader", "dev"),
        ("tested-pool", "normal"),
        ("conformance", "dev"),
    ])));
    for (name, kind) in [
        ("fork", "normal"),
        ("gate", "dev"),
        ("grader", "normal"),
        ("tested-pool", "dev"),
        ("conformance", "normal"),
        ("exercise", "normal"),
        ("one-solution", "dev"),
        ("transcript", "dev"),
    ] {
        let findings = depends_downwards(&with(&[(name, kind)]));
        assert_one(&findings, &format!("`one` must not depend on `{name}` ({kind})"));
    }
    for (user, used) in [
        ("process", "grader"),
        ("process", "gate"),
        ("gate", "process"),
        ("gate", "exercise"),
        ("exercise", "gate"),
        ("exercise", "process"),
        ("grader", "one"),
        ("workbook", "one"),
        ("transcript", "gate"),
        ("conformance", "one"),
        ("tested-pool", "grader"),
        ("grader", "conformance"),
    ] {
        let mut project = with(&[]);
        let package = project.packages.iter_mut().find(|package| package.name == user);
        package.expect("a package").depends_on.push((used.into(), "normal".into()));
        let findings = depends_downwards(&project);
        assert_one(&findings, &format!("`{user}` must not depend on `{used}`"));
    }
}

#[test]
fn what_the_reader_writes_breaks_no_rule_and_what_the_book_gives_does() {
    let exercise = |file: &str, text: &str| {
        let mut project = two_chapters(&[], &[]);
        project.files.insert(format!("exercises/01-process/one/{file}"), text.to_owned());
        project.package("one", "exercises/01-process/one", &[])
    };
    for file in ["src/lib.rs", "src/mine.rs"] {
        let project = exercise(file, "unsafe fn a( {");
        assert_none(files_begin_with_a_comment(&project));
        assert_none(every_file_is_compiled(&project));
        assert_none(unsafe_only_where_allowed(&project, &["chapters/02-fork/"]));
        assert_none(forbids_unsafe_elsewhere(&project, &["chapters/02-fork/"]));
    }
    for file in ["starter/lib.rs", "wrong/one.rs", "src/bin/one.rs"] {
        let project = exercise(file, "unsafe fn a() {}");
        assert_none(every_file_is_compiled(&project));
        assert_one(&files_begin_with_a_comment(&project), file);
        assert_one(&unsafe_only_where_allowed(&project, &["chapters/02-fork/"]), file);
    }
    let mut project = two_chapters(&[], &[]);
    let path = "exercises/02-fork/one/wrong/one.rs".to_owned();
    project.files.insert(path, "//! ZOMBIE: It waits.\nunsafe fn a() {}".into());
    assert_none(unsafe_only_where_allowed(&project, &["chapters/02-fork/"]));
}

#[test]
fn an_unsafe_in_the_wrong_place_is_found() {
    let project = two_chapters(&[], &[]);
    assert_none(unsafe_only_where_allowed(&project, &["chapters/02-fork/"]));
    assert_one(&unsafe_only_where_allowed(&project, &[]), "chapters/02-fork/src/lib.rs:3");
    let stale = unsafe_only_where_allowed(&project, &["chapters/02-fork/", "chapters/01-"]);
    assert_one(&stale, "take it off the list");
    assert_none(forbids_unsafe_elsewhere(&project, &["chapters/02-fork/"]));
    assert_one(&forbids_unsafe_elsewhere(&project, &[]), "chapters/02-fork/src/lib.rs: lacks");
}

#[test]
fn a_file_without_a_head_or_without_a_target_is_found() {
    let mut project = two_chapters(&[], &[]);
    assert_none(files_begin_with_a_comment(&project));
    assert_none(every_file_is_compiled(&project));
    project.files.insert("chapters/02-fork/src/lost.rs".into(), "fn lost() {}\n".into());
    assert_one(&files_begin_with_a_comment(&project), "lost.rs:1");
    assert_one(&every_file_is_compiled(&project), "lost.rs: is compiled by no target");
}

#[test]
fn a_package_that_goes_its_own_way_is_found() {
    let good = "[package]\nname = \"a\"\nversion.workspace = true\nedition.workspace = true\n\
                rust-version.workspace = true\nlicense.workspace = true\n[lints]\nworkspace = true\n";
    let with =
        |manifest: &str| Project::of(&[("a/Cargo.toml", manifest)]).package("a", "a", &[]);
    assert_none(packages_inherit(&with(good)));
    let old = good.replace("edition.workspace = true", "edition = \"2018\"");
    assert_one(&packages_inherit(&with(&old)), "`edition.workspace = true`");
    let lax = good.replace("[lints]\nworkspace = true\n", "");
    assert_one(&packages_inherit(&with(&lax)), "`[lints] workspace = true`");
    let mut public = with(good);
    public.packages[0].private = false;
    assert_one(&packages_inherit(&public), "could be published");
}

#[test]
fn a_name_that_a_dependency_has_is_found() {
    let lock =
        "[[package]]\nname = \"fork\"\n[[package]]\nname = \"process\"\nsource = \"r\"\n";
    assert_one(&names_are_free(&two_chapters(&[], &[]), lock), "`process` is also");
}

#[test]
fn a_rust_version_that_is_too_low_is_found() {
    let needed = [("a".to_owned(), "1.85".to_owned()), ("b".to_owned(), "1.95.1".to_owned())];
    assert_none(rust_version_is_true("1.95.1", &needed));
    assert_one(&rust_version_is_true("1.95", &needed), "`b` needs 1.95.1");
}
