//! Runs a few threads in many orders of their steps, and looks for one that goes wrong.
//!
//! A step is an operation on a [`Word`]. One thread runs at a time, and before each step it is decided whose step comes.
//! A run follows the order of decisions of the run before, up to the last one that can be made in another way. A thread
//! that could go on is interrupted at most twice in a run: nearly all mistakes need no more, and with every order of even
//! 20 steps there would be no end. A word sleeps and wakes as a futex does, and those who sleep are woken in the order in
//! which they fell asleep.
//!
//! Invariant: the same code gives the same runs, on every machine and under every load.
//!
//! # References
//! Madanlal Musuvathi and Shaz Qadeer, "Iterative context bounding for systematic testing of multithreaded programs",
//! 2007.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;

use crate::Word;

/// How often a thread that could go on is interrupted in a run.
const PREEMPTIONS_MAX: usize = 2;

/// How many runs there are at most.
const RUNS_MAX: usize = 3_000;

/// So many steps without a step of another thread are a thread that waits and does not sleep.
const STEPS_IN_A_ROW_MAX: usize = 500;

/// How many steps of a run are shown: the last ones.
const STEPS_SHOWN_MAX: usize = 40;

/// What one thread does. An error is what has gone wrong.
pub type Body<'a> = &'a (dyn Fn(&[Word<'_>]) -> Result<(), String> + Sync);

/// How an order of steps goes wrong, with its steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// Some sleep, and nobody is left to wake them.
    Asleep(String),
    /// A thread looks again and again.
    Busy(String),
    /// What the program says is wrong, in its words.
    Wrong(String, String),
}

/// Runs `bodies`, each in a thread, in many orders of their steps. The words have these names and values at the start;
/// `at_end` is given their values when all threads have ended.
///
/// # Errors
/// The first order that goes wrong.
///
/// # Panics
/// If one of the threads panics.
pub fn explore(
    words: &[(&'static str, u32)],
    bodies: &[Body<'_>],
    at_end: impl Fn(&[u32]) -> Result<(), String>,
) -> Result<usize, Trouble> {
    let mut plan = Vec::new();
    for runs in 1..=RUNS_MAX {
        let turns = Turns::new(words, bodies.len(), plan);
        let state = turns.run(bodies);
        let steps = state.shown();
        match state.end {
            Some(End::Asleep) => return Err(Trouble::Asleep(steps)),
            Some(End::Busy) => return Err(Trouble::Busy(steps)),
            Some(End::Wrong(why)) => return Err(Trouble::Wrong(why, steps)),
            Some(End::Panicked) => panic!("a thread has panicked"),
            Some(End::Done) | None => {
                at_end(&state.values).map_err(|why| Trouble::Wrong(why, steps))?;
            }
        }
        plan = match next(state.decisions) {
            Some(plan) => plan,
            None => return Ok(runs),
        };
    }
    Ok(RUNS_MAX)
}

/// The choices of the next run: the last decision that can still be made in another way is.
fn next(mut decisions: Vec<Decision>) -> Option<Vec<usize>> {
    while let Some(last) = decisions.pop() {
        if last.chosen + 1 < last.ways {
            let mut plan: Vec<usize> = decisions.iter().map(|earlier| earlier.chosen).collect();
            plan.push(last.chosen + 1);
            return Some(plan);
        }
    }
    None
}

impl fmt::Display for Trouble {
    /// One word for the kind, then, each from a line of its own, what is wrong and the steps.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Asleep(steps) => write!(f, "asleep\n\n{steps}"),
            Trouble::Busy(steps) => write!(f, "busy\n\n{steps}"),
            Trouble::Wrong(why, steps) => write!(f, "wrong\n{why}\n{steps}"),
        }
    }
}

/// One operation on a word.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Operation {
    Load,
    Store(u32),
    Swap(u32),
    CompareExchange(u32, u32),
    Add(u32),
    Sub(u32),
    Wait(u32),
    Wake(u32),
}

/// Whose turn it is in one run.
#[derive(Debug)]
pub(crate) struct Turns {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    names: Vec<&'static str>,
    values: Vec<u32>,
    phases: Vec<Phase>,
    /// Whose turn it is, until it comes to its next step.
    turn: Option<usize>,
    last: usize,
    in_a_row: usize,
    preemptions: usize,
    plan: Vec<usize>,
    decisions: Vec<Decision>,
    /// Who did what to which word, and what came back.
    steps: Vec<(usize, usize, Operation, u32)>,
    /// Who sleeps on which word, in the order of falling asleep.
    asleep: Vec<(usize, usize)>,
    end: Option<End>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It has not come to a step yet, or is between two.
    Runs,
    /// It is about to make a step.
    Ready,
    Asleep,
    Ended,
}

/// A choice between several threads.
#[derive(Debug)]
struct Decision {
    chosen: usize,
    ways: usize,
}

#[derive(Debug)]
enum End {
    Done,
    Asleep,
    Busy,
    Wrong(String),
    Panicked,
}

/// What a thread unwinds with whose run is over.
struct Over;

impl Turns {
    fn new(words: &[(&'static str, u32)], threads: usize, plan: Vec<usize>) -> Turns {
        let state = State {
            names: words.iter().map(|(name, _)| *name).collect(),
            values: words.iter().map(|(_, value)| *value).collect(),
            phases: vec![Phase::Runs; threads],
            turn: None,
            last: 0,
            in_a_row: 0,
            preemptions: 0,
            plan,
            decisions: Vec::new(),
            steps: Vec::new(),
            asleep: Vec::new(),
            end: None,
        };
        Turns { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(self, bodies: &[Body<'_>]) -> State {
        let words = self.lock().values.len();
        std::thread::scope(|scope| {
            for (thread, body) in bodies.iter().enumerate() {
                let turns = &self;
                let of_thread = move || {
                    let words: Vec<Word<'_>> =
                        (0..words).map(|index| Word::in_model(index, thread, turns)).collect();
                    let outcome = catch_unwind(AssertUnwindSafe(|| body(&words)));
                    turns.leave(thread, outcome);
                };
                Builder::new()
                    .name(letter(thread).to_string())
                    .spawn_scoped(scope, of_thread)
                    .expect("a thread can be started");
            }
        });
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for this thread's turn, and makes the step.
    pub(crate) fn step(&self, thread: usize, word: usize, operation: Operation) -> u32 {
        let mut state = self.lock();
        state.phases[thread] = Phase::Ready;
        state = self.wait_for_turn(state, thread);
        let value = state.perform(thread, word, operation);
        if state.phases[thread] == Phase::Asleep {
            drop(self.wait_for_turn(state, thread));
        }
        value
    }

    fn wait_for_turn<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        thread: usize,
    ) -> MutexGuard<'a, State> {
        if state.turn == Some(thread) {
            state.turn = None;
        }
        state.decide();
        if state.turn != Some(thread) {
            self.changed.notify_all();
        }
        while state.turn != Some(thread) {
            if state.end.is_some() {
                drop(state);
                resume_unwind(Box::new(Over));
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.phases[thread] = Phase::Runs;
        state
    }

    fn leave(&self, thread: usize, outcome: std::thread::Result<Result<(), String>>) {
        let mut state = self.lock();
        state.phases[thread] = Phase::Ended;
        if state.turn == Some(thread) {
            state.turn = None;
        }
        match outcome {
            Ok(Ok(())) => {}
            Ok(Err(why)) => state.end = Some(End::Wrong(why)),
            Err(payload) if payload.is::<Over>() => {}
            Err(_) => state.end = Some(End::Panicked),
        }
        state.decide();
        self.changed.notify_all();
    }
}

impl State {
    /// Whose step comes next, if nobody is between two steps.
    fn decide(&mut self) {
        if self.end.is_some() || self.turn.is_some() || self.phases.contains(&Phase::Runs) {
            return;
        }
        let is_ready = |thread: &usize| self.phases[*thread] == Phase::Ready;
        let goes_on = is_ready(&self.last);
        let mut ways: Vec<usize> = (0..self.phases.len()).filter(is_ready).collect();
        if ways.is_empty() {
            let is_done = self.phases.iter().all(|phase| *phase == Phase::Ended);
            self.end = Some(if is_done { End::Done } else { End::Asleep });
            return;
        }
        if goes_on {
            ways.retain(|thread| *thread != self.last);
            ways.insert(0, self.last);
            if self.preemptions == PREEMPTIONS_MAX {
                ways.truncate(1);
            }
        }
        let mut chosen = 0;
        if ways.len() > 1 {
            chosen = self.plan.get(self.decisions.len()).copied().unwrap_or(0);
            self.decisions.push(Decision { chosen, ways: ways.len() });
        }
        self.preemptions += usize::from(goes_on && chosen > 0);
        self.in_a_row = if ways[chosen] == self.last { self.in_a_row + 1 } else { 1 };
        self.last = ways[chosen];
        if self.in_a_row > STEPS_IN_A_ROW_MAX {
            self.end = Some(End::Busy);
        } else {
            self.turn = Some(self.last);
        }
    }

    /// What the operation returns: usually what the word was.
    fn perform(&mut self, thread: usize, word: usize, operation: Operation) -> u32 {
        let was = self.values[word];
        let mut result = was;
        match operation {
            Operation::Load => {}
            Operation::Store(value) | Operation::Swap(value) => self.values[word] = value,
            Operation::CompareExchange(current, new) if was == current => {
                self.values[word] = new;
            }
            Operation::CompareExchange(..) => {}
            Operation::Add(value) => self.values[word] = was.wrapping_add(value),
            Operation::Sub(value) => self.values[word] = was.wrapping_sub(value),
            Operation::Wait(expected) if was == expected => {
                self.phases[thread] = Phase::Asleep;
                self.asleep.push((thread, word));
            }
            Operation::Wait(_) => {}
            Operation::Wake(count) => {
                result = 0;
                while result < count
                    && let Some(first) = self.asleep.iter().position(|(_, on)| *on == word)
                {
                    let (sleeper, _) = self.asleep.remove(first);
                    self.phases[sleeper] = Phase::Ready;
                    result += 1;
                }
            }
        }
        self.steps.push((thread, word, operation, result));
        result
    }

    /// The steps in words, and who sleeps on what at the end.
    fn shown(&self) -> String {
        let mut text = String::new();
        let left_out = self.steps.len().saturating_sub(STEPS_SHOWN_MAX);
        if left_out > 0 {
            text.push_str(&format!("({left_out} steps before)\n"));
        }
        for (thread, word, operation, result) in &self.steps[left_out..] {
            let (thread, word) = (letter(*thread), self.names[*word]);
            let step = match operation {
                Operation::Load => format!("load(): {result}"),
                Operation::Store(value) => format!("store({value})"),
                Operation::Swap(value) => format!("swap({value}): was {result}"),
                Operation::CompareExchange(current, new) => {
                    format!("compare_exchange({current}, {new}): was {result}")
                }
                Operation::Add(value) => format!("fetch_add({value}): was {result}"),
                Operation::Sub(value) => format!("fetch_sub({value}): was {result}"),
                Operation::Wait(expected) if result == expected => {
                    format!("wait({expected}): falls asleep")
                }
                Operation::Wait(expected) => {
                    format!("wait({expected}): it is {result}, so no sleep")
                }
                Operation::Wake(count) => format!("wake({count}): woke {result}"),
            };
            text.push_str(&format!("{thread}  {word}.{step}\n"));
        }
        for (thread, word) in &self.asleep {
            let (name, value) = (self.names[*word], self.values[*word]);
            text.push_str(&format!("{} sleeps on {name}, which is {value}\n", letter(*thread)));
        }
        text
    }
}

/// What a thread is called in the steps.
fn letter(thread: usize) -> char {
    char::from(b'A' + u8::try_from(thread % 26).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(words: &[Word<'_>]) -> Result<(), String> {
        words[0].fetch_add(1);
        Ok(())
    }

    fn load_and_store(words: &[Word<'_>]) -> Result<(), String> {
        words[0].store(words[0].load() + 1);
        Ok(())
    }

    fn is_two(values: &[u32]) -> Result<(), String> {
        if values == [2] { Ok(()) } else { Err(format!("{values:?}")) }
    }

    #[test]
    fn one_step_loses_nothing_and_two_steps_do() {
        assert_eq!(explore(&[("n", 0)], &[&add, &add], is_two), Ok(2));
        let found = explore(&[("n", 0)], &[&load_and_store, &load_and_store], is_two);
        let steps = "A  n.load(): 0\nB  n.load(): 0\nB  n.store(1)\nA  n.store(1)\n";
        assert_eq!(found, Err(Trouble::Wrong("[1]".to_owned(), steps.to_owned())));
    }

    /// Sets the word, and wakes.
    fn publish(words: &[Word<'_>]) -> Result<(), String> {
        words[0].store(1);
        words[0].wake(1);
        Ok(())
    }

    #[test]
    fn a_sleep_on_the_value_that_was_seen_is_never_for_ever() {
        let waits = |words: &[Word<'_>]| {
            while words[0].load() == 0 {
                words[0].wait(0);
            }
            Ok(())
        };
        assert!(explore(&[("n", 0)], &[&waits, &publish], |_| Ok(())).is_ok());
    }

    #[test]
    fn a_lost_wake_up_is_found_with_its_steps() {
        let waits = |words: &[Word<'_>]| {
            if words[0].load() == 0 {
                words[0].wait(words[0].load());
            }
            Ok(())
        };
        let found = explore(&[("n", 0)], &[&waits, &publish], |_| Ok(()));
        let Err(Trouble::Asleep(steps)) = &found else { panic!("{found:?}") };
        assert!(
            steps.ends_with("A  n.wait(1): falls asleep\nA sleeps on n, which is 1\n"),
            "{steps}"
        );
    }

    #[test]
    fn looking_again_and_again_is_found() {
        let spins = |words: &[Word<'_>]| {
            while words[0].load() == 0 {}
            Ok(())
        };
        let found = explore(&[("n", 0)], &[&spins, &publish], |_| Ok(()));
        assert!(
            matches!(&found, Err(Trouble::Busy(steps)) if steps.starts_with("(460 steps")),
            "{found:?}"
        );
    }
}
