//! A `SharedSlice` of 1 GiB as an argument, beside an argument of 8 bytes: the length must not be felt.

use crate::call::same;
use crate::table::{Bound, Unit, in_turns, line, median_of};
use procpool::{Pool, SharedSlice, SharedSliceMut};

const CALLS: usize = 1_000;
const ROUNDS: usize = 7;
const LEN: usize = 1 << 30;

fn len(slice: SharedSlice<u8>) -> u64 {
    slice.len() as u64
}

pub(crate) fn row() {
    let pool = Pool::builder().workers(2).build().expect("a pool");
    let large = SharedSliceMut::<u8>::zeroed(LEN).and_then(SharedSliceMut::freeze);
    let large = large.expect("1 GiB of shared memory");
    let small = SharedSlice::from_slice(&[7_u8; 8]).expect("shared memory");
    let [of_large, of_small, of_number] = in_turns(
        ROUNDS,
        [
            &mut || {
                median_of(CALLS, || {
                    assert_eq!(pool.call(len, large.clone()).expect("a result"), LEN as u64);
                })
            },
            &mut || {
                median_of(CALLS, || {
                    assert_eq!(pool.call(len, small.clone()).expect("a result"), 8)
                })
            },
            &mut || {
                median_of(CALLS, || {
                    assert_eq!(pool.call(same, 1 << 60).expect("a result"), 1 << 60)
                })
            },
        ],
    );
    let own = (of_large, Unit::Time);
    let beside = ("an argument of 8 bytes", of_number, Unit::Time);
    line("SharedSlice of 1 GiB", own, beside, Bound::AtMost(3.0));
    let beside = ("SharedSlice of 8 bytes", of_small, Unit::Time);
    line("SharedSlice of 1 GiB", own, beside, Bound::AtMost(1.5));
}
