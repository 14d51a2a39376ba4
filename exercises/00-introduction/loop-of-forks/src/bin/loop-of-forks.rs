//! The program of `loop-of-forks`: starts one worker for each argument, which is the exit status of that worker's work.
//!
//! By hand: `cargo run -p loop-of-forks -- 0 7 0`. Take three arguments, or four: what you see grows fast.

use std::process::ExitCode;

use nix::sys::wait::waitpid;
use nix::unistd::{getpid, getppid};

/// Starts the workers, and waits for them.
pub(crate) fn main() -> ExitCode {
    let count = std::env::args().len() - 1;
    gate::pass("start");
    let workers = match loop_of_forks::start_workers(count, work) {
        Ok(workers) => workers,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let pids: Vec<String> = workers.iter().map(|worker| worker.to_string()).collect();
    gate::tell("step", format!("started {}", pids.join(" ")));
    for worker in workers {
        match waitpid(worker, None) {
            Ok(status) => gate::tell("step", format!("{status:?}")),
            Err(error) => gate::tell("step", format!("worker {worker}: {error}")),
        }
    }
    gate::pass("end");
    ExitCode::SUCCESS
}

/// What worker `number` does: it says who it is, and fails or not, as the argument says.
fn work(number: usize) -> i32 {
    println!("worker {number} is process {}, a child of {}", getpid(), getppid());
    gate::tell("step", format!("worker {number}"));
    std::env::args().nth(number + 1).and_then(|status| status.parse().ok()).unwrap_or(0)
}
