//! The program of `more-than-asked`: sends descriptors to itself, as many as the receiver wants, or not.
//!
//! By hand: `cargo run -p more-than-asked -- one`, which hands a pipe's write end over and writes through it; `end`, which
//! closes the socket; `several 3`, which sends a message with three descriptors and then one with one; and `several 2 1`,
//! which does so while only one more descriptor can be opened.

use std::env;
use std::fs::File;
use std::io::{self, IoSlice, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::process::ExitCode;

use more_than_asked::{hand_over, take_over};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, sendmsg, socketpair,
};

/// Calls the reader's functions, and prints what they say.
pub(crate) fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let number = |index: usize| args.get(index).and_then(|word| word.parse::<u64>().ok());
    gate::pass("start");
    let done = match args.first().map(String::as_str) {
        Some("one") => one(),
        Some("end") => end(),
        Some("several") => several(number(1).unwrap_or(2) as usize, number(2)),
        _ => Err(io::Error::other("usage: more-than-asked one|end|several COUNT [ROOM]")),
    };
    match done {
        Ok(()) => {
            gate::pass("end");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Two sockets that keep messages apart.
fn sockets() -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = SockFlag::SOCK_CLOEXEC;
    Ok(socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags)?)
}

/// One descriptor, as agreed.
fn one() -> io::Result<()> {
    let (here, there) = sockets()?;
    let (reader, writer) = io::pipe()?;
    gate::tell("handed over", writer.as_raw_fd());
    gate::pass("made");
    hand_over(here.as_fd(), writer.into())?;
    gate::pass("sent");
    let taken = take_over(there.as_fd())?;
    gate::tell("taken over", taken.as_raw_fd());
    gate::pass("taken");
    through(taken, reader)
}

/// Writes into the descriptor, and reads what comes out of the pipe until its end.
fn through(taken: OwnedFd, mut reader: PipeReader) -> io::Result<()> {
    let mut taken = File::from(taken);
    taken.write_all(b"hello")?;
    drop(taken);
    let mut text = String::new();
    reader.read_to_string(&mut text)?;
    println!("through the descriptor came: {text}");
    Ok(())
}

/// Nobody sends anything any more, and nobody receives.
fn end() -> io::Result<()> {
    let (here, there) = sockets()?;
    drop(here);
    say(&take_over(there.as_fd()));
    let (_reader, writer) = io::pipe()?;
    if let Err(error) = hand_over(there.as_fd(), writer.into()) {
        println!("not sent: {}", error.kind());
    }
    Ok(())
}

/// A message with another number of descriptors, perhaps when only `room` more can be opened; then one with one.
fn several(count: usize, room: Option<u64>) -> io::Result<()> {
    let (here, there) = sockets()?;
    let (reader, writer) = io::pipe()?;
    send(&here, &writer, count)?;
    gate::pass("sent");
    let before = getrlimit(Resource::RLIMIT_NOFILE)?;
    if let Some(room) = room {
        // The next number that would be given. Descriptors are opened without a gap here.
        let next = File::open("/dev/null")?.as_raw_fd() as u64;
        setrlimit(Resource::RLIMIT_NOFILE, next + room, before.1)?;
    }
    let taken = take_over(there.as_fd());
    setrlimit(Resource::RLIMIT_NOFILE, before.0, before.1)?;
    say(&taken);
    drop(taken);
    gate::pass("taken");
    send(&here, &writer, 1)?;
    drop(writer);
    through(take_over(there.as_fd())?, reader)
}

fn say(taken: &io::Result<OwnedFd>) {
    match taken {
        Ok(_) => println!("a descriptor was taken over"),
        Err(error) => println!("refused: {}", error.kind()),
    }
}

/// What a sender sends that does not keep to what was agreed.
fn send(socket: &OwnedFd, writer: &PipeWriter, count: usize) -> io::Result<()> {
    let numbers = vec![writer.as_raw_fd(); count];
    let control = [ControlMessage::ScmRights(&numbers)];
    let control = if count == 0 { &[][..] } else { &control[..] };
    let bytes = [IoSlice::new(&[0])];
    sendmsg::<()>(socket.as_raw_fd(), &bytes, control, MsgFlags::MSG_NOSIGNAL, None)?;
    Ok(())
}
