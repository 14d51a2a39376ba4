//! The program of `panic-comes-home`: a worker runs tasks that panic in many ways, and the program prints what it hears.
//!
//! By hand: `cargo run -p panic-comes-home -- text formatted double`. The tasks are `double`, `text`, `formatted`,
//! `number`, `row`, `caught`, `second`, `bomb` and `chain`; all of them run in one worker, one after the other.

use std::io::{self, Read, Write, pipe};
use std::panic::{catch_unwind, panic_any};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use panic_comes_home::{prepare, run};
use wait::Child;

/// What every task is called with.
const ARGUMENT: u64 = 21;

/// The line in which the task is about to panic, in whichever thread it runs.
static LINE: AtomicU32 = AtomicU32::new(0);

fn double(number: u64) -> u64 {
    number * 2
}

fn text(_: u64) -> u64 {
    LINE.store(line!() + 1, SeqCst);
    panic!("there is no such photo")
}

fn formatted(number: u64) -> u64 {
    LINE.store(line!() + 1, SeqCst);
    panic!("photo {number} is damaged")
}

fn number(_: u64) -> u64 {
    LINE.store(line!() + 1, SeqCst);
    panic_any(7_u32)
}

fn row(number: u64) -> u64 {
    let row = [1, 2, 3].get(number as usize).copied();
    LINE.store(line!() + 1, SeqCst);
    row.expect("the table has three rows")
}

/// Catches its own panic and has a result.
fn caught(number: u64) -> u64 {
    let panicked = catch_unwind(|| text(number)).is_err();
    number + u64::from(panicked)
}

/// Catches its own panic, and then has another one.
fn second(number: u64) -> u64 {
    let _ = catch_unwind(|| text(number));
    LINE.store(line!() + 1, SeqCst);
    panic!("the second one")
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("out of a destructor")
    }
}

fn bomb(_: u64) -> u64 {
    LINE.store(line!() + 1, SeqCst);
    panic_any(Bomb)
}

/// Has another one inside whenever it is dropped.
struct Chain;

impl Drop for Chain {
    fn drop(&mut self) {
        panic_any(Chain)
    }
}

fn chain(_: u64) -> u64 {
    LINE.store(line!() + 1, SeqCst);
    panic_any(Chain)
}

/// Forks the worker, and prints what it has written.
pub(crate) fn main() -> io::Result<()> {
    let tasks: Vec<String> = std::env::args().skip(1).collect();
    let (mut from_worker, to_program) = pipe()?;
    let mut to_program = Some(to_program);
    let mut worker = Child::fork(|| {
        let Some(mut tell) = to_program.take() else { return 1 };
        prepare();
        for name in &tasks {
            if work(name, &mut tell).is_err() {
                return 1;
            }
        }
        0
    })
    .map_err(io::Error::other)?;
    drop(to_program);
    let mut lines = String::new();
    from_worker.read_to_string(&mut lines)?;
    print!("{lines}");
    println!("the worker ended: {}", worker.wait().map_err(io::Error::other)?);
    Ok(())
}

/// One task: what came of it goes to the program, and in which line it should have panicked.
fn work(name: &str, tell: &mut impl Write) -> io::Result<()> {
    let task = match name {
        "double" => double,
        "text" => text,
        "formatted" => formatted,
        "number" => number,
        "row" => row,
        "caught" => caught,
        "second" => second,
        "bomb" => bomb,
        "chain" => chain,
        _ => return Err(io::Error::other("there is no such task")),
    };
    writeln!(tell, "{name} begins")?;
    match run(task, ARGUMENT) {
        Ok(result) => writeln!(tell, "{name} is {result}"),
        Err(report) => {
            writeln!(
                tell,
                "{name} panicked: {:?}",
                report.message.as_deref().unwrap_or("(none)")
            )?;
            writeln!(tell, "{name} reports {}", report.place.as_deref().unwrap_or("no place"))?;
            writeln!(tell, "{name} was at {}:{}", file!(), LINE.load(SeqCst))
        }
    }
}
