//! The fault matrix: each fault, at each moment of a worker's life, over each start method.
//!
//! A cell is a case of its own: it has a process, a deadline and a pool of two workers with other tasks. It checks the
//! error of the one task, that every other task completes, that the pool goes on, and that afterwards there is no
//! process, thread, descriptor or shared memory that was not there before. What came of it is compared with
//! `outcomes.table`, which the book shows. `UPDATE_MATRIX=1` writes that file anew:
//!
//! ```sh
//! cargo test -p procpool --test matrix
//! cargo test -p procpool --test matrix -- Stop_
//! UPDATE_MATRIX=1 cargo test -p procpool --test matrix
//! ```

mod again;
mod expect;
mod fault;
#[path = "../contract/gate.rs"]
#[allow(dead_code, reason = "the cases of the contract use the rest")]
mod gate;
mod idle;
#[path = "../contract/observe.rs"]
#[allow(dead_code, reason = "the cases of the contract use the rest")]
mod observe;
mod running;
mod scene;
mod starting;
mod table;

use fault::Fault;
use procpool::StartMethod;
use std::process::ExitCode;
use table::Moment;

/// One cell over one start method.
pub(crate) struct Cell {
    pub(crate) name: &'static str,
    pub(crate) fault: Fault,
    pub(crate) moment: Moment,
    pub(crate) method: StartMethod,
    play: fn(),
}

macro_rules! cell {
    ($fault:ident, $moment:ident, $method:ident) => {
        Cell {
            name: concat!(
                stringify!($fault),
                "_",
                stringify!($moment),
                "_",
                stringify!($method)
            ),
            fault: Fault::$fault,
            moment: Moment::$moment,
            method: StartMethod::$method,
            play: || play(Fault::$fault, Moment::$moment, StartMethod::$method),
        }
    };
}

macro_rules! cells {
    ($($fault:ident),+ $(,)?) => {
        vec![$(
            cell!($fault, Starting, Fork),
            cell!($fault, Starting, Spawn),
            cell!($fault, Starting, Forkserver),
            cell!($fault, Initializer, Fork),
            cell!($fault, Initializer, Spawn),
            cell!($fault, Initializer, Forkserver),
            cell!($fault, Idle, Fork),
            cell!($fault, Idle, Spawn),
            cell!($fault, Idle, Forkserver),
            cell!($fault, Running, Fork),
            cell!($fault, Running, Spawn),
            cell!($fault, Running, Forkserver),
            cell!($fault, Result, Fork),
            cell!($fault, Result, Spawn),
            cell!($fault, Result, Forkserver),
        )+]
    };
}

fn main() -> ExitCode {
    procpool::init();
    if std::env::var_os(scene::MARK).is_none() {
        starting::set_variable(scene::MARK, &std::process::id().to_string());
    }
    let mut cells = cells![
        Kill,
        Segv,
        Abort,
        ExitZero,
        ExitThree,
        Panic,
        PanicNoText,
        PanicTwice,
        StackOverflow,
        Stop,
        Loop,
        Memory,
        Garbage,
        Undecodable,
        Callback,
        Children,
        CloseAll,
        KillAgain,
    ];
    cells.retain(|cell| table::is_played(cell.fault, cell.moment));
    let cases: Vec<contract::Case> = cells.iter().map(|cell| (cell.name, cell.play)).collect();
    contract::run_and_judge(&cases, |said| table::judge(&cells, said))
}

fn play(fault: Fault, moment: Moment, method: StartMethod) {
    let mut outcome = String::new();
    observe::without_a_trace(|| {
        outcome = match (fault, moment) {
            (Fault::KillAgain, Moment::Starting) => again::starting(method),
            (Fault::KillAgain, Moment::Initializer) => again::initializer(method),
            (Fault::KillAgain, Moment::Idle) => again::idle(method),
            (Fault::KillAgain, Moment::Running) => again::tasks(running::strike_behind, method),
            (Fault::KillAgain, Moment::Result) => again::tasks(running::return_loaded, method),
            (_, Moment::Starting) => starting::starting(fault, method),
            (_, Moment::Initializer) => starting::initializer(fault, method),
            (_, Moment::Idle) => idle::play(fault, method),
            (_, Moment::Running) => running::running(fault, method),
            (_, Moment::Result) => running::result(fault, method),
        };
        scene::expect_nobody_left();
    });
    println!("{}{outcome}", table::OUTCOME);
}
