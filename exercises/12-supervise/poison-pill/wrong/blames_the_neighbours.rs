//! LOST_RESULT: a worker has died, so all that it had may be the cause.

use std::collections::{HashMap, VecDeque};

/// A task is set aside when so many workers have died at it.
pub const DEATHS_MAX: u32 = 3;

/// The tasks that are not answered. Their names differ.
#[derive(Debug, Default)]
pub struct Ledger {
    waiting: VecDeque<String>,
    deaths: HashMap<String, u32>,
    set_aside: Vec<String>,
}

impl Ledger {
    /// All of them wait.
    pub fn new(tasks: impl IntoIterator<Item = String>) -> Ledger {
        let mut ledger = Ledger::default();
        ledger.waiting.extend(tasks);
        ledger
    }

    /// The task that the next free place at a worker is for; `None` if none waits.
    pub fn take(&mut self) -> Option<String> {
        self.waiting.pop_front()
    }

    /// A worker has died. It had begun the task `begun`, if any, and had been sent the tasks `sent` besides.
    pub fn died(&mut self, begun: Option<String>, sent: Vec<String>) {
        for task in begun.into_iter().chain(sent) {
            let deaths = self.deaths.entry(task.clone()).or_default();
            *deaths += 1;
            if *deaths == DEATHS_MAX {
                self.set_aside.push(task);
            } else {
                self.waiting.push_back(task);
            }
        }
    }

    /// The tasks that are sent to no worker any more.
    pub fn set_aside(&self) -> Vec<String> {
        self.set_aside.clone()
    }
}
