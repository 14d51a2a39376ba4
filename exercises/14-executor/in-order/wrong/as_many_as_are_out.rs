//! TOO_MUCH_MEMORY: bounded what is out, and not what waits for its turn.

use std::collections::BTreeMap;

/// What works on tasks, several at a time, and answers in any order.
pub trait Unordered {
    /// What a task works on.
    type Input;
    /// What it returns.
    type Answer;

    /// Sends a task under a number of your choice, and goes on at once.
    fn send(&mut self, number: u64, input: Self::Input);

    /// Waits for an answer to any of the tasks that were sent, and says which one it is. If none is out, it waits for ever.
    fn receive(&mut self) -> (u64, Self::Answer);
}

/// The answers to `inputs`, in the order of the inputs.
pub struct InOrder<'a, P: Unordered, I> {
    pool: &'a mut P,
    inputs: I,
    /// How many inputs may have been taken whose answers were not given out.
    window: u64,
    taken: u64,
    given: u64,
    /// Those that came before their turn.
    early: BTreeMap<u64, P::Answer>,
    out: u64,
}

/// Has `pool` work on `inputs`.
///
/// An input is taken as soon as fewer than `window` of those before it are not given out. Never are there more, whatever
/// the answers' order; so memory is bounded by the window, and the workers have work as long as the window allows.
///
/// # Panics
/// If `window` is 0.
pub fn in_order<P: Unordered, I: Iterator<Item = P::Input>>(
    pool: &mut P,
    inputs: I,
    window: u64,
) -> InOrder<'_, P, I> {
    assert!(window > 0, "a window of 0 lets nothing through");
    InOrder { pool, inputs, window, taken: 0, given: 0, early: BTreeMap::new(), out: 0 }
}

impl<P: Unordered, I: Iterator<Item = P::Input>> Iterator for InOrder<'_, P, I> {
    type Item = P::Answer;

    fn next(&mut self) -> Option<P::Answer> {
        loop {
            while self.out < self.window {
                let Some(input) = self.inputs.next() else { break };
                self.pool.send(self.taken, input);
                self.taken += 1;
                self.out += 1;
            }
            if let Some(answer) = self.early.remove(&self.given) {
                self.given += 1;
                return Some(answer);
            }
            if self.out == 0 {
                return None;
            }
            let (number, answer) = self.pool.receive();
            self.out -= 1;
            self.early.insert(number, answer);
        }
    }
}
