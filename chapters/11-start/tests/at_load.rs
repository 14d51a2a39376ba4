//! `init` before `main`, as a program calls it whose `main` is not its own.

use contract::Case;
use start::{Kit, Launcher};
use std::io::{PipeReader, Write, pipe, read_to_string};
use std::os::fd::AsFd;
use std::process::ExitCode;
use wait::{Child, ExitStatus};

/// The dynamic loader calls what is listed here before `main`, with the arguments of `main`.
#[used]
// SAFETY: the section's content is a pointer to a function that takes no arguments and returns, as the loader expects.
#[unsafe(link_section = ".init_array")]
static AT_LOAD: extern "C" fn() = at_load;

extern "C" fn at_load() {
    start::init(worker);
}

/// Says what it was given, and what Rust's library says here of arguments and environment.
fn worker(kit: Kit) -> i32 {
    let Some(out) = kit.descriptors.into_iter().next() else { return 1 };
    let note = String::from_utf8_lossy(&kit.note).into_owned();
    let arguments = std::env::args_os().count();
    let variable = std::env::var("AT_LOAD").unwrap_or_default();
    let threads = std::thread::spawn(|| 2).join().unwrap_or(1);
    let text = format!("{note} {arguments} {variable} {threads}");
    i32::from(std::fs::File::from(out).write_all(text.as_bytes()).is_err())
}

const CASES: &[Case] = &[
    ("spawn_never_reaches_main", || check(|| Launcher::spawn("worker").unwrap())),
    ("forkserver_never_reaches_main", || check(|| Launcher::forkserver("worker").unwrap())),
    ("fork_works_too", || check(|| Launcher::fork("worker", worker).unwrap())),
];

fn main() -> ExitCode {
    if std::env::var_os("AT_LOAD").is_some() {
        // Only a case sets it, so this process was started by one and should not be here.
        return ExitCode::from(77);
    }
    contract::run(CASES)
}

fn check(make: impl Fn() -> Launcher) {
    assert!(start::is_initialized());
    // SAFETY: this process has one thread.
    unsafe { std::env::set_var("AT_LOAD", "set") };
    let mut launcher = make();
    let arguments = match launcher.method() {
        // A copy has the arguments of the case.
        start::StartMethod::Fork => std::env::args_os().count(),
        _ => 1,
    };
    for _ in 0..2 {
        let (mut child, reader) = start_one(&mut launcher);
        assert_eq!(read_to_string(reader).unwrap(), format!("note {arguments} set 2"));
        assert_eq!(child.wait().unwrap(), ExitStatus::Exited(0));
    }
}

fn start_one(launcher: &mut Launcher) -> (Child, PipeReader) {
    let (reader, writer) = pipe().unwrap();
    let child = launcher.start(&[writer.as_fd()], b"note").unwrap();
    (child, reader)
}
