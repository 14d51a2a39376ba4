//! Judges `printed-once`: whether each line of the report comes out once, and in its place.

use grader::{Case, Code, Program, Run, Stop, Verdict, ensure};

const CASES: &[Case] = &[
    ("a section is written once", |program| prints(program, &["alpha"])),
    ("a section is complete before the next one begins", one_after_the_other),
    ("three sections are written once, in order", |program| {
        prints(program, &["alpha", "beta", "gamma"])
    }),
    ("a section that fails costs itself only", |program| {
        prints(program, &["broken", "beta", "broken"])
    }),
    ("no section, no more than the first line", |program| prints(program, &[])),
];

fn prints(program: &Program, names: &[&str]) -> Verdict {
    let end = program.args(names).run()?;
    compare(end.stdout(), names)?;
    ensure(end.values("left") == ["0"], || {
        Code::LostResult
            .because(format!(
                "the function has returned, and {} bytes of the report are still in the buffer",
                end.values("left").concat()
            ))
            .idea("A buffer is emptied when it is full, or when somebody asks for it.")
    })
}

fn one_after_the_other(program: &Program) -> Verdict {
    let mut run = program.args(["alpha", "beta"]).start()?;
    let first = run.at("section")?;
    in_a_child(&run, &first)?;
    run.until_asleep(run.main())?;
    let look = run.look();
    ensure(look.others().count() == 1, || {
        Code::OutOfOrder
            .because(format!(
                "process {} has not yet written the text of alpha, and the report has gone on to beta already",
                first.pid
            ))
            .evidence(look.tree())
            .idea("Who writes to the same place goes one after the other: wait for the child before you write the next title.")
    })?;
    drop(first);
    // Whoever comes now writes the text of beta, or that of alpha for the second time.
    while let Some(next) = run.try_at("section")? {
        in_a_child(&run, &next)?;
    }
    compare(run.finish()?.stdout(), &["alpha", "beta"])
}

/// That it is a child that writes the text.
fn in_a_child(run: &Run, stop: &Stop) -> Verdict {
    ensure(stop.pid != run.main(), || {
        Code::WrongShape
            .because(format!(
                "the text of a section is written by process {}, which is the program itself: a failure there would cost \
                 the whole report",
                stop.pid
            ))
            .idea("What may fail goes into a child. A child that has tried it without harm says nothing of the next time.")
    })
}

/// What comes out, line by line.
fn expected(names: &[&str]) -> Vec<String> {
    let mut lines = vec!["a report".to_owned()];
    for name in names {
        lines.push(format!("== {name} =="));
        if *name == "broken" {
            lines.push("(failed)".to_owned());
        } else {
            lines.push(format!("{name} has {} letters", name.len()));
            lines.push(format!("{name} ends"));
        }
    }
    lines
}

fn compare(found: &str, names: &[&str]) -> Verdict {
    let expected = expected(names);
    let count =
        |lines: &[String], line: &String| lines.iter().filter(|other| *other == line).count();
    let lines: Vec<String> = found.lines().map(str::to_owned).collect();
    if let Some(line) =
        expected.iter().find(|line| count(&lines, line) > count(&expected, line))
    {
        return Err(Code::DuplicatedOutput
            .because(format!(
                "the line {line:?} should come out {}, and has come out {}",
                times(count(&expected, line)),
                times(count(&lines, line))
            ))
            .evidence(format!("children started: {}; each got a copy of the buffer as it was at its fork", names.len()))
            .evidence(format!("the output:\n{}", indented(&lines)))
            .idea(
                "fork copies memory, and a buffer is memory. Empty it before each fork: then the child's copy holds \
                 nothing but what the child writes.",
            ));
    }
    if let Some(line) =
        expected.iter().find(|line| count(&lines, line) < count(&expected, line))
    {
        return Err(Code::LostResult
            .because(format!("the line {line:?} is missing in the output"))
            .evidence(format!("the output:\n{}", indented(&lines)))
            .idea(
                "A buffer is memory, and ends with its process. A child that leaves by _exit empties nothing: what it has \
                 to say it must write out itself.",
            ));
    }
    if lines.len() == expected.len() && lines != expected {
        let at = lines
            .iter()
            .zip(&expected)
            .take_while(|(found, expected)| found == expected)
            .count();
        return Err(Code::OutOfOrder
            .because(format!(
                "each line is there once, but line {} is {:?} and should be {:?}",
                at + 1,
                lines[at],
                expected[at]
            ))
            .evidence(format!("the output:\n{}", indented(&lines)))
            .idea(
                "What is in a buffer comes out when the buffer is emptied, not when it is written. Empty it before anybody \
                 else writes to the same place.",
            ));
    }
    grader::same("the report", &(expected.join("\n") + "\n"), found)
}

fn times(count: usize) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

fn indented(lines: &[String]) -> String {
    lines.iter().map(|line| format!("  {line}\n")).collect()
}

grader::main!(CASES);
