//! The properties of a pool in which workers die, tasks never end, and the caller changes its mind.

use grader::{Code, Diagnosis, Program, Run, Verdict, ensure, is_alive};
use std::thread;
use std::time::{Duration, Instant};

use crate::Check;
use crate::judge::outcomes;
use crate::stage::{AtWork, Stage, stuck};

pub(crate) const CRASH: &[Check] = &[
    ("the others go on", others_go_on),
    ("a killed worker costs its task only", one_dies),
    ("the only worker is replaced, and again", replaced),
    ("a worker that calls exit(0) has died too", exits),
];

pub(crate) const TIMEOUT: &[Check] = &[
    ("a task that never ends is ended", never_ends),
    ("a limit that is not reached does no harm", in_time),
];

pub(crate) const CANCEL: &[Check] = &[
    ("a task that waits is taken back", taken_back),
    ("a task under way is not taken back", under_way),
];

pub(crate) const SHUTDOWN: &[Check] = &[
    ("what was accepted is done", finishes),
    ("a worker that dies does not stop it", dies_at_the_end),
    ("a pool without a task ends", nothing_to_do),
];

pub(crate) const LEAKS: &[Check] = &[("deaths leave no descriptor and no zombie", deaths)];

const ENDLESS: &str = "A worker that has died answers nothing. Watch its end as well as its answers: the end of its pipe, or its pidfd.";
const NOT_BEGUN: &str = "a task was submitted, a worker is free, and the task does not begin";

fn worker(stage: &mut Stage) -> Result<AtWork, Diagnosis> {
    stage.worker(stuck(
        NOT_BEGUN,
        "Whoever is free gets the next task, also right after a death.",
    ))
}

fn others_go_on(program: &Program) -> Verdict {
    let script = ["start 2", "submit hold a -", "submit hold b -", "submit note c -"];
    let rest = ["wait 3", "here", "wait 2", "wait 1", "shutdown"];
    let mut stage = Stage::start(program, &[&script[..], &rest].concat())?;
    let (first, second) = (worker(&mut stage)?, worker(&mut stage)?);
    let (victim, other) = if first.task == "a" { (first, second) } else { (second, first) };
    victim.stop.answer("die");
    let here = stage.here(stuck(
        "SIGKILL has ended one of two workers, the other one is at its task, and the third task is not done",
        ENDLESS,
    ))?;
    let is_done = stage.run.told().iter().any(|told| told.name == "note");
    drop(here);
    ensure(is_done && is_alive(other.pid), || {
        Code::LostResult
            .because("one worker has died, and the tasks of others were given up")
            .idea("Only the task that a dead worker was at is lost. Start another worker, and go on.")
    })
}

fn one_dies(program: &Program) -> Verdict {
    let script = ["start 2", "submit hold a -", "submit hold b -", "submit square 3 -"];
    let rest = ["wait 1", "wait 3", "here", "wait 2", "shutdown"];
    let mut stage = Stage::start(program, &[&script[..], &rest].concat())?;
    let (first, second) = (worker(&mut stage)?, worker(&mut stage)?);
    let (victim, other) = if first.task == "a" { (first, second) } else { (second, first) };
    victim.stop.answer("die");
    let here = stage.here(stuck(
        "SIGKILL has ended a worker inside of task 1. The program waits for that task, or for task 3, and nothing comes",
        ENDLESS,
    ))?;
    drop((other, here));
    let end = stage.finish()?;
    outcomes(&end, &["error 1 died", "result 2 b", "result 3 9"])
}

fn replaced(program: &Program) -> Verdict {
    let script = ["start 1", "submit hold a -", "submit hold b -", "submit square 3 -"];
    let rest = ["wait 1", "wait 2", "wait 3", "here", "shutdown"];
    let mut stage = Stage::start(program, &[&script[..], &rest].concat())?;
    for _ in 0..2 {
        worker(&mut stage)?.stop.answer("die");
    }
    let why = stuck(
        "both tasks have killed their worker, and task 3 is not done by a third one",
        ENDLESS,
    );
    drop(stage.here(why)?);
    outcomes(&stage.finish()?, &["error 1 died", "error 2 died", "result 3 9"])
}

fn exits(program: &Program) -> Verdict {
    let script = ["start 1", "submit hold a -", "submit square 3 -"];
    let rest = ["wait 1", "wait 2", "here", "shutdown"];
    let mut stage = Stage::start(program, &[&script[..], &rest].concat())?;
    worker(&mut stage)?.stop.answer("exit");
    let why = stuck(
        "a worker has called exit(0) inside of task 1, and tasks 1 and 2 have no outcome",
        ENDLESS,
    );
    drop(stage.here(why)?);
    outcomes(&stage.finish()?, &["error 1 died", "result 2 9"])
}

