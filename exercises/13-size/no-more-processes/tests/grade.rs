//! Judges `no-more-processes`: what a pool does when fork refuses.

use grader::{Case, Code, Diagnosis, Ended, Program, Verdict, ensure};

const CASES: &[Case] = &[
    ("there is room for all", room),
    ("there is room for fewer, and these are enough", fewer),
    ("there is room for too few", too_few),
    ("fork says something else", other_errors),
    ("fork refuses once", once),
];

const LIMIT: &str = "processes of the cgroup (pids.max)";

const TRY_AGAIN: &str = "\"Try again\" is bad advice: nobody ends while you ask, least of all your own workers. Give up after a bounded number of tries, or at once.";

fn room(program: &Program) -> Verdict {
    let end = run(program, "4 2 10")?;
    workers(&end, "4 workers are wanted, and there is room for all of them", 4, 4)?;
    ensure(value(&end, "limit") == "-", || {
        Code::WrongAnswer
            .because("all workers run, and your function names a limit that was not reached")
            .evidence(format!("limit: {}", value(&end, "limit")))
    })
}

fn fewer(program: &Program) -> Verdict {
    for at_least in [2, 5] {
        let end = run(program, &format!("8 {at_least} 5"))?;
        let what = format!(
            "8 workers are wanted and {at_least} needed; fork has started 5 and then says EAGAIN"
        );
        workers(&end, &what, 5, 5)?;
        ensure(value(&end, "limit") != "-", || {
            Code::UnreportedFailure
                .because(format!("{what}; your function does not say what stood against the others"))
                .idea("A pool that was silently made smaller than its work needs is slow, and nobody knows why. Name the limit.")
        })?;
        limit(&end, &what)?;
    }
    Ok(())
}

fn too_few(program: &Program) -> Verdict {
    for room in [5, 1, 0] {
        let end = run(program, &format!("8 6 {room}"))?;
        let what = format!(
            "8 workers are wanted and 6 needed; fork has started {room} and then says EAGAIN"
        );
        refused(&end, &what, "EAGAIN")?;
    }
    Ok(())
}

fn other_errors(program: &Program) -> Verdict {
    for errno in ["EPERM", "ENOMEM"] {
        let end = run(program, &format!("8 2 5 {errno}"))?;
        let what = format!(
            "8 workers are wanted and 2 needed; fork has started 5 and then says {errno}"
        );
        refused(&end, &what, errno)?;
    }
    Ok(())
}

fn once(program: &Program) -> Verdict {
    // To ask again a few times is as good as to be content with fewer.
    let end = run(program, "8 2 5 once")?;
    workers(
        &end,
        "8 workers are wanted and 2 needed; fork has started 5 and then says EAGAIN once",
        5,
        8,
    )
}

fn run(program: &Program, args: &str) -> Result<Ended, Diagnosis> {
    let end = program.args(args.split(' ')).run().map_err(|found| match found.code() {
        Code::Orphan | Code::Zombie => found.idea(
            "Who gives up a start has to undo it: end each worker that is there, and wait for each of them. No drop does it for a bare pid.",
        ),
        Code::Stuck => found.idea(
            "A worker ends when somebody ends it. Send it a signal before you wait for it.",
        ),
        Code::Panic => found.idea(
            "fork is refused on every machine that is full. That is no bug of your program, and a panic leaves the workers behind.",
        ),
        Code::TooSlow => found.idea(TRY_AGAIN),
        _ => found,
    })?;
    if let Some(calls) = end.values("endless").first() {
        return Err(Code::TooSlow
            .because(format!("fork says EAGAIN, and your function has called it {calls} times and would go on"))
            .idea(TRY_AGAIN));
    }
    if let Some(other) = end.values("other").first() {
        let (pid, found) = other.split_once(' ').unwrap_or((other, ""));
        return Err(Code::WrongChildReaped
            .because(format!(
                "process {pid} is a child of the program and none of the workers. It had ended with 7, and the program finds no status any more"
            ))
            .evidence(format!("waitpid({pid}) says {found}")));
    }
    Ok(end)
}

/// That there is a pool of `min` to `max` workers, all of which run.
fn workers(end: &Ended, what: &str, min: usize, max: usize) -> Verdict {
    let found = value(end, "workers");
    let numbers: Vec<usize> = found.split([' ', ',']).flat_map(str::parse).collect();
    ensure(!found.is_empty(), || {
        Code::WrongAnswer
            .because(format!("{what}; your function has given up"))
            .idea("A full system is no reason to have no pool at all. Go on with the workers that are there if they are enough.")
    })?;
    let count = numbers.first().copied().unwrap_or_default();
    ensure((min..=max).contains(&count) && numbers.last() == Some(&count), || {
        Code::WrongAnswer
            .because(format!("{what}; your function returns a pool with other workers"))
            .evidence(format!("workers: {found}"))
            .idea("The pool has every worker that fork has started, no more than were wanted, and each of them runs.")
    })
}

/// That there is no pool, and that the error says why.
fn refused(end: &Ended, what: &str, errno: &str) -> Verdict {
    let found = value(end, "workers");
    ensure(found.is_empty(), || {
        let idea = if errno == "EAGAIN" {
            "The caller has said how few are too few. With fewer, an error is the only answer that it can act on."
        } else {
            "EAGAIN says that there are too many processes. Other errors say other things, and fewer workers do not help against them."
        };
        Code::UnreportedFailure
            .because(format!("{what}; your function returns a pool all the same"))
            .evidence(format!("workers: {found}"))
            .idea(idea)
    })?;
    let source = value(end, "source");
    let number = match errno {
        "EPERM" => 1,
        "ENOMEM" => 12,
        _ => 11,
    };
    ensure(source.contains(&format!("(os error {number})")), || {
        Code::UnreportedFailure
            .because(format!("{what}; the error that your function returns has another source"))
            .evidence(format!("source: {source}"))
            .idea("The errno is what the caller can look up. Pass on the error that fork gave you.")
    })?;
    limit(end, what)
}

/// That the limit was asked for while it was full.
fn limit(end: &Ended, what: &str) -> Verdict {
    let found = value(end, "limit");
    ensure(found == LIMIT, || {
        Code::WrongAnswer
            .because(format!("{what}; behind it is another limit than your function names"))
            .evidence(format!("expected: {LIMIT}"))
            .evidence(format!("found:    {found}"))
            .idea("The kernel does not say which limit it was. `limit` looks which one is full, so ask before you end the workers that fill it.")
    })
}

/// What the program prints behind a word.
fn value<'a>(end: &'a Ended, name: &str) -> &'a str {
    let rest = |line: &'a str| line.strip_prefix(name)?.strip_prefix(": ");
    end.stdout().lines().find_map(rest).unwrap_or_default()
}

grader::main!(CASES);
