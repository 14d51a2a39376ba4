//! Judges `how-did-it-end`: whether exit codes, signals and core dumps are told apart.

use grader::{Case, Code, Program, Verdict};

const CASES: &[Case] = &[
    ("a child that exits has its code", codes),
    ("a child that exits with 130 was not killed", high_codes),
    ("a code has 8 bits and no sign", negative_code),
    ("a child that a signal has killed has no code", killed),
    ("a signal without a name is a signal", real_time_signal),
    ("the core dump is no part of the signal's number", core_dumped),
];

fn codes(program: &Program) -> Verdict {
    for code in [0, 3, 127] {
        says(program, "exits", code, &format!("exit code {code}"))?;
    }
    Ok(())
}

fn high_codes(program: &Program) -> Verdict {
    for code in [130, 255] {
        says(program, "exits", code, &format!("exit code {code}"))?;
    }
    Ok(())
}

fn negative_code(program: &Program) -> Verdict {
    says(program, "exits", -1, "exit code 255")?;
    says(program, "exits", 256 + 7, "exit code 7")
}

fn killed(program: &Program) -> Verdict {
    // SIGINT, SIGKILL.
    for signal in [2, 9] {
        says(program, "killed", signal, &format!("signal {signal}"))?;
    }
    Ok(())
}

fn real_time_signal(program: &Program) -> Verdict {
    says(program, "killed", 40, "signal 40")
}

/// Whether the kernel dumps core is up to the machine, so these are numbers that it has written elsewhere.
fn core_dumped(program: &Program) -> Verdict {
    says(program, "status", 128 + 11, "signal 11, core dumped")?;
    says(program, "status", 11, "signal 11")
}

/// Lets a child end as told and compares what the reader's function says.
fn says(program: &Program, how: &str, number: i32, expected: &str) -> Verdict {
    let event = match how {
        "exits" => format!("a child has ended itself with exit({number})"),
        "killed" => format!("signal {number} has killed a child"),
        _ => "a child has ended, and waitpid has written a status for it".to_owned(),
    };
    let end = program.arg(how).arg(number).run().map_err(|found| match found.code() {
        Code::TodoLeft => found,
        _ => found.evidence(format!("in this case, {event}")),
    })?;
    let found = end.stdout().trim();
    if found == expected {
        return Ok(());
    }
    let status: i32 = end.values("status").concat().parse().unwrap_or_default();
    let is_killed = expected.starts_with("signal");
    let code = if is_killed && found == "exit code 0" {
        Code::UnreportedFailure
    } else {
        Code::WrongAnswer
    };
    let mut found = code
        .because(format!("{event}.\nYour function says \"{found}\"; right is \"{expected}\""))
        .evidence(format!("the status is {status}, in hexadecimal {status:#06x}"));
    if code == Code::UnreportedFailure {
        found = found
            .evidence("the part of the status that holds a code is 0 here, which means success")
            .idea("A process that a signal has ended has no exit code. Ask first which of the two ends it was.");
    } else {
        found = found.idea(
            "A status is no code. It holds three things: the signal, if there was one, whether core was dumped, and else the code.",
        );
    }
    Err(found)
}

grader::main!(CASES);
