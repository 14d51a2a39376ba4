//! Workers for orders, which come while the program has threads.

use std::error::Error;

use start::Launcher;
use wait::{Child, ExitStatus};

/// Has each order done by a worker of its own, started as soon as the order comes, and returns how the workers have ended,
/// in the order of the orders.
///
/// `load` makes the table that the work needs; it takes long, so it is called once. `open` starts the thread that takes the
/// orders, and `next` waits for one; `None` says that there will be no more. `work` does an order in a worker, and returns
/// the worker's exit status.
///
/// # Errors
/// If a worker cannot be made or waited for.
pub fn run<Table: 'static, Orders>(
    load: fn() -> Table,
    work: fn(&Table, u8) -> i32,
    open: fn() -> Orders,
    next: fn(&mut Orders) -> Option<u8>,
) -> Result<Vec<ExitStatus>, Box<dyn Error>> {
    let table = load();
    // Now: the table is there, and the thread is not.
    let mut launcher = Launcher::fork("worker", move |kit| {
        kit.note.first().map_or(1, |order| work(&table, *order))
    })?;
    let mut orders = open();
    let mut workers: Vec<Child> = Vec::new();
    while let Some(order) = next(&mut orders) {
        workers.push(launcher.start(&[], &[order])?);
    }
    let mut ends = Vec::new();
    for mut worker in workers {
        ends.push(worker.wait()?);
    }
    Ok(ends)
}
