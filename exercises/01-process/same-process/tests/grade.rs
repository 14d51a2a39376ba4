//! Judges `same-process`: whether a process is known again, and no other is taken for it.

use grader::{Case, Code, Program, Verdict, ensure};

const CASES: &[Case] = &[
    ("a worker to which nothing has happened is still the same", |program| {
        still(program, "nothing", "Nothing has happened to it")
    }),
    ("a worker that has the number of an earlier one is another", another),
    ("a worker that has become another program is still the same", |program| {
        still(
            program,
            "change",
            "It has executed another program, and has another name, another process group and more memory, as any process may",
        )
    }),
    ("a worker that has begun a session is still the same", |program| {
        still(
            program,
            "session",
            "It has begun a session of its own (setsid), as any process may that leads no group",
        )
    }),
    ("a worker that has another parent is still the same", |program| {
        still(
            program,
            "adopted",
            "The process that started it has ended, so it has been given another parent",
        )
    }),
    ("a zombie is still the same", |program| {
        still(
            program,
            "zombie",
            "It has ended and nobody has waited for it, so its number is given to nobody else",
        )
    }),
    ("a worker that is gone is not there", nobody),
];

fn still(program: &Program, case: &str, what: &str) -> Verdict {
    let end = program.arg(case).run()?;
    let value = |name| end.values(name).join("");
    ensure(value("is still") == "true", || {
        Code::WrongAnswer
            .because(format!(
                "worker {} has used up its time and is to be ended. {what}.\nYour function says that it is another process, so it runs on",
                value("worker")
            ))
            .evidence(format!("before: {}", value("before")))
            .evidence(format!("now:    {}", value("now")))
            .idea("Name, state, parent, group, session and memory of a process can change while it lives. Ask for what cannot.")
    })
}

fn nobody(program: &Program) -> Verdict {
    let end = program.arg("nobody").run()?;
    ensure(end.values("is still").join("") == "false", || {
        Code::WrongAnswer
            .because(
                "nobody has the number any more, and your function says that the process is there",
            )
            .idea("Where nothing is found there is no process, and so not this one: `None` is the answer \"no\".")
    })
}

fn another(program: &Program) -> Verdict {
    let end = program.arg("again").run()?;
    let value = |name| end.values(name).join("");
    ensure(value("is still") == "false", || {
        Code::WrongAnswer
            .because(format!(
                "worker {0} has ended, and its number was given to another worker, which is at the beginning of its work.\n\
                 Your function says that it is still the first one, and the second was killed in its place",
                value("worker")
            ))
            .evidence(format!("{} before: {}", value("worker"), value("before")))
            .evidence(format!("{} now:    {}", value("worker"), value("now")))
            .evidence(format!(
                "the second is process {} in truth; its number stands for the one that the kernel would have given again",
                value("victim")
            ))
            .idea("A number is given again, and workers look alike. What tells two processes with one number apart is when they began.")
    })
}

grader::main!(CASES);
