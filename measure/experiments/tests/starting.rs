//! The experiments about starting workers: their form, and the shapes that no machine changes.

mod running;

use claims::Verdict;
use claims::shape::growth;

#[test]
fn spawn_is_slow() {
    let finding = running::finding(env!("CARGO_BIN_EXE_spawn_is_slow"), "spawn-is-slow");
    let [plot] = &finding.plots[..] else { panic!("one plot: {finding:?}") };
    let names: Vec<&str> = plot.series.iter().map(|series| series.name.as_str()).collect();
    assert_eq!(names, ["fork", "fork from a template", "spawn", "forkserver"]);
    assert!(plot.series.iter().all(|series| series.points.len() == 2), "{plot:?}");
    // The page tables of 128 MiB are copied by the one, and have nothing to do with the other.
    let fork = growth(plot.series("fork").expect("a curve")).expect("two points");
    assert!(fork > 1.5, "fork grew by {fork} with 128 MiB: {plot:?}");
}

#[test]
fn spawn_inherits() {
    let finding = running::finding(env!("CARGO_BIN_EXE_spawn_inherits"), "spawn-inherits");
    assert_eq!(finding.verdict, Verdict::HalfTrue, "{finding:?}");
    let [plot] = &finding.plots[..] else { panic!("one plot: {finding:?}") };
    let found = |way: &str| {
        let nth = plot.categories.iter().position(|category| category == way).expect(way);
        plot.series
            .iter()
            .map(|series| series.at(nth as f64).expect("a bar") as u32)
            .sum::<u32>()
    };
    assert_eq!(found("fork"), 8);
    assert_eq!(found("spawn") + found("forkserver") + found("chapter 04's exec"), 0);
    assert_eq!(found("std::process::Command"), 4);
    let fact = |name: &str| {
        let fact =
            finding.facts.iter().find(|fact| fact.name == format!("found again: {name}"));
        fact.expect(name).value.as_str()
    };
    assert_eq!(fact("a value in memory"), "fork, fork from a template");
    assert_eq!(fact("umask"), "in all");
    assert_eq!(fact("working directory"), "in all");
    assert_eq!(fact("limit of the size of files"), "in all");
    assert_eq!(fact("a blocked signal"), "fork, std::process::Command");
    assert_eq!(fact("an ignored signal"), "fork, chapter 04's exec, std::process::Command");
}

#[test]
fn one_interface() {
    let finding = running::finding(env!("CARGO_BIN_EXE_one_interface"), "one-interface");
    assert_eq!(finding.verdict, Verdict::HalfTrue, "{finding:?}");
    let values: Vec<&str> =
        finding.facts.iter().skip(1).map(|fact| fact.value.as_str()).collect();
    assert_eq!(values, ["0", "9", "seen by the program", "not seen by the program"]);
    let [plot] = &finding.plots[..] else { panic!("one plot: {finding:?}") };
    assert!(plot.series.iter().all(|series| series.points.len() == 3), "{plot:?}");
}

#[test]
fn a_killed_run_leaves_nobody() {
    for program in [
        env!("CARGO_BIN_EXE_spawn_is_slow"),
        env!("CARGO_BIN_EXE_spawn_inherits"),
        env!("CARGO_BIN_EXE_one_interface"),
    ] {
        running::killed(program);
    }
}