/// The shortest limit of a task that never ends, in milliseconds.
const LIMIT_MS: u32 = 100;
/// And the longest: no machine is so busy that a worker does not begin its task in so long.
const LIMIT_MS_MAX: u32 = 10_000;

fn never_ends(program: &Program) -> Verdict {
    let mut limit_ms = LIMIT_MS;
    let (mut stage, held) = loop {
        let submit = format!("submit hold a {limit_ms}");
        let script = ["start 1", &submit, "submit square 3 -"];
        let rest = ["wait 1", "here", "wait 2", "here", "shutdown"];
        let mut stage = Stage::start(program, &[&script[..], &rest].concat())?;
        match worker(&mut stage) {
            Ok(held) => break (stage, held),
            // A limit may count from when the task is handed over, and was over before the worker could begin.
            Err(_) if stage.is_main_here() && limit_ms < LIMIT_MS_MAX => limit_ms *= 10,
            Err(found) => return Err(found),
        }
    };
    let pid = held.pid;
    let here = stage.here(|run: &Run| {
        Code::Stuck
            .because(format!(
                "task 1 may take {limit_ms} ms. Process {pid} is still inside of it, the program waits for the outcome, and no process will ever look at the clock"
            ))
            .evidence(run.look().tree())
            .idea("A limit needs two things: a wait that ends at the earliest limit, and a SIGKILL for the worker that is past it.")
    })?;
    drop(here);
    let next = stage.here(|run| still_inside(pid).evidence(run.look().tree()))?;
    ensure(!is_alive(pid), || still_inside(pid))?;
    drop((held, next));
    outcomes(&stage.finish()?, &["error 1 timed-out", "result 2 9"])
}

fn still_inside(pid: i32) -> Diagnosis {
    if is_alive(pid) {
        Code::Orphan
            .because(format!("task 1 has passed its limit and has its outcome, and process {pid} is still inside of it"))
            .idea("That you do not wait any more does not end the task. Kill its worker, wait for it, and start another one.")
    } else {
        Code::Stuck
            .because(format!("task 1 has passed its limit, process {pid} was killed for it, and task 2 is not done by another one"))
    }
}

fn in_time(program: &Program) -> Verdict {
    let script = ["start 1", "submit square 4 60000", "submit square 5 60000"];
    let rest = ["wait 1", "wait 2", "shutdown"];
    let end = Stage::start(program, &[&script[..], &rest].concat())?.finish()?;
    outcomes(&end, &["result 1 16", "result 2 25"])
}

fn taken_back(program: &Program) -> Verdict {
    let script = ["start 1", "submit hold a -", "submit hold b -", "submit square 3 -"];
    let rest = ["here", "cancel 2", "here", "wait 1", "wait 2", "wait 3", "shutdown"];
    let mut stage = Stage::start(program, &[&script[..], &rest].concat())?;
    let held = worker(&mut stage)?;
    for _ in 0..2 {
        drop(stage.here(stuck(
            "the only worker is inside of task 1, and submit or cancel does not return",
            "Neither needs a worker. The queue is the pool's own.",
        ))?);
    }
    drop(held);
    let end = stage.finish()?;
    let begun = end.values("begins").contains(&"b");
    if begun && end.stdout().lines().any(|line| line == "cancel 2 true") {
        return Err(Code::WrongAnswer
            .because("cancel has said that task 2 never ran and never will, and a worker has begun it")
            .idea("Take the task out of the queue before you say that it is gone."));
    }
    outcomes(&end, &["cancel 2 true", "result 1 a", "error 2 cancelled", "result 3 9"])
}

fn under_way(program: &Program) -> Verdict {
    let script = ["start 1", "submit hold a -", "here", "cancel 1", "wait 1", "shutdown"];
    let mut stage = Stage::start(program, &script)?;
    let held = worker(&mut stage)?;
    let why = stuck(
        "the only worker is inside of task 1, and submit does not return",
        "submit does not wait for results.",
    );
    drop(stage.here(why)?);
    // It is let go only when cancel has answered, or waits for the task.
    let main = stage.run.main();
    stage.run.until_asleep(main)?;
    drop(held);
    outcomes(&stage.finish()?, &["cancel 1 false", "result 1 a"])
}

