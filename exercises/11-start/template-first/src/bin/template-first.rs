//! The program of `template-first`: a thread takes orders and holds a lock, and workers need that lock.
//!
//! By hand: `cargo run -p template-first -- 3 0 7`. Each argument is an order, and the exit status of its worker. The lock
//! guards the notes that everybody writes; a worker has its own copy of it.

use std::env;
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Mutex, OnceLock};
use std::thread;

static NOTES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Through it workers say that they have begun, and that they are done: one byte each time.
static NEWS: OnceLock<(PipeReader, PipeWriter)> = OnceLock::new();

/// What `load` returns, and nobody else.
const TABLE: [u8; 3] = [3, 1, 4];

/// Calls the reader's function, and prints how the workers have ended.
pub(crate) fn main() -> ExitCode {
    let _ = NEWS.set(pipe().expect("there is room for a pipe"));
    gate::pass("start");
    let ends = template_first::run(load, work, open, next);
    match ends {
        Ok(ends) => {
            gate::pass("end");
            for end in ends {
                println!("{end}");
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            gate::tell("error", &error);
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Makes the table.
fn load() -> Vec<u8> {
    gate::tell("loaded", "");
    TABLE.to_vec()
}

/// What is ordered.
fn orders() -> impl Iterator<Item = u8> {
    env::args().skip(1).filter_map(|word| word.parse().ok())
}

/// Starts the thread that takes the orders. It has the lock when this returns, and keeps it until all orders are done. An
/// order comes when the last one has been begun.
fn open() -> Receiver<u8> {
    let (begun, has_begun) = sync_channel(0);
    let (sender, receiver) = sync_channel(0);
    thread::spawn(move || {
        let mut notes = NOTES.lock().expect("no thread panics with the lock");
        let _ = begun.send(());
        for order in orders() {
            notes.push(format!("order {order} has come"));
            if sender.send(order).is_err() || wait_for_news().is_none() {
                return;
            }
        }
        // A worker that was done early has said so already; the number of bytes is the same.
        for _ in orders() {
            wait_for_news();
        }
    });
    let _ = has_begun.recv();
    receiver
}

/// Waits for an order.
fn next(orders: &mut Receiver<u8>) -> Option<u8> {
    orders.recv().ok()
}

/// Does an order.
fn work(table: &Vec<u8>, order: u8) -> i32 {
    gate::tell("work", order);
    NOTES
        .lock()
        .expect("no thread panics with the lock")
        .push(format!("order {order} is begun"));
    gate::tell("begun", order);
    tell_news();
    if orders().next() == Some(order) {
        gate::pass("first");
    }
    tell_news();
    if *table == TABLE { i32::from(order) } else { 99 }
}

fn wait_for_news() -> Option<()> {
    let (reader, _) = NEWS.get()?;
    let mut reader: &PipeReader = reader;
    reader.read_exact(&mut [0]).ok()
}

fn tell_news() {
    if let Some((_, writer)) = NEWS.get() {
        let mut writer: &PipeWriter = writer;
        let _ = writer.write_all(&[0]);
    }
}
