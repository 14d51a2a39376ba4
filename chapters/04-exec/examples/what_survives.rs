//! Shows what a process keeps when it executes a program, and what it loses.
//! Minutes: 6
//!
//! Run it with `cargo run --example what_survives`.
//! The process notes what it has, executes its own program once more and compares. Look at the lines whose two values
//! are the same, and at the process ids above them.

use nix::fcntl::{OFlag, open};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigHandler, SigSet, Signal, raise, signal};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Whence, alarm, chdir, dup2_raw, dup3_raw, execve, lseek, read};
use std::error::Error;
use std::ffi::CString;
use std::os::fd::BorrowedFd;
use std::os::unix::process::parent_id;
use std::process::id;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

/// In memory; only the first of the two programs changes it.
static NUMBER: AtomicU32 = AtomicU32::new(1);

/// Descriptors of one file, at numbers that nothing else has taken: without and with
/// close-on-exec.
const KEPT_FD: i32 = 100;
const CLOEXEC_FD: i32 = 101;

extern "C" fn handle(_: i32) {}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.first().map(String::as_str) {
        None => before(),
        // Ends here: a program that executed itself on any argument would never end.
        Some("--after") => after(&args[1..]),
        Some(_) => {
            Err("give no arguments; the program passes itself the ones that it needs".into())
        }
    }
}

/// Changes everything that can be changed, and becomes the program anew.
fn before() -> Result<(), Box<dyn Error>> {
    NUMBER.store(42, Ordering::Relaxed);
    thread::spawn(|| {
        loop {
            thread::park()
        }
    });
    let file = open("/proc/self/exe", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    // SAFETY: nothing in this program owns these two numbers.
    let _kept = unsafe { dup2_raw(&file, KEPT_FD)? };
    read(&file, &mut [0; 4])?;
    // SAFETY: as above.
    let _closed = unsafe { dup3_raw(&file, CLOEXEC_FD, OFlag::O_CLOEXEC)? };

    chdir("/")?;
    umask(Mode::from_bits_truncate(0o027));
    let (_, hard) = getrlimit(Resource::RLIMIT_CORE)?;
    setrlimit(Resource::RLIMIT_CORE, 0, hard)?;
    alarm::set(60);
    SigSet::from(Signal::SIGUSR1).thread_block()?;
    raise(Signal::SIGUSR1)?;
    // SAFETY: ignoring runs no code.
    unsafe { signal(Signal::SIGHUP, SigHandler::SigIgn)? };
    // SAFETY: the handler does nothing, which is always allowed.
    unsafe { signal(Signal::SIGTERM, SigHandler::Handler(handle))? };

    println!("process {}, parent {}: executes its own file", id(), parent_id());
    let found = look()?.into_iter().map(|(_, value)| value);
    let args = ["what_survives".to_owned(), "--after".to_owned()].into_iter().chain(found);
    let args = args.map(CString::new).collect::<Result<Vec<_>, _>>()?;
    // The environment is passed like the arguments: what is not passed is not there.
    let environment = [c"PASSED=yes"];
    execve(c"/proc/self/exe", &args, &environment)?;
    Ok(())
}

/// The same process, a new program.
fn after(found_before: &[String]) -> Result<(), Box<dyn Error>> {
    println!("process {}, parent {}: is the new program", id(), parent_id());
    println!("\n{:<32} {:<14} after exec", "", "before exec");
    for ((what, now), before) in look()?.iter().zip(found_before) {
        let verdict = if now == before { "kept" } else { "changed" };
        println!("{what:<32} {before:<14} {now:<14} {verdict}");
    }
    Ok(())
}

/// What this process has at this moment.
fn look() -> Result<Vec<(&'static str, String)>, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or("?").trim().to_owned()
    };
    let is_in = |name: &str, signal: Signal| {
        let mask = u64::from_str_radix(&field(name), 16).unwrap_or(0);
        if mask >> (signal as i32 - 1) & 1 == 1 { "yes" } else { "no" }.to_owned()
    };
    let offset = |number: i32| {
        // SAFETY: a number for one call; if it is not open, the call says so.
        let fd = unsafe { BorrowedFd::borrow_raw(number) };
        lseek(fd, 0, Whence::SeekCur).map_or("closed".to_owned(), |at| format!("open, at {at}"))
    };
    let environment = |name: &str| std::env::var_os(name).map_or("no", |_| "yes").to_owned();
    Ok(vec![
        ("thread count", field("Threads")),
        ("a static variable", NUMBER.load(Ordering::Relaxed).to_string()),
        ("variable PATH", environment("PATH")),
        ("variable PASSED", environment("PASSED")),
        ("descriptor 100", offset(KEPT_FD)),
        ("descriptor 101, close-on-exec", offset(CLOEXEC_FD)),
        ("current folder", std::env::current_dir()?.display().to_string()),
        ("umask", field("Umask")),
        ("limit on core files", format!("{} bytes", getrlimit(Resource::RLIMIT_CORE)?.0)),
        ("alarm set", alarm::set(60).map_or("no", |_| "yes").to_owned()),
        ("SIGUSR1 blocked", is_in("SigBlk", Signal::SIGUSR1)),
        ("SIGUSR1 pending", is_in("SigPnd", Signal::SIGUSR1)),
        ("SIGHUP ignored", is_in("SigIgn", Signal::SIGHUP)),
        ("SIGTERM has a handler", is_in("SigCgt", Signal::SIGTERM)),
    ])
}
