//! LOST_RESULT: believed the newest sending only, because the older ones are void.

use std::collections::BTreeMap;

/// A task is sent so many times at most.
pub const SENDS_MAX: u32 = 3;

/// What one sending of a task is called, and each result of it. The engine drops a message whose name it has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// Which caller, and which life of it: drawn at random whenever one starts.
    pub life: u64,
    /// Which task: 0, 1, 2 and so on. Each life begins at 0.
    pub number: u64,
    /// Which sending of the task: 1, 2 and so on.
    pub attempt: u32,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// There is one more task. It has the next number.
    Submitted,
    /// A result has come, from the run of a sending.
    Result {
        /// The sending.
        name: Name,
        /// What the host has found.
        value: u64,
    },
    /// The engine has no message that waits and none that is unacknowledged: nothing is under way any more.
    Idle,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Give the task to the engine.
    Send(Name),
    /// Give the result to whoever has submitted the task.
    Deliver {
        /// The task.
        number: u64,
        /// Its result.
        value: u64,
    },
    /// Tell whoever has submitted the task that it has failed, and why.
    Fail {
        /// The task.
        number: u64,
        /// How often it was sent.
        sent: u32,
    },
}

/// The results that were not delivered.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Dropped {
    /// Of tasks of this life that had their outcome.
    pub late: u64,
    /// Of tasks that this life has never submitted.
    pub foreign: u64,
}

/// The state.
#[derive(Debug)]
pub struct Ledger {
    life: u64,
    /// The number of the next task.
    next: u64,
    /// The tasks without an outcome, and how often each was sent.
    owed: BTreeMap<u64, u32>,
    dropped: Dropped,
}

impl Ledger {
    /// Of a caller that has just started: nothing is owed.
    pub fn new(life: u64) -> Ledger {
        Ledger { life, next: 0, owed: BTreeMap::new(), dropped: Dropped::default() }
    }

    /// What is to be done when this happens.
    pub fn on(&mut self, event: Event) -> Vec<Action> {
        let life = self.life;
        let mut actions = Vec::new();
        match event {
            Event::Submitted => {
                self.owed.insert(self.next, 1);
                actions.push(Action::Send(Name { life, number: self.next, attempt: 1 }));
                self.next += 1;
            }
            Event::Result { name, .. } if name.life != life || name.number >= self.next => {
                self.dropped.foreign += 1;
            }
            Event::Result { name: Name { number, attempt, .. }, value } => {
                if self.owed.get(&number).is_some_and(|sent| *sent != attempt) {
                    self.dropped.late += 1;
                    return actions;
                }
                match self.owed.remove(&number) {
                    Some(_) => actions.push(Action::Deliver { number, value }),
                    None => self.dropped.late += 1,
                }
            }
            Event::Idle => self.owed.retain(|&number, sent| {
                if *sent == SENDS_MAX {
                    actions.push(Action::Fail { number, sent: *sent });
                    return false;
                }
                *sent += 1;
                actions.push(Action::Send(Name { life, number, attempt: *sent }));
                true
            }),
        }
        actions
    }

    /// How many results were not delivered.
    pub fn dropped(&self) -> Dropped {
        self.dropped
    }
}
