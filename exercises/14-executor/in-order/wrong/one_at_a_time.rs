//! NOT_PARALLEL: kept the order by having one task out at a time.

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
    InOrder { pool, inputs, window, taken: 0, given: 0, early: BTreeMap::new() }
}

impl<P: Unordered, I: Iterator<Item = P::Input>> Iterator for InOrder<'_, P, I> {
    type Item = P::Answer;

    fn next(&mut self) -> Option<P::Answer> {
        let input = self.inputs.next()?;
        self.pool.send(self.taken, input);
        self.taken += 1;
        Some(self.pool.receive().1)
    }
}
