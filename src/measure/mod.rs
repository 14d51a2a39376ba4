//! `measure [CLAIM]...`: puts what people say about processes to the test, on this machine.
//!
//! Each claim has a program of its own in the package `experiments`. They are built once, optimized, and run one after the
//! other; what they find is kept in `.workbook/measured.json` after each of them, so an interrupted run loses nothing. The
//! served book draws it beside our figures ([`crate::measured_page`]).

#[cfg(target_os = "linux")]
mod busy;
mod experiment;
#[cfg(target_os = "linux")]
mod machine;
pub mod store;
mod table;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};
use claims::{CLAIMS, Claim, EXTRA, Run, Scale, Taken, VERSION};
use indicatif::{ProgressBar, ProgressStyle};

use crate::output::print;
use crate::project::Project;
use crate::run::closest;
use experiment::{Ended, Programs};
use store::Store;

/// The progress bar's parts for each second that an experiment is expected to take.
const STEPS_PER_S: u64 = 10;

/// What to measure, and how.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The ids of the claims; none means all.
    pub ids: Vec<String>,
    /// Only enough to see the shapes.
    pub small: bool,
    /// Into the book's own reference instead of the reader's file.
    pub reference: bool,
}

/// The claims with their ids.
pub fn list() -> String {
    let width = all().map(|claim| claim.id.len()).max().unwrap_or(0);
    all().fold(String::new(), |mut text, claim| {
        let number = match claim.number {
            0 => "  ".to_owned(),
            number => format!("{number:>2}"),
        };
        text.push_str(&format!("{number}  {:width$}  {}\n", claim.id, claim.sentence));
        text
    })
}

/// Measures, prints a table with the verdicts, and says where the curves are. The status is 0 whatever the verdicts are, 1
/// if an experiment failed, and that of an interrupted program after Ctrl-C.
///
/// # Errors
///
/// When a name is unknown, the system is not Linux, the experiments cannot be built, or the file cannot be written.
pub fn measure(project: &Project, wanted: &Wanted) -> Result<ExitCode> {
    let claims = chosen(&wanted.ids)?;
    if !cfg!(target_os = "linux") {
        bail!("nothing can be measured here.\n{}", crate::NEEDS_LINUX);
    }
    anstream::eprintln!(
        "Building the experiments, optimized. The first time takes some minutes."
    );
    let programs = Programs::build(project, &claims)?;
    let other_load = quiet()?;
    let mut store = Store::open(project, wanted.reference);
    let mut run = Run { version: VERSION, machine: machine()?, findings: Vec::new() };
    store.keep_of_the_same_machine(&mut run);

    let scale = if wanted.small { Scale::Small } else { Scale::Full };
    let bar = progress_bar(&claims);
    let mut rows = Vec::new();
    let mut status = ExitCode::SUCCESS;
    let mut kept = false;
    let mut not_kept = Vec::new();
    for claim in &claims {
        bar.set_message(claim.id);
        if bar.is_hidden() {
            anstream::eprintln!("{} ...", claim.id);
        }
        let (before, unix_s) = (bar.position(), now_unix_s());
        let steps = u64::from(claim.expected_s) * STEPS_PER_S;
        let ended = programs.run(claim, wanted.small, |done| {
            bar.set_position(before + (steps as f64 * done) as u64);
        })?;
        bar.set_position(before + steps);
        match ended {
            Ended::Found(finding) => {
                let finding = *finding;
                let taken = Taken { unix_s, scale, other_load, finding: finding.clone() };
                if store.add(&mut run, taken) {
                    store.write(&run)?;
                    kept = true;
                } else {
                    not_kept.push(claim.id);
                }
                rows.push((*claim, Ok(finding)));
            }
            Ended::Failed(why) => {
                status = ExitCode::FAILURE;
                rows.push((*claim, Err(why)));
            }
            Ended::Interrupted(code) => {
                bar.finish_and_clear();
                table::print(&rows)?;
                anstream::eprintln!("Interrupted. What is above was measured and is kept.");
                return Ok(ExitCode::from(code));
            }
        }
    }
    bar.finish_and_clear();
    table::print(&rows)?;
    if !not_kept.is_empty() {
        print(&format!(
            "\nA small run takes the place of no full one, so these were not kept: {}.\n",
            not_kept.join(", ")
        ))?;
    }
    if kept {
        print(&format!(
            "\nThe figures are in {}. To see the curves beside ours: cargo run, then the page \"Twelve claims\".\n",
            project.relative(store.path()).display()
        ))?;
    }
    Ok(status)
}

fn all() -> impl Iterator<Item = &'static Claim> {
    CLAIMS.iter().chain(&EXTRA)
}

/// The claims with these ids, in the order of the list.
fn chosen(ids: &[String]) -> Result<Vec<&'static Claim>> {
    for id in ids {
        if claims::claim(id).is_none() {
            let closest = closest(id, all().map(|claim| claim.id));
            let advice = match closest.is_empty() {
                true => String::new(),
                false => format!("\nDid you mean {}?", closest.join(" or ")),
            };
            bail!("no claim is called {id}.{advice}\nAll of them: cargo run -- measure --list");
        }
    }
    Ok(all().filter(|claim| ids.is_empty() || ids.iter().any(|id| id == claim.id)).collect())
}

fn progress_bar(claims: &[&Claim]) -> ProgressBar {
    let steps = claims.iter().map(|claim| u64::from(claim.expected_s) * STEPS_PER_S).sum();
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style =
        ProgressStyle::with_template("{bar:40} {elapsed} {msg}").expect("a constant template");
    let bar = ProgressBar::new(steps).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}

/// Looks how much else the machine has to do, and says so if it is much.
fn quiet() -> Result<f64> {
    #[cfg(target_os = "linux")]
    {
        let load = busy::wait_for_quiet();
        if load.is_much() {
            anstream::eprintln!("{load}");
        }
        Ok(load.processors)
    }
    #[cfg(not(target_os = "linux"))]
    bail!("{}", crate::NEEDS_LINUX)
}

fn machine() -> Result<claims::Machine> {
    #[cfg(target_os = "linux")]
    return Ok(machine::read());
    #[cfg(not(target_os = "linux"))]
    bail!("{}", crate::NEEDS_LINUX)
}

fn now_unix_s() -> u64 {
    // A clock before 1970 is set wrong, and the figures are as good.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_means_all_and_the_order_is_that_of_the_list() {
        let ids = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            chosen(&names).map(|claims| claims.iter().map(|claim| claim.id).collect::<Vec<_>>())
        };
        assert_eq!(ids(&[]).expect("all").len(), CLAIMS.len() + EXTRA.len());
        let two = ids(&["blocking", "cpu-bound"]).expect("two");
        assert_eq!(two, ["cpu-bound", "blocking"]);
        let error = format!("{:#}", ids(&["cpu_bound"]).expect_err("unknown"));
        assert!(error.contains("Did you mean cpu-bound"), "{error}");
    }

    #[test]
    fn the_list_has_each_claim() {
        let list = list();
        assert_eq!(list.lines().count(), CLAIMS.len() + EXTRA.len());
        assert!(list.starts_with(" 1  worker-count"), "{list}");
    }
}
