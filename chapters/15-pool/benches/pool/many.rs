//! 64 workers instead of 2, on the processors that there are.

use crate::map::rate;
use crate::table::{Bound, Unit, in_turns, line};
use procpool::Pool;

const TASKS: u64 = 500_000;
const ROUNDS: usize = 7;

pub(crate) fn row() {
    let few = Pool::builder().workers(2).build().expect("a pool");
    let many = Pool::builder().workers(64).build().expect("a pool of 64 workers");
    let [of_many, of_few] =
        in_turns(ROUNDS, [&mut || rate(&many, TASKS), &mut || rate(&few, TASKS)]);
    let beside = ("2 workers", of_few, Unit::Rate);
    line("map over 64 workers", (of_many, Unit::Rate), beside, Bound::AtLeast(0.7));
}
