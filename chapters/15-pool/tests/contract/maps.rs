//! `map` and `map_unordered`: order, laziness, and how they end.

use crate::gate::{self, Gate, pass_if_any};
use crate::observe::pool;
use procpool::{StartMethod, TaskError};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

crate::over_each_start_method![
    results_come_in_the_order_of_the_inputs,
    the_length_is_known_when_that_of_the_input_is,
    an_empty_input_gives_nothing,
    inputs_are_taken_lazily_by_number,
    inputs_are_taken_lazily_by_size,
    it_starts_at_the_call,
    a_panic_of_the_input_comes_to_the_caller,
    dropped_half_way_it_cancels_the_rest,
    dropped_at_once_over_and_over,
    unordered_gives_every_index_once,
    a_slow_task_holds_up_no_other,
    an_input_may_use_the_pool,
    several_maps_at_once,
    a_failed_task_is_an_item,
    after_the_end_there_is_nothing,
];

/// As the page of `map` says.
const AHEAD_MAX: usize = 16_384;
const AHEAD_BYTES_MAX: usize = 64 << 20;

fn double(x: u32) -> u32 {
    x * 2
}

fn results_come_in_the_order_of_the_inputs(method: StartMethod) {
    let pool = pool(method);
    let results: Result<Vec<u32>, _> = pool.map(double, 0..100_000).collect();
    let results = results.expect("results");
    assert_eq!(results.len(), 100_000);
    for (x, result) in (0..).zip(results) {
        assert_eq!(result, x * 2);
    }
}

fn the_length_is_known_when_that_of_the_input_is(method: StartMethod) {
    let pool = pool(method);
    let mut results = pool.map(double, vec![5; 40_000]);
    for left in (0..40_000).rev() {
        results.next().expect("as many as inputs").expect("a result");
        assert_eq!(results.len(), left);
        assert_eq!(results.size_hint(), (left, Some(left)));
    }
    assert!(results.next().is_none());
    // An input of unknown length has at least a hint.
    let mut results = pool.map(double, (0..10).filter(|x| x % 2 == 0));
    assert!(results.size_hint().1.is_none_or(|most| most >= 5));
    assert_eq!(results.by_ref().count(), 5);
}

fn an_empty_input_gives_nothing(method: StartMethod) {
    let pool = pool(method);
    assert!(pool.map(double, []).next().is_none());
    assert_eq!(pool.map(double, Vec::new()).len(), 0);
    assert!(pool.map_unordered(double, std::iter::empty()).next().is_none());
    drop(pool.map(double, 0..0));
}

fn inputs_are_taken_lazily_by_number(method: StartMethod) {
    let pool = pool(method);
    let taken = Cell::new(0_usize);
    // An endless input: a pool that took all of it would never return.
    let inputs = (0_u32..).inspect(|_| taken.set(taken.get() + 1)).map(|x| x % 1_000);
    let mut results = pool.map(double, inputs);
    for given in 0..50_000_usize {
        let ahead = taken.get() - given;
        assert!(ahead <= AHEAD_MAX, "{ahead} inputs ahead after {given} results");
        let result = results.next().expect("an endless input").expect("a result");
        assert_eq!(result as usize, given % 1_000 * 2);
    }
    drop(results);
    let taken = Cell::new(0_usize);
    let mut given = 0;
    let inputs = (0_u32..60_000).inspect(|_| taken.set(taken.get() + 1));
    for (_, result) in pool.map_unordered(double, inputs) {
        result.expect("a result");
        given += 1;
        let ahead = taken.get() - given;
        assert!(ahead <= AHEAD_MAX, "{ahead} inputs ahead after {given} results");
    }
    assert_eq!(given, 60_000);
}

fn byte_count(bytes: Vec<u8>) -> usize {
    bytes.len()
}

fn inputs_are_taken_lazily_by_size(method: StartMethod) {
    const EACH: usize = 4 << 20;
    let pool = pool(method);
    let taken = Cell::new(0_usize);
    let inputs = (0..40).map(|_| {
        taken.set(taken.get() + 1);
        vec![1_u8; EACH]
    });
    let mut results = pool.map(byte_count, inputs);
    for given in 0..40 {
        let ahead = taken.get() - given;
        // One more may have been taken to see how large it is.
        assert!(ahead * EACH <= AHEAD_BYTES_MAX + EACH, "{ahead} inputs of 4 MiB ahead");
        assert_eq!(results.next().expect("one of 40").expect("a result"), EACH);
    }
    assert!(results.next().is_none());
}

fn it_starts_at_the_call(method: StartMethod) {
    let pool = pool(method);
    let gate = Gate::new();
    let results = pool.map(gate::pass, [gate.name(), gate.name()]);
    // Nobody has asked for a result yet.
    let arrivals = [gate.arrival(), gate.arrival()];
    let pids: Vec<u32> = arrivals.iter().map(|arrival| arrival.pid).collect();
    drop(arrivals);
    for result in results {
        assert!(pids.contains(&result.expect("the gate is open")));
    }
    let _results = pool.map_unordered(gate::pass, [gate.name()]);
    drop(gate.arrival());
}

