//! The program of `numbers-in-a-circle`: gives write ends of pipes to a program that it executes.
//!
//! By hand: `cargo run -p numbers-in-a-circle -- 4 3`. The arguments are the numbers that the ends have here. The program is
//! to find the first as its descriptor 3, the second as 4, and so on. As `--program` it is itself the program that is
//! executed, and lists its descriptors.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::dup3_raw;

/// From here on up the program keeps what it does not give, and finds room to arrange things.
const HIGH: RawFd = 40;

/// Gives pipes' ends by the reader's function, or is the program that gets them.
pub(crate) fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|word| word == "--program") {
        gate::pass("program");
        return list();
    }
    let numbers: Vec<RawFd> = args.iter().filter_map(|word| word.parse().ok()).collect();

    // Out of the way first: the low numbers are for the case.
    let mut ends = Vec::new();
    let mut readers = Vec::new();
    for place in HIGH..HIGH + RawFd::try_from(numbers.len()).map_err(io::Error::other)? {
        let (reader, writer) = io::pipe()?;
        ends.push(move_to(writer.into(), place)?);
        readers.push(move_to(reader.into(), 2 * place)?);
    }
    let mut given = Vec::new();
    for (end, number) in ends.into_iter().zip(&numbers) {
        given.push(move_to(end, *number)?);
    }
    let given: Vec<BorrowedFd<'_>> = given.iter().map(AsFd::as_fd).collect();

    gate::pass("start");
    let program = [c"/proc/self/exe", c"--program"];
    let pid = numbers_in_a_circle::start(program[0], &program, &given)?;
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
    Ok(())
}

/// Moves a descriptor to a number that is free.
fn move_to(descriptor: OwnedFd, number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: nothing is open at `number`, so nobody loses it.
    Ok(unsafe { dup3_raw(descriptor, number, OFlag::O_CLOEXEC) }?)
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
