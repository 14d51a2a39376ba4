//! Judges `clean-table`: whether a program begins with the descriptors that it is to have, and no others.

use grader::{Case, Code, Process, Program, Verdict, ensure};

const CASES: &[Case] = &[
    ("what is given comes as number 3", |program| begins_well(program, 5, "tidy")),
    ("what is number 3 already stays open", |program| begins_well(program, 3, "tidy")),
    ("what others have left open does not come along", |program| {
        begins_well(program, 5, "untidy")
    }),
    ("nor if number 3 is given", |program| begins_well(program, 3, "untidy")),
    ("what has a high number comes as number 3 only", |program| {
        begins_well(program, 120, "untidy")
    }),
];

/// The number that the program is to find it at.
const GIVEN: i32 = 3;

fn begins_well(program: &Program, number: i32, others: &str) -> Verdict {
    let mut run = program.args([number.to_string().as_str(), others]).start()?;
    let start = run.at("start")?;
    let main = start.pid;
    let before = start.look.process(main).cloned();
    start.go();
    let Some(stop) = run.try_at("program")? else {
        let end = run.finish()?;
        return Err(Code::WrongAnswer
            .because("the process that your function has started never became the program")
            .evidence(format!("it was given descriptor {number}"))
            .evidence(format!("the caller saw: {}", end.stdout().trim_end()))
            .idea(never_began(number)));
    };
    let (Some(before), Some(process)) = (before, stop.look.process(stop.pid)) else {
        return Ok(());
    };
    has_given(process, &before, number)?;
    has_no_more(process, &before, number)?;
    stop.go();
    run.finish().map_err(|found| match found.code() {
        Code::WrongAnswer | Code::LeakedFd => found
            .evidence("the caller's own table is to stay as it was; the child has a copy of it")
            .idea("What is done before the fork is done to the caller's table. From the fork on, the child has its own."),
        _ => found,
    })?;
    Ok(())
}

/// What is usually missed if a call before the exec has failed.
fn never_began(number: i32) -> &'static str {
    if number == GIVEN {
        "A call before the exec has failed. What is given has the number 3 already: what does each of your calls do with two \
         equal numbers? dup3 refuses them (EINVAL)."
    } else {
        "A call before the exec has failed, or the exec. Which call still needs a descriptor that is closed by then? dup2 can \
         copy only what is open (EBADF)."
    }
}

/// Number 3 is the pipe's end that was given.
fn has_given(process: &Process, before: &Process, number: i32) -> Verdict {
    let pid = process.pid;
    let Some(found) = process.descriptor(GIVEN) else {
        let idea = if number == GIVEN {
            "dup2 of a number onto itself does nothing. It does not even take close-on-exec away, as it does for a copy."
        } else {
            "dup2 puts a copy at the number that the program expects, and the copy has no close-on-exec. It needs its source \
             open: who closes first has nothing left to copy (EBADF)."
        };
        return Err(Code::WrongAnswer
            .because(format!(
                "process {pid} has become the program and has no descriptor {GIVEN}. It was given descriptor {number}"
            ))
            .idea(idea));
    };
    ensure(before.pipe(number).is_some() && process.pipe(GIVEN) == before.pipe(number), || {
        Code::WrongAnswer
            .because(format!(
                "process {pid} has become the program, and its descriptor {GIVEN} is not what it was given"
            ))
            .evidence(match before.descriptor(number) {
                Some(given) => format!("given:  fd {number} of {} -> {}", before.pid, given.target),
                None => format!("given:  fd {number} of {}", before.pid),
            })
            .evidence(format!("found:  fd {GIVEN} of {pid} -> {}", found.target))
            .idea("The first argument of dup2 is what is copied, the second is the number of the copy. Whatever had that number before is closed.")
    })
}

/// Nothing above number 3. What the caller had open was inherited; the rest was made by the function itself.
fn has_no_more(process: &Process, before: &Process, number: i32) -> Verdict {
    if let Some(held) = process.descriptors.iter().find(|held| held.fd > GIVEN) {
        let (pid, fd) = (process.pid, held.fd);
        let known = before.descriptor(fd).is_some_and(|known| known.target == held.target);
        let found = if !known {
            Code::MissingCloexec.because(format!(
                "process {pid} has become the program and holds descriptor {fd}, which your function has made on the way"
            ))
        } else if fd == number {
            Code::InheritedFd.because(format!(
                "process {pid} has become the program and holds what it was given twice: as {GIVEN}, and still as {fd}"
            ))
        } else {
            Code::InheritedFd.because(format!(
                "process {pid} has become the program and holds descriptor {fd}, which somebody else in the caller has open"
            ))
        };
        return Err(found.evidence(format!("{pid} fd {fd} -> {}", held.target)));
    }
    has_standard(process, before)
}

/// Descriptors 0, 1 and 2 are those of the caller.
fn has_standard(process: &Process, before: &Process) -> Verdict {
    let target = |process: &Process, fd| process.descriptor(fd).map(|held| held.target.clone());
    let others: Vec<i32> =
        (0..3).filter(|fd| target(process, *fd) != target(before, *fd)).collect();
    ensure(others.is_empty(), || {
        let numbers: Vec<String> = others.iter().map(i32::to_string).collect();
        let found = Code::WrongAnswer
            .because(format!(
                "process {} has become the program, and of its descriptors these are not its caller's: {}",
                process.pid,
                numbers.join(", ")
            ))
            .idea("0, 1 and 2 are input, output and errors. The child has them from the fork, as the caller has them: leave them alone.");
        let shown = |process, fd| {
            target(process, fd).map_or_else(|| "closed".to_owned(), |target| target.to_string())
        };
        let found = others.iter().fold(found, |found, fd| {
            found.evidence(format!(
                "fd {fd}: {} in the caller, {} in the program",
                shown(before, *fd),
                shown(process, *fd)
            ))
        });
        if others.iter().any(|fd| shown(process, *fd) == "/dev/null") {
            found.evidence("Rust's standard library opens /dev/null where it finds 0, 1 or 2 closed as a program begins")
        } else {
            found
        }
    })
}

grader::main!(CASES);
