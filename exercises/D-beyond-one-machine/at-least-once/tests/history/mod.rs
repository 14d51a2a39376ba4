//! One history: what the ledger was told and has done, line by line, and the first thing in it that is wrong.

use std::collections::BTreeMap;
use std::mem;

use grader::{Code, Diagnosis, Verdict, ensure};

/// How often a task may be sent.
const SENDS_MAX: u32 = 3;

/// How many lines of a history are shown.
const SHOWN_LINES_MAX: usize = 16;

/// A task of one life, as it is known from outside.
#[derive(Default)]
struct Task {
    sent: u32,
    outcome: Option<String>,
}

/// What a history has come to.
#[derive(Default)]
struct Judge {
    life: String,
    tasks: Vec<Task>,
    /// The values that this life must not deliver, and what they are results of.
    foreign: BTreeMap<String, String>,
    late: u64,
    refused: u64,
    event: Event,
}

/// What the ledger was told last.
#[derive(Default)]
enum Event {
    #[default]
    Begun,
    Submitted(usize),
    /// A result that must be delivered: of which task and sending, and its value.
    Due(usize, String, String),
    /// A result that must be dropped.
    Void,
    /// The tasks that were owed, and how often each had been sent.
    Idle(Vec<(usize, u32)>),
}

/// That the ledger has done what it must. The first line has the words of the history, each further one a step.
///
/// # Errors
/// The diagnosis, with the steps up to the fault.
pub(crate) fn judged(history: &str) -> Verdict {
    let (words, steps) = history.split_once('\n').unwrap_or_default();
    let mut judge = Judge::default();
    for (nth, line) in steps.lines().enumerate() {
        let blamed = |lines: usize, (task, found): Fault| {
            let found = found.evidence(format!("seen with: {words}"));
            shown(found, steps.lines().take(lines).collect(), task)
        };
        if !line.starts_with(' ') {
            judge.closed().map_err(|fault| blamed(nth, fault))?;
        }
        judge.hear(line).map_err(|fault| blamed(nth + 1, fault))?;
    }
    Ok(())
}

/// With what has happened up to the fault. If that is long, with what concerns the task.
fn shown(found: Diagnosis, mut lines: Vec<&str>, task: Option<usize>) -> Diagnosis {
    if let Some(task) = task.filter(|_| lines.len() > SHOWN_LINES_MAX) {
        let task = task.to_string();
        let number = |word: &str| {
            let word = word.split_once(':').map_or(word, |(_, task)| task);
            word.split_once('.').map_or(word, |(number, _)| number) == task
        };
        let last = lines.len() - 1;
        let mut nth = 0;
        lines.retain(|line| {
            nth += 1;
            let mut words = line.split_whitespace();
            let kind = words.next();
            nth > last
                || matches!(kind, Some("life" | "idle"))
                || words.next().is_some_and(number)
        });
    }
    let skipped = lines.len().saturating_sub(SHOWN_LINES_MAX);
    lines[skipped..].iter().fold(found, |found, line| found.evidence(*line))
}

/// A fault, and the task that it concerns.
type Fault = (Option<usize>, Diagnosis);

fn fault(task: usize, code: Code, story: String) -> Fault {
    (Some(task), code.because(story))
}

/// As [`fault`], with an idea of its own.
fn missed(task: usize, code: Code, story: String, idea: &str) -> Result<(), Fault> {
    Err((Some(task), code.because(story).idea(idea)))
}

