//! The program of `early-return`: starts a process and says how large its memory map is.
//!
//! By hand: `cargo run -p early-return -- living`, or `zombie`, or `nobody`. With another argument the program is itself
//! the process that is looked at: `pause` sleeps, `end` ends at once.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::{Pid, SysconfVar, pause, sysconf};

/// A number that no process can have.
const NOBODY: i32 = i32::MAX;

/// Looks at a process of the wanted kind by the reader's function.
pub(crate) fn main() -> io::Result<()> {
    // A descriptor that belongs to somebody else, as every program has some.
    let log = File::open("/dev/null")?;
    let (pid, mut child) = match std::env::args().nth(1).as_deref() {
        Some("pause") => {
            println!("ready");
            loop {
                pause();
            }
        }
        Some("end") => return Ok(()),
        Some("zombie") => zombie()?,
        Some("nobody") => (NOBODY, None),
        _ => living()?,
    };

    gate::pass("start");
    let found = early_return::mapped_kib(pid);
    if let Some(child) = &mut child {
        child.kill()?;
        child.wait()?;
    }
    gate::pass("end");

    let found = match found {
        Ok(kib) => format!("{kib} KiB"),
        Err(error) => format!("an error: {error}"),
    };
    println!("process {pid}: {found}");
    gate::tell("pid", pid);
    gate::tell("found", found);
    drop(log);
    Ok(())
}

/// A process that sleeps. Its size is told to the grader as `/proc/PID/statm` has it.
fn living() -> io::Result<(i32, Option<Child>)> {
    let mut child =
        Command::new("/proc/self/exe").arg("pause").stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    // It maps nothing more after it has said this.
    BufReader::new(output).read_line(&mut String::new())?;
    let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
    let statm = fs::read_to_string(format!("/proc/{pid}/statm"))?;
    let pages: i64 = statm.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0);
    let page_bytes = sysconf(SysconfVar::PAGE_SIZE)?.unwrap_or(4096);
    gate::tell("expected", format!("{} KiB", pages * page_bytes / 1024));
    Ok((pid, Some(child)))
}

/// A process that has ended and that nobody has waited for.
fn zombie() -> io::Result<(i32, Option<Child>)> {
    let child = Command::new("/proc/self/exe").arg("end").spawn()?;
    let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
    // WNOWAIT leaves it a zombie.
    waitid(Id::Pid(Pid::from_raw(pid)), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT)?;
    Ok((pid, Some(child)))
}
