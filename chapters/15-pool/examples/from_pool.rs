//! Does what a program with Python's `multiprocessing.Pool` does, verb by verb.
//! Minutes: 5
//!
//! Run it with `cargo run --example from_pool`, and read it beside the first table of "Coming from Python".
#![forbid(unsafe_code)]

use procpool::{Pool, Shutdown, TaskError};
use std::error::Error;
use std::sync::OnceLock;
use std::sync::mpsc::channel;
use std::time::Duration;

/// What the initializer leaves to the tasks of its process: Python would use a global variable.
static GREETING: OnceLock<String> = OnceLock::new();

fn set_greeting(greeting: String) {
    GREETING.get_or_init(|| greeting);
}

fn greet(name: String) -> String {
    format!("{}, {name}", GREETING.get().map_or("?", String::as_str))
}

fn square(number: u64) -> u64 {
    number * number
}

/// Several parameters are one tuple.
fn power((base, exponent): (u64, u32)) -> u64 {
    base.pow(exponent)
}

fn divide((number, by): (u64, u64)) -> u64 {
    number / by
}

fn main() -> Result<(), Box<dyn Error>> {
    procpool::init();
    let pool = Pool::builder().workers(2).initializer(set_greeting, "Hello".into()).build()?;

    println!("apply            {}", pool.call(greet, "Ada".into())?);

    let squares: Vec<u64> = pool.map(square, 1..=5).collect::<Result<_, _>>()?;
    println!("map              {squares:?}");

    let powers: Vec<u64> =
        pool.map(power, [(2, 10), (3, 4), (10, 3)]).collect::<Result<_, _>>()?;
    println!("starmap          {powers:?}");

    // In Python an exception ends the iteration. Here each input has its own result.
    let quotients: Vec<String> = pool
        .map(divide, [(6, 3), (1, 0), (8, 2)])
        .map(|result| match result {
            Ok(quotient) => quotient.to_string(),
            Err(TaskError::Panicked { message, .. }) => format!("({message})"),
            Err(error) => format!("({error})"),
        })
        .collect();
    println!("imap             {}", quotients.join(", "));

    let mut unordered = Vec::new();
    for (index, result) in pool.map_unordered(square, [7, 8, 9]) {
        unordered.push((index, result?));
    }
    unordered.sort_unstable();
    println!("imap_unordered   {unordered:?}");

    let handle = pool.submit(square, 12);
    let (sender, called) = channel();
    handle.on_done(move |result| {
        let _ = sender.send(result.as_ref().copied().ok());
    });
    match handle.join_timeout(Duration::from_secs(30)) {
        Ok(result) => println!("apply_async, get {}", result?),
        Err(_handle) => println!("apply_async, get not within 30 s"),
    }
    println!("callback         {:?}", called.recv()?);

    let summary = pool.shutdown(Shutdown::Finish, None)?;
    println!("close, join      {} tasks completed", summary.stats.completed);
    Ok(())
}
