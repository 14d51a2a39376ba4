//! The program of `possible-orders`: runs one of the two pools, and prints the answers in the order in which they came.
//!
//! By hand: `cargo run -p possible-orders -- dealt` or `handed-out`. You will see one order most of the time. The grader
//! lets the workers go one at a time, and so sees all of them.

use std::error::Error;
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::process::exit;

use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork};

/// Runs the pool, or, for the grader, reports what the reader has written down.
pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let mode = std::env::args().nth(1).unwrap_or_default();
    gate::tell("DEALT", lines(possible_orders::DEALT));
    gate::tell("HANDED_OUT", lines(possible_orders::HANDED_OUT));
    gate::pass("start");
    let order = match mode.as_str() {
        "dealt" => dealt()?,
        "handed-out" => handed_out()?,
        _ => return Err("which pool: dealt or handed-out?".into()),
    };
    gate::pass("end");
    print!("{}", lines(&[order]));
    Ok(())
}

/// One line for each order.
fn lines<T: AsRef<[u32]>>(orders: &[T]) -> String {
    let words = |order: &T| {
        let words: Vec<String> = order.as_ref().iter().map(u32::to_string).collect();
        words.join(" ") + "\n"
    };
    orders.iter().map(words).collect()
}

/// The first worker has the tasks 1 and 3, the second has task 2.
fn dealt() -> Result<Vec<u32>, Box<dyn Error>> {
    let (mut answers, writer) = pipe()?;
    let workers = [
        start(|| [1, 3].iter().try_for_each(|task| do_task(*task, &writer)))?,
        start(|| do_task(2, &writer))?,
    ];
    drop(writer);
    collect(&mut answers, &workers)
}

/// The tasks lie in a pipe, one byte each, and a worker that is free takes the next.
fn handed_out() -> Result<Vec<u32>, Box<dyn Error>> {
    let (tasks, mut task_writer) = pipe()?;
    task_writer.write_all(&[1, 2, 3])?;
    drop(task_writer);
    let (mut answers, writer) = pipe()?;
    let take_tasks = || -> std::io::Result<()> {
        let mut task = [0];
        while (&tasks).read(&mut task)? == 1 {
            do_task(task[0], &writer)?;
        }
        Ok(())
    };
    let workers = [start(take_tasks)?, start(take_tasks)?];
    drop(writer);
    collect(&mut answers, &workers)
}

/// Does a task and writes its number. How long it takes is for the grader to say.
fn do_task(task: u8, mut answers: &PipeWriter) -> std::io::Result<()> {
    gate::tell("step", task);
    answers.write_all(&[task])
}

/// Starts a worker, which ends when its work is done.
fn start(work: impl FnOnce() -> std::io::Result<()>) -> nix::Result<Pid> {
    // SAFETY: this program has one thread.
    match unsafe { fork() }? {
        ForkResult::Child => {
            let done = work();
            gate::tell("step", "done");
            exit(i32::from(done.is_err()))
        }
        ForkResult::Parent { child } => Ok(child),
    }
}

/// The answers in the order in which they come, until both workers have ended.
fn collect(answers: &mut PipeReader, workers: &[Pid]) -> Result<Vec<u32>, Box<dyn Error>> {
    let mut order = Vec::new();
    answers.read_to_end(&mut order)?;
    for worker in workers {
        waitpid(*worker, None)?;
    }
    Ok(order.into_iter().map(u32::from).collect())
}
