//! A worker without work: its own memory, its processor time, its descriptors in the program.

use crate::call::same;
use crate::memory::{self, of, processor_seconds};
use crate::table::{Bound, SECOND, Unit, plain};
use procpool::{Pool, StartMethod};
use std::collections::BTreeSet;

fn pid(_: u64) -> u32 {
    std::process::id()
}

pub(crate) fn row() {
    // A fork first, as long as the program has one thread.
    for method in [StartMethod::Fork, StartMethod::Spawn, StartMethod::Forkserver] {
        own_memory(method);
    }
    processor_time();
    descriptors();
}

fn pool_of(workers: usize, method: StartMethod) -> Pool {
    Pool::builder().workers(workers).start_method(method).build().expect("a pool")
}

/// The workers' processes, once each of them has run a task.
fn pids_of_two(pool: &Pool) -> BTreeSet<u32> {
    let mut pids = BTreeSet::new();
    while pids.len() < 2 {
        pids.extend(pool.map(pid, 0..1_000).map(|result| result.expect("a result")));
    }
    pids
}

fn run_many(pool: &Pool) {
    for result in pool.map(same, 0..1_000_000) {
        result.expect("a result");
    }
}

fn own_memory(method: StartMethod) {
    let pool = pool_of(2, method);
    let pids = pids_of_two(&pool);
    run_many(&pool);
    let largest = pids.iter().map(|pid| of(*pid).uss_bytes).max().expect("two workers");
    let what = format!("own memory (USS) by {method:?}");
    plain(&what, largest as f64, Unit::Bytes, Bound::AtMost(500.0 * 1024.0));
}

fn processor_time() {
    let pool = pool_of(2, StartMethod::default());
    let pids = pids_of_two(&pool);
    run_many(&pool);
    // Whoever looks for work before it sleeps has ended that by now.
    std::thread::sleep(SECOND / 10);
    let everybody = || -> f64 { pids.iter().map(|pid| processor_seconds(*pid)).sum() };
    let (begun, program) = (everybody(), processor_seconds(std::process::id()));
    std::thread::sleep(SECOND);
    let workers = everybody() - begun;
    let program = processor_seconds(std::process::id()) - program;
    let what = "processor time of 2 workers in an idle second";
    plain(what, workers, Unit::Time, Bound::AtMost(0.0));
    // The look itself is in it.
    plain("and of the program", program, Unit::Time, Bound::AtMost(0.001));
}

fn descriptors() {
    let before = memory::descriptors();
    let with = |workers: usize| {
        let pool = pool_of(workers, StartMethod::default());
        pool.call(same, 7).expect("a result");
        (memory::descriptors() - before) as f64
    };
    let (with_two, with_ten) = (with(2), with(10));
    let each = (with_ten - with_two) / 8.0;
    plain("descriptors in the program, each worker", each, Unit::Count, Bound::AtMost(4.0));
    let rest = with_two - 2.0 * each;
    plain("descriptors in the program, the pool", rest, Unit::Count, Bound::AtMost(8.0));
}
