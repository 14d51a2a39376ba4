//! Judges `round-the-end`: whether a ring goes on where its memory ends, and where its numbers do.

use std::collections::VecDeque;

use grader::{Case, Code, Diagnosis, Ended, Program, Verdict};

const CASES: &[Case] = &[
    ("a record goes round the end of the memory", round),
    ("a ring is full, and empty, and full again", full),
    ("a record of any length begins at any place", everywhere),
    ("the numbers go round at 4 GiB", four_gib),
];

/// How many bytes the ring has.
const CAPACITY: usize = 64;

/// The longest payload: a record has one byte more.
const LEN_MAX: usize = CAPACITY - 1;

/// What the program prints of a read without a record.
const NOTHING: &str = "nothing is read";

const PLACE: &str = "The indices count bytes and never go back. The place of each byte, of the length and of the payload, is its number modulo the capacity.";

const FREE: &str = "Tail less head is what is unread, and it may be as much as the capacity: so full and empty cannot be mistaken for each other. Subtract modulo 2^32, as the numbers are counted.";

fn round(program: &Program) -> Verdict {
    judge(program, 0, "20 20 r r 20 20 r 20 r r 0 r")
}

fn full(program: &Program) -> Verdict {
    // What does not fit comes last: a ring that takes it has no right state any more.
    for steps in ["r 63 r r 31 31 r 31 r r r", "31 30 1 r r", "64 r", "255 r"] {
        judge(program, 0, steps)?;
    }
    Ok(())
}

fn everywhere(program: &Program) -> Verdict {
    let steps: Vec<String> = (0..=LEN_MAX).map(|len| format!("{len} r")).collect();
    judge(program, 0, &format!("{} 5 r 63 r 1 1 1 r r r r", steps.join(" ")))
}

fn four_gib(program: &Program) -> Verdict {
    // The numbers go round within a record, and between two.
    for (before, steps) in [
        (20, "r 30 31 0 r 29 r r r 63 r r 10 10 r r"),
        (31, "r 30 31 0 r 29 r r r 63 r r 10 10 r r"),
        (20, "31 31 0 r r r"),
    ] {
        judge(program, u32::MAX - before + 1, steps)?;
    }
    Ok(())
}

/// Compares the program with a queue, step by step.
fn judge(program: &Program, start: u32, steps: &str) -> Verdict {
    let args = [start.to_string()].into_iter().chain(steps.split(' ').map(str::to_owned));
    let end = program.args(args).run().map_err(|found| match found.code() {
        Code::Panic => found.idea(if start == 0 { PLACE } else { FREE }),
        _ => found,
    })?;
    let mut queue = Queue { unread: VecDeque::new(), read: Vec::new(), start, end: &end };
    for (number, step) in steps.split(' ').enumerate() {
        queue.step(number, step)?;
    }
    Ok(())
}

/// What must be in the ring.
struct Queue<'a> {
    unread: VecDeque<String>,
    read: Vec<String>,
    start: u32,
    end: &'a Ended,
}

impl Queue<'_> {
    fn step(&mut self, number: usize, step: &str) -> Verdict {
        let line = self.end.stdout().lines().nth(number).unwrap_or_default();
        let found = line.split(" | ").next().unwrap_or_default();
        let used: usize = self.unread.iter().map(|payload| payload.len() + 1).sum();
        let free = CAPACITY - used;
        match step.parse::<usize>() {
            Ok(len) => {
                let payload = payload(number, len);
                let fits = len < free;
                let expected =
                    format!("{payload} {}", if fits { "is written" } else { "does not fit" });
                if found != expected {
                    return Err(self.wrong_write(number, len, free, fits));
                }
                if fits {
                    self.unread.push_back(payload);
                }
            }
            Err(_) => {
                let next = self.unread.front();
                let expected =
                    next.map_or(NOTHING.to_owned(), |payload| format!("{payload} is read"));
                if found != expected {
                    return Err(self.wrong_read(number, found, used));
                }
                self.read.extend(self.unread.pop_front());
            }
        }
        Ok(())
    }

    fn wrong_write(&self, number: usize, len: usize, free: usize, fits: bool) -> Diagnosis {
        let found = if fits {
            Code::WrongAnswer.because(format!(
                "{free} of {CAPACITY} bytes are free, and a payload of {len} with its length takes {}; your `write` says that it does not fit",
                len + 1
            ))
        } else {
            Code::LostResult.because(format!(
                "{free} of {CAPACITY} bytes are free, and a payload of {len} with its length takes {}; your `write` has written it, over bytes that nobody has read",
                len + 1
            ))
        };
        self.with_steps(found, number).idea(FREE)
    }

    fn wrong_read(&self, number: usize, found: &str, used: usize) -> Diagnosis {
        let got = found.strip_suffix(" is read").filter(|_| found != NOTHING);
        let is_old = got.is_some_and(|got| self.read.iter().any(|old| old == got));
        let (found, idea) = match (self.unread.front(), got) {
            (Some(next), None) => (
                Code::LostResult.because(format!(
                    "{used} of {CAPACITY} bytes are unread, and your `read` says that there is nothing; the next record is \"{next}\""
                )),
                FREE,
            ),
            (_, Some(got)) if is_old => (
                Code::DuplicatedResult.because(format!("your `read` has returned \"{got}\" a second time")),
                "What is read must be given back: the head says up to where, so that the next read begins there.",
            ),
            (None, _) => (
                Code::WrongAnswer.because("all records are read, and your `read` returns one more"),
                FREE,
            ),
            (Some(next), Some(got)) => (
                Code::WrongAnswer
                    .because("a record comes out as it was not written")
                    .evidence(format!("written: {next}"))
                    .evidence(format!("read:    {got}")),
                PLACE,
            ),
        };
        self.with_steps(found, number).idea(idea)
    }

    /// The last steps, with the indices after each.
    fn with_steps(&self, found: Diagnosis, number: usize) -> Diagnosis {
        const SHOWN: usize = 4;
        let from = (number + 1).saturating_sub(SHOWN);
        let begin = match from {
            0 => found.evidence(format!("tail and head began with {}", self.start)),
            _ => found,
        };
        self.end.stdout().lines().take(number + 1).skip(from).fold(begin, Diagnosis::evidence)
    }
}

/// As the program makes it.
fn payload(number: usize, len: usize) -> String {
    (0..len).map(|at| char::from(b'a' + ((number * 7 + at) % 26) as u8)).collect()
}

grader::main!(CASES);
