//! The files of an exercise, what its `Cargo.toml` says of it, and what its wrong programs say of themselves.

use std::collections::BTreeMap;

use super::support::Finding;
use super::support::exercises;
use super::support::page;
use super::support::project::Project;

/// The fewest programs with a known mistake that an exercise is proven with.
const WRONG_MIN: usize = 3;

const KINDS: &[&str] = &["fill", "repair", "write", "predict"];

/// Every file of the layout is there, and the package is called as its folder is.
pub(super) fn exercises_are_complete(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    for exercise in exercises::all(project) {
        let program = format!("src/bin/{}.rs", exercise.id);
        for file in [
            "README.md",
            "src/lib.rs",
            &program,
            "starter/lib.rs",
            "tests/grade.rs",
            "solution/Cargo.toml",
            "solution/src/lib.rs",
            "solution/src/main.rs",
        ] {
            if !project.files.contains_key(&exercise.path(file)) {
                findings.push(Finding::new(&exercise.folder, format!("has no {file}")));
            }
        }
        let is_id = |id: &str| {
            id.starts_with(|c: char| c.is_ascii_lowercase())
                && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        };
        if !is_id(&exercise.id) {
            findings.push(Finding::new(&exercise.folder, "is not small letters and hyphens"));
        }
        match exercise.manifest(project) {
            Ok((name, _)) if name != exercise.id => {
                let what = format!("is called `{name}`, unlike its folder");
                findings.push(Finding::new(exercise.path("Cargo.toml"), what));
            }
            Ok(_) => {}
            Err(what) => findings.push(Finding::new(exercise.path("Cargo.toml"), what)),
        }
        let others = exercises::all(project)
            .into_iter()
            .filter(|other| other.id == exercise.id && other.folder < exercise.folder);
        findings.extend(others.map(|other| {
            Finding::new(&exercise.folder, format!("has the name of {}", other.folder))
        }));
        if !project.files.contains_key(&exercise.page()) {
            let what = format!("belongs to no chapter: there is no {}", exercise.page());
            findings.push(Finding::new(&exercise.folder, what));
        }
        let wrong = exercise.wrong(project).len();
        if wrong < WRONG_MIN {
            let what = format!("has {wrong} wrong programs, fewer than {WRONG_MIN}");
            findings.push(Finding::new(exercise.path("wrong"), what));
        }
    }
    findings
}

/// The table in `Cargo.toml` says what the page and the grader say too.
pub(super) fn descriptions_are_true(project: &Project) -> Vec<Finding> {
    let codes = exercises::codes(project);
    let mut orders: BTreeMap<(String, i64), Vec<String>> = BTreeMap::new();
    let mut findings = Vec::new();
    for exercise in exercises::all(project) {
        // What cannot be read is found with the files.
        let Ok((_, described)) = exercise.manifest(project) else { continue };
        let manifest = exercise.path("Cargo.toml");
        let mut complain = |what: String| findings.push(Finding::new(&manifest, what));
        let text = |key: &str| described.get(key).and_then(toml::Value::as_str).unwrap_or("");
        let number = |key: &str| described.get(key).and_then(toml::Value::as_integer);

        for key in described.keys() {
            if !["title", "kind", "minutes", "order", "section", "starter"]
                .contains(&key.as_str())
            {
                complain(format!("`{key}` is no key of an exercise"));
            }
        }
        if text("title").trim().is_empty() {
            complain("has no `title`".into());
        }
        if !KINDS.contains(&text("kind")) {
            complain(format!("`kind` is none of {KINDS:?}"));
        }
        if !number("minutes").is_some_and(|minutes| (1..=240).contains(&minutes)) {
            complain("`minutes` is not 1 to 240".into());
        }
        match number("order") {
            Some(order) => orders
                .entry((exercise.chapter.clone(), order))
                .or_default()
                .push(exercise.folder.clone()),
            None => complain("has no `order`".into()),
        }
        if let Some(page) = project.files.get(&exercise.page())
            && !page::headings(page).iter().any(|heading| heading.text == text("section"))
        {
            complain(format!("`section`: {} has no such heading", exercise.page()));
        }
        if !codes.contains(text("starter")) {
            complain(format!("`starter`: the grader has no code `{}`", text("starter")));
        }
    }
    findings.extend(
        orders
            .values()
            .filter(|folders| folders.len() > 1)
            .map(|folders| Finding::new(folders.join(", "), "two exercises have one `order`")),
    );
    findings
}

/// What begins a program with a known mistake: its code, and what its author thought.
pub(super) fn wrong_programs_say_why(project: &Project) -> Vec<Finding> {
    let codes = exercises::codes(project);
    let mut findings = Vec::new();
    for exercise in exercises::all(project) {
        for (path, text) in exercise.wrong(project) {
            let first = text.lines().next().unwrap_or_default();
            let named = first.strip_prefix("//! ").and_then(|line| line.split_once(": "));
            match named {
                Some((code, words)) if exercises::is_code(code) && words.ends_with('.') => {
                    if !codes.contains(code) {
                        let what = format!("the grader has no code `{code}`");
                        findings.push(Finding::at(path, 1, what));
                    }
                }
                _ => {
                    findings.push(Finding::at(path, 1, "is not `//! CODE: what was thought.`"))
                }
            }
        }
        let starter = exercise.path("starter/lib.rs");
        let text = project.files.get(&starter).map_or("", String::as_str);
        if !text.is_empty() && !text.starts_with("//! ") {
            findings.push(Finding::at(&starter, 1, "begins without a `//!`"));
        }
    }
    findings
}
