//! IMPOSSIBLE_OUTPUT: thinks that task 3 can overtake both others, because it may be short.
//!
//! Three tasks, 1, 2 and 3, are done by two workers. A worker does one task at a time, and writes the number of the task
//! into a pipe when it is done. Nobody knows how long a task takes.

/// The tasks are dealt out beforehand, as `first_pool` does it: the first worker has the tasks 1 and 3, and does them in
/// this order. The second worker has task 2.
pub const DEALT: &[[u32; 3]] = &[[1, 2, 3], [1, 3, 2], [2, 1, 3]];

/// The tasks are handed out: both workers are there, one takes task 1 and the other task 2. Whoever is done first
/// takes task 3.
pub const HANDED_OUT: &[[u32; 3]] = &[[1, 2, 3], [1, 3, 2], [2, 1, 3], [2, 3, 1], [3, 1, 2]];