fn finishes(program: &Program) -> Verdict {
    let script =
        ["start 1", "submit hold a -", "submit note b -", "submit note c -", "shutdown"];
    let mut stage = Stage::start(program, &script)?;
    let held = worker(&mut stage)?;
    let main = stage.run.main();
    stage.run.until_asleep(main)?;
    drop(held);
    let end = stage.finish()?;
    ensure(end.values("note").len() == 2, || {
        Code::LostResult
            .because(format!(
                "three tasks were accepted before shutdown, and {} were done",
                1 + end.values("note").len()
            ))
            .idea("A task that was accepted is a promise. shutdown empties the queue first, and only then sends the workers home.")
    })?;
    outcomes(&end, &["closed"])?;
    // A worker is done only when somebody has taken its answer, also one that nobody has asked for.
    let script = ["start 1", "submit large 3000000 -", "shutdown"];
    outcomes(&Stage::start(program, &script)?.finish()?, &["closed"])
}

fn dies_at_the_end(program: &Program) -> Verdict {
    let script = ["start 1", "submit hold a -", "submit note b -", "shutdown"];
    let mut stage = Stage::start(program, &script)?;
    let held = worker(&mut stage)?;
    let main = stage.run.main();
    stage.run.until_asleep(main)?;
    held.stop.answer("die");
    let end = stage.finish()?;
    ensure(end.values("note") == ["b"], || {
        Code::LostResult.because("a worker has died while the pool was being shut down, and the task behind its own was not done")
    })?;
    outcomes(&end, &["closed"])
}

fn nothing_to_do(program: &Program) -> Verdict {
    outcomes(&Stage::start(program, &["start 4", "shutdown"])?.finish()?, &["closed"])
}

/// Workers that die one after the other.
const DEATHS: usize = 14;
/// After so many of them, what the program has is compared with what it has at the end.
const DEATHS_BEFORE: usize = 2;
/// How long a death may take to be cleared away behind the program's back.
const CLEARED_WITHIN: Duration = Duration::from_secs(3);
/// And how long the pool is given to have all its workers again. It may take longer: see below.
const REPLACED_WITHIN: Duration = Duration::from_millis(200);

fn deaths(program: &Program) -> Verdict {
    let is_looked_at = |ticket| ticket == DEATHS_BEFORE || ticket == DEATHS;
    let mut script = vec!["start 2".to_owned()];
    for ticket in 1..=DEATHS {
        script.extend([format!("submit hold t{ticket} -"), format!("wait {ticket}")]);
        if is_looked_at(ticket) {
            script.push("here".to_owned());
        }
    }
    script.push("shutdown".to_owned());
    let script: Vec<&str> = script.iter().map(String::as_str).collect();
    let mut stage = Stage::start(program, &script)?;
    let main = stage.run.main();
    // Workers that are being replaced have more or fewer descriptors for a moment. A leak at each death is more than that.
    let leaked = DEATHS - DEATHS_BEFORE;
    let mut held_before = None;
    for ticket in 1..=DEATHS {
        worker(&mut stage)?.stop.answer("die");
        if !is_looked_at(ticket) {
            continue;
        }
        // It is held here with one thread; others of its threads may still clear away.
        let here =
            stage.here(stuck("a worker has died, and its task has no outcome", ENDLESS))?;
        let due = Instant::now() + CLEARED_WITHIN;
        loop {
            let look = stage.run.look();
            let held = look.process(main).map_or(0, |process| process.descriptors.len());
            let Some(before) = held_before.filter(|_| ticket == DEATHS) else {
                // Those that have died so far are being replaced.
                held_before = held_before.max(Some(held));
                if due.saturating_duration_since(Instant::now())
                    < CLEARED_WITHIN - REPLACED_WITHIN
                {
                    break;
                }
                thread::sleep(Duration::from_millis(20));
                continue;
            };
            let zombie = look.processes.iter().find(|process| process.is_zombie());
            if zombie.is_none() && held < before + leaked {
                break;
            }
            if Instant::now() < due {
                thread::sleep(Duration::from_millis(20));
                continue;
            }
            if let Some(zombie) = zombie {
                return Err(Code::Zombie
                    .because(format!("{DEATHS} workers have died, each with its task reported, and process {} is a zombie", zombie.pid))
                    .evidence(look.tree()));
            }
            return Err(Code::LeakedFd.because(format!(
                "after {DEATHS_BEFORE} deaths the program holds {before} descriptors, after {DEATHS} deaths {held}: each death leaves some behind"
            )));
        }
        drop(here);
    }
    let last = format!("error {DEATHS} died");
    outcomes(&stage.finish()?, &["error 1 died", &last, "closed"])
}
