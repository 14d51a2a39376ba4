//! Measures what it costs to run a function from its distance, and to encode many bytes at once or one by one.
//! Minutes: 5
//!
//! Run it with `cargo run --release --example cost_of_a_call`.
//! Look at the times beside a round trip through two pipes, and at the two ways to encode the same bytes.

use pipe::{frame, pipe};
use std::collections::VecDeque;
use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};
use task::{Call, decode, encode};
use wait::Child;

/// Many short rounds: in the quickest of them nothing else had the processor.
const ROUNDS: u32 = 40;
const CALLS: u32 = 500;
const TRIPS: u32 = 25;
const COPIES: u32 = 5;
const LEN: usize = 1 << 20;
/// So much that the allocator asks the kernel for it each time.
const LARGE_LEN: usize = 48 << 20;

fn next(number: u64) -> u64 {
    number + 1
}

fn main() -> Result<(), Box<dyn Error>> {
    let function: fn(u64) -> u64 = black_box(next);
    let call = Call::of(function)?;
    let (mut argument, mut out) = (Vec::new(), Vec::with_capacity(64));
    encode(&7_u64, &mut argument)?;
    let direct = least(ROUNDS, CALLS, || {
        black_box(function(black_box(7)));
    });
    let made = least(ROUNDS, CALLS, || {
        let _ = black_box(Call::of(black_box(function)));
    });
    let run = least(ROUNDS, CALLS, || {
        out.clear();
        black_box(black_box(call).run(black_box(&argument), &mut out));
    });
    let trip = round_trip()?;
    println!("a call of the function:              {}", nanoseconds(direct));
    println!("Call::of, its distances:             {}", nanoseconds(made));
    println!("Call::run, with argument and result: {}", nanoseconds(run));
    println!("a round trip through two pipes:      {}", nanoseconds(trip));
    if trip > run {
        println!("the way to the other process costs more than the call there\n");
    } else {
        println!("the call costs about as much as the way to the other process\n");
    }

    let bytes = vec![7_u8; LEN];
    let one_by_one: VecDeque<u8> = bytes.iter().copied().collect();
    let (mut out, mut same) = (Vec::with_capacity(LEN + 16), Vec::with_capacity(LEN + 16));
    let at_once = least(COPIES, 1, || {
        out.clear();
        let _ = encode(black_box(&bytes), &mut out);
    });
    let singly = least(COPIES, 1, || {
        same.clear();
        let _ = encode(black_box(&one_by_one), &mut same);
    });
    println!("encode 1 MiB as Vec<u8>:             {}", microseconds(at_once));
    println!("encode 1 MiB as VecDeque<u8>:        {}", microseconds(singly));
    println!("the bytes are {}", if out == same { "the same" } else { "not the same" });
    if singly > 3 * at_once {
        println!(
            "a vector of numbers is copied whole; other collections are visited one by one"
        );
    } else {
        println!("both cost about the same here");
    }

    let large = vec![7_u8; LARGE_LEN];
    let mut encoded = Vec::new();
    encode(&large, &mut encoded)?;
    let cloned = least(COPIES, 1, || drop(black_box(large.clone())));
    let decoded = least(COPIES, 1, || drop(black_box(decode::<Vec<u8>>(black_box(&encoded)))));
    println!("\nclone a vector of 48 MiB:            {}", microseconds(cloned));
    println!("decode a vector of 48 MiB:           {}", microseconds(decoded));
    Ok(())
}

/// The time of one call of `work`: the least of some rounds, each of so many calls.
fn least(rounds: u32, calls: u32, mut work: impl FnMut()) -> Duration {
    let round = |_| {
        let start = Instant::now();
        (0..calls).for_each(|_| work());
        start.elapsed() / calls
    };
    (0..rounds).map(round).min().unwrap_or_default()
}

/// The time until a frame of 8 bytes has come back from another process.
fn round_trip() -> Result<Duration, Box<dyn Error>> {
    let (mut questions_in, questions) = pipe()?;
    let (answers, mut answers_out) = pipe()?;
    let mut ends = Some((questions, answers));
    let mut child = Child::fork(|| {
        // Otherwise this process would wait for the end of a pipe that it holds open itself.
        drop(ends.take());
        while let Ok(Some(question)) = frame::read(&mut questions_in, 8) {
            if frame::write(&mut answers_out, &question, 8).is_err() {
                return 1;
            }
        }
        0
    })?;
    drop((questions_in, answers_out));
    let Some((mut questions, mut answers)) = ends else { return Err("no pipes".into()) };
    let mut came_back = true;
    let trip = least(ROUNDS, TRIPS, || {
        let sent = frame::write(&mut questions, &[7; 8], 8).is_ok();
        came_back &= sent && frame::read(&mut answers, 8).is_ok_and(|answer| answer.is_some());
    });
    drop((questions, answers));
    child.wait()?;
    if came_back { Ok(trip) } else { Err("the other process has ended too early".into()) }
}

fn nanoseconds(time: Duration) -> String {
    format!("{:>10} ns", time.as_nanos())
}

fn microseconds(time: Duration) -> String {
    format!("{:>10} µs", time.as_micros())
}
