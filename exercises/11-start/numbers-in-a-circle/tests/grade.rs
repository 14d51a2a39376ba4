//! Judges `numbers-in-a-circle`: whether a program finds each of its descriptors under the number that it knows.

use grader::{Case, Code, Diagnosis, Look, Process, Program, Verdict, ensure};

const CASES: &[Case] = &[
    ("one descriptor comes as number 3", |program| gives(program, &[5])),
    ("what has its number already stays", |program| gives(program, &[3, 4])),
    ("what is in the way of the first is not lost", |program| gives(program, &[9, 3])),
    ("two change places", |program| gives(program, &[4, 3])),
    ("three move in a circle", |program| gives(program, &[4, 5, 3])),
    ("three move in the other circle", |program| gives(program, &[5, 3, 4])),
    ("five move, in a circle, a pair and not at all", |program| {
        gives(program, &[4, 3, 6, 5, 7])
    }),
];

/// Where the program finds the first.
const FIRST: i32 = 3;

fn gives(program: &Program, numbers: &[i32]) -> Verdict {
    let mut run = program.args(numbers).start()?;
    let start = run.at("start")?;
    let main = start.pid;
    let before = start.look.process(main).cloned();
    start.go();
    let Some(stop) = run.try_at("program")? else {
        let end = run.finish()?;
        return Err(Code::WrongAnswer
            .because("the process that your function has started never became the program")
            .evidence(said(numbers))
            .evidence(format!("the caller saw: {}", end.stdout().trim_end()))
            .idea("A call before the exec has failed, or the exec. Which call needs a descriptor whose number was taken by then? fcntl and dup2 can copy only what is open (EBADF)."));
    };
    let (Some(before), Some(process)) = (before, stop.look.process(stop.pid)) else {
        return Ok(());
    };
    for (index, number) in numbers.iter().enumerate() {
        has(process, &before, numbers, FIRST + index as i32, *number)?;
    }
    has_no_more(process, &before, numbers)?;
    stop.go();
    let end = run.finish().map_err(|found| match found.code() {
        Code::WrongAnswer | Code::LeakedFd => found
            .evidence("the caller's own table is to stay as it was; the child has a copy of it")
            .idea("What is done before the fork is done to the caller's table. From the fork on, the child has its own, and the exec closes there what has close-on-exec."),
        _ => found,
    })?;
    has_flags(&before, end.at_end.as_ref())
}

/// Which number is to become which.
fn said(numbers: &[i32]) -> String {
    let moves: Vec<String> = numbers
        .iter()
        .zip(FIRST..)
        .map(|(number, wanted)| format!("{number} as {wanted}"))
        .collect();
    format!("the caller's descriptors were to come so: {}", moves.join(", "))
}

/// That the program has, as `wanted`, what the caller has as `number`.
fn has(
    process: &Process,
    before: &Process,
    numbers: &[i32],
    wanted: i32,
    number: i32,
) -> Verdict {
    let pid = process.pid;
    let Some(found) = process.descriptor(wanted) else {
        let idea = if number == wanted {
            "dup2 of a number onto itself does nothing. It does not even take close-on-exec away, as it does for a copy."
        } else {
            "A number that is open before the exec and gone after it had close-on-exec. dup2 takes the flag off its copy, unless both numbers are equal: then it does nothing. Where were your own copies?"
        };
        return Err(Code::WrongAnswer
            .because(format!(
                "process {pid} has become the program and has no descriptor {wanted}, which is the caller's {number}"
            ))
            .evidence(said(numbers))
            .idea(idea));
    };
    ensure(
        process.pipe(wanted).is_some() && process.pipe(wanted) == before.pipe(number),
        || {
            let lost = before
                .descriptors
                .iter()
                .find(|known| numbers.contains(&known.fd) && known.target == found.target);
            let what = match lost {
                Some(known) => format!("it is the caller's {}", known.fd),
                None => format!("it is {}", found.target),
            };
            Code::WrongAnswer
            .because(format!(
                "process {pid} has become the program, and its descriptor {wanted} is not the caller's {number}: {what}"
            ))
            .evidence(said(numbers))
            .idea("dup2 closes whatever had the number before. If that is to go somewhere else later, it is lost by then. While two numbers only change places, no order of the calls is right.")
        },
    )
}

/// Nothing else. What the caller has open was inherited; the rest was made by the function itself.
fn has_no_more(process: &Process, before: &Process, numbers: &[i32]) -> Verdict {
    let pid = process.pid;
    let last = FIRST + numbers.len() as i32;
    let Some(held) = process.descriptors.iter().find(|held| held.fd >= last) else {
        return Ok(());
    };
    let fd = held.fd;
    let known = before.descriptor(fd).is_some_and(|known| known.target == held.target);
    let found: Diagnosis = if known {
        Code::InheritedFd
            .because(format!(
                "process {pid} has become the program, and holds what it was given a second time, as the caller's number {fd}"
            ))
            .idea("Close-on-exec belongs to a number, not to the open file. The numbers that the program knows are to survive the exec; those that the caller had are not.")
    } else {
        Code::MissingCloexec.because(format!(
            "process {pid} has become the program and holds descriptor {fd}, a copy that your function has made on the way"
        ))
    };
    Err(found.evidence(format!("{pid} fd {fd} -> {}", held.target)).evidence(said(numbers)))
}

/// That the caller's descriptors still have close-on-exec.
fn has_flags(before: &Process, at_end: Option<&Look>) -> Verdict {
    let Some(after) = at_end.and_then(|look| look.process(before.pid)) else { return Ok(()) };
    let bare = after.descriptors.iter().find(|held| {
        held.cloexec == Some(false)
            && before.descriptor(held.fd).is_some_and(|known| known.cloexec == Some(true))
    });
    match bare {
        None => Ok(()),
        Some(held) => Err(Code::MissingCloexec
            .because(format!(
                "your function has taken close-on-exec from descriptor {} of process {}, which is the caller",
                held.fd, before.pid
            ))
            .evidence(format!("{} fd {} -> {}", before.pid, held.fd, held.target))
            .idea("Every program that the caller executes from now on inherits it, also one that another thread executes at this moment. Take the flag off in the child.")),
    }
}

grader::main!(CASES);
