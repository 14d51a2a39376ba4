//! Judges `adopt-the-orphans`: whether anything that a command leaves outlives the function that ran it.

use grader::{Case, Code, Program, Verdict};

const CASES: &[Case] = &[
    ("a command that leaves nothing has its status", nothing),
    ("a daemon that forked twice is ended", daemon),
    ("an orphan is ended", orphan),
    ("an orphan that has ended already is reaped", zombie),
    ("an orphan's child is ended too", family),
];

fn nothing(program: &Program) -> Verdict {
    leaves(program, "nothing", "starts nothing")
}

fn daemon(program: &Program) -> Verdict {
    leaves(
        program,
        "daemon",
        "forks, and its child calls setsid, forks again and ends: the grandchild stays",
    )
}

fn orphan(program: &Program) -> Verdict {
    leaves(program, "orphan", "forks and does not wait: its child stays")
}

fn zombie(program: &Program) -> Verdict {
    leaves(program, "zombie", "forks, its child ends, and it does not wait")
}

fn family(program: &Program) -> Verdict {
    leaves(program, "family", "forks, its child forks too, and both stay")
}

fn leaves(program: &Program, kind: &str, what: &str) -> Verdict {
    let end = program.arg(kind).run().map_err(|found| {
        let found = found.evidence(format!("the command of this case {what}"));
        match (found.code(), kind) {
            (Code::Stuck, _) => {
                found.idea("An orphan ends when it likes, or never. End it before you wait for it.")
            }
            (Code::Orphan, "family") => found.idea(
                "When a process is ended, its children become orphans and get the same new parent. Look again until there is none.",
            ),
            _ => found,
        }
    })?;
    end.stdout_is("exit status: 5\n").map_err(|found| {
        found
            .evidence(format!("the command of this case exits with code 5. It {what}"))
            .idea("The status that is asked for is the command's own. Keep it when you have it; those that come after it are the orphans'.")
    })
}

grader::main!(CASES);
