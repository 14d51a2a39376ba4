//! Judges `early-return`: whether every way out of the function closes what it opened, and nothing else.

use grader::{Case, Code, Diagnosis, Ended, Program, Verdict, ensure};

const CASES: &[Case] = &[
    ("a living process has a memory map, and nothing stays open", living),
    ("a zombie has none: an error, and nothing stays open", zombie),
    ("nobody has none: an error", nobody),
];

fn living(program: &Program) -> Verdict {
    let end = program.arg("living").run().map_err(|found| on("that is alive", found))?;
    let (expected, found) = (end.values("expected").join(""), end.values("found").join(""));
    ensure(expected == found, || {
        Code::WrongAnswer
            .because(format!(
                "your function was asked for process {}, which is alive, and says: {found}",
                pid(&end)
            ))
            .evidence(format!("/proc/{}/statm says {expected}", pid(&end)))
            .idea(if found.starts_with("an error") {
                "The descriptor is needed until everything is read, and no longer."
            } else {
                "/proc/PID/status has a line for each of many sizes: what is mapped, what of it is in memory, the largest so far. \
                 The one asked for is VmSize, and the function found it before it was changed."
            })
    })
}

fn zombie(program: &Program) -> Verdict {
    let end = program.arg("zombie").run().map_err(|found| on("that is a zombie", found))?;
    is_error(&end, "is a zombie and has no memory map any more")
}

fn nobody(program: &Program) -> Verdict {
    let end = program.arg("nobody").run()?;
    is_error(&end, "does not exist")
}

fn is_error(end: &Ended, why: &str) -> Verdict {
    let found = end.values("found").join("");
    ensure(found.starts_with("an error"), || {
        Code::WrongAnswer.because(format!(
            "your function was asked for process {}, which {why}, and says: {found}. It should return an error",
            pid(end)
        ))
        .idea("Without a memory map there is no line VmSize. No size is not the size 0: what is not there is an error.")
    })
}

/// Names the way out that was taken.
fn on(whom: &str, found: Diagnosis) -> Diagnosis {
    match found.code() {
        Code::LeakedFd => found
            .evidence(format!("it happened when the function was asked for a process {whom}")),
        Code::UnexpectedSignal => found.idea(
            "One number has one owner. If two close it, the second may close somebody else's file; Rust's standard library \
             ends the program when it sees that.",
        ),
        _ => found,
    }
}

fn pid(end: &Ended) -> String {
    end.values("pid").join("")
}

grader::main!(CASES);
