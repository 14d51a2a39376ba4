//! `SharedSlice` and `SharedSliceMut`: there and back, without a copy and without a trace.

use crate::observe::{descriptors, kill_9, pool, without_a_trace, worker_pids};
use procpool::{SharedSlice, SharedSliceMut, StartMethod, TaskError};
use serde::{Deserialize, Serialize};

crate::over_each_start_method![
    one_slice_for_all_tasks,
    a_slice_as_a_result,
    a_slice_without_elements,
    several_slices_in_one_argument,
    more_slices_than_a_message_holds,
    a_mutable_slice_goes_there_and_back,
    slices_are_the_same_memory,
    slices_beside_large_payloads,
    failing_tasks_keep_no_slice,
];

fn sum(slice: SharedSlice<u32>) -> u64 {
    slice.iter().map(|x| u64::from(*x)).sum()
}

fn numbers(len: u32) -> SharedSlice<u32> {
    SharedSlice::from_slice(&(0..len).collect::<Vec<u32>>()).expect("shared memory")
}

fn one_slice_for_all_tasks(method: StartMethod) {
    let pool = pool(method);
    let slice = numbers(100_000);
    let expected: u64 = (0..100_000).sum();
    assert_eq!(pool.call(sum, slice.clone()).expect("a result"), expected);
    let inputs = std::iter::repeat_n(slice, 500);
    for result in pool.map(sum, inputs) {
        assert_eq!(result.expect("a result"), expected);
    }
}

fn squares(len: u64) -> SharedSlice<u64> {
    SharedSlice::from_slice(&(0..len).map(|x| x * x).collect::<Vec<u64>>())
        .expect("shared memory")
}

fn a_slice_as_a_result(method: StartMethod) {
    let pool = pool(method);
    for len in [1, 1_000, 300_000] {
        let slice = pool.call(squares, len).expect("a result");
        assert_eq!(slice.len() as u64, len);
        assert!(slice.iter().zip(0..).all(|(square, x)| *square == x * x));
    }
    // The worker that made them is gone, and they stay.
    let kept: Vec<_> =
        pool.map(squares, 1..50).map(|result| result.expect("a result")).collect();
    drop(pool);
    for (slice, len) in kept.iter().zip(1..) {
        assert_eq!(slice.as_slice().last(), Some(&((len - 1) * (len - 1))));
    }
}

fn same(slice: SharedSlice<u8>) -> SharedSlice<u8> {
    slice
}

fn a_slice_without_elements(method: StartMethod) {
    let pool = pool(method);
    let empty = SharedSlice::<u8>::from_slice(&[]).expect("shared memory");
    let back = pool.call(same, empty).expect("a result");
    assert!(back.is_empty() && back.as_slice().is_empty());
}

#[derive(Serialize, Deserialize)]
struct Table {
    name: String,
    columns: Vec<SharedSlice<u32>>,
    again: Option<SharedSlice<u32>>,
}

fn totals(table: Table) -> (String, Vec<u64>) {
    let columns = table.columns.into_iter().chain(table.again);
    (table.name, columns.map(sum).collect())
}

fn several_slices_in_one_argument(method: StartMethod) {
    let pool = pool(method);
    for round in 0..50 {
        let columns: Vec<_> = (0..8).map(|n| numbers(n * 10 + round)).collect();
        let expected: Vec<u64> =
            columns.iter().chain([&columns[3]]).cloned().map(sum).collect();
        let again = Some(columns[3].clone());
        let table = Table { name: format!("table {round}"), columns, again };
        let (name, totals) = pool.call(totals, table).expect("a result");
        assert_eq!((name, totals), (format!("table {round}"), expected));
    }
}

fn total_of_all(slices: Vec<SharedSlice<u32>>) -> u64 {
    slices.into_iter().map(sum).sum()
}

fn more_slices_than_a_message_holds(method: StartMethod) {
    let pool = pool(method);
    let slices: Vec<_> = (0..300).map(|_| numbers(10)).collect();
    match pool.call(total_of_all, slices) {
        Ok(total) => assert_eq!(total, 300 * 45),
        // A limit is fine if it is told.
        Err(TaskError::Encode { message, .. }) => assert!(message.contains("253"), "{message}"),
        Err(other) => panic!("{other}"),
    }
    let slices: Vec<_> = (0..200).map(|_| numbers(10)).collect();
    assert_eq!(pool.call(total_of_all, slices).expect("a result"), 200 * 45);
}

