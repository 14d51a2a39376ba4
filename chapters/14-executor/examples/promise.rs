//! Shows the life of a promise: what its holder sees before, while and after the task runs.
//! Minutes: 3
//!
//! `cargo run --example promise`
//! Look at which of the two tasks can still be taken back, and at when the callbacks run.

use executor::{JoinHandle, ThreadPool};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};

/// The task's ends of two channels: it says that it has begun, and waits for a word.
static ENDS: Mutex<Option<(Sender<()>, Receiver<String>)>> = Mutex::new(None);

fn wait_for_a_word(_: ()) -> String {
    let ends = ENDS.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some((begun, words)) = ends else { return String::new() };
    let _ = begun.send(());
    words.recv().unwrap_or_default()
}

fn length(word: String) -> usize {
    word.len()
}

fn show<R: executor::Message>(name: &str, handle: &JoinHandle<R>) {
    let (running, finished) = (handle.is_running(), handle.is_finished());
    println!("  {name:<7} running: {running:<5} finished: {finished}");
}

// ANCHOR: life
fn live(begun: &Receiver<()>, say: &Sender<String>) -> Result<(), Box<dyn std::error::Error>> {
    let pool = ThreadPool::new(1);
    let first = pool.submit(wait_for_a_word, ());
    let second = pool.submit(length, "another".into());
    begun.recv()?;
    println!("one worker, two tasks:");
    show("first", &first);
    show("second", &second);

    first.on_done(|result| println!("  callback 1 sees {:?}", result.as_ref().ok()));
    first.on_done(|result| println!("  callback 2 sees {:?}", result.as_ref().ok()));
    println!("cancel the first: {}, the second: {}", first.cancel(), second.cancel());

    println!("the first gets its word:");
    say.send("done".to_owned())?;
    println!("  join returns {:?}", first.join()?);
    println!(
        "  the second: {}",
        second.join().map_or_else(|error| error.to_string(), |it| it.to_string())
    );
    Ok(())
}
// ANCHOR_END: life

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ((begin, begun), (say, words)) = (channel(), channel());
    *ENDS.lock()? = Some((begin, words));
    live(&begun, &say)
}
