//! Judges `three-leaks`: whether the function leaves nothing behind, whatever its worker does.

use grader::{Case, Code, Diagnosis, Ended, Program, Verdict};

const CASES: &[Case] = &[
    ("a worker that answers is heard", answers),
    ("of a worker that fails nothing is left", fails),
    ("of a worker that says no number nothing is left", babbles),
    ("of a worker that says too much nothing is left", chatters),
    ("a worker that says too much and ends is refused too", blurts),
    ("of a worker that says no number and stays nothing is left", stays),
];

fn answers(program: &Program) -> Verdict {
    let end = slowly(program.arg("answers"))?;
    has_ended_by_itself(&end, 0)?;
    end.stdout_is("42\n").map_err(|found| {
        found
            .evidence("the worker of this case says 42, and some time later exits with code 0")
            .idea(
                "An answer is not the end. After it, wait for the worker, and do not hurry it.",
            )
    })
}

fn fails(program: &Program) -> Verdict {
    let end = slowly(program.arg("fails"));
    if let Ok(end) = &end {
        has_ended_by_itself(end, 3)?;
    }
    is_refused(end, "says 42 and then exits with code 3", Code::UnreportedFailure)
}

fn babbles(program: &Program) -> Verdict {
    is_refused(program.arg("babbles").run(), "says \"many\" and exits", Code::WrongAnswer)
}

fn blurts(program: &Program) -> Verdict {
    let end = program.arg("blurts").run()?;
    let taken = match end.stdout().trim() {
        "7" => "all 40 digits",
        "0" => "the first of the 40 digits",
        _ => {
            return is_refused(
                Ok(end),
                "says 40 digits without a line feed, and exits",
                Code::WrongAnswer,
            );
        }
    };
    Err(Code::WrongAnswer
        .because(format!(
            "the worker says 40 digits without a line feed, and exits. At most 16 are allowed.\n\
             Your function took {taken} for an answer"
        ))
        .evidence(format!("it returned {}", end.stdout().trim()))
        .idea("Read one byte more than an answer may have. If it is there and is no line feed, the answer is too long."))
}

fn chatters(program: &Program) -> Verdict {
    let end = program.arg("chatters").run();
    if end.as_ref().is_err_and(|found| found.code() == Code::Stuck) {
        // Whoever takes a part for the answer waits for an end that does not come. The same worker with an end tells.
        blurts(program)?;
    }
    is_refused(end, "says 40 digits without a line feed, and runs on", Code::WrongAnswer)
}

fn stays(program: &Program) -> Verdict {
    is_refused(program.arg("stays").run(), "says \"wait\" and runs on", Code::WrongAnswer)
}

/// Keeps the worker from ending until the function waits for that, or has ended it.
fn slowly(program: Program) -> Result<Ended, Diagnosis> {
    let mut run = program.start()?;
    // Nobody comes if the function has ended it before.
    if let Some(worker) = run.try_at("answered")? {
        run.until_asleep(run.main())?;
        worker.go();
    }
    run.finish()
}

/// That nobody has ended a worker that has answered.
fn has_ended_by_itself(end: &Ended, code: i32) -> Verdict {
    if !end.values("done").is_empty() {
        return Ok(());
    }
    Err(Code::WrongAnswer
        .because(format!(
            "the worker has said 42 and was on its way to exit with code {code}. It did not come so far: your function, or\n\
             the drop of a value in it, has ended the worker before. So nobody knows whether all went well there"
        ))
        .evidence(format!("your function returned: {}", end.stdout().trim()))
        .idea("An answer is not the end. After it, wait for the worker, and do not hurry it."))
}

/// That this worker is an error for the caller, and nothing more.
fn is_refused(end: Result<Ended, Diagnosis>, what: &str, code: Code) -> Verdict {
    let end = end.map_err(|found| {
        let found = found.evidence(format!("the worker of this case {what}"));
        if found.code() == Code::Stuck {
            found.idea("A worker that has not kept to the rules may never end. End it before you wait for it.")
        } else {
            found
        }
    })?;
    if end.stdout().starts_with("error: ") {
        return Ok(());
    }
    let found = code.because(format!(
        "the worker {what}, and your function returned {} as if all were well",
        end.stdout().trim()
    ));
    if code == Code::UnreportedFailure {
        return Err(found);
    }
    Err(found.idea("An answer is a line with a number, of at most 16 bytes. Everything else is an error for the caller."))
}

grader::main!(CASES);
