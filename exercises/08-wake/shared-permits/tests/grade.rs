//! Judges `shared-permits`: whether there are never too many inside, nobody sleeps beside a permit, and no call is in vain.

use grader::{Case, Code, Diagnosis, Ended, Program, Rest, Run, Stop, Verdict, ensure};

const CASES: &[Case] = &[
    ("permits for which nobody waits need no wake-up", alone),
    ("who finds no permit sleeps, and gets the one that comes back", one_waits),
    ("in many orders of the steps, nobody sleeps beside a permit", orders),
    ("two that sleep get the two permits that come back", two_wait),
    ("when nobody waits any more, no wake-up is needed again", alone_again),
];

/// How often one process alone acquires and releases.
const ROUNDS: usize = 50;

fn alone(program: &Program) -> Verdict {
    judge(&program.args([3, 0, ROUNDS]).run()?, 3, "Nobody has waited at any time")
}

fn alone_again(program: &Program) -> Verdict {
    let (mut run, inside) = full(program, 1, 1, ROUNDS)?;
    inside.into_iter().for_each(Stop::go);
    run.until_asleep(run.main())?;
    let end = run.finish().map_err(sleeps_for_ever)?;
    judge(&end, 1, "Before that another process had waited, and it was gone")
}

fn one_waits(program: &Program) -> Verdict {
    let (run, inside) = full(program, 2, 1, 0)?;
    inside.into_iter().for_each(Stop::go);
    judge(&run.finish().map_err(sleeps_for_ever)?, 2, "")
}

/// Each permit that comes back lets one more in.
fn two_wait(program: &Program) -> Verdict {
    let (mut run, mut inside) = full(program, 2, 2, 0)?;
    while let Some(leaves) = inside.pop() {
        leaves.go();
        let came = run.at("inside").map_err(sleeps_for_ever)?;
        came.go();
    }
    judge(&run.finish().map_err(sleeps_for_ever)?, 2, "")
}

/// So many processes are inside as there are permits, and others sleep.
fn full(
    program: &Program,
    permits: usize,
    waiting: usize,
    rounds: usize,
) -> Result<(Run, Vec<Stop>), Diagnosis> {
    let processes = permits + waiting;
    let mut run = program.args([permits, processes, rounds]).start()?;
    let mut ready = Vec::new();
    for _ in 0..processes {
        ready.push(run.at("ready")?);
    }
    let mut inside = Vec::new();
    for stop in ready.drain(..permits) {
        stop.go();
        inside.push(run.at("inside").map_err(|found| match found.code() {
            Code::Stuck | Code::LostWakeup => Code::WrongAnswer
                .because(format!("{} of {permits} permits are taken, and a process that wants one sleeps", inside.len()))
                .evidence(found.to_string()),
            _ => found,
        })?);
    }
    for stop in ready {
        let pid = stop.pid;
        stop.go();
        match run.until_asleep(pid)? {
            Rest::Asleep(_) => {}
            Rest::Busy { .. } => {
                return Err(Code::BusyWait
                    .because(format!(
                        "there is no permit left, and process {pid} wants one. It looks again and again"
                    ))
                    .idea("Sleep on the number while it is 0. Who gives a permit back changes the number, and wakes."));
            }
            Rest::Ended => {
                return Err(Code::WrongAnswer.because(format!(
                    "all {permits} permits are taken, and process {pid} went in and out without one"
                )));
            }
        }
    }
    Ok((run, inside))
}

/// How many permits there are at the end, and how many wake-ups one process has sent that was alone.
fn judge(end: &Ended, permits: usize, before: &str) -> Verdict {
    end.stdout_is(&format!("permits at the end: {permits}\n")).map_err(|found| {
        found.idea("Each permit that is taken is given back once. Count in one step: what is loaded and stored can be overtaken.")
    })?;
    let since = end.told().iter().skip_while(|told| told.name != "alone");
    let wakes = since.filter(|told| told.name == "woken word").count();
    ensure(wakes == 0, || {
        Code::NeedlessWake.because(format!(
            "one process has acquired and released {ROUNDS} times, and has called `wake` {wakes} times, for nobody.\n{before}"
        ))
        .idea("The second word is for this: who goes to sleep counts itself there before, and takes itself off when it is awake. A release that finds 0 there has nobody to wake.")
    })
}

/// The general diagnosis knows the word, and not what it means.
fn sleeps_for_ever(found: Diagnosis) -> Diagnosis {
    let found = match found.code() {
        Code::LostWakeup => found,
        Code::Stuck => Code::LostWakeup
            .because("a permit was given back, and a process that waits for one sleeps on")
            .evidence(found.to_string()),
        _ => return found,
    };
    found.idea("Each permit that comes back must wake one who sleeps, also if the number was not 0: somebody who was woken may not have taken the first one yet.")
}

fn orders(program: &Program) -> Verdict {
    program.arg("orders").run()?.orders("A, B and C are processes:", "").map_err(|found| match found.code() {
        Code::WrongAnswer => found.idea("To look at the number and to change it must be one step, or somebody changes it between the two."),
        _ => found,
    })
}

grader::main!(CASES);
