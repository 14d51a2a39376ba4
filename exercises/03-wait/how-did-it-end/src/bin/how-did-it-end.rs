//! The program of `how-did-it-end`: makes a child that ends as asked, and prints how the reader's function says that
//! it ended.
//!
//! By hand: `cargo run -p how-did-it-end -- exits 130`, `... -- killed 2`, `... -- status 139`

use std::process::ExitCode;

use how_did_it_end::End;

/// Gets a status, from a child or as given, and prints what it means.
pub(crate) fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [how, number] = &arguments[..] else { return usage() };
    let Ok(number) = number.parse::<i32>() else { return usage() };
    let status = match how.as_str() {
        "exits" => status_of(|| number),
        "killed" => status_of(|| end_by(number)),
        "status" => number,
        _ => return usage(),
    };
    gate::tell("status", status);
    gate::pass("start");
    let end = how_did_it_end::how_it_ended(status);
    gate::pass("end");
    match end {
        End::Exited(code) => println!("exit code {code}"),
        End::Killed { signal, core_dumped: false } => println!("signal {signal}"),
        End::Killed { signal, core_dumped: true } => println!("signal {signal}, core dumped"),
    }
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("usage: how-did-it-end exits CODE | killed SIGNAL | status NUMBER");
    ExitCode::FAILURE
}

/// The number that the kernel writes for a child that does this.
fn status_of(child: impl FnOnce() -> i32) -> i32 {
    let child = fork::fork(child).expect("a process can be made").as_raw();
    let mut status = 0;
    // SAFETY: `status` may be written, and the child is this process's own.
    while unsafe { libc::waitpid(child, &raw mut status, 0) } == -1 {}
    status
}

/// Ends this process by a signal.
fn end_by(signal: i32) -> i32 {
    /// What the child ends with if the signal has not ended it.
    const SURVIVED_CODE: i32 = 99;
    // SAFETY: the call takes a number and touches no memory.
    unsafe { libc::raise(signal) };
    SURVIVED_CODE
}
