//! Judges `hostile-producer`: what a consumer makes of whatever another process writes into its ring.

use grader::{Case, Code, Diagnosis, Ended, Program, Verdict};

const CASES: &[Case] = &[
    ("an honest producer's records come out, and their room is given back", honest),
    ("a tail that cannot be is an error", tails),
    ("a length that cannot be is an error", lengths),
    ("an error stays", stays),
    ("the consumer's index is its own", own_index),
    ("what was read once may be something else at the next look", twice),
];

/// What an honest producer writes first: two records of one and two words. The head is 5 after both.
const TWO_RECORDS: &str = "0=1 1=70 2=2 3=71 4=72 t=5 take take";
const TWO: [&str; 2] = ["[70] | head 2", "[71, 72] | head 5"];

fn honest(program: &Program) -> Verdict {
    let end =
        run(program, &format!("take {TWO_RECORDS} take 5=0 t=6 take 6=11 t=18 take take"))?;
    let payload = "[0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 70]";
    let mut expected = vec!["nothing | head 0"];
    expected.extend(TWO);
    let last = format!("{payload} | head 18");
    expected.extend(["nothing | head 5", "[] | head 6", &last, "nothing | head 18"]);
    whole(&end, &expected)?;
    let end = run(program, "0=15 t=16 take t=32 take")?;
    let zeros = format!("[{}]", ["0"; 15].join(", "));
    whole(&end, &[&format!("{zeros} | head 16"), &format!("{zeros} | head 32")])
}

fn tails(program: &Program) -> Verdict {
    for tail in [22, 4, 37, u32::MAX] {
        let end = run(program, &format!("{TWO_RECORDS} t={tail} take"))?;
        let what = format!("the tail is {tail}; the head is 5 and the ring has 16 words");
        whole(&end, &TWO)?;
        refused(&end, 2, &what, TAIL)?;
    }
    Ok(())
}

fn lengths(program: &Program) -> Verdict {
    for (len, tail) in [(1, 6), (3, 8), (16, 21), (u32::MAX, 21)] {
        let end = run(program, &format!("{TWO_RECORDS} 5={len} t={tail} take"))?;
        let what = format!(
            "a record of {len} words begins at 5, and only the words below {tail} are published"
        );
        whole(&end, &TWO)?;
        refused(&end, 2, &what, LENGTH)?;
    }
    Ok(())
}

fn stays(program: &Program) -> Verdict {
    for wrong in ["t=22", "5=9 t=8"] {
        let end = run(program, &format!("{TWO_RECORDS} {wrong} take 5=0 t=6 take take"))?;
        whole(&end, &TWO)?;
        refused(&end, 2, "the producer wrote nonsense", LENGTH)?;
        for at in [3, 4] {
            let got = answer(&end, at);
            if got != "corrupt" {
                return Err(Code::WrongAnswer
                    .because(format!("the ring was corrupt, and your consumer has gone on: it returned {got}"))
                    .evidence("nonsense was written, and then what an honest producer could have written")
                    .idea("After a wrong length nobody knows where the next record begins. An error stays: every later call returns it again."));
            }
        }
    }
    Ok(())
}

fn own_index(program: &Program) -> Verdict {
    for head in [0, 40] {
        let end = run(program, &format!("{TWO_RECORDS} h={head} 5=1 6=73 t=7 take take"))?;
        whole(&end, &TWO)?;
        let got = answer(&end, 2);
        // To notice it and say so is as good as not to look.
        if got == "[73]" || got == "corrupt" {
            continue;
        }
        let code = match got {
            "[70]" | "[71, 72]" => Code::DuplicatedResult,
            _ => Code::WrongAnswer,
        };
        return Err(code
            .because(format!(
                "your consumer has read up to 5, the producer has written {head} over the head, and the next record is [73]; your consumer returned {got}"
            ))
            .idea("The other process can write to the head as well. Keep your own index in a variable, and store it into the ring for the producer only."));
    }
    Ok(())
}

fn twice(program: &Program) -> Verdict {
    let lying = [
        // The length grows when it has been read.
        (
            "5=1 6=73 t=7 5!=9",
            "the length was 1 at the first look and 9 after it",
            &["[73]"][..],
        ),
        (
            "5=1 6=73 t=7 5!=0",
            "the length was 1 at the first look and 0 after it",
            &["[73]", "[]"],
        ),
        (
            "5=1 6=73 t=7 t!=5",
            "the tail was 7 at the first look and 5 after it",
            &["[73]", "nothing"],
        ),
        ("5=1 6=73 t=7 t!=4", "the tail was 7 at the first look and 4 after it", &["[73]"]),
        (
            "5=12 t=7 t!=100",
            "the tail was 7 at the first look and 100 after it, and the length is 12",
            &[],
        ),
    ];
    for (steps, what, right) in lying {
        let end = run(program, &format!("{TWO_RECORDS} {steps} take"));
        let end = end.map_err(|found| match found.code() {
            Code::Panic | Code::UnboundedLength => double_fetch(what).evidence(facts(&found)),
            _ => found,
        })?;
        whole(&end, &TWO)?;
        let got = answer(&end, 2);
        if got != "corrupt" && !right.contains(&got) {
            return Err(double_fetch(what).evidence(format!("your consumer returned {got}")));
        }
        // A record and the head that gives back its room come from the same look.
        let words =
            got.split(", ").filter(|word| !["[]", "nothing", "corrupt"].contains(word)).count();
        let head = if got.starts_with('[') { 6 + words } else { 5 };
        if line(&end, 2) != format!("{got} | head {head}") {
            return Err(double_fetch(what)
                .evidence(format!("your consumer returned {}", line(&end, 2)))
                .evidence(format!(
                    "a record of {words} words that begins at 5 ends at {head}"
                )));
        }
    }
    Ok(())
}

