//! Judges `possible-orders`: compares what the reader has written down with what the two pools can do.
//!
//! Each worker is held when it has a task, before it answers. Whoever is let go answers, takes the next task and is
//! held again, or is done. So an order of answers is a row of choices, and all rows are tried, each exactly once.

use std::collections::BTreeMap;

use grader::{Case, Code, Diagnosis, Program, Stop, Verdict, ensure};

const CASES: &[Case] = &[
    ("the orders of DEALT are those that can be", dealt),
    ("the orders of HANDED_OUT are those that can be", handed_out),
];

fn dealt(program: &Program) -> Verdict {
    compare(&program.arg("dealt"), "DEALT", dealt_reason)
}

fn handed_out(program: &Program) -> Verdict {
    compare(&program.arg("handed-out"), "HANDED_OUT", handed_out_reason)
}

/// What a run has shown.
struct Seen {
    /// The answers in their order, as `1 2 3`.
    order: String,
    /// Who was let go, and with which task.
    steps: Vec<String>,
    /// What the reader has written down, one order each.
    written: Vec<String>,
}

/// Holds what the reader has written down against all runs.
fn compare(program: &Program, name: &str, reason: fn(&str) -> &'static str) -> Verdict {
    let mut possible: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut written = Vec::new();
    let mut untried: Vec<Vec<String>> = vec![Vec::new()];
    while let Some(choices) = untried.pop() {
        let seen = drive(program, name, &choices, &mut untried)?;
        written = seen.written;
        is_begun(name, &written)?;
        possible.insert(seen.order, seen.steps);
    }
    if let Some(order) = written.iter().find(|order| !possible.contains_key(*order)) {
        return Err(Code::ImpossibleOutput
            .because(format!(
                "{name} has {}, which cannot come: {}",
                shown(order),
                reason(order)
            ))
            .evidence(
                "the workers were let go in every order, and in no run were these the answers",
            ));
    }
    if let Some(order) =
        written.iter().find(|order| written.iter().filter(|other| other == order).count() > 1)
    {
        return Err(Code::WrongAnswer
            .because(format!("{name} has {} more than once", shown(order)))
            .evidence(format!("orders in {name}: {}", written.len()))
            .idea("A list of what can be has each order once. A second copy may stand where you meant another order."));
    }
    match possible.iter().find(|(order, _)| !written.contains(order)) {
        None => Ok(()),
        Some((order, steps)) => Err(missing(name, order, steps)),
    }
}

/// That something is written down at all.
fn is_begun(name: &str, written: &[String]) -> Verdict {
    ensure(!written.is_empty(), || {
        Code::TodoLeft
            .because(format!("the list {name} is empty, and every run of the program gives an order"))
            .idea("Write down what you expect before you look. Only then can you be wrong, and find out where.")
    })
}

fn missing(name: &str, order: &str, steps: &[String]) -> Diagnosis {
    let found = Code::MissingOutput.because(format!(
        "{name} has no {}, and this run of the program gave it:",
        shown(order)
    ));
    steps.iter().fold(found, |found, step| found.evidence(step))
}

/// Why an order cannot be, as far as the reader's mistake can be told from it.
fn dealt_reason(order: &str) -> &'static str {
    if !is_permutation(order) {
        return NO_PERMUTATION;
    }
    "3 comes before 1.\nOne worker does both, and it has written 1 before it begins with 3"
}

fn handed_out_reason(order: &str) -> &'static str {
    if !is_permutation(order) {
        return NO_PERMUTATION;
    }
    "3 comes first.\nNobody takes task 3 before one of the others is done, and done means that its answer is written"
}

const NO_PERMUTATION: &str = "each of the tasks 1, 2 and 3 is done once";

fn is_permutation(order: &str) -> bool {
    let mut words: Vec<&str> = order.split(' ').collect();
    words.sort_unstable();
    words == ["1", "2", "3"]
}

/// An order as the reader's file has it.
fn shown(order: &str) -> String {
    format!("[{}]", order.replace(' ', ", "))
}

/// One run. Where a choice is not given, the lowest task is let go, and the others are put down as still to be tried.
fn drive(
    program: &Program,
    name: &str,
    choices: &[String],
    untried: &mut Vec<Vec<String>>,
) -> Result<Seen, Diagnosis> {
    let mut run = program.start()?;
    let mut held: BTreeMap<String, Stop> = BTreeMap::new();
    let mut made: Vec<String> = Vec::new();
    let mut steps = Vec::new();
    // Both workers come, whatever their order; later the one that was let go.
    let mut coming = 2;
    loop {
        while coming > 0 {
            let stop = run.at("step")?;
            coming -= 1;
            let task = stop.value.clone().unwrap_or_default();
            if task != "done" {
                held.insert(task, stop);
            }
        }
        let tasks: Vec<String> = held.keys().cloned().collect();
        let Some(first) = tasks.first() else { break };
        let task = match choices.get(made.len()) {
            Some(task) => task.clone(),
            None => {
                for other in &tasks[1..] {
                    untried.push([made.as_slice(), std::slice::from_ref(other)].concat());
                }
                first.clone()
            }
        };
        let Some(stop) = held.remove(&task) else { break };
        steps.push(step(&stop, &task, &held));
        stop.go();
        made.push(task);
        coming = 1;
    }
    let end = run.finish()?;
    let written = end.values(name).concat();
    Ok(Seen {
        order: end.stdout().trim().to_owned(),
        steps,
        written: written.lines().map(str::to_owned).collect(),
    })
}

/// A step in words.
fn step(stop: &Stop, task: &str, held: &BTreeMap<String, Stop>) -> String {
    let others: Vec<String> = held
        .iter()
        .map(|(task, stop)| format!("worker {} is still at {task}", stop.pid))
        .collect();
    let others =
        if others.is_empty() { "no other is at work".to_owned() } else { others.join(", ") };
    format!("worker {} answers {task}; {others}", stop.pid)
}

grader::main!(CASES);
