//! Judges `small-pool`: who works on what, in what order, and what a death costs.
//!
//! Each task waits at a gate. So the grader decides which task is done first, and which worker dies.

use std::collections::BTreeSet;

use grader::{Case, Code, Diagnosis, Ended, Program, Rest, Run, Stop, Told, Verdict, ensure};

const CASES: &[Case] = &[
    ("free workers get the next tasks, and the order is kept", order),
    ("a death costs exactly one task", one_death),
    ("a dead worker is replaced", replaced),
    ("there may be fewer tasks than workers, or none", few_tasks),
    ("a task and its answer may be larger than a pipe", large),
];

fn order(program: &Program) -> Verdict {
    let mut run = program.args(["2", "a", "b", "c", "d"]).start()?;
    let (slow, quick) = two_at_work(&mut run)?;
    is_asleep(&mut run)?;
    quick.stop.go();
    for _ in 0..2 {
        let next = at_work(&mut run)?;
        let next = next.ok_or_else(|| {
            not_parallel(
                &run,
                &format!(
                    "process {} is at task {}. Process {} has answered, and gets no other task:\nthe slowest worker decides how fast all are",
                    slow.stop.pid, slow.task, quick.pid
                ),
            )
        })?;
        next.stop.go();
    }
    slow.stop.go();
    let end = run.finish()?;
    judge(&end, 2, 0, &["A", "B", "C", "D"])?;
    let printed = end.stdout().lines().next().unwrap_or_default();
    ensure(printed.split_whitespace().count() == 4, || {
        Code::WrongAnswer
            .because(format!(
                "each worker prints the names of its tasks, which leave its memory when it ends. Printed were: {printed:?}
So a worker was killed, or left without flushing, although it had nothing left to do"
            ))
            .idea("An idle worker ends by itself when its pipe of tasks does. Close that, and wait. Dropping a Child kills it.")
    })
}

fn one_death(program: &Program) -> Verdict {
    let mut run = program.args(["2", "a", "b", "c", "d"]).start()?;
    let (first, second) = two_at_work(&mut run)?;
    let (victim, other) = if first.task == "b" { (first, second) } else { (second, first) };
    let expected = ["a", "b", "c", "d"]
        .map(|task| if task == victim.task { "died".to_owned() } else { task.to_uppercase() });
    victim.stop.answer("die");
    // The death comes first, and the other answer when everything that it causes has happened.
    run.until_asleep(run.main())?;
    other.stop.go();
    judge(&run.finish()?, 2, 1, &expected.each_ref().map(String::as_str))
}

fn replaced(program: &Program) -> Verdict {
    let mut run = program.args(["1", "a", "b", "c", "d"]).start()?;
    while let Some(next) = at_work(&mut run)? {
        // A task that kills whoever begins it would be handed out again for ever.
        twice(run.told())?;
        match next.task.as_str() {
            "b" | "d" => next.stop.answer("die"),
            _ => next.stop.go(),
        }
    }
    // The last one needs no successor.
    judge(&run.finish()?, 1, 1, &["A", "died", "C", "died"])
}

fn few_tasks(program: &Program) -> Verdict {
    judge(&program.args(["4", "a"]).run()?, 4, 0, &["A"])?;
    judge(&program.arg("3").run()?, 3, 0, &[])
}

fn large(program: &Program) -> Verdict {
    let end = program.args(["2", "a*3000000", "b", "c*3000000", "d*3000000"]).run()?;
    let large = |name: &str| format!("{name} and 3000000 bytes");
    judge(&end, 2, 0, &[&large("A"), "B", &large("C"), &large("D")])
}

/// A worker at its gate.
struct AtWork {
    pid: i32,
    task: String,
    stop: Stop,
}

/// The next worker that begins a task; `None` if nobody does.
fn at_work(run: &mut Run) -> Result<Option<AtWork>, Diagnosis> {
    Ok(run.try_at("task")?.map(|stop| named(run, stop)))
}

fn named(run: &Run, stop: Stop) -> AtWork {
    let told =
        run.told().iter().rev().find(|told| told.pid == stop.pid && told.name == "begins");
    let task = told.map(|told| told.value.clone()).unwrap_or_default();
    AtWork { pid: stop.pid, task, stop }
}

