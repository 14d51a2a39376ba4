//! Judges `closed-queue`: who waits, who goes on, and what becomes of the items.

use grader::{Case, Code, Diagnosis, Program, Run, Verdict, ensure};

const CASES: &[Case] = &[
    ("a full queue lets somebody wait until there is room", |program| {
        judge(
            program,
            &["2", "push:a", "push:b", "push:c", "pop", "pop", "pop"],
            &["put in", "put in", "* put in", "a", "b", "c"],
        )
    }),
    ("an empty one until there is an item", |program| {
        judge(program, &["2", "pop", "push:a"], &["* a", "put in"])?;
        judge(
            program,
            &["2", "pop", "pop", "push:a", "push:b"],
            &["* a or b", "* a or b", "put in", "put in"],
        )
    }),
    ("a closed one gives out what is in it, and lets nothing in", |program| {
        judge(
            program,
            &["2", "push:a", "push:b", "close", "push:c", "pop", "pop", "pop"],
            &["put in", "put in", "closed", "refused, c is back", "a", "b", "nothing"],
        )
    }),
    ("everybody who waits for an item goes on when it is closed", |program| {
        judge(
            program,
            &["2", "pop", "pop", "pop", "close"],
            &["* nothing", "* nothing", "* nothing", "closed"],
        )
    }),
    ("everybody who waits for room gets the item back", |program| {
        judge(
            program,
            &["1", "push:a", "push:b", "push:c", "push:d", "close", "pop", "pop"],
            &[
                "put in",
                "* refused, b is back",
                "* refused, c is back",
                "* refused, d is back",
                "closed",
                "a",
                "nothing",
            ],
        )
    }),
];

/// Performs the steps. Each must end as expected; with a star, not before the next step has begun. Who was woken may be
/// overtaken by a later step, so no case lets two steps want one item.
fn judge(program: &Program, args: &[&str], expected: &[&str]) -> Verdict {
    let mut run = program.args(args).start()?;
    // It runs until it has ended, until nobody in it can go on, or until somebody runs who should sleep.
    if let Some(busy) = run.try_at("busy")? {
        let step = busy.value.clone().unwrap_or_default();
        let found = Code::BusyWait
            .because(format!("step {step} has to wait, and keeps a processor busy meanwhile"));
        return Err(shown(found, &run, args));
    }
    let steps = &args[1..];
    let at = |name: &str, nth: usize| {
        let prefix = format!("{} {}", nth + 1, steps[nth]);
        run.told().iter().position(|told| told.name == name && told.value.starts_with(&prefix))
    };
    for nth in 0..steps.len() {
        if at("begins", nth).is_some() && at("done", nth).is_none() {
            return Err(asleep(&run, args, nth));
        }
    }
    for (nth, expected) in expected.iter().enumerate() {
        let expected = expected.strip_prefix("* ").unwrap_or(expected);
        let found = at("done", nth)
            .and_then(|position| run.told()[position].value.split_once(": "))
            .map_or("nothing that was told", |(_, end)| end);
        ensure(expected.split(" or ").any(|expected| found == expected), || {
            let step = format!("step {} {}", nth + 1, steps[nth]);
            let code = if found == "nothing" {
                Code::LostResult.because(format!(
                    "{step} got nothing, and {expected} was in the queue: close has thrown it away"
                ))
            } else if found == "put in" {
                Code::UnreportedFailure.because(format!(
                    "{step} was let in, and the queue was closed. Nobody may come any more to take it out, and the caller\n\
                     believes that it is in good hands"
                ))
            } else {
                Code::WrongAnswer
                    .because(format!("{step} has ended in another way than it should"))
            };
            shown(
                code.evidence(format!("expected: {expected}"))
                    .evidence(format!("found:    {found}")),
                &run,
                args,
            )
        })?;
    }
    for (nth, expected) in expected.iter().enumerate() {
        let must_wait = expected.starts_with('*');
        ensure(!must_wait || at("done", nth) > at("begins", nth + 1), || {
            shown(
                Code::WrongAnswer.because(format!(
                    "step {} {} had to wait, and was done before the next step had begun",
                    nth + 1,
                    steps[nth]
                )),
                &run,
                args,
            )
        })?;
    }
    run.finish().map(drop)
}

/// Step `nth` sleeps at the end, although it could go on.
fn asleep(run: &Run, args: &[&str], nth: usize) -> Diagnosis {
    let is_closed = run.told().iter().any(|told| told.value.ends_with(": closed"));
    let why = if is_closed {
        "the queue was closed"
    } else if args[nth + 1] == "pop" {
        "an item was put in"
    } else {
        "there was room again"
    };
    shown(
        Code::LostWakeup.because(format!(
            "step {} {} fell asleep, then {why}. It sleeps on, and nobody is left to wake it",
            nth + 1,
            args[nth + 1]
        )),
        run,
        args,
    )
    .idea("Whoever changes what others wait for wakes them: one if only one can go on, all if all can. And who is woken looks at everything that it waits for.")
}

/// With the steps, and what has happened in its order.
fn shown(found: Diagnosis, run: &Run, args: &[&str]) -> Diagnosis {
    let found = found.evidence(format!("seen with: {}", args.join(" ")));
    run.told()
        .iter()
        .fold(found, |found, told| found.evidence(format!("{}: {}", told.name, told.value)))
}

grader::main!(CASES);
