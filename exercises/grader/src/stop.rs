//! What a case sees of a running program: processes at gates, what they tell, what they do when left alone.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use crate::gates::Arrival;
use crate::look::AtGate;
use crate::{Blocked, Look};

/// The processes that a case holds at gates.
pub(crate) type Held = Rc<RefCell<BTreeSet<AtGate>>>;

/// Something that a process has reported with `gate::tell`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Who.
    pub pid: i32,
    /// Under which name.
    pub name: String,
    /// What.
    pub value: String,
}

/// A process at a gate. It stays there until this is dropped.
#[derive(Debug)]
pub struct Stop {
    /// The process.
    pub pid: i32,
    /// What it told, if it came with `gate::tell`.
    pub value: Option<String>,
    /// All processes, as they were then.
    pub look: Look,
    arrival: Option<Arrival>,
    gate: AtGate,
    held: Held,
}

impl Stop {
    pub(crate) fn new(arrival: Arrival, look: Look, held: &Held) -> Stop {
        let gate = arrival.gate();
        held.borrow_mut().insert(gate);
        Stop {
            pid: arrival.pid,
            value: arrival.value.clone(),
            look,
            arrival: Some(arrival),
            gate,
            held: Rc::clone(held),
        }
    }

    /// Lets it go on.
    pub fn go(self) {}

    /// Lets it go on with an answer to `gate::ask`.
    pub fn answer(mut self, text: &str) {
        if let Some(arrival) = self.arrival.take() {
            arrival.answer(text);
        }
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        self.held.borrow_mut().remove(&self.gate);
    }
}

/// What a process does when it is left to itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rest {
    /// It sleeps until something happens.
    Asleep(Blocked),
    /// It keeps a processor busy.
    Busy {
        /// How long it has, in milliseconds, since it was left to itself.
        cpu_ms: u64,
    },
    /// It has ended.
    Ended,
}
