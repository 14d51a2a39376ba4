//! The protocol under the model checker: right with Release and Acquire, and with nothing less.
//!
//! This needs no `--cfg loom`: the protocol takes any memory, and here it is given loom's.

#[path = "../examples/checked/mod.rs"]
mod checked;

use checked::{Orderings, check};
use loom::sync::atomic::Ordering::Relaxed;

/// Three records of 24 bytes: the third comes behind a filler, into the place of the first.
const COUNT: u64 = 3;

#[test]
fn every_order_of_events_gives_the_records_in_their_order() {
    assert!(check(COUNT, Orderings::RIGHT) > 10);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_tail_published_without_release_is_found() {
    check(COUNT, Orderings { store_tail: Relaxed, ..Orderings::RIGHT });
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_tail_looked_at_without_acquire_is_found() {
    check(COUNT, Orderings { load_tail: Relaxed, ..Orderings::RIGHT });
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_head_published_without_release_is_found() {
    check(COUNT, Orderings { store_head: Relaxed, ..Orderings::RIGHT });
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_head_looked_at_without_acquire_is_found() {
    check(COUNT, Orderings { load_head: Relaxed, ..Orderings::RIGHT });
}
