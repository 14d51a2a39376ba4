//! Takes the ring's orderings away, one by one, and lets a model checker look for what goes wrong.
//! Minutes: 5
//!
//! Run it with `cargo run --example orderings`.
//! Look at the last four lines: on the processor under your desk all four might work for years.

mod checked;

use checked::{Orderings, check};
use loom::sync::atomic::Ordering::Relaxed;
use std::panic;

/// The third record comes behind a filler, into the place of the first.
const RECORDS: u64 = 3;

fn main() {
    // What loom finds it tells by a panic, which is a line of the table here.
    panic::set_hook(Box::new(|_| ()));
    let right = Orderings::RIGHT;
    tell("Release and Acquire", right);
    tell("tail stored Relaxed", Orderings { store_tail: Relaxed, ..right });
    tell("tail loaded Relaxed", Orderings { load_tail: Relaxed, ..right });
    tell("head stored Relaxed", Orderings { store_head: Relaxed, ..right });
    tell("head loaded Relaxed", Orderings { load_head: Relaxed, ..right });
}

fn tell(what: &str, orderings: Orderings) {
    match panic::catch_unwind(|| check(RECORDS, orderings)) {
        Ok(orders) => println!("{what}: right in all {orders} orders of events"),
        Err(found) => {
            let message = found.downcast_ref::<String>().map_or("a panic", String::as_str);
            println!("{what}: {}", message.lines().next().unwrap_or_default().trim());
        }
    }
}