impl Judge {
    fn hear(&mut self, line: &str) -> Result<(), Fault> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["life", life] => {
                let foreign = mem::take(&mut self.foreign);
                *self = Judge { life: life.to_owned(), foreign, ..Judge::default() };
            }
            ["task", _] => {
                self.tasks.push(Task::default());
                self.event = Event::Submitted(self.tasks.len() - 1);
            }
            ["idle"] => {
                let owed =
                    self.tasks.iter().enumerate().filter(|(_, task)| task.outcome.is_none());
                self.event =
                    Event::Idle(owed.map(|(number, task)| (number, task.sent)).collect());
            }
            ["result", name, "=", value] => self.result(name, value),
            ["send", name, ..] => {
                return self.send(name.trim_end_matches(','), words.len() > 2);
            }
            ["deliver", number, "=", value] => return self.deliver(number, value),
            ["fail", number, "after", sent] => return self.fail(number, sent),
            ["dropped", late, _, foreign, _] => return self.counted(late, foreign),
            _ => self.event = Event::Begun,
        }
        Ok(())
    }

    fn result(&mut self, name: &str, value: &str) {
        let (life, sending) = name.split_once(':').unwrap_or_default();
        let number = sending.split('.').next().and_then(|number| number.parse().ok());
        let number: usize = number.unwrap_or(usize::MAX);
        self.event = Event::Void;
        match self.tasks.get(number).filter(|_| life == self.life) {
            None => {
                self.refused += 1;
                self.foreign.insert(value.to_owned(), name.to_owned());
            }
            Some(Task { outcome: Some(_), .. }) => self.late += 1,
            Some(_) => self.event = Event::Due(number, name.to_owned(), value.to_owned()),
        }
    }

    /// The task with this number, if this life has submitted it.
    fn task(&mut self, number: &str, what: &str) -> Result<(usize, &mut Task), Fault> {
        let index = number.parse().unwrap_or(usize::MAX);
        self.tasks.get_mut(index).map(|task| (index, task)).ok_or_else(|| {
            let story =
                format!("task {number} was {what}, and this life has submitted no such task");
            (None, Code::WrongAnswer.because(story))
        })
    }

    /// The tasks that must be sent now, or fail, and how often each was sent before.
    fn owed(&self) -> Vec<(usize, u32)> {
        match &self.event {
            Event::Submitted(number) => vec![(*number, 0)],
            Event::Idle(owed) => owed.clone(),
            _ => Vec::new(),
        }
    }

    fn send(&mut self, name: &str, is_dropped: bool) -> Result<(), Fault> {
        let (life, owed) = (self.life.clone(), self.owed());
        let (_, sending) = name.split_once(':').unwrap_or_default();
        let (number, _) = sending.split_once('.').unwrap_or_default();
        let (index, task) = self.task(number, "sent")?;
        if let Some(outcome) = &task.outcome {
            let story = format!(
                "task {number} has its outcome ({outcome}), and was sent again as {name}"
            );
            return missed(
                index,
                Code::WrongAnswer,
                story,
                "A task that has its outcome is owed no more. A host that runs it once more works for nobody.",
            );
        }
        if is_dropped {
            let story = format!(
                "task {number} was sent again as {name}. The engine has seen a message of that name and drops this one.\n\
                 No host will run it, and the caller waits for its result"
            );
            return missed(
                index,
                Code::Stuck,
                story,
                "What drops a message by its name also drops the one that was sent because the first is lost. Give each sending a name of its own, and find the second result when it has come.",
            );
        }
        task.sent += 1;
        let sent = task.sent;
        if sent > SENDS_MAX {
            let story =
                format!("task {number} was sent {sent} times, where {SENDS_MAX} are the limit");
            return missed(
                index,
                Code::WrongAnswer,
                story,
                "A task that ends each host that gets it is never answered. Without a limit it goes from host to host for ever.",
            );
        }
        if !owed.contains(&(index, sent - 1)) {
            let story = format!("task {number} was sent again while a host may be at it");
            return missed(
                index,
                Code::WrongAnswer,
                story,
                "The engine sends again what no host has acknowledged. Only when it is idle is it known that no host will answer.",
            );
        }
        let expected = format!("{life}:{number}.{sent}");
        ensure(name == expected, || {
            Code::WrongAnswer
                .because(format!("{expected} was to be sent, and the message is called {name}"))
        })
        .map_err(|found| (Some(index), found))
    }

    fn deliver(&mut self, number: &str, value: &str) -> Result<(), Fault> {
        if let Some(name) = self.foreign.get(value) {
            let story = format!(
                "value {value} is a result of {name}, which this caller (life {}) has not submitted. It was delivered as the outcome of task {number}",
                self.life
            );
            let found = Code::WrongAnswer.because(story);
            return Err((None, found.idea("A number means something in one life of one caller. Believe a result if its life is this one, and its number was submitted in it.")));
        }
        let is_due = matches!(&self.event, Event::Due(due, _, new) if due.to_string() == number && new == value);
        let (index, task) = self.task(number, "delivered")?;
        if let Some(outcome) = &task.outcome {
            let story = format!(
                "task {number} had its outcome ({outcome}), and was then given another one: {value}"
            );
            return missed(
                index,
                Code::DuplicatedResult,
                story,
                "A task that was sent twice may be run twice, and a result may come twice. What counts is whether the task is still owed, not which sending this is, nor when it was.",
            );
        }
        if !is_due {
            let story = format!(
                "value {value} was delivered as the result of task {number}, and no such result has just come"
            );
            return Err(fault(index, Code::WrongAnswer, story));
        }
        task.outcome = Some(format!("value {value}"));
        Ok(())
    }

    fn fail(&mut self, number: &str, told: &str) -> Result<(), Fault> {
        let owed = self.owed();
        let (index, task) = self.task(number, "given up")?;
        let sent = task.sent;
        if let Some(outcome) = &task.outcome {
            let story = format!(
                "task {number} had its outcome ({outcome}), and then it failed as well"
            );
            return Err(fault(index, Code::DuplicatedResult, story));
        }
        if !owed.contains(&(index, SENDS_MAX)) {
            let story = if sent < SENDS_MAX {
                format!(
                    "task {number} has failed after {sent} sendings, where {SENDS_MAX} are allowed"
                )
            } else {
                format!(
                    "task {number} was sent for the last time and has failed before the engine was idle"
                )
            };
            return missed(
                index,
                Code::LostResult,
                story,
                "Give up when the engine is idle after the last sending that is allowed. Until then a host may be at it.",
            );
        }
        if told != sent.to_string() {
            let story = format!(
                "task {number} has failed after {sent} sendings, and its caller was told: {told}"
            );
            return Err(fault(index, Code::WrongAnswer, story));
        }
        task.outcome = Some("failed".to_owned());
        Ok(())
    }

    /// What the last event has left undone.
    fn closed(&mut self) -> Result<(), Fault> {
        match mem::take(&mut self.event) {
            Event::Submitted(number) if self.tasks[number].sent == 0 => Err(fault(
                number,
                Code::Stuck,
                format!("task {number} was submitted, and not sent"),
            )),
            Event::Due(number, name, value) if self.tasks[number].outcome.is_none() => {
                let story = format!(
                    "the result of {name}, value {value}, was dropped, and task {number} has no outcome yet"
                );
                missed(
                    number,
                    Code::LostResult,
                    story,
                    "Drop a result if its task has an outcome, and for no other reason: others may have finished before it, and any of its sendings may be the one that is answered.",
                )
            }
            Event::Idle(owed) => {
                owed.into_iter().try_for_each(|(number, sent)| self.answered(number, sent))
            }
            _ => Ok(()),
        }
    }

    /// That an owed task was not left alone when the engine was idle.
    fn answered(&self, number: usize, sent_before: u32) -> Result<(), Fault> {
        let task = &self.tasks[number];
        if task.outcome.is_some() || task.sent > sent_before {
            return Ok(());
        }
        if sent_before == SENDS_MAX {
            let story = format!(
                "task {number} was sent {sent_before} times and is not sent any more. Whoever has submitted it is told nothing"
            );
            return missed(
                number,
                Code::UnreportedFailure,
                story,
                "To give a task up is an outcome as well. Deliver it, once, with what is known: how often it was sent.",
            );
        }
        let story = format!(
            "the engine is idle, and task {number} is owed. The ledger does nothing about it, so it waits for ever"
        );
        let sending = format!(":{number}.");
        match self.foreign.values().find(|name| name.contains(&sending)) {
            Some(name) => missed(
                number,
                Code::Stuck,
                story,
                &format!(
                    "A result of {name} has come. It is no result of this life's task {number}, and must not settle it."
                ),
            ),
            None => missed(
                number,
                Code::Stuck,
                story,
                "That a task was acknowledged says that a host has run it, not that its result has arrived. Idle but owing: send it again.",
            ),
        }
    }

    fn counted(&self, late: &str, foreign: &str) -> Result<(), Fault> {
        let expected = format!("{} late, {} foreign", self.late, self.refused);
        let found = format!("{late} late, {foreign} foreign");
        ensure(found == expected, || {
            Code::WrongAnswer
                .because(format!("of the results that were dropped, {expected} had come. The ledger says: {found}"))
                .idea("Late is a result of a task of this life that has its outcome. Foreign is one of a task that this life has not submitted.")
        })
        .map_err(|found| (None, found))
    }
}
