//! Judges `cancel-or-abort`: what each of the two says and does to a task that waits, runs or has ended.

use grader::{Case, Code, Diagnosis, Ended, Program, Run, Stop, Verdict, ensure};

const CASES: &[Case] = &[
    ("a task that waits is taken back by either of the two", waiting),
    ("cancel leaves a task alone that runs", cancel_running),
    ("abort ends a task that runs", abort_running),
    ("a task that has returned keeps its result", returned),
    ("a task that died of itself is no aborted one", died),
];

fn waiting(program: &Program) -> Verdict {
    for verb in ["cancel", "abort"] {
        let mut run = program.args(["works", verb, "begin", "join"]).start()?;
        run.at("here")?.go();
        let begun = run.at("here")?;
        let look = run.look();
        if let Some(process) = look.others().next() {
            let said = run.told().iter().find(|told| told.name == verb);
            return Err(Code::WrongAnswer
                .because(format!(
                    "{verb} was called before the task was begun, and has returned {}. Then begin was called, and process {}\n\
                     is at the task",
                    said.map_or("nothing", |told| told.value.as_str()), process.pid
                ))
                .evidence(look.tree())
                .idea("Who takes a task back relies on it: it must never run. The one place that has the work decides who gets it, the one who runs it or the one who takes it back."));
        }
        begun.go();
        let end = run.finish()?;
        says(&end, verb, "true", "the task was waiting, and was taken back")?;
        says(&end, "join", "Cancelled", "the task was never begun")?;
    }
    Ok(())
}

fn cancel_running(program: &Program) -> Verdict {
    let mut run = program.args(["works", "begin", "cancel", "join"]).start()?;
    let work = at_work(&mut run)?;
    let after = run.at("cancel")?;
    let said = after.value.clone().unwrap_or_default();
    let is_there = run.look().process(work.pid).is_some_and(|process| !process.is_zombie());
    ensure(said == "false" && is_there, || {
        let fate = if is_there { "runs on" } else { "was ended" };
        Code::WrongAnswer
            .because(format!("process {} was at the task when cancel was called. cancel has returned {said}, and the process {fate}", work.pid))
            .idea("cancel is harmless: it takes back what has not begun, and says whether it could. Half done work is ended by abort, and by nothing else.")
    })?;
    after.go();
    work.go();
    let end = run.finish()?;
    says(&end, "join", "Returned(42)", "the task ran, and has returned 42")
}

fn abort_running(program: &Program) -> Verdict {
    let mut run = program.args(["works", "begin", "abort", "join"]).start()?;
    let work = at_work(&mut run)?;
    let pid = work.pid;
    let after = run.at("abort")?;
    let (said, look) = (after.value.clone().unwrap_or_default(), run.look());
    let process = look.process(pid);
    ensure(said == "true" && process.is_none(), || {
        let code = if said == "true" { Code::Orphan } else { Code::WrongAnswer };
        let fate = match process {
            None => "is gone".to_owned(),
            Some(process) if process.is_zombie() => {
                "is a zombie: nobody has waited for it".to_owned()
            }
            Some(process) => format!("is still there: {process}"),
        };
        code.because(format!("process {pid} was at the task when abort was called. abort has returned {said}, and the process {fate}"))
            .idea("To send a signal is to ask. Only the wait says that the process is gone, and with it all that it could still do.")
    })?;
    after.go();
    drop(work);
    let end = run.finish()?;
    says(&end, "join", "Aborted", "abort has ended the task")
}

fn returned(program: &Program) -> Verdict {
    for verb in ["cancel", "abort"] {
        let end = program.args(["works", "begin", "ended", verb, "join"]).run()?;
        kept(&end, verb, "Returned(42)", "the task had returned 42", Code::LostResult)?;
    }
    Ok(())
}

fn died(program: &Program) -> Verdict {
    let end = program.args(["dies", "begin", "ended", "abort", "join"]).run()?;
    kept(
        &end,
        "abort",
        "Died(9)",
        "the task's process had died of SIGKILL, which it sent itself",
        Code::UnreportedFailure,
    )?;
    let end = program.args(["dies", "begin", "join"]).run()?;
    says(
        &end,
        "join",
        "Died(9)",
        "the task's process has died of SIGKILL, which it sent itself",
    )
}

/// The task's process, which is held at the beginning of its work. The program goes on to the next step.
fn at_work(run: &mut Run) -> Result<Stop, Diagnosis> {
    let (first, second) = (run.at("here")?, run.at("here")?);
    let (program, work) =
        if first.pid == run.main() { (first, second) } else { (second, first) };
    program.go();
    Ok(work)
}

/// That a task which had ended before `verb` is left as it is.
fn kept(end: &Ended, verb: &str, outcome: &str, story: &str, code: Code) -> Verdict {
    let (said, join) = (end.values(verb).concat(), end.values("join").concat());
    ensure(join == outcome, || {
        shown(
            code.because(format!("{story} when {verb} was called. {verb} has returned {said}, and join has {join}")),
            outcome,
            &join,
        )
        .idea("Between your decision and your deed the task may end. Ask first how it stands, and leave what is settled as it is.")
    })?;
    ensure(said == "false", || {
        shown(
            Code::WrongAnswer.because(format!(
                "{story} when {verb} was called, and {verb} claims to have ended it"
            )),
            "false",
            &said,
        )
    })
}

fn says(end: &Ended, what: &str, expected: &str, story: &str) -> Verdict {
    let found = end.values(what).concat();
    ensure(found == expected, || {
        shown(
            Code::WrongAnswer.because(format!("{story}, and {what} does not say so")),
            expected,
            &found,
        )
    })
}

fn shown(found: Diagnosis, expected: &str, seen: &str) -> Diagnosis {
    found.evidence(format!("expected: {expected}")).evidence(format!("found:    {seen}"))
}

grader::main!(CASES);