fn a_panic_of_the_input_comes_to_the_caller(method: StartMethod) {
    let pool = pool(method);
    for bad in [0, 100, 40_000] {
        for unordered in [false, true] {
            let inputs = (0_u32..100_000).inspect(|x| assert!(*x != bad, "input {bad} is bad"));
            let caught = catch_unwind(AssertUnwindSafe(|| match unordered {
                false => pool.map(double, inputs).count(),
                true => pool.map_unordered(double, inputs).count(),
            }));
            let payload = caught.expect_err("the input panics");
            let message = payload.downcast_ref::<String>().expect("the panic of the input");
            assert_eq!(*message, format!("input {bad} is bad"));
            assert_eq!(pool.call(double, bad).expect("the pool is well"), bad * 2);
        }
    }
}

fn dropped_half_way_it_cancels_the_rest(method: StartMethod) {
    let pool = pool(method);
    let (held, others) = (Gate::new(), Gate::new());
    let name = |x: u32| if x < 2 { held.name() } else { others.name() };
    let results = pool.map(gate::pass, (0..500).map(name));
    let arrivals = [held.arrival(), held.arrival()];
    drop(results);
    drop(arrivals);
    // All that could still run has run when the pool has gone.
    drop(pool);
    assert!(others.try_arrival().is_none(), "a cancelled task ran");
}

fn dropped_at_once_over_and_over(method: StartMethod) {
    let pool = pool(method);
    for round in 0..300 {
        // Its tasks are not sent yet, or sent and not begun, or begun.
        drop(pool.map(double, 0..round));
        let mut results = pool.map_unordered(double, 0..round);
        let some = results.by_ref().take(round as usize % 3).count();
        assert_eq!(some, (round as usize % 3).min(round as usize));
        drop(results);
        assert_eq!(pool.call(double, round).expect("the pool is well"), round * 2);
    }
}

fn unordered_gives_every_index_once(method: StartMethod) {
    let pool = pool(method);
    let mut seen = vec![false; 50_000];
    for (index, result) in pool.map_unordered(double, 0..50_000) {
        assert_eq!(result.expect("a result") as usize, index * 2);
        assert!(!std::mem::replace(&mut seen[index], true), "index {index} came twice");
    }
    assert!(seen.iter().all(|seen| *seen));
}

fn a_slow_task_holds_up_no_other(method: StartMethod) {
    let pool = pool(method);
    let gate = Gate::new();
    let inputs = (0..1_000).map(|x| ((x == 0).then(|| gate.name()), x));
    let mut results = pool.map_unordered(pass_if_any, inputs);
    let mut indices: Vec<usize> = Vec::new();
    // The first task stands at the gate meanwhile, and whatever was sent to the same worker must not stand behind it.
    for _ in 1..1_000 {
        let (index, result) = results.next().expect("as many as inputs");
        assert_eq!(result.expect("a result") as usize, index);
        indices.push(index);
    }
    drop(gate.arrival());
    assert_eq!(results.next().expect("the last").0, 0);
    indices.sort_unstable();
    assert!(indices.into_iter().eq(1..1_000));
}

fn an_input_may_use_the_pool(method: StartMethod) {
    let pool = pool(method);
    let inputs = (0..200).map(|x| pool.call(double, x).expect("a result"));
    let results: Vec<u32> =
        pool.map(double, inputs).map(|result| result.expect("a result")).collect();
    assert!(results.into_iter().eq((0..200).map(|x| x * 4)));
}

fn several_maps_at_once(method: StartMethod) {
    let pool = pool(method);
    let first = pool.map(double, 0..20_000);
    let second = pool.map(double, (0..20_000).rev());
    // The results of one are the inputs of another.
    let third =
        pool.map(double, pool.map(double, 0..20_000).map(|result| result.expect("a result")));
    for (x, ((first, second), third)) in (0..).zip(first.zip(second).zip(third)) {
        assert_eq!(first.expect("a result"), x * 2);
        assert_eq!(second.expect("a result"), (19_999 - x) * 2);
        assert_eq!(third.expect("a result"), x * 4);
    }
}

fn at_most(limit: u32) -> u32 {
    assert!(limit < 7, "too much");
    limit
}

fn a_failed_task_is_an_item(method: StartMethod) {
    let pool = pool(method);
    for (x, result) in (0..).zip(pool.map(at_most, 0..10)) {
        match result {
            Ok(same) => assert_eq!(same, x),
            Err(TaskError::Panicked { .. }) => assert!(x >= 7),
            Err(other) => panic!("{other}"),
        }
    }
    let failed: Vec<usize> = pool
        .map_unordered(at_most, 0..10)
        .filter_map(|(index, result)| result.is_err().then_some(index))
        .collect();
    assert_eq!(failed.len(), 3);
}

fn after_the_end_there_is_nothing(method: StartMethod) {
    let pool = pool(method);
    let mut ordered = pool.map(double, 0..3);
    let mut unordered = pool.map_unordered(double, 0..3);
    assert_eq!((ordered.by_ref().count(), unordered.by_ref().count()), (3, 3));
    for _ in 0..3 {
        assert!(ordered.next().is_none() && unordered.next().is_none());
    }
}
