//! Tasks that end well: any type there and back, and the workers at work side by side.

use crate::gate::{self, Gate};
use crate::observe::{pool, worker_pids};
use procpool::StartMethod;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

crate::over_each_start_method![
    any_type_goes_there_and_back,
    many_calls_return_each_its_own,
    submits_are_joined_in_any_order,
    workers_run_side_by_side,
    equals_start_in_order,
    a_worker_serves_many_tasks,
    tasks_without_argument_or_result,
    each_verb_gives_the_same,
];

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Shape {
    Nothing,
    Named { name: String, sizes: Vec<u16> },
    Nested(Box<Shape>, Option<char>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Everything {
    shape: Shape,
    table: BTreeMap<String, (i64, f64)>,
    wide: u128,
    bytes: [u8; 5],
    flag: Option<bool>,
}

fn same<T>(value: T) -> T {
    value
}

fn any_type_goes_there_and_back(method: StartMethod) {
    let pool = pool(method);
    let everything = Everything {
        shape: Shape::Nested(
            Box::new(Shape::Named { name: "ä\0z".to_owned(), sizes: vec![0, u16::MAX] }),
            Some('🦀'),
        ),
        table: [("low".to_owned(), (i64::MIN, -0.5)), (String::new(), (i64::MAX, f64::MAX))]
            .into(),
        wide: u128::MAX - 1,
        bytes: [1, 2, 3, 4, 255],
        flag: Some(false),
    };
    assert_eq!(
        pool.call(same::<Everything>, everything.clone()).expect("a result"),
        everything
    );
    assert_eq!(pool.call(same::<Shape>, Shape::Nothing).expect("a result"), Shape::Nothing);
    assert_eq!(
        pool.call(same::<String>, "word".repeat(99)).expect("a result"),
        "word".repeat(99)
    );
    let nested: Vec<Vec<u32>> = vec![vec![], vec![1], vec![2, 3]];
    assert_eq!(pool.call(same::<Vec<Vec<u32>>>, nested.clone()).expect("a result"), nested);
    let refused: Result<u8, String> = Err("no".to_owned());
    assert_eq!(
        pool.call(same::<Result<u8, String>>, refused.clone()).expect("a result"),
        refused
    );
    let nan = pool.call(same::<f64>, f64::NAN).expect("a result");
    assert_eq!(nan.to_bits(), f64::NAN.to_bits());
}

fn square(x: u64) -> u64 {
    x * x
}

fn many_calls_return_each_its_own(method: StartMethod) {
    let pool = pool(method);
    for x in 0..2_000 {
        assert_eq!(pool.call(square, x).expect("a result"), x * x);
    }
}

fn submits_are_joined_in_any_order(method: StartMethod) {
    let pool = pool(method);
    let mut handles: Vec<_> = (0..3_000_u64).map(|x| (x, pool.submit(square, x))).collect();
    // First the odd ones, then the rest from the end.
    let odd: Vec<_> = handles.extract_if(.., |(x, _)| *x % 2 == 1).collect();
    for (x, handle) in odd.into_iter().chain(handles.into_iter().rev()) {
        assert_eq!(handle.join().expect("a result"), x * x);
    }
}

fn workers_run_side_by_side(method: StartMethod) {
    let pool = pool(method);
    let pids = worker_pids(&pool, 2);
    assert!(!pids.contains(&std::process::id()), "a task ran in the program");
    assert_eq!(worker_pids(&pool, 2), pids, "workers stay as long as they are well");
}

fn append((path, text): (String, String)) {
    use std::io::Write;
    let file = std::fs::OpenOptions::new().append(true).open(path).expect("the case's file");
    (&file).write_all(text.as_bytes()).expect("the case's file");
}

fn equals_start_in_order(method: StartMethod) {
    let pool =
        procpool::Pool::builder().workers(1).start_method(method).build().expect("a pool");
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let path = file.path().display().to_string();
    let gate = Gate::new();
    let first = pool.submit(gate::pass, gate.name());
    let arrival = gate.arrival();
    let handles: Vec<_> =
        (0..200).map(|n| pool.submit(append, (path.clone(), format!("{n} ")))).collect();
    drop(arrival);
    first.join().expect("the gate is open");
    for handle in handles {
        handle.join().expect("the file is there");
    }
    let expected: String = (0..200).map(|n| format!("{n} ")).collect();
    assert_eq!(std::fs::read_to_string(&file).expect("the case's file"), expected);
}

fn count_up(by: u32) -> (u32, u32) {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    (std::process::id(), COUNT.fetch_add(by, Ordering::Relaxed) + by)
}

fn a_worker_serves_many_tasks(method: StartMethod) {
    let pool = pool(method);
    let mut last: BTreeMap<u32, u32> = BTreeMap::new();
    for _ in 0..500 {
        let (pid, count) = pool.call(count_up, 1).expect("a result");
        let before = last.insert(pid, count).unwrap_or(0);
        assert!(count > before, "memory of worker {pid} went back from {before} to {count}");
    }
    assert!(last.len() <= 2);
    assert_eq!(last.values().sum::<u32>(), 500, "each task ran once, in one of the workers");
}

fn nothing((): ()) {}

fn tasks_without_argument_or_result(method: StartMethod) {
    let pool = pool(method);
    pool.call(nothing, ()).expect("a result");
    for result in pool.map(nothing, vec![(); 1_000]) {
        result.expect("a result");
    }
}

fn each_verb_gives_the_same(method: StartMethod) {
    let pool = pool(method);
    for x in [0, 1, 300, 70_000] {
        let submitted = pool.submit(square, x).join().expect("a result");
        let called = pool.call(square, x).expect("a result");
        let mapped = pool.map(square, [x]).next().expect("one").expect("a result");
        let (index, unordered) = pool.map_unordered(square, [x]).next().expect("one");
        assert_eq!(index, 0);
        let all = [submitted, called, mapped, unordered.expect("a result")];
        assert_eq!(all, [x * x; 4]);
    }
}
