//! Judges `whom-to-wake`: whether the one who has asked last is woken, once, and when there is something to fetch.

use grader::{Case, Code, Diagnosis, Ended, Program, Verdict, ensure};

const CASES: &[Case] = &[
    ("a result that is there is given at once", early),
    ("one that comes later wakes who has asked", late),
    ("the one who has asked last is woken, and nobody else", moved),
    ("a result that comes while somebody asks is not missed", meanwhile),
    ("who is woken can ask at once", inline),
];

fn early(program: &Program) -> Verdict {
    let end = program.arg("early").run()?;
    ready(&end, "first asks", "the result was there before anybody asked")
}

fn late(program: &Program) -> Verdict {
    let end = program.arg("late").run()?;
    not_before_the_result(&end)?;
    woken(&end, "first", 1, "first asked, and got pending. Then the result was put in")?;
    ready(&end, "first asks again", "the result was put in")
}

fn moved(program: &Program) -> Verdict {
    let end = program.arg("moved").run()?;
    not_before_the_result(&end)?;
    woken(
        &end,
        "second",
        1,
        "first asked, then second asked, both with a waker of their own. Then the result was put in",
    )?;
    woken(&end, "first", 0, "second has asked after first, so the future is second's now")?;
    ready(&end, "second asks again", "the result was put in")
}

fn meanwhile(program: &Program) -> Verdict {
    let end = program.arg("meanwhile").run()?;
    if end.values("first asks") == ["ready"] {
        return Ok(());
    }
    woken(
        &end,
        "first",
        1,
        "first asked and got pending. While your function was at it, the result was put in by another thread",
    )?;
    ready(&end, "first asks again", "the result was put in")
}

fn inline(program: &Program) -> Verdict {
    let mut run = program.arg("inline").start()?;
    // Nobody comes to this gate: the program runs to its end, or nobody in it can go on.
    let stuck = run.try_at("never").err();
    let in_wake: Vec<String> = run
        .told()
        .iter()
        .filter(|told| told.name == "in wake")
        .map(|told| told.value.clone())
        .collect();
    let found = match run.finish() {
        _ if stuck.is_some() => stuck,
        Err(found) => Some(found),
        Ok(_) => None,
    };
    if let Some(found) = found {
        if found.code() == Code::Stuck && in_wake == ["asks"] {
            return Err(Code::Stuck
                .because("fulfil has called wake, and who was woken asks at once. Its poll waits for the lock of the promise,\nwhich fulfil holds until wake has returned")
                .idea("wake is somebody else's code: it may ask, take locks of its own, or run for long. Take the waker out, give the lock back, and call it then."));
        }
        return Err(found);
    }
    ensure(in_wake == ["asks", "ready"], || {
        Code::LostWakeup
            .because("first was woken and asked at once, and got pending. The result was put in after that, and nobody is woken\nany more")
            .evidence(format!("in wake: {}", in_wake.join(", ")))
            .idea("Change first, wake then. Who is woken may look before you do anything else.")
    })
}

/// That nobody was told to ask again while there was nothing to fetch.
fn not_before_the_result(end: &Ended) -> Verdict {
    let there = end.told().iter().position(|told| told.name == "result").unwrap_or(usize::MAX);
    let asked_twice =
        end.told().iter().rposition(|told| told.name.ends_with(" asks")).unwrap_or(0);
    let early =
        end.told().iter().take(asked_twice.min(there)).find(|told| told.name == "woken");
    early.map_or(Ok(()), |told| {
        Err(lines(Code::BusyWait.because(format!(
            "{} was woken before there was a result. It asks again and gets pending, is woken again, and so on: a loop\nthat keeps a processor busy",
            told.value
        )), end))
    })
}

/// That `who` was woken `times` times.
fn woken(end: &Ended, who: &str, times: usize, story: &str) -> Verdict {
    let found = end.values("woken").iter().filter(|name| **name == who).count();
    ensure(found == times, || {
        let code = if found < times { Code::LostWakeup } else { Code::WrongAnswer };
        let found = lines(
            code.because(format!(
                "{story}.\n{who} was woken {found} times, where {times} is right"
            )),
            end,
        );
        match code {
            Code::LostWakeup => found.idea("Whoever gets pending sleeps until it is woken. Look and leave the waker in one step, under one lock, and keep the last waker: the one before may belong to somebody who does not ask any more."),
            _ => found.idea("A wake-up says that it is worth while to ask. Who has nothing to fetch is woken for nothing."),
        }
    })
}

fn ready(end: &Ended, when: &str, story: &str) -> Verdict {
    ensure(end.values(when) == ["ready"], || {
        lines(Code::WrongAnswer.because(format!("{story}, and poll does not return it")), end)
            .evidence("expected: ready")
            .evidence(format!("found:    {}", end.values(when).concat()))
    })
}

/// With what has happened, in its order.
fn lines(found: Diagnosis, end: &Ended) -> Diagnosis {
    end.told()
        .iter()
        .fold(found, |found, told| found.evidence(format!("{}: {}", told.name, told.value)))
}

grader::main!(CASES);
