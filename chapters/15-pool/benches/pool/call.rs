//! A call of a no-op: its median beside a bare futex ping-pong, and beside Python's `Pool.apply`.

use crate::futex::PingPong;
use crate::python;
use crate::table::{Bound, Unit, in_turns, line, median_of, without};
use procpool::Pool;

const CALLS: usize = 3_000;
const ROUNDS: usize = 9;

/// A no-op that cannot be left out.
pub(crate) fn same(x: u64) -> u64 {
    x
}

pub(crate) fn row() {
    // Forked before the pool has its threads.
    let mut ping_pong = PingPong::new();
    let pool = Pool::builder().workers(2).build().expect("a pool");
    let [own, floor] = in_turns(
        ROUNDS,
        [
            &mut || median_of(CALLS, || assert_eq!(pool.call(same, 7).expect("a result"), 7)),
            &mut || median_of(CALLS, || ping_pong.round_trip()),
        ],
    );
    let beside = ("bare futex ping-pong", floor, Unit::Time);
    line("call, median", (own, Unit::Time), beside, Bound::AtMost(1.5));
    let mut again =
        || median_of(CALLS, || assert_eq!(pool.call(same, 7).expect("a result"), 7));
    match python::in_turns_with(python::APPLY, &mut again) {
        Ok([own, peer]) => {
            let beside = ("Python's Pool.apply", peer, Unit::Time);
            line("call, median", (own, Unit::Time), beside, Bound::AtMost(0.1));
        }
        Err(why) => without("call beside Python's Pool.apply", &why),
    }
}
