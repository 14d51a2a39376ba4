//! Waits for a handle as a future, with an executor of its own, and tells who polls and who wakes.
//! Minutes: 5
//!
//! `cargo run --example block_on`
//! Look at how often each future is polled, and by whom the main thread is woken.

use executor::ThreadPool;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

// ANCHOR: wake
/// Wakes the thread that waits for a future.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        println!("  woken by thread {}", thread::current().name().unwrap_or("without a name"));
        self.0.unpark();
    }
}
// ANCHOR_END: wake

// ANCHOR: block_on
/// The smallest executor of futures: it has one, and sleeps until that is worth polling.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    for poll in 1.. {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(result) => {
                println!("  poll {poll}: ready");
                return result;
            }
            Poll::Pending => println!("  poll {poll}: pending"),
        }
        thread::park();
    }
    unreachable!("there is always one more number")
}
// ANCHOR_END: block_on

fn sleep_and_double(n: u32) -> u32 {
    thread::sleep(Duration::from_millis(100));
    n * 2
}

fn main() -> Result<(), executor::TaskError> {
    let pool = ThreadPool::new(1);

    println!("a task that takes a while:");
    let doubled = block_on(pool.submit(sleep_and_double, 21))?;
    println!("  the result is {doubled}");

    println!("two tasks, one after the other, on one worker:");
    let sum = block_on(async {
        let (first, second) =
            (pool.submit(sleep_and_double, 1), pool.submit(sleep_and_double, 2));
        Ok::<u32, executor::TaskError>(first.await? + second.await?)
    })?;
    println!("  the sum is {sum}");

    let finished = pool.submit(sleep_and_double, 3);
    while !finished.is_finished() {
        thread::yield_now();
    }
    println!("a task that is finished before it is polled:");
    println!("  the result is {}", block_on(finished)?);
    Ok(())
}
