//! What the book shows: each exercise in its chapter, each code in the failure index, each score.

use std::collections::{BTreeMap, BTreeSet};

use super::support::Finding;
use super::support::exercises::{self, Exercise};
use super::support::page::{self, Heading};
use super::support::project::Project;

/// The appendix that explains the codes.
pub(super) const INDEX: &str = "chapters/B-failure-index/README.md";

/// What `cargo run -- prove` has measured.
pub(super) const SCORES: &str = "exercises/score.toml";

/// The failure index has a section for each code of the grader, and for nothing else that looks
/// like one.
pub(super) fn index_has_every_code(project: &Project) -> Vec<Finding> {
    let codes = exercises::codes(project);
    let text = project.files.get(INDEX).map_or("", String::as_str);
    let mut sections: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for Heading { line, level, text } in page::headings(text) {
        if exercises::is_code(&text) {
            sections.entry(text.clone()).or_default().push(line);
            if level != 2 {
                return vec![Finding::at(INDEX, line, format!("`{text}` is not of level 2"))];
            }
        }
    }
    let mut findings = Vec::new();
    for code in codes.iter().filter(|code| !sections.contains_key(*code)) {
        findings.push(Finding::new(INDEX, format!("has no section `## {code}`")));
    }
    for (code, lines) in &sections {
        if !codes.contains(code) {
            let what = format!("the grader has no code `{code}`");
            findings.push(Finding::at(INDEX, lines[0], what));
        }
        if lines.len() > 1 {
            findings.push(Finding::at(INDEX, lines[1], format!("`{code}` is explained twice")));
        }
    }
    findings
}

/// Each exercise has been proved, no change of its solution goes unnoticed, and the book shows it.
pub(super) fn graders_are_proved(project: &Project) -> Vec<Finding> {
    let text = project.files.get(SCORES).map_or("", String::as_str);
    let scores: toml::Table = match text.parse() {
        Ok(scores) => scores,
        Err(error) => return vec![Finding::new(SCORES, error.to_string())],
    };
    let all = exercises::all(project);
    let mut findings = Vec::new();
    for exercise in &all {
        let Some(score) = scores.get(&exercise.id).and_then(toml::Value::as_table) else {
            let what = format!("has no score of `{0}`: cargo run -- prove {0}", exercise.id);
            findings.push(Finding::new(SCORES, what));
            continue;
        };
        let figure = |key: &str| score.get(key).and_then(toml::Value::as_integer).unwrap_or(-1);
        let listed = exercise.equivalents(project);
        if figure("survived") != 0 {
            let what = format!("has survivors of `{}`: give it a case", exercise.id);
            findings.push(Finding::new(SCORES, what));
        }
        if figure("equivalent") != listed {
            let what =
                format!("is out of date: `{}` lists {listed} equivalent mutants", exercise.id);
            findings.push(Finding::new(SCORES, what));
        }
    }
    for id in scores.keys().filter(|id| !all.iter().any(|exercise| exercise.id == **id)) {
        findings.push(Finding::new(SCORES, format!("`{id}` is no exercise")));
    }
    let page = project.files.get(INDEX).map_or("", String::as_str);
    let shown = page::directives(page).iter().filter(|it| it.name == "scores").count();
    if shown != 1 {
        findings.push(Finding::new(INDEX, format!("shows the scores {shown} times")));
    }
    findings
}

/// Each exercise is shown once, by its own chapter, in the section before the sources, in its
/// order.
pub(super) fn chapters_show_their_exercises(project: &Project) -> Vec<Finding> {
    let all = exercises::all(project);
    let mut findings = Vec::new();
    for (path, text) in project.pages() {
        let shown: Vec<page::Directive> = page::directives(text)
            .into_iter()
            .filter(|directive| directive.name == "exercise")
            .collect();
        let mut own: Vec<(i64, &str)> = all
            .iter()
            .filter(|exercise| exercise.page() == path)
            .map(|exercise| (order(project, exercise), exercise.id.as_str()))
            .collect();
        own.sort_unstable();
        if own.is_empty() && shown.is_empty() {
            continue;
        }
        let titles: Vec<Heading> =
            page::headings(text).into_iter().filter(|heading| heading.level <= 2).collect();
        let section = titles.iter().position(|heading| heading.text == "Exercises");
        let next = section.and_then(|section| titles.get(section + 1));
        let (Some(section), Some(next)) = (section, next.filter(|it| it.text == "Sources"))
        else {
            let what = "has no section `## Exercises` right before `## Sources`";
            findings.push(Finding::new(path, what));
            continue;
        };
        for directive in &shown {
            let mut complain =
                |what: String| findings.push(Finding::at(path, directive.line, what));
            let id = &directive.path;
            if !own.iter().any(|(_, own)| own == id) {
                complain(format!("`{id}` is no exercise of this chapter"));
            } else if !(titles[section].line..next.line).contains(&directive.line) {
                complain(format!("shows `{id}` outside of `## Exercises`"));
            }
        }
        let ids: Vec<&str> = shown.iter().map(|directive| directive.path.as_str()).collect();
        for (_, id) in &own {
            match ids.iter().filter(|shown| *shown == id).count() {
                0 => findings.push(Finding::new(
                    path,
                    format!("does not show its exercise: {{{{#exercise {id}}}}}"),
                )),
                1 => {}
                count => {
                    findings.push(Finding::new(path, format!("shows `{id}` {count} times")))
                }
            }
        }
        let in_order: Vec<&str> = own.iter().map(|(_, id)| *id).collect();
        let same: BTreeSet<&str> = ids.iter().copied().collect();
        if same.len() == ids.len()
            && same == in_order.iter().copied().collect()
            && ids != in_order
        {
            let what = format!("shows its exercises not in their order, {in_order:?}");
            findings.push(Finding::new(path, what));
        }
    }
    findings
}

pub(super) fn order(project: &Project, exercise: &Exercise) -> i64 {
    let described = exercise.manifest(project).ok();
    described.and_then(|(_, described)| described.get("order")?.as_integer()).unwrap_or(0)
}
