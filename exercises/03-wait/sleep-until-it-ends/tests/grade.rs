//! Judges `sleep-until-it-ends`: whether the parent sleeps while it waits, for no longer than it may.

use std::fs;

use grader::{Blocked, Case, Code, Diagnosis, Ended, Program, Rest, Signal, Verdict};

const CASES: &[Case] = &[
    ("the parent sleeps until its child ends", sleeps),
    ("work that a signal ends is told as such", killed),
    ("work whose time is over is ended", time_is_over),
    ("a signal that comes meanwhile changes nothing", signal_comes),
];

/// An hour: none of the work that ends takes as long.
const LONG_MS: u32 = 3_600_000;

const SHORT_MS: u32 = 50;

fn sleeps(program: &Program) -> Verdict {
    let mut run = program.args(["ends", &LONG_MS.to_string()]).start()?;
    let work = run.at("work")?;
    let main = run.main();
    match run.until_asleep(main)? {
        Rest::Busy { cpu_ms } => Err(awake(
            format!(
                "process {main} waits for its child, process {}, by asking again and again whether it has ended.\n\
                 The child sleeps, and so far this has cost {}",
                work.pid,
                if cpu_ms > SHORT_MS.into() {
                    format!("{cpu_ms} ms of a processor")
                } else {
                    "dozens of wake-ups".to_owned()
                }
            ),
            run.look().tree(),
        )),
        Rest::Asleep(Blocked::Sleep) if !waits_for_signals(main) => Err(awake(
            format!(
                "process {main} waits for its child, process {}, by sleeping for a time. The end of a child does\n\
                 not end such a sleep. So it wakes for nothing, or it comes too late",
                work.pid
            ),
            run.look().tree(),
        )),
        _ => {
            let look = run.look();
            let threads = look.process(main).map_or(1, |process| process.threads);
            if threads > 1 {
                return Err(two_waits(main, work.pid, threads, look.tree()));
            }
            work.go();
            says(&run.finish()?, "exit code 7")
        }
    }
}

/// Which of two threads gets the status, and whether the number is still the child's when the other one kills, is up to
/// the scheduler. So it is told here, where it is the same each time.
fn two_waits(main: i32, child: i32, threads: usize, tree: String) -> Diagnosis {
    Code::WrongChildReaped
        .because(format!(
            "process {main} has {threads} threads while it waits for its child, process {child}: one of them waits for the end,\n\
             another one for the time. When the time is over, the second one kills and waits too. An exit status is\n\
             given once, so one of the two waits fails. And a number that has been waited for may be another process's"
        ))
        .evidence(tree)
        .idea("One thread is enough, if it sleeps in a call that ends with the child or with the time: poll on a pidfd.")
}

fn killed(program: &Program) -> Verdict {
    says(&program.args(["killed", &LONG_MS.to_string()]).run()?, "SIGKILL")
}

fn time_is_over(program: &Program) -> Verdict {
    let end = program.args(["stays", &SHORT_MS.to_string()]).run().map_err(|found| {
        let case = format!("the work of this case has {SHORT_MS} ms, and would go on for ever");
        let found = found.evidence(case);
        if found.code() == Code::Stuck {
            found.idea("waitpid has no time limit. Wait with it only for what has ended, or for what you have killed.")
        } else {
            found
        }
    })?;
    says(&end, &format!("not within {SHORT_MS} ms"))
}

fn signal_comes(program: &Program) -> Verdict {
    let mut run = program.args(["ends", &LONG_MS.to_string()]).start()?;
    let work = run.at("work")?;
    let main = run.main();
    run.until_asleep(main)?;
    run.kill(main, Signal::SIGUSR1);
    let rest = run.until_asleep(main);
    if let Some(result) = run.told().iter().find(|told| told.name == "result") {
        return Err(Code::Interrupted
            .because(format!(
                "process {main} slept until its child, process {}, would end. A signal came, its handler ran, and the call\n\
                 failed with EINTR. Your function has returned then. The child is still at work, and its hour is not over",
                work.pid
            ))
            .evidence(format!("it returned: {}", result.value))
            .idea("EINTR says that a signal came, and nothing about the child or the time. Wait again, for the time that is left."));
    }
    rest?;
    work.go();
    says(&run.finish()?, "exit code 7")
}

/// What the function has returned.
fn says(end: &Ended, expected: &str) -> Verdict {
    end.stdout_is(&format!("{expected}\n")).map_err(|found| {
        found.idea("Two things can end the wait: the child's end, which has a status, or the end of the time, which is None.")
    })
}

fn awake(story: String, tree: String) -> Diagnosis {
    Code::BusyWait.because(story).evidence(tree).idea(
        "Let the kernel wake you. A pidfd can be read when its process has ended, and poll sleeps until then or until a time is over.",
    )
}

/// Whether the process holds SIGCHLD back: it sleeps in sigtimedwait then, which the end of a child does end.
fn waits_for_signals(pid: i32) -> bool {
    const SIGCHLD_BIT: u64 = 1 << (17 - 1);
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:"));
    let mask = blocked.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & SIGCHLD_BIT != 0)
}

grader::main!(CASES);
