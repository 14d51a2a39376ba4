//! Judges `three-states`: whether the lock excludes, wakes who waits, and calls the kernel only when it must.

use grader::{Case, Code, Diagnosis, Ended, Program, Rest, Run, Stop, Verdict, ensure};

const CASES: &[Case] = &[
    ("a lock for which nobody waits needs no wake-up", alone),
    ("a process sleeps while another one has the lock, and is woken", two),
    ("in many orders of the steps, one has the lock and nobody sleeps for ever", orders),
    ("of three that wait, each gets the lock", four),
    ("when nobody waits any more, no wake-up is needed again", alone_again),
];

/// How often the lock is taken by one process alone.
const ROUNDS: usize = 50;

/// The last of those who waited cannot know that it is the last. Its unlock may be in vain, and no other.
const IN_VAIN_MAX: usize = 1;

fn alone(program: &Program) -> Verdict {
    needs_no_wake(&program.args([0, ROUNDS]).run()?, 0, "Nobody has waited for it at any time")
}

fn alone_again(program: &Program) -> Verdict {
    let mut run = program.args([2, ROUNDS]).start()?;
    let mut stops = ready(&mut run, 2)?.into_iter();
    drop(stops.next());
    let owner = run.at("inside")?;
    for waiting in stops {
        let pid = waiting.pid;
        waiting.go();
        run.until_asleep(pid)?;
    }
    owner.go();
    let end = run.finish().map_err(sleeps_for_ever)?;
    needs_no_wake(
        &end,
        IN_VAIN_MAX,
        "Before that another process had waited for it, and it was gone",
    )
}

/// How many wake-ups the process has sent that had the lock alone.
fn needs_no_wake(end: &Ended, allowed: usize, before: &str) -> Verdict {
    let since = end.told().iter().skip_while(|told| told.name != "alone");
    let wakes = since.filter(|told| told.name == "woken word").count();
    ensure(wakes <= allowed, || {
        Code::NeedlessWake
            .because(format!(
                "one process has locked and unlocked {ROUNDS} times, and has called `wake` {wakes} times, for nobody.\n{before}"
            ))
            .idea("The word can say whether somebody may sleep: 1 is held and nobody waits, 2 is held and somebody may. Only an unlock that finds a 2 has to wake. Who finds the lock free at once takes it with 1.")
    })
}

fn ready(run: &mut Run, processes: usize) -> Result<Vec<Stop>, Diagnosis> {
    (0..processes).map(|_| run.at("ready")).collect()
}

fn two(program: &Program) -> Verdict {
    in_turn(program, 2)
}

fn four(program: &Program) -> Verdict {
    in_turn(program, 4)
}

/// One process has the lock, and the others come to sleep. Then each gets it.
fn in_turn(program: &Program, processes: usize) -> Verdict {
    let mut run = program.args([processes, 0]).start()?;
    let mut waiting = ready(&mut run, processes)?;
    waiting.remove(0).go();
    let mut owner = run.at("inside").map_err(sleeps_for_ever)?;
    for stop in waiting {
        let pid = stop.pid;
        stop.go();
        match run.until_asleep(pid)? {
            Rest::Asleep(_) => {}
            Rest::Busy { .. } => {
                return Err(Code::BusyWait
                    .because(format!(
                        "process {} has the lock. Process {pid} waits for it, and looks again and again",
                        owner.pid
                    ))
                    .idea("Who finds the lock held sleeps, on the value that the word has while somebody may sleep. A value that it does not have makes every `wait` return at once."));
            }
            // It had the lock as well, and is gone.
            Rest::Ended => return Err(both_inside(owner.pid, pid)),
        }
    }
    for _ in 1..processes {
        let last = owner.pid;
        owner.go();
        let next = run.try_at("inside")?;
        let Some(next) = next else {
            let main = run.main();
            return Err(match run.finish() {
                Err(found) => sleeps_for_ever(found)
                    .evidence(format!("process {last} had the lock, and has freed it")),
                Ok(_) => Code::WrongAnswer
                    .because(format!("process {main} has ended, and not all had the lock")),
            });
        };
        owner = next;
    }
    owner.go();
    run.finish().map(drop).map_err(sleeps_for_ever)
}

fn both_inside(owner: i32, other: i32) -> Diagnosis {
    Code::WrongAnswer
        .because(format!("process {owner} has the lock and has not given it back, and process {other} got it too"))
        .idea("`wait` returns when the word has changed, and for no reason at all. Who returns has no lock yet: it must take it, in one step that shows whether it was free.")
}

/// The general diagnosis knows the word, and not what it means.
fn sleeps_for_ever(found: Diagnosis) -> Diagnosis {
    let found = match found.code() {
        Code::LostWakeup => found,
        Code::Stuck => Code::LostWakeup
            .because("the lock was given back, and a process that waits for it sleeps on")
            .evidence(found.to_string()),
        _ => return found,
    };
    found.idea("Who leaves wakes one who waits, after the word was set to 0, and if anybody may sleep. Who was woken takes the lock with 2: others may still sleep.")
}

fn orders(program: &Program) -> Verdict {
    let who = "each of A, B and C locks, adds 1 to \"inside\", takes it back, and unlocks:";
    program.arg("orders").run()?.orders(who, "")
}

grader::main!(CASES);
