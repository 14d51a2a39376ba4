//! Judges `nobody-reads`: whether a writer survives the end of its reader, and says so.

use grader::{Case, Code, Ended, Program, Verdict, ensure, same};

const CASES: &[Case] = &[
    ("a worker that reads all lines gets them", all),
    ("a worker that is gone is an error", none),
    ("so is a worker that goes while lines are written", one),
    ("so is a worker that goes while a write waits for room", part),
    ("what a program does at SIGPIPE stays, if it ignores or handles it", kept),
];

/// More lines of 100 bytes than a pipe holds, also where a page has 64 KiB.
const MANY: usize = 30_000;

/// A line of more bytes than a pipe holds.
const ONE_LONG: &str = "1*3000000";

const DEFAULT: &str = "at its default action";

fn all(program: &Program) -> Verdict {
    let end = program.args(["all", &MANY.to_string()]).run()?;
    same("the number of lines that the worker has read", &MANY.to_string(), &end.values("read").concat()).map_err(
        |found| found.idea("Each line goes out whole and once, with one line feed. A write may take a part of it only: write_all goes on with the rest."),
    )?;
    judge(&end, "all lines are written", "the worker has read all lines", DEFAULT)
}

fn none(program: &Program) -> Verdict {
    let end = program.args(["none", "5"]).run()?;
    judge(
        &end,
        "broken pipe",
        "the worker had ended before the first line was written",
        DEFAULT,
    )
}

fn one(program: &Program) -> Verdict {
    let mut run = program.args(["one", &MANY.to_string()]).start()?;
    let worker = run.at("had enough")?;
    // The pipe is full, and the program waits for room, or it has given up.
    run.until_asleep(run.main())?;
    worker.go();
    judge(&run.finish()?, "broken pipe", "the worker had read one line and ended", DEFAULT)
}

fn part(program: &Program) -> Verdict {
    let mut run = program.args(["part", ONE_LONG]).start()?;
    let worker = run.at("had enough")?;
    // No look before the call helps: the end comes while the program sleeps in it.
    run.until_asleep(run.main())?;
    worker.go();
    judge(
        &run.finish()?,
        "broken pipe",
        "the worker has read one byte of a long line and ended, while the rest was waiting for room",
        DEFAULT,
    )
}

fn kept(program: &Program) -> Verdict {
    for action in ["ignored", "handled"] {
        let end = program.args(["all", "5", action]).run()?;
        judge(&end, "all lines are written", "the worker has read all lines", action)?;
        let end = program.args(["none", "5", action]).run()?;
        judge(&end, "broken pipe", "the worker had ended before the first line", action)?;
    }
    Ok(())
}

fn judge(end: &Ended, expected: &str, what: &str, before: &str) -> Verdict {
    let says = end.stdout().lines().find_map(|line| line.strip_prefix("send says: "));
    let action = end.stdout().lines().find_map(|line| line.strip_prefix("SIGPIPE is "));
    let (says, action) = (says.unwrap_or("nothing"), action.unwrap_or("unknown"));
    ensure(says == expected, || {
        let code = match expected {
            "broken pipe" => Code::UnreportedFailure,
            _ => Code::WrongAnswer,
        };
        code.because(format!("{what}, and your function does not say so to its caller"))
            .evidence(format!("expected: {expected}"))
            .evidence(format!("found:    {says}"))
            .idea("EPIPE is the only news of the reader's end that a writer gets. Who does not pass it on lets the caller believe that the work is done.")
    })?;
    ensure(action == before, || {
        Code::WrongAnswer
            .because(format!(
                "SIGPIPE was {before} when your function was called. Now it is {action}, in the whole process"
            ))
            .idea("What a process does at a signal is shared by all its code, and an ignored signal stays ignored even in programs that it executes. So what was in force before is to be in force again when you are done, whatever it was.")
    })
}

grader::main!(CASES);
