//! Judges `unheard-unlock`: whether the lock excludes other processes, and wakes them.

use grader::{Case, Code, Diagnosis, Program, Rest, Run, Verdict, ensure};

const CASES: &[Case] = &[
    ("a process that has the lock alone gets through", alone),
    ("a process that sleeps for the lock is woken by another one's unlock", two),
    ("so are three", four),
];

fn alone(program: &Program) -> Verdict {
    counted(program.arg(1).start()?, 1)
}

fn two(program: &Program) -> Verdict {
    in_turn(program, 2)
}

fn four(program: &Program) -> Verdict {
    in_turn(program, 4)
}

/// One process has the lock, and the others come to sleep. Then each gets it.
fn in_turn(program: &Program, processes: usize) -> Verdict {
    let mut run = program.arg(processes).start()?;
    let mut waiting = Vec::new();
    for _ in 0..processes {
        waiting.push(run.at("ready")?);
    }
    waiting.remove(0).go();
    let mut owner = run.at("inside")?;
    for stop in waiting {
        let pid = stop.pid;
        stop.go();
        match run.until_asleep(pid) {
            Ok(Rest::Asleep(_)) => {}
            Ok(Rest::Busy { .. }) => {
                return Err(Code::BusyWait
                    .because(format!(
                        "process {} has the lock. Process {pid} waits for it, and asks again and again",
                        owner.pid
                    ))
                    .evidence(run.look().tree())
                    .idea("A lock whose unlock wakes nobody is not mended by asking it. Take one that is made for several processes."));
            }
            Ok(Rest::Ended) => {
                return Err(Code::WrongAnswer
                    .because(format!(
                        "process {} has the lock and has not given it back, and process {pid} went in and out meanwhile",
                        owner.pid
                    ))
                    .idea("All must use the same lock. What is not in shared memory is copied by fork, and each process then has one of its own."));
            }
            Err(found) => return Err(found),
        }
    }
    for _ in 1..processes {
        owner.go();
        owner = match run.at("inside") {
            Ok(next) => next,
            Err(found) => return Err(not_woken(found)),
        };
    }
    owner.go();
    counted(run, processes)
}

/// The word of the lock may tell less than is known here: the lock was given back.
fn not_woken(found: Diagnosis) -> Diagnosis {
    match found.code() {
        Code::Stuck => Code::LostWakeup
            .because("the lock was given back, and a process that waits for it sleeps on")
            .evidence(found.to_string()),
        Code::LostWakeup => found.idea("The sleep and the wake-up must be of one kind. A private wake-up looks for sleepers under a key of its own process, and those of others are not there."),
        _ => found,
    }
}

fn counted(run: Run, processes: usize) -> Verdict {
    let end = run.finish().map_err(not_woken)?;
    let errors = end.values("error");
    ensure(errors.is_empty(), || {
        Code::WrongAnswer
            .because("a process could not take the lock, although it was free")
            .evidence(errors.join("\n"))
    })?;
    end.stdout_is(&format!("{processes} processes have counted to {processes}\n"))
        .map_err(|found| found.idea("Each process runs `work` once, while it has the lock."))
}

grader::main!(CASES);
