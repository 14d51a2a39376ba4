//! Judges `at-least-once`: what is sent, delivered and dropped in histories that repeat, reorder and lose messages.

mod history;

use grader::{Case, Code, Diagnosis, Program, Verdict, ensure};
use history::judged;

const CASES: &[Case] = &[
    ("each task is sent at once, and gets the result that comes for it", |program| {
        judge(program, "task 0.1 / task task task 2.1 0.1 1.1")
    }),
    ("a result that comes again is dropped", |program| {
        judge(program, "task 0.1 0.1 / task task 1.1 1.1 0.1 1.1 0.1")
    }),
    ("a task that is owed while the engine is idle is sent again", |program| {
        judge(program, "task / task 0.1 idle / task task 1.1 idle idle 0.2")
    }),
    ("the first result wins, whichever sending it is of", |program| {
        judge(program, "task idle 0.1 0.2 / task idle 0.2 0.1 / task idle idle 0.2 0.3 0.1")
    }),
    ("a task that was sent too often fails once, and stays failed", |program| {
        judge(program, "task idle idle idle / task task idle 1.2 idle idle idle 0.3 0.1 idle")
    }),
    ("a result of somebody else's task is dropped", |program| {
        judge(program, "task 8:0.1 / task restart task 7:0.1 / 0.1 task / task 1.1 task idle")
    }),
    ("what is finished takes no memory, and is not forgotten", flows),
    ("histories that chance has drawn", |program| {
        let end = program.args(["seeds", "60"]).run()?;
        let histories = end.values("history");
        ensure(histories.len() == 60, || {
            Code::WrongAnswer
                .because(format!("60 histories were drawn, and {} ended", histories.len()))
        })?;
        for history in histories {
            let words = history.lines().next().unwrap_or_default();
            judged(history).map_err(|found| shortest(program, words, found))?;
        }
        Ok(())
    }),
];

/// How many runs may be spent on a shorter history with the same fault.
const SHORTER_RUNS_MAX: usize = 60;

fn judge(program: &Program, words: &str) -> Verdict {
    let end = program.args(words.split_whitespace()).run()?;
    let histories = end.values("history");
    let expected = words.split(" / ").count();
    ensure(histories.len() == expected, || {
        Code::WrongAnswer.because(format!(
            "{} of {expected} histories have come to their end",
            histories.len()
        ))
    })?;
    histories.into_iter().try_for_each(judged)
}

/// Takes words away from a history as long as it still shows the same fault.
fn shortest(program: &Program, words: &str, mut found: Diagnosis) -> Diagnosis {
    let mut words: Vec<&str> = words.split_whitespace().collect();
    let mut nth = words.len();
    for _ in 0..SHORTER_RUNS_MAX {
        let Some(next) = nth.checked_sub(1) else { break };
        nth = next;
        let mut fewer = words.clone();
        fewer.remove(nth);
        match judge(program, &fewer.join(" ")) {
            Err(same) if same.code() == found.code() => (words, found) = (fewer, same),
            _ => {}
        }
    }
    found
}

/// That a ledger is as large after many tasks as after few, and still knows which are finished.
fn flows(program: &Program) -> Verdict {
    const TASKS: u64 = 4000;
    let end = program.args(["flow", "4000", "8"]).run()?;
    let delivered: u64 = end.values("delivered").concat().parse().unwrap_or(0);
    ensure(delivered <= TASKS, || {
        Code::DuplicatedResult
            .because(format!("{TASKS} tasks have {delivered} outcomes: results that came once more were delivered once more"))
            .evidence(format!("the first of them: {}", end.values("delivered again").first().unwrap_or(&"")))
            .idea("A result may come late by any time. Do not keep the last finished tasks, nor for a while: keep those that are not finished, and how many were submitted.")
    })?;
    ensure(delivered == TASKS, || {
        Code::LostResult.because(format!(
            "{TASKS} tasks have {delivered} outcomes, and a result of each has come"
        ))
    })?;
    let lengths: Vec<u64> =
        end.values("remembered").iter().filter_map(|length| length.parse().ok()).collect();
    let (early, late) = lengths.split_at(lengths.len() / 2);
    let longest = |lengths: &[u64]| lengths.iter().copied().max().unwrap_or(0);
    let (early, late) = (longest(early), longest(late));
    ensure(late <= early + early / 2 + 256, || {
        Code::TooMuchMemory
            .because(format!(
                "the ledger, printed with {{:?}}, has up to {early} bytes during the first {} tasks and {late} bytes at {TASKS}.\n\
                 At no time are more than 8 tasks owed",
                TASKS / 2
            ))
            .idea("Numbers are given out one after the other. So what is finished need not be listed: it is what was submitted and is not owed.")
    })
}

grader::main!(CASES);