fn double_fetch(what: &str) -> Diagnosis {
    Code::DoubleFetch
        .because(format!("{what}: your consumer has checked one and used the other"))
}

const TAIL: &str = "The tail is a claim: at least the head, and at most the capacity further. Take the difference modulo 2^32, and compare that with the capacity.";

const LENGTH: &str = "A length is a claim: a record with all its words must lie below the tail. Compare so that no number that can come runs over.";

/// Runs the steps, and takes what the program was stopped at for what it is.
fn run(program: &Program, steps: &str) -> Result<Ended, Diagnosis> {
    let hostile = steps.strip_prefix(TWO_RECORDS).unwrap_or_default().trim();
    let shown = |found: Diagnosis| match hostile {
        "" => found,
        steps => found.evidence(format!("after two honest records the producer does: {steps}")),
    };
    let end = program.args(steps.split(' ')).run().map_err(|found| {
        let found = match found.code() {
            Code::Panic => found.idea("Bytes of another process are no bug of yours, and never a reason to panic. Every sum, difference and index of them needs a check before it."),
            _ => found,
        };
        shown(found)
    })?;
    if let Some(place) = end.values("outside").first() {
        let code = if hostile.is_empty() { Code::WrongAnswer } else { Code::UnboundedLength };
        return Err(shown(code.because(format!(
            "your consumer has read at place {place}, and the ring ends at place 16"
        )))
        .idea("Cut every position down to the ring: a position modulo the capacity is always a place of it."));
    }
    if let Some(looks) = end.values("endless").first() {
        return Err(shown(Code::BusyWait.because(format!(
            "for one record your consumer has looked into the ring more than {looks} times, and would go on"
        )))
        .idea("A loop whose end depends on the other process may have none. An honest producer publishes whole records: what is not whole is an error."));
    }
    Ok(end)
}

/// A diagnosis without its idea, as evidence of another one.
fn facts(found: &Diagnosis) -> String {
    let text = found.to_string();
    let lines: Vec<&str> =
        text.lines().map(str::trim).take_while(|line| !line.starts_with("Idea:")).collect();
    lines.join("\n")
}

/// What the consumer returned at its call `at`, with the head.
fn line(end: &Ended, at: usize) -> &str {
    end.stdout().lines().nth(at).unwrap_or_default()
}

fn answer(end: &Ended, at: usize) -> &str {
    line(end, at).split(" | ").next().unwrap_or_default()
}

/// That honest records come out.
fn whole(end: &Ended, expected: &[&str]) -> Verdict {
    for (at, expected) in expected.iter().enumerate() {
        let found = line(end, at);
        if found == *expected {
            continue;
        }
        let right = expected.split(" | ").next();
        let (story, idea) = if right == Some(answer(end, at)) {
            (
                "a record came out, and the head in the ring is not behind it",
                "The producer learns by the head that the room is free. Store it when the record is read.",
            )
        } else {
            (
                "an honest producer's record did not come out as it was written",
                "The head counts the words that are read. A record begins there with its length; each word is at its number modulo the capacity.",
            )
        };
        return Err(Code::WrongAnswer
            .because(format!("call {}: {story}", at + 1))
            .evidence(format!("expected: {expected}"))
            .evidence(format!("found:    {found}"))
            .idea(idea));
    }
    Ok(())
}

/// That the consumer said at its call `at` that the ring is corrupt.
fn refused(end: &Ended, at: usize, what: &str, idea: &str) -> Verdict {
    match answer(end, at) {
        "corrupt" => Ok(()),
        "nothing" => Err(Code::UnreportedFailure
            .because(format!("{what}; your consumer says that there is nothing to read"))
            .idea("Nonsense is not emptiness: the caller would wait for ever for a producer that is broken. Return the error.")),
        got => Err(Code::UnboundedLength
            .because(format!("{what}; your consumer has believed it"))
            .evidence(format!("it returned {got}"))
            .idea(idea)),
    }
}

grader::main!(CASES);
