//! The program of `lock-in-the-child`: does jobs, and prints with what status the process of each has ended.
//!
//! Each argument is a job: the status that it returns. By hand: `cargo run -p lock-in-the-child -- 3 0`

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};

use nix::sys::wait::WaitStatus;

/// What has been noted. The journal holds the lock while it is kept.
static NOTES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The thread that keeps the journal, and what ends it.
type Journal = (Sender<()>, JoinHandle<()>);

/// Has the jobs done.
pub(crate) fn main() -> ExitCode {
    let jobs: Vec<i32> =
        std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    gate::pass("start");
    let ends = lock_in_the_child::run_jobs(&jobs, work, start, stop);
    gate::pass("end");
    match ends {
        Ok(ends) => {
            for end in ends {
                match end {
                    WaitStatus::Exited(_, code) => println!("{code}"),
                    end => println!("{end:?}"),
                }
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

/// Starts the journal. When this returns, its thread has the lock.
fn start() -> Journal {
    let (go_on, stopped) = channel::<()>();
    let (tell, told) = channel();
    let thread = thread::spawn(move || {
        let mut notes = NOTES.lock().expect("no thread panics with the lock");
        let _ = tell.send(());
        // The end of the channel is what it waits for.
        let _ = stopped.recv();
        notes.push("the journal is closed".to_owned());
    });
    let _ = told.recv();
    (go_on, thread)
}

/// Ends the journal and its thread.
fn stop((go_on, thread): Journal) {
    drop(go_on);
    let _ = thread.join();
}

/// Does a job.
fn work(job: i32) -> i32 {
    gate::tell("job", job);
    let mut notes = NOTES.lock().expect("no thread panics with the lock");
    notes.push(format!("job {job} is done"));
    job
}
