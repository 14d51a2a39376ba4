//! Judges `name-with-a-parenthesis`: whether a name can be told from the fields around it, whatever it holds.

use grader::{Case, Code, Program, Verdict, ensure};

const CASES: &[Case] = &[
    ("an ordinary name", |program| named(program, "worker-7", "worker-7")),
    ("a name with spaces", |program| named(program, "pool worker 7", "pool worker 7")),
    ("a name with parentheses", |program| named(program, "(a) (b)", "(a) (b)")),
    ("a name that looks like other fields", |program| {
        named(program, "x) R 1 1 1 (y", "x) R 1 1 1 (y")
    }),
    ("a name with a line feed", |program| named(program, r"two\nlines", "two\nlines")),
    ("a name that begins and ends with a blank", |program| {
        named(program, " worker ", " worker ")
    }),
    ("a name that begins and ends with a line feed", |program| {
        named(program, r"\nworker\n", "\nworker\n")
    }),
    ("a name that is no UTF-8", |program| named(program, r"caf\xe9", "caf\u{fffd}")),
    ("no name at all", |program| named(program, "", "")),
    ("a process that is not there is an error", nobody),
];

fn named(program: &Program, name: &str, expected: &str) -> Verdict {
    let end = program.arg(name).run()?;
    let line =
        || format!("/proc/PID/stat says: {:?} ...", first_fields(&end.values("line").join("")));
    ensure(end.values("error").is_empty(), || {
        Code::WrongAnswer
            .because(format!(
                "a process has named itself {expected:?}, and your function returns an error"
            ))
            .evidence(line())
            .idea("A process chooses its own name, and any byte but 0 may be in it.")
    })?;
    let is_plain = expected.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let idea = if is_plain {
        "man 5 proc_pid_stat has the fields in their order: pid, name, state, parent, process group."
    } else {
        "A process chooses its own name, and any byte but 0 may be in it. So what tells you where it ends?"
    };
    let name = format!("{expected:?}");
    let trimmed = [expected.trim(), expected.trim_end()].map(|cut| format!("{cut:?}"));
    let rights = [
        ("name", name.as_str()),
        ("state", "T"),
        ("parent", "the program that started it"),
        ("group", "the process itself"),
    ];
    for (what, right) in rights {
        let found = end.values(what).join("");
        ensure(found == right, || {
            Code::WrongAnswer
                .because(format!(
                    "a process has named itself {expected:?}. Its {what} is {right}; your function says {found}"
                ))
                .evidence(line())
                .idea(if trimmed.contains(&found) {
                    "Blanks and line feeds are bytes of the name as well, also at its ends. What does your function take off?"
                } else {
                    idea
                })
        })?;
    }
    Ok(())
}

/// The line up to the field behind the process group.
fn first_fields(line: &str) -> String {
    let name_end = line.rfind(')').unwrap_or(0);
    let fields = line[name_end..].split(' ').take(4);
    format!("{}{}", &line[..name_end], fields.collect::<Vec<_>>().join(" "))
}

fn nobody(program: &Program) -> Verdict {
    let end = program.arg("--nobody").run()?;
    ensure(!end.values("error").is_empty(), || {
        Code::WrongAnswer.because(format!(
            "no process has the number that your function was asked for, and it says that one of the name {} is there",
            end.values("name").join("")
        ))
        .idea("Where there is no process there is no file to read. Return the error of the read to the caller.")
    })
}

grader::main!(CASES);
