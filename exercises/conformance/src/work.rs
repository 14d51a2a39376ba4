//! The properties of a pool in which nothing goes wrong but the tasks themselves.

use std::collections::BTreeSet;

use grader::{Code, Diagnosis, Program, Run, Verdict, ensure};

use crate::Check;
use crate::judge::outcomes;
use crate::stage::{Stage, stuck};

pub(crate) const START: &[Check] = &[
    ("all workers work at the same time", at_once),
    ("no more processes than workers", no_more),
];

pub(crate) const MAP: &[Check] = &[
    ("each task has its result", each_result),
    ("tasks and results larger than a pipe", large),
];

pub(crate) const ORDER: &[Check] = &[
    ("a slow task keeps no other result", slow_first),
    ("outcomes are asked for backwards", backwards),
];

pub(crate) const ERRORS: &[Check] =
    &[("a task returns an error", returns_error), ("a task panics", panics)];

pub(crate) const MANY: &[Check] = &[("10,000 tasks for two workers", many)];

fn at_once(program: &Program) -> Verdict {
    let script = ["start 3", "submit hold a -", "submit hold b -", "submit hold c -", "here"];
    let script = [&script[..], &["wait 1", "wait 2", "wait 3", "shutdown"]].concat();
    let mut stage = Stage::start(program, &script)?;
    let main = stage.run.main();
    let mut pids = BTreeSet::new();
    let mut held = Vec::new();
    // The program stays at its line: what is submitted must begin without a wait for a result.
    let here = stage.here(stuck(
        "the program has submitted three tasks to a pool of three workers, and submit does not return",
        "submit hands a task over, or keeps it in the queue. It does not wait until the task is done.",
    ))?;
    for _ in 0..3 {
        let worker = stage.worker(|run| not_parallel(run, pids.len()))?;
        pids.insert(worker.pid);
        held.push(worker);
    }
    ensure(!pids.contains(&main), || {
        Code::NotParallel.because(format!("process {main}, the program itself, does a task"))
    })?;
    drop((held, here));
    outcomes(&stage.finish()?, &["result 1 a", "result 2 b", "result 3 c", "closed"])
}

fn not_parallel(run: &Run, at_work: usize) -> Diagnosis {
    Code::NotParallel
        .because(format!(
            "three tasks were submitted to a pool of three workers, and {at_work} of them are under way. Nobody begins another one"
        ))
        .evidence(run.look().tree())
        .idea("submit gives the task to a worker that is idle. What waits for the next call of wait has not begun.")
}

fn no_more(program: &Program) -> Verdict {
    let mut script = vec!["start 2".to_owned()];
    script.extend((0..8).map(|_| "submit pid - -".to_owned()));
    script.extend((1..=8).map(|ticket| format!("wait {ticket}")));
    script.push("shutdown".to_owned());
    let script: Vec<&str> = script.iter().map(String::as_str).collect();
    let end = Stage::start(program, &script)?.finish()?;
    let pids: BTreeSet<&str> = end
        .stdout()
        .lines()
        .filter(|line| line.starts_with("result"))
        .filter_map(|line| line.split(' ').nth(2))
        .collect();
    ensure(!pids.is_empty(), || Code::LostResult.because("8 tasks have no result"))?;
    ensure(pids.len() <= 2, || {
        Code::TooManyProcesses
            .because(format!(
                "a pool of 2 workers has done 8 tasks in {} processes",
                pids.len()
            ))
            .idea("A worker is made once and does many tasks: that is what a pool is for.")
    })
}

fn each_result(program: &Program) -> Verdict {
    let mut script = vec!["start 3".to_owned()];
    let mut expected = Vec::new();
    for number in 1..=12 {
        script.push(format!("submit square {number} -"));
        expected.push(format!("result {number} {}", number * number));
    }
    script.extend((1..=12).map(|ticket| format!("wait {ticket}")));
    script.push("shutdown".to_owned());
    let script: Vec<&str> = script.iter().map(String::as_str).collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    outcomes(&Stage::start(program, &script)?.finish()?, &expected)
}

fn large(program: &Program) -> Verdict {
    let script = ["start 2", "submit large 300000 -", "submit square 3 -"];
    let rest = ["submit large 200000 -", "submit large 300001 -"];
    let waits = ["wait 1", "wait 2", "wait 3", "wait 4", "shutdown"];
    let end = Stage::start(program, &[&script[..], &rest, &waits].concat())?.finish()?;
    let expected = [
        "result 1 300000 bytes",
        "result 2 9",
        "result 3 200000 bytes",
        "result 4 300001 bytes",
    ];
    outcomes(&end, &expected)
}

fn slow_first(program: &Program) -> Verdict {
    let script = ["start 2", "submit hold a -", "submit square 2 -", "submit square 3 -"];
    let rest = ["wait 2", "wait 3", "here", "wait 1", "shutdown"];
    let mut stage = Stage::start(program, &[&script[..], &rest].concat())?;
    let idea = "An outcome belongs to a ticket. Wait for whichever worker answers, and note whose answer it is.";
    let slow = stage.worker(stuck("the first task does not begin", idea))?;
    let here = stage.here(stuck(
        "one of two workers is at task 1, and the results of tasks 2 and 3 do not come",
        idea,
    ))?;
    drop((slow, here));
    outcomes(&stage.finish()?, &["result 1 a", "result 2 4", "result 3 9"])
}

fn backwards(program: &Program) -> Verdict {
    let script = ["start 2", "submit square 5 -", "submit square 6 -", "submit square 7 -"];
    let rest = ["submit square 8 -", "wait 4", "wait 3", "wait 2", "wait 1", "shutdown"];
    let end = Stage::start(program, &[&script[..], &rest].concat())?.finish()?;
    outcomes(&end, &["result 1 25", "result 2 36", "result 3 49", "result 4 64"])
}

fn returns_error(program: &Program) -> Verdict {
    let script = ["start 1", "submit fail salt -", "submit square 3 -"];
    let rest = ["wait 1", "wait 2", "shutdown"];
    let end = Stage::start(program, &[&script[..], &rest].concat())?.finish()?;
    outcomes(&end, &["error 1 failed salt", "result 2 9"])
}

fn panics(program: &Program) -> Verdict {
    let script = ["start 1", "submit panic pepper -", "submit square 3 -"];
    let rest = ["wait 1", "wait 2", "shutdown"];
    let program = program.allow(Code::Panic);
    let end = Stage::start(&program, &[&script[..], &rest].concat())?.finish()?;
    outcomes(&end, &["error 1 panicked pepper", "result 2 9"])
}

fn many(program: &Program) -> Verdict {
    let program = program.cpu_max_ms(20_000).deadline_s(30);
    let end = Stage::start(&program, &["start 2", "many 10000", "shutdown"])?.finish()?;
    outcomes(&end, &["many 10000", "closed"])
}
