//! Judges `right-child`: whether the function waits for its own child and leaves the caller's alone.

use grader::{Blocked, Case, Code, Diagnosis, Program, Rest, Run, Signal, Verdict};

const CASES: &[Case] = &[
    ("a child of the caller's that lives on is not waited for", lives_on),
    ("a child of the caller's that ended before keeps its status", ended_before),
    ("a child of the caller's that ends meanwhile keeps its status", ends_meanwhile),
    ("work that a signal ends is told as such", killed),
    ("a signal that comes meanwhile does not end the wait", signal_comes),
];

/// How the caller's own child ends.
const OWN_END: &str = "exit code 7";

fn lives_on(program: &Program) -> Verdict {
    let mut run = program.arg("after").start()?;
    let work = match run.at("work") {
        // The program may be at its end before the child has come to its work.
        Err(_) if told(&run, "result").is_some() => {
            return Err(returned_early(&run, "its child had not begun to work yet"));
        }
        work => work?,
    };
    // If the function waits, nothing happens now. Else it returns, and the program goes on.
    let rest = run.until_asleep(run.main());
    if told(&run, "result").is_some() {
        let what = format!("its child, process {}, is still at work", work.pid);
        return Err(returned_early(&run, &what));
    }
    if let Rest::Busy { cpu_ms } = rest? {
        return Err(Code::BusyWait
            .because(format!(
                "process {} asks again and again whether its child, process {}, has ended: so far for {cpu_ms} ms of a\n\
                 processor. Meanwhile the child has done nothing",
                run.main(),
                work.pid
            ))
            .evidence(run.look().tree())
            .idea("waitpid without WNOHANG sleeps until the child has ended."));
    }
    work.go();
    if run.try_at("result")?.is_none() {
        waits_for_others(&run)?;
    }
    judge(run, "exit code 42", "ended after your function had returned")
}

fn returned_early(run: &Run, what: &str) -> Diagnosis {
    let result = told(run, "result").unwrap_or_default();
    Code::Orphan
        .because(format!("your function has returned \"{result}\", and {what}"))
        .evidence(run.look().tree())
        .idea("To wait is to sleep until the child has ended. WNOHANG does not wait: it only asks.")
}

/// The caller's own child ends when the function has returned. So a function that waits for it waits for ever.
fn waits_for_others(run: &Run) -> Verdict {
    let look = run.look();
    let main = look.process(run.main());
    if !main.is_some_and(|main| matches!(main.blocked, Blocked::Wait { .. })) {
        return Ok(());
    }
    let own = told(run, "own pid").unwrap_or_default();
    Err(Code::Stuck
        .because(format!(
            "your function's child has ended, and your function still waits: for process {own}, a child of the caller's,\n\
             which lives until the caller ends it"
        ))
        .evidence(look.tree())
        .idea("A wait for any child waits for children that others look after. Wait for your own, by pid or pidfd."))
}

fn ended_before(program: &Program) -> Verdict {
    judge(program.arg("before").start()?, "exit code 42", "had ended before the call")
}

fn ends_meanwhile(program: &Program) -> Verdict {
    const WHEN: &str = "ended while your function waited for another one";
    let mut run = program.arg("during").start()?;
    let work = run.at("work")?;
    let own = told(&run, "own pid").and_then(|pid| pid.parse().ok());
    if let Some(own) = own {
        run.until_asleep(own)?;
    }
    let rest = run.until_asleep(run.main());
    theft(&run, WHEN)?;
    rest?;
    work.go();
    judge(run, "exit code 42", WHEN)
}

fn killed(program: &Program) -> Verdict {
    let run = program.args(["before", "killed"]).start()?;
    judge(run, "SIGKILL", "had ended before the call")
}

fn signal_comes(program: &Program) -> Verdict {
    let mut run = program.arg("after").start()?;
    let work = run.at("work")?;
    let main = run.main();
    run.until_asleep(main)?;
    run.kill(main, Signal::SIGUSR1);
    let rest = run.until_asleep(main);
    if let Some(result) = told(&run, "result") {
        return Err(Code::Interrupted
            .because(format!(
                "process {main} waited for its child, process {}. A signal came, its handler ran, and the call failed with\n\
                 EINTR. Your function has returned then, and the child is still at work",
                work.pid
            ))
            .evidence(format!("it returned \"{result}\"")));
    }
    rest?;
    work.go();
    judge(run, "exit code 42", "ended after your function had returned")
}

fn told(run: &Run, name: &str) -> Option<String> {
    run.told().iter().find(|told| told.name == name).map(|told| told.value.clone())
}

/// What the function has returned, and what is left for the caller.
fn judge(mut run: Run, expected: &str, when: &str) -> Verdict {
    drop(run.at("own")?);
    theft(&run, when)?;
    let result = told(&run, "result").unwrap_or_default();
    if result != expected {
        return Err(Code::WrongAnswer
            .because(format!(
                "the work has ended with \"{expected}\", and your function says \"{result}\""
            ))
            .idea("A child ends with a code or by a signal. waitpid tells which, for the child that it is asked for: return that."));
    }
    run.finish()?;
    Ok(())
}

/// That the caller, if it has waited for its own child by now, has learnt how that ended.
fn theft(run: &Run, when: &str) -> Verdict {
    match told(run, "own") {
        Some(own) if own != OWN_END => Err(stolen(run, when, &own)),
        _ => Ok(()),
    }
}

fn stolen(run: &Run, when: &str, own: &str) -> Diagnosis {
    let pid = told(run, "own pid").unwrap_or_default();
    let result = told(run, "result").unwrap_or_default();
    Code::WrongChildReaped
        .because(format!(
            "process {pid}, a child of the caller's, {when}, with {OWN_END}. The caller waits for it now\n\
             and cannot learn that: your function has taken the status, and a status is given once"
        ))
        .evidence(format!("your function returned \"{result}\""))
        .evidence(format!("the caller's waitpid({pid}) then gave \"{own}\""))
}

grader::main!(CASES);