fn negate(mut slice: SharedSliceMut<i32>) -> SharedSliceMut<i32> {
    slice.as_mut_slice().iter_mut().for_each(|x| *x = -*x);
    slice
}

fn a_mutable_slice_goes_there_and_back(method: StartMethod) {
    let pool = pool(method);
    let mut slice = SharedSliceMut::<i32>::zeroed(100_000).expect("shared memory");
    slice.as_mut_slice().iter_mut().zip(0..).for_each(|(to, x)| *to = x);
    for _ in 0..20 {
        slice = pool.call(negate, slice).expect("a result");
    }
    slice = pool.call(negate, slice).expect("a result");
    assert!(slice.as_slice().iter().zip(0..).all(|(value, x)| *value == -x));
    let frozen = slice.freeze().expect("nobody else maps it any more");
    assert_eq!(frozen[99_999], -99_999);
    // And a frozen one travels as any other.
    fn last(slice: SharedSlice<i32>) -> Option<i32> {
        slice.last().copied()
    }
    assert_eq!(pool.call(last, frozen).expect("a result"), Some(-99_999));
}

fn slices_are_the_same_memory(method: StartMethod) {
    let pool = pool(method);
    let mut slice = SharedSliceMut::<u8>::zeroed(64 << 20).expect("shared memory");
    slice.as_mut_slice().fill(1);
    let slice = slice.freeze().expect("nobody else maps it");
    // The program has each page in its own tables now, so in a worker they are shared, unless they were copied.
    assert!(slice.iter().all(|byte| *byte == 1));
    fn private_bytes(slice: SharedSlice<u8>) -> (usize, u64) {
        let ones = slice.iter().filter(|byte| **byte == 1).count();
        let memory = process::Snapshot::this().expect("/proc").memory;
        (ones, memory.uss_bytes)
    }
    let (ones, private) = pool.call(private_bytes, slice.clone()).expect("a result");
    assert_eq!(ones, 64 << 20);
    assert!(
        private < 32 << 20,
        "the worker has {private} bytes of its own: the slice was copied"
    );
}

fn first_and_len((slice, bytes): (SharedSlice<u8>, Vec<u8>)) -> (SharedSlice<u8>, Vec<u8>) {
    (slice, bytes)
}

fn slices_beside_large_payloads(method: StartMethod) {
    let pool = pool(method);
    let inputs = (0..60_u8).map(|n| {
        let slice = SharedSlice::from_slice(&vec![n; 5_000]).expect("shared memory");
        // Every third one is too large for the ring.
        (slice, vec![n; if n % 3 == 0 { 1 << 20 } else { 100 }])
    });
    for (n, result) in (0..60_u8).zip(pool.map(first_and_len, inputs)) {
        let (slice, bytes) = result.expect("a result");
        assert!(slice.len() == 5_000 && slice.iter().chain(&bytes).all(|byte| *byte == n));
    }
}

fn fail((how, slice): (u8, SharedSlice<u32>)) -> SharedSlice<u32> {
    match how {
        0 => panic!("with a slice of {}", slice.len()),
        1 => std::process::exit(4),
        _ => slice,
    }
}

fn failing_tasks_keep_no_slice(method: StartMethod) {
    without_a_trace(|| let_tasks_fail(method));
}

fn let_tasks_fail(method: StartMethod) {
    let pool = pool(method);
    // Once each, so that whatever stays has come.
    let slice = numbers(5_000);
    let run = |how| pool.call(fail, (how, slice.clone()));
    let once = || {
        assert!(matches!(run(0), Err(TaskError::Panicked { .. })));
        assert!(matches!(run(1), Err(TaskError::WorkerDied { .. })));
        assert_eq!(run(2).expect("a result").len(), 5_000);
        worker_pids(&pool, 2)
    };
    once();
    let memfds = |pid| {
        descriptors(pid).into_iter().filter(|(_, target, _)| target.contains("memfd")).count()
    };
    let before = memfds(std::process::id());
    for _ in 0..8 {
        let pids = once();
        assert_eq!(memfds(std::process::id()), before);
        // A worker may not have run any of these tasks, or its last one: at most what came with it.
        for pid in &pids {
            assert!(memfds(*pid) <= 6, "{:?}", descriptors(*pid));
        }
    }
    // A worker that is killed while a slice is under way.
    let pid = *worker_pids(&pool, 2).first().expect("two");
    kill_9(pid);
    assert_eq!(pool.call(sum, slice).expect("the other worker"), (0..5_000).sum::<u64>());
}
