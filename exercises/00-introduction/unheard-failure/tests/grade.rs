//! Judges `unheard-failure`: whether the parent hears of each way in which its child can fail.

use grader::{Case, Code, Program, Signal, Verdict, ensure};

const CASES: &[Case] = &[
    ("a check whose process is killed has failed", killed),
    ("a check that returns has held", returns),
    ("a check whose process exits with status 1 has failed", exits),
    ("a check that panics has failed", panics),
    ("each check has an answer of its own", one_after_another),
];

fn killed(program: &Program) -> Verdict {
    let mut run = program.arg("waits").start()?;
    let in_check = run.at("waits")?;
    let child = in_check.pid;
    in_check.go();
    // As long as the check goes on, your function can do nothing but wait. One that returns is noticed here.
    run.until_asleep(run.main())?;
    run.kill(child, Signal::SIGKILL);
    let end = run.finish()?;
    has_failed(
        "waits",
        end.stdout(),
        "was ended by SIGKILL, so that it has no exit status at all",
    )
}

fn returns(program: &Program) -> Verdict {
    program.arg("sum").run()?.stdout_is("sum: holds\n").map_err(|found| {
        found.idea("A check that returns has held: its process came to the line that exits with 0, and the wait says so.")
    })
}

fn exits(program: &Program) -> Verdict {
    let end = program.arg("exits").run()?;
    has_failed("exits", end.stdout(), "has ended with exit status 1")
}

fn panics(program: &Program) -> Verdict {
    // The child is meant to panic here. The cases before have shown that the parent does not.
    let end = program.allow(Code::Panic).arg("panics").run()?;
    has_failed("panics", end.stdout(), "has panicked, which ended it with exit status 101")
}

fn one_after_another(program: &Program) -> Verdict {
    let program = program.allow(Code::Panic).args(["panics", "sum", "exits", "sum"]);
    let expected = "panics: fails\nsum: holds\nexits: fails\nsum: holds\n";
    program.run()?.stdout_is(expected).map_err(|found| {
        found.idea("Each call has a child of its own, and answers for that child only. Nothing of the call before may stay.")
    })
}

/// That a failure is reported.
fn has_failed(check: &str, printed: &str, ending: &str) -> Verdict {
    ensure(printed == format!("{check}: fails\n"), || {
        Code::UnreportedFailure
            .because(format!(
                "the process of the check \"{check}\" {ending},\nand your function has said that the check holds"
            ))
            .evidence(format!("printed: {printed:?}"))
            .idea(
                "What a child does and what it sets stays in the child. Its parent learns one thing, from the wait: how the \
                 child ended. Only the exit status 0 says that all is well.",
            )
    })
}

grader::main!(CASES);
