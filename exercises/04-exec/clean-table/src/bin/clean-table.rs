//! The program of `clean-table`: opens many things, and gives one of them to another program.
//!
//! By hand: `cargo run -p clean-table -- 5 tidy`. The number is that of the descriptor to be given, a pipe's write end; all
//! others have close-on-exec with `tidy`, and not with `untidy`. As `--program` it is itself the program that is started,
//! and lists its table.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::dup3_raw;

/// Where the descriptors of others are, far from each other.
const OTHERS: [RawFd; 3] = [7, 90, 200];

/// Gives a pipe's end by the reader's function, or is the program that gets it.
pub(crate) fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let word = |index: usize| args.get(index).map_or("", String::as_str);
    if word(0) == "--program" {
        gate::pass("program");
        return list();
    }
    let number = word(0).parse().unwrap_or(5);
    let flag = if word(1) == "untidy" { OFlag::empty() } else { OFlag::O_CLOEXEC };

    let (reader, writer) = io::pipe()?;
    let null = File::open("/dev/null")?;
    // Out of the way first: the low numbers are for the case.
    let reader = copy_to(reader.into(), 20, OFlag::O_CLOEXEC)?;
    let writer = copy_to(writer.into(), 21, OFlag::O_CLOEXEC)?;
    let null = copy_to(null.into(), 22, OFlag::O_CLOEXEC)?;
    let mut others = Vec::new();
    for other in OTHERS {
        others.push(copy_to(null.try_clone()?, other, flag)?);
    }
    let given = copy_to(writer, number, OFlag::O_CLOEXEC)?;
    drop(null);

    let program = [c"/proc/self/exe", c"--program"];
    gate::tell("given", given.as_raw_fd());
    gate::pass("start");
    let pid = clean_table::start(program[0], &program, given.as_fd())?;
    let status = loop {
        match waitpid(pid, None) {
            Err(Errno::EINTR) => {}
            status => break status?,
        }
    };
    gate::pass("end");

    if let WaitStatus::Exited(_, code) = status {
        println!("it ended with {code}");
    }
    drop((reader, others));
    Ok(())
}

/// Moves a descriptor to a number that is free.
fn copy_to(descriptor: OwnedFd, number: RawFd, flag: OFlag) -> io::Result<OwnedFd> {
    // SAFETY: nothing is open at `number`, so nobody loses it.
    Ok(unsafe { dup3_raw(descriptor, number, flag) }?)
}

/// Prints the table, without the descriptor that lists it.
fn list() -> io::Result<()> {
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let entry = entry?;
        if let Ok(target) = std::fs::read_link(entry.path())
            && !target.ends_with("fd")
        {
            println!("{} is {}", entry.file_name().display(), target.display());
        }
    }
    Ok(())
}
