//! Judges `two-full-pipes`: whether a filter may take and give as much as it likes, in its own order.

use grader::{Case, Code, Diagnosis, Program, Verdict};

const CASES: &[Case] = &[
    ("a few lines come back in capitals", a_few_lines),
    ("so do more than two pipes hold", more_than_two_pipes_hold),
    ("a filter may read everything before it writes", last_first),
    ("no line is no output", no_line),
];

/// Bytes of a line, with its line feed.
const LINE_LEN: usize = 12;

/// More lines than two pipes hold, also where a page has 64 KiB and a pipe 1 MiB.
const MANY: usize = 300_000;

fn a_few_lines(program: &Program) -> Verdict {
    filtered(program, "capitals", 3)
}

fn more_than_two_pipes_hold(program: &Program) -> Verdict {
    filtered(program, "capitals", MANY)
}

fn last_first(program: &Program) -> Verdict {
    filtered(program, "last-first", MANY)
}

fn no_line(program: &Program) -> Verdict {
    filtered(program, "capitals", 0)
}

fn filtered(program: &Program, filter: &str, lines: usize) -> Verdict {
    let end = program
        .arg(filter)
        .arg(lines)
        .run()
        .map_err(|found| explained(found, lines * LINE_LEN))?;
    let expected = format!("{0} of {0} bytes are right\n", lines * LINE_LEN);
    if end.stdout() == expected {
        return Ok(());
    }
    let bytes = lines * LINE_LEN;
    Err(Code::WrongAnswer
        .because(format!(
            "a filter has got {lines} lines, {bytes} bytes, and your function has not returned what it made of them"
        ))
        .evidence(end.stdout().trim_end().to_owned())
        .idea("Every byte has to go in and come out. A call that moved fewer bytes than you gave it, or none, has left you the rest."))
}

/// What a circle of waiting means here.
fn explained(found: Diagnosis, input_len: usize) -> Diagnosis {
    match found.code() {
        // Less than any pipe holds.
        Code::WaitCycle | Code::OtherHeldWriteEnd if input_len < 4096 => found.idea(format!(
            "The input has {input_len} bytes, so it is not room that is missing. The filter waits for bytes, or for the end of its input. Who holds the write end of that pipe? One of them writes all the input. Each of them closes its copy, before it waits for anything."
        )),
        Code::WaitCycle => found.idea(
            "You cannot know when a program writes. It may first want all its input, and the end of it, which does not come while you hold the write end. So never wait for output while there is input to send or an end to close.",
        ),
        _ => found,
    }
}

grader::main!(CASES);
