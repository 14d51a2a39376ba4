//! Judges `only-on-this-machine`: whether a ring is right in every order of events that the memory model allows.

use grader::{Case, Code, Diagnosis, Ended, Program, Verdict, same};

const CASES: &[Case] = &[
    ("one thread fills the ring and empties it", alone),
    ("two threads, in every order of events", checked),
];

/// What comes of one thread's steps.
const ALONE: &str = "\
read None
write 10: true
write 11: true
write 12: false
read Some(10)
read Some(11)
read None
write 20: true
write 21: true
write 22: false
read Some(20)
read Some(21)
read None
";

fn alone(program: &Program) -> Verdict {
    let end = program.arg("alone").run()?;
    endless(&end)?;
    same("what one thread has written and read", ALONE, end.stdout()).map_err(|found| {
        let is_written_over = end.stdout().contains("write 12: true");
        if is_written_over {
            Code::LostResult
                .because("the ring has room for two records, and your `push` has written a third one over the first, which nobody has read")
                .idea("Tail less head is the number of unread records. If it is the number of slots, the ring is full.")
        } else {
            found
        }
    })
}

fn checked(program: &Program) -> Verdict {
    let end = program.run()?;
    if let Some(race) = end.values("race").first() {
        return Err(data_race(race));
    }
    endless(&end)?;
    if let Some((expected, found)) =
        end.values("wrong").first().and_then(|value| value.split_once(' '))
    {
        return Err(Code::WrongAnswer.because(format!(
            "the consumer expected record {expected} and got record {found}, in an order of events in which no two accesses raced"
        )));
    }
    Ok(())
}

fn endless(end: &Ended) -> Verdict {
    match end.values("endless").first() {
        None => Ok(()),
        Some(_) => Err(Code::BusyWait
            .because("a thread has looked again and again, and nothing that the other one does ends that")
            .idea("The ring never waits: `push` returns false and `pop` returns None. Whoever called them decides what to do.")),
    }
}

/// `race` has the index, the two accesses, and how the index was published and looked at.
fn data_race(race: &str) -> Diagnosis {
    let mut lines = race.lines();
    let index = lines.next().unwrap_or_default();
    let (last, now) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let pair: Vec<&str> = lines.collect();
    let is_ordered = |line: &&&str| {
        let strong = if line.contains(" stores ") { "Release" } else { "Acquire" };
        [strong, "AcqRel", "SeqCst"].iter().any(|word| line.contains(&format!("with {word},")))
    };
    let weak: Vec<&str> = pair.iter().filter(|line| !is_ordered(line)).copied().collect();
    let what = if index == "tail" {
        "the record that the tail promises"
    } else {
        "the room that the head gives back"
    };
    let found = Code::DataRace
        .because(format!(
            "loom has found an order of events in which two threads come to {what}, with nothing in between"
        ))
        .evidence(last)
        .evidence(now);
    let found = pair.iter().fold(found, |found, line| found.evidence(*line));
    match (weak.is_empty(), index) {
        (true, "tail") => found.idea("The pair of the tail is Release and Acquire, and hands over only what was done before the Release. First the record, then the tail."),
        (true, _) => found.idea("The pair of the head is Release and Acquire, and hands over only what was done before the Release. First read the record, then give back its room."),
        (false, "tail") => found.idea("The tail hands over the record: its store by the producer must be Release, and its load by the consumer must be Acquire. One without the other orders nothing."),
        (false, _) => found.idea("The head hands over the room: its store by the consumer must be Release, and its load by the producer must be Acquire. One without the other orders nothing."),
    }
}

grader::main!(CASES);
