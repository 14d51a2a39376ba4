//! Judges `exec-failed`: whether the parent knows what became of the exec in its child.

use grader::{Case, Code, Program, Verdict, ensure};

/// The program of the exercise, as a program to start.
const ITSELF: &str = "/proc/self/exe";

const CASES: &[Case] = &[
    ("a program that runs on is started, and nobody waits for its end", runs_on),
    ("a file that is not there is an error", |program| {
        fails(program, "/no/such/program", "ENOENT")
    }),
    ("a file that may not be executed is another error", |program| {
        fails(program, "/proc", "EACCES")
    }),
    ("a program that ends with 127 was started all the same", ends_with_127),
    ("a program that ends at once was started", ends_at_once),
];

fn runs_on(program: &Program) -> Verdict {
    started(&program.args([ITSELF, "--stay"]), "started, and ended by SIGKILL").map_err(|found| {
        match found.code() {
            Code::Stuck | Code::WaitCycle => found.idea(
                "A program may run for hours. Whether it was started must be known before it ends.",
            ),
            _ => found,
        }
    })
}

fn ends_with_127(program: &Program) -> Verdict {
    started(&program.args([ITSELF, "--end", "127"]), "started, and ended with 127")
}

fn ends_at_once(program: &Program) -> Verdict {
    started(&program.args([ITSELF, "--end", "0"]), "started, and ended with 0")
}

fn started(program: &Program, right: &str) -> Verdict {
    let outcome = program.run()?.values("outcome").join("");
    ensure(outcome == right, || {
        Code::WrongAnswer.because(format!(
            "the program that your function was to start is there and can be executed.\n\
             What should have come of it: {right}\n\
             What came of it:             {outcome}"
        ))
        .idea(if outcome.starts_with("not started") {
            "An exit status is the program's own word, also 127. That execv has failed is news of another kind, and comes by another way."
        } else if outcome.contains("ECHILD") {
            "The end of the program belongs to the caller. Who waits for a child takes its status, and leaves nobody to wait for."
        } else {
            "From the exec on, the program decides how the process ends, by its arguments. They go to execv as they came."
        })
    })
}

fn fails(program: &Program, path: &str, errno: &str) -> Verdict {
    let end = program.arg(path).run()?;
    let outcome = end.values("outcome").join("");
    let pid = end.values("pid").join("");
    ensure(!outcome.starts_with("started"), || {
        Code::UnreportedFailure
            .because(format!(
                "your function has said that process {pid} has become {path}. It has not:\n\
                 execv failed in process {pid} with {errno}, and the caller was not told"
            ))
            .evidence(format!("what the caller saw: {outcome}"))
            .evidence("an exit status cannot carry the news: a program could have ended with the same")
            .idea("That execv failed is known only in the child. It needs a way to say so which no program can be mistaken for.")
    })?;
    ensure(outcome == format!("not started: {errno}"), || {
        Code::WrongAnswer
            .because(format!(
                "execv fails for {path} with {errno}; your function says: {outcome}"
            ))
            .idea("Only the child knows why execv failed. Send the errno itself across.")
    })
}

grader::main!(CASES);
