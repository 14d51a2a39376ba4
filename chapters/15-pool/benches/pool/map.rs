//! No-ops through `map`, in tasks a second: beside rayon's `scope` and `spawn`, and beside Python's `Pool.map`.

use crate::call::same;
use crate::python;
use crate::table::{Bound, Unit, in_turns, line, plain, seconds, without};
use procpool::Pool;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::hint::black_box;

const TASKS: u64 = 1_000_000;
const ROUNDS: usize = 7;

/// Tasks in a second through the pool's `map`, every result looked at.
pub(crate) fn rate(pool: &Pool, tasks: u64) -> f64 {
    let took = seconds(|| {
        for (x, result) in (0..).zip(pool.map(same, 0..tasks)) {
            assert_eq!(result.expect("a result"), x);
        }
    });
    tasks as f64 / took
}

fn rate_of_rayon(threads: &ThreadPool) -> f64 {
    let took = seconds(|| {
        threads.scope(|scope| {
            for x in 0..TASKS {
                scope.spawn(move |_| {
                    black_box(same(x));
                });
            }
        });
    });
    TASKS as f64 / took
}

pub(crate) fn row() {
    let pool = Pool::builder().workers(2).build().expect("a pool");
    let threads = ThreadPoolBuilder::new().num_threads(2).build().expect("threads");
    let [own, peer] =
        in_turns(ROUNDS, [&mut || rate(&pool, TASKS), &mut || rate_of_rayon(&threads)]);
    let own = (own, Unit::Rate);
    plain("map, tasks a second", own.0, Unit::Rate, Bound::AtLeast(5e6));
    line("map", own, ("rayon's scope and spawn", peer, Unit::Rate), Bound::AtLeast(1.0));
    let peers = [
        ("Python's Pool.map(chunksize=1)", python::MAP_CHUNK_1, 100.0),
        ("Python's Pool.map", python::MAP_CHUNKED, 2.0),
    ];
    for (name, script, bound) in peers {
        match python::in_turns_with(script, &mut || rate(&pool, TASKS)) {
            Ok([own, peer]) => {
                let beside = (name, peer, Unit::Rate);
                line("map", (own, Unit::Rate), beside, Bound::AtLeast(bound));
            }
            Err(why) => without(&format!("map beside {name}"), &why),
        }
    }
}