/// Two workers that are at their first tasks.
fn two_at_work(run: &mut Run) -> Result<(AtWork, AtWork), Diagnosis> {
    let first = run.at("task")?;
    let first = named(run, first);
    match at_work(run)? {
        Some(second) => Ok((first, second)),
        None => Err(not_parallel(
            run,
            &format!(
                "there are 4 tasks and 2 workers. Process {} is at task {}, and nobody is at another one",
                first.pid, first.task
            ),
        )),
    }
}

fn not_parallel(run: &Run, story: &str) -> Diagnosis {
    Code::NotParallel
        .because(story)
        .evidence(run.look().tree())
        .idea("Do not wait for a certain worker. Wait for whichever answers first, and give that one the next task.")
}

/// That the program sleeps while its workers work.
fn is_asleep(run: &mut Run) -> Verdict {
    let main = run.main();
    match run.until_asleep(main)? {
        Rest::Busy { cpu_ms } => Err(Code::BusyWait.because(format!(
            "both workers are at their tasks, and process {main} has nothing to do. It has kept a processor busy for {cpu_ms} ms,\nwhich a worker could have used"
        ))),
        Rest::Asleep(_) | Rest::Ended => Ok(()),
    }
}

fn judge(end: &Ended, workers: usize, deaths: usize, expected: &[&str]) -> Verdict {
    // The first line is the workers'.
    let found: Vec<&str> = end.stdout().lines().skip(1).collect();
    let shown = |diagnosis: Diagnosis| {
        diagnosis
            .evidence(format!("expected: {}", expected.join(", ")))
            .evidence(format!("found:    {}", found.join(", ")))
    };
    twice(end.told())?;
    let pids: BTreeSet<i32> = end.told().iter().map(|told| told.pid).collect();
    ensure(pids.len() <= workers + deaths, || {
        Code::TooManyProcesses
            .because(format!(
                "{} processes have worked, where {workers} were asked for and {deaths} had to be replaced",
                pids.len()
            ))
            .idea("A worker is made once and does many tasks: that is what a pool is for. To start a process costs more than most tasks.")
    })?;
    if found == expected {
        return Ok(());
    }
    let sorted = |lines: &[&str]| {
        let mut lines = lines.to_vec();
        lines.sort_unstable();
        lines.join("\n")
    };
    let is_lost = |(expected, found): (&&str, &&str)| *expected != "died" && *found == "died";
    let is_hidden = |(expected, found): (&&str, &&str)| *expected == "died" && *found != "died";
    Err(shown(
        if let [error] = found[..]
            && error.starts_with("error: ")
        {
            Code::LostResult.because(format!(
                "a worker has died at its task, and map has returned an error for all {} tasks",
                expected.len()
            ))
        } else if sorted(&found) == sorted(expected) {
            Code::OutOfOrder.because(
                "every task has its outcome, and they are not in the order of the tasks",
            )
        } else if found.len() < expected.len() {
            Code::LostResult.because(format!(
                "{} tasks have {} outcomes",
                expected.len(),
                found.len()
            ))
        } else if found.len() > expected.len() {
            Code::DuplicatedResult.because(format!(
                "{} tasks have {} outcomes",
                expected.len(),
                found.len()
            ))
        } else if expected.iter().zip(&found).any(is_lost) {
            Code::LostResult.because(
            "a task is reported as lost that was at no dead worker: nobody has begun it, or its answer was thrown away",
        )
        } else if expected.iter().zip(&found).any(is_hidden) {
            Code::UnreportedFailure
            .because("a worker has died at its task, and the outcome of that task says nothing of it")
        } else {
            Code::WrongAnswer
                .because("the outcomes are not those of the tasks")
                .idea("An outcome is what work has returned for its task, unchanged. Look at what you give to work, and at what you make of the answer.")
        },
    ))
}

/// That no task was begun twice.
fn twice(told: &[Told]) -> Verdict {
    let begun: Vec<&Told> = told.iter().filter(|told| told.name == "begins").collect();
    for (at, told) in begun.iter().enumerate() {
        if let Some(before) = begun[..at].iter().find(|before| before.value == told.value) {
            return Err(Code::DuplicatedResult
                .because(format!(
                    "task {} was begun twice, by process {} and by process {}",
                    told.value, before.pid, told.pid
                ))
                .idea("You do not know how far a dead worker had come: half of the work may be done. And a task that kills one worker kills the next one too. Report it, and let the caller decide."));
        }
    }
    Ok(())
}

grader::main!(CASES);
