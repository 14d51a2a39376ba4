//! Judges `by-distance`: whether a name means the same function in a process that was started by exec, and nothing else.

use grader::{Case, Code, Diagnosis, Ended, Program, Verdict, ensure};

const CASES: &[Case] = &[
    ("a worker of the same executable calls the right functions", same_executable),
    ("a worker of another executable refuses", |program| {
        refuses(program, "other", "the worker runs another build of the program")
    }),
    ("a damaged name is refused", |program| {
        refuses(
            program,
            "far",
            "the name was damaged on its way, and its place is not in the program",
        )?;
        refuses(
            program,
            "data",
            "the name was damaged on its way, and its place is in the program's data, not in its code",
        )
    }),
];

/// Each function, and what it makes of 14.
const FUNCTIONS: [(&str, &str); 3] = [("triple", "42"), ("square", "196"), ("lower", "13")];

fn same_executable(program: &Program) -> Verdict {
    let end = program.arg("same").args(FUNCTIONS.map(|(called, _)| called)).run()?;
    let (programs, workers) = (end.values("program"), end.values("worker"));
    for (index, (called, expected)) in FUNCTIONS.into_iter().enumerate() {
        let told = programs.get(index).copied().unwrap_or_default();
        let mut words = told.split(' ');
        let mut next = || words.next().unwrap_or_default();
        let (base, address, place) = (next(), next(), next());
        let show = |found: Diagnosis| {
            found
                .evidence(format!(
                    "the program is at 0x{base}, and {called} is at 0x{address} there"
                ))
                .evidence(format!(
                    "the worker has the program at 0x{}",
                    workers.get(index).copied().unwrap_or_default()
                ))
                .evidence(format!("the place in the name: 0x{place}"))
        };
        let found = line(&end, &format!("{called}(14) is "));
        let ended =
            line(&end, &format!("{called}: the worker ended: ")).unwrap_or("not at all");
        ensure(ended == "exit status: 0", || {
            match fault(&end) {
            Some(fault) => show(Code::ForeignPointer.because(format!(
                "the worker has called what should be {called}, at {fault}, where it has no such function: {ended}"
            ))),
            None => show(Code::UnexpectedSignal.because(format!("the worker has ended: {ended}"))),
        }
        })?;
        // Without ASLR an address is right by chance.
        ensure(place != address, || {
            show(Code::ForeignPointer.because(format!("the name of {called} holds its address in the program")))
                .evidence("on this machine every process has the program at the same address; elsewhere it has not")
        })?;
        ensure(found == Some(expected), || {
            match line(&end, &format!("{called} is refused: ")) {
            Some(why) => show(Code::WrongAnswer.because(format!("the worker runs the same executable, and has refused {called}")))
                .evidence(format!("refused: {why}"))
                .idea("A name must lead to the same function in each process of one executable. So what tells executables apart is the same in all of them, wherever they were loaded, and both sides count the place from the same point."),
            None => show(Code::WrongAnswer.because(format!(
                "{called}(14) is {} in the worker, and should be {expected}",
                found.unwrap_or("nothing")
            ))),
        }
        })?;
    }
    Ok(())
}

fn refuses(program: &Program, mode: &str, story: &str) -> Verdict {
    let end = program.args([mode, "triple"]).run()?;
    let ended = line(&end, "triple: the worker ended: ").unwrap_or("not at all");
    ensure(ended == "exit status: 0", || {
        let found = Code::UnexpectedSignal
            .because(format!("{story}. It was called all the same, and the worker has ended: {ended}"))
            .idea("A number from another process is a claim. Look before the call whether it leads to the code of this program.");
        match fault(&end) {
            Some(fault) => found.evidence(format!("it has died at {fault}")),
            None => found,
        }
    })?;
    ensure(line(&end, "triple is refused: ").is_some(), || {
        Code::WrongAnswer
            .because(format!("{story}. It was called all the same"))
            .evidence(format!("triple(14) is {}", line(&end, "triple(14) is ").unwrap_or("nothing")))
            .idea("A distance is a name for processes of one executable only. In another build the function at that distance may be any other. Send what tells the builds apart, and compare it first.")
    })
}

fn fault(end: &Ended) -> Option<&str> {
    end.stderr().lines().find_map(|line| line.strip_prefix("fault at "))
}

fn line<'a>(end: &'a Ended, begin: &str) -> Option<&'a str> {
    end.stdout().lines().find_map(|line| line.strip_prefix(begin))
}

grader::main!(CASES);
