//! Tasks that fail and leave their worker alive: panics, and values that cannot travel.

use crate::observe::{pool, worker_pids};
use procpool::{StartMethod, TaskError};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

crate::over_each_start_method![
    a_panic_tells_message_place_and_stack,
    any_payload_of_a_panic_is_survived,
    a_panic_costs_neither_worker_nor_neighbour,
    an_argument_that_cannot_be_encoded,
    an_argument_that_cannot_be_decoded,
    a_result_that_cannot_be_encoded,
    a_result_that_cannot_be_decoded,
    every_failure_prints_one_line,
];

#[inline(never)]
fn divide_by(number: u32) -> u32 {
    assert!(number != 0, "nothing can be divided by {number}");
    100 / number
}

fn a_panic_tells_message_place_and_stack(method: StartMethod) {
    let pool = pool(method);
    match pool.call(divide_by, 0) {
        Err(TaskError::Panicked { message, location: Some(location), backtrace }) => {
            assert_eq!(message, "nothing can be divided by 0");
            assert!(location.contains("faults.rs:"), "{location}");
            // RUST_BACKTRACE is not set here.
            assert!(backtrace.contains("divide_by"), "{backtrace}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(pool.call(divide_by, 4).expect("a result"), 25);
}

/// Its destructor panics, when nobody is there to catch it but the pool.
struct Sour;

impl Drop for Sour {
    fn drop(&mut self) {
        panic!("and its destructor panics too");
    }
}

fn panic_with(kind: u8) -> u8 {
    match kind {
        0 => panic!("plain"),
        1 => panic!("{}", "put together".repeat(2)),
        2 => std::panic::panic_any(17_u64),
        3 => std::panic::panic_any(Sour),
        4 => panic!("{}", "long ".repeat(200_000)),
        _ => kind,
    }
}

fn any_payload_of_a_panic_is_survived(method: StartMethod) {
    let pool = pool(method);
    let message = |kind| match pool.call(panic_with, kind) {
        Err(TaskError::Panicked { message, .. }) => message,
        other => panic!("{other:?}"),
    };
    assert_eq!(message(0), "plain");
    assert_eq!(message(1), "put togetherput together");
    message(2);
    assert!(message(4).starts_with("long long "));
    // Whether a worker lives on after a destructor that panics is its own affair; the task and the pool must.
    match pool.call(panic_with, 3) {
        Err(TaskError::Panicked { .. } | TaskError::WorkerDied { .. }) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(pool.call(panic_with, 9).expect("a result"), 9);
}

fn a_panic_costs_neither_worker_nor_neighbour(method: StartMethod) {
    let pool = pool(method);
    let pids = worker_pids(&pool, 2);
    for (number, result) in pool.map(divide_by, (0..1_000).map(|n| n % 50)).enumerate() {
        match result {
            Ok(quotient) => assert_eq!(quotient, 100 / (number as u32 % 50)),
            Err(TaskError::Panicked { .. }) => assert_eq!(number % 50, 0),
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(worker_pids(&pool, 2), pids, "a panic is no reason for another worker");
}

/// A value that travels, or fails at the place that it names.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Picky {
    Fine,
    RefusesToLeave,
    PanicsOnLeaving,
    RefusesToArrive,
    PanicsOnArriving,
}
use Picky::{Fine, PanicsOnArriving, PanicsOnLeaving, RefusesToArrive, RefusesToLeave};

impl Serialize for Picky {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            RefusesToLeave => Err(ser::Error::custom("it will not leave")),
            PanicsOnLeaving => panic!("it panics on leaving"),
            Fine => serializer.serialize_u8(0),
            RefusesToArrive => serializer.serialize_u8(1),
            PanicsOnArriving => serializer.serialize_u8(2),
        }
    }
}

impl<'de> Deserialize<'de> for Picky {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Picky, D::Error> {
        match u8::deserialize(deserializer)? {
            0 => Ok(Fine),
            1 => Err(de::Error::custom("it will not arrive")),
            _ => panic!("it panics on arriving"),
        }
    }
}

fn take(_: Picky) -> u8 {
    7
}

fn give(which: u8) -> Picky {
    [Fine, RefusesToLeave, PanicsOnLeaving, RefusesToArrive, PanicsOnArriving]
        [usize::from(which)]
}

fn expect_encode<R: std::fmt::Debug>(result: Result<R, TaskError>, what: &str) {
    match result {
        Err(TaskError::Encode { type_name, message }) => {
            assert!(type_name.contains("Picky"), "{type_name}");
            assert!(message.contains(what), "`{message}` does not say `{what}`");
        }
        other => panic!("{other:?}"),
    }
}

fn expect_decode<R: std::fmt::Debug>(result: Result<R, TaskError>, what: &str) {
    match result {
        Err(TaskError::Decode { type_name, message }) => {
            assert!(type_name.contains("Picky"), "{type_name}");
            assert!(message.contains(what), "`{message}` does not say `{what}`");
        }
        other => panic!("{other:?}"),
    }
}

fn an_argument_that_cannot_be_encoded(method: StartMethod) {
    let pool = pool(method);
    expect_encode(pool.call(take, RefusesToLeave), "it will not leave");
    expect_encode(pool.submit(take, PanicsOnLeaving).join(), "it panics on leaving");
    // In the middle of a map it is one item, in its place.
    let results: Vec<_> = pool.map(take, [Fine, RefusesToLeave, Fine]).collect();
    assert!(
        matches!(results[..], [Ok(7), Err(TaskError::Encode { .. }), Ok(7)]),
        "{results:?}"
    );
}

fn an_argument_that_cannot_be_decoded(method: StartMethod) {
    let pool = pool(method);
    let pids = worker_pids(&pool, 2);
    expect_decode(pool.call(take, RefusesToArrive), "it will not arrive");
    expect_decode(pool.call(take, PanicsOnArriving), "it panics on arriving");
    assert_eq!(pool.call(take, Fine).expect("a result"), 7);
    assert_eq!(worker_pids(&pool, 2), pids);
}

fn a_result_that_cannot_be_encoded(method: StartMethod) {
    let pool = pool(method);
    let pids = worker_pids(&pool, 2);
    expect_encode(pool.call(give, 1), "it will not leave");
    expect_encode(pool.call(give, 2), "it panics on leaving");
    assert_eq!(pool.call(give, 0).expect("a result"), Fine);
    assert_eq!(worker_pids(&pool, 2), pids);
}

fn a_result_that_cannot_be_decoded(method: StartMethod) {
    let pool = pool(method);
    expect_decode(pool.call(give, 3), "it will not arrive");
    expect_decode(pool.submit(give, 4).join(), "it panics on arriving");
    assert_eq!(pool.call(give, 0).expect("a result"), Fine);
}

fn every_failure_prints_one_line(method: StartMethod) {
    let pool = pool(method);
    let errors = [
        pool.call(divide_by, 0).map(drop),
        pool.call(take, RefusesToLeave).map(drop),
        pool.call(take, RefusesToArrive).map(drop),
        pool.call(give, 1).map(drop),
        pool.call(give, 3).map(drop),
    ];
    for error in errors.map(|result| result.expect_err("each of them fails")) {
        let line = error.to_string();
        assert!(!line.is_empty() && !line.contains('\n'), "{line:?}");
        let _: &dyn std::error::Error = &error;
    }
}
