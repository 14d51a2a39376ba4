//! Shows two processes that wait for each other for ever, because both write and neither reads.
//! Minutes: 8
//!
//! Run it with `cargo run --example two_full_pipes`.
//! Look at where each of the two waits, at what ends it, and at the order of calls that does not get there.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pipe::frame::{self, FrameError};
use pipe::{ReadEnd, WriteEnd, pipe};
use process::{Snapshot, State};
use std::error::Error;
use std::os::fd::AsFd;
use std::process::id;
use std::time::{Duration, Instant};
use wait::{Child, Signal};

/// More than two pipes hold, also with pages of 64 KiB.
const QUESTIONS: usize = 3000;
const QUESTION: [u8; 1000] = [b'?'; 1000];
const LEN_MAX: u64 = 4096;

/// How long the two may take until they stand still.
const DEADLINE: Duration = Duration::from_secs(60);

type Ends = Option<(WriteEnd, ReadEnd)>;

fn main() -> Result<(), Box<dyn Error>> {
    say("a client writes 3,000 questions of 1,000 bytes, then reads the answers");
    let (mut client, mut server, ends) = client_and_server(ask_all)?;
    wait_until_stuck(&ends, &mut client, &server)?;
    say("both pipes are full");
    say(&format!("process {}, the client, is {}", client.pid(), doing(&client)?));
    say(&format!("process {}, the server, is {}", server.pid(), doing(&server)?));
    // The parent's own ends: while it has the client's read end, the server does not get EPIPE.
    drop(ends);
    client.kill(Signal::SIGKILL)?;
    say_how_they_ended(&mut client, &mut server)?;

    say("a client reads each answer before it writes the next question");
    let (mut client, mut server, ends) = client_and_server(ask_in_turn)?;
    drop(ends);
    say_how_they_ended(&mut client, &mut server)?;
    Ok(())
}

// ANCHOR: ask
fn ask_all(questions: &mut WriteEnd, answers: &mut ReadEnd) -> Result<(), FrameError> {
    for _ in 0..QUESTIONS {
        frame::write(questions, &QUESTION, LEN_MAX)?;
    }
    for _ in 0..QUESTIONS {
        frame::read(answers, LEN_MAX)?;
    }
    Ok(())
}

fn ask_in_turn(questions: &mut WriteEnd, answers: &mut ReadEnd) -> Result<(), FrameError> {
    for _ in 0..QUESTIONS {
        frame::write(questions, &QUESTION, LEN_MAX)?;
        frame::read(answers, LEN_MAX)?;
    }
    Ok(())
}

/// The server: each question is its own answer.
fn echo(answers: &mut WriteEnd, questions: &mut ReadEnd) -> Result<(), FrameError> {
    while let Some(question) = frame::read(questions, LEN_MAX)? {
        frame::write(answers, &question, LEN_MAX)?;
    }
    Ok(())
}
// ANCHOR_END: ask

type Talk = fn(&mut WriteEnd, &mut ReadEnd) -> Result<(), FrameError>;

/// A process that asks and one that answers, and a copy of the ends of both.
fn client_and_server(ask: Talk) -> Result<(Child, Child, [Ends; 2]), Box<dyn Error>> {
    let (questions_in, questions) = pipe()?;
    let (answers_in, answers) = pipe()?;
    let mut ends = [Some((questions, answers_in)), Some((answers, questions_in))];
    let client = Child::fork(|| talk("client", ask, ends[0].take(), ends[1].take()))?;
    let server = Child::fork(|| talk("server", echo, ends[1].take(), ends[0].take()))?;
    Ok((client, server, ends))
}

fn talk(name: &str, talk: Talk, own: Ends, other: Ends) -> i32 {
    // Open in this process, the other side's ends would hide that the other side is gone.
    drop(other);
    let Some((mut writer, mut reader)) = own else { return 2 };
    match talk(&mut writer, &mut reader) {
        Ok(()) => 0,
        Err(error) => {
            println!("process {}, the {name}: {error}", id());
            1
        }
    }
}

/// Waits until neither pipe has room. The client then waits for the server to read, and the server for the client.
fn wait_until_stuck(
    ends: &[Ends; 2],
    client: &mut Child,
    server: &Child,
) -> Result<(), Box<dyn Error>> {
    let ends_at = Instant::now() + DEADLINE;
    loop {
        let writers = ends.iter().flatten().map(|(writer, _)| writer.as_fd());
        let mut fds: Vec<_> = writers.map(|fd| PollFd::new(fd, PollFlags::POLLOUT)).collect();
        let are_full = poll(&mut fds, PollTimeout::ZERO)? == 0;
        if are_full && sleeps(client)? && sleeps(server)? {
            return Ok(());
        }
        if client.wait_timeout(Duration::from_millis(5))?.is_some() || Instant::now() > ends_at
        {
            return Err("the two have not come to a stop".into());
        }
    }
}

fn sleeps(child: &Child) -> Result<bool, Box<dyn Error>> {
    Ok(Snapshot::of(child.pid().as_raw())?.state == State::Sleeping)
}

/// The state of a process, and the function of the kernel that it waits in if that may be seen.
fn doing(child: &Child) -> Result<String, Box<dyn Error>> {
    let pid = child.pid().as_raw();
    let state = Snapshot::of(pid)?.state;
    match std::fs::read_to_string(format!("/proc/{pid}/wchan")) {
        Ok(function) if !function.is_empty() && function != "0" => {
            Ok(format!("{state}, in {function}"))
        }
        _ => Ok(state.to_string()),
    }
}

/// Waits for both before it speaks, so that what they say comes first.
fn say_how_they_ended(client: &mut Child, server: &mut Child) -> Result<(), Box<dyn Error>> {
    let ends = (client.wait()?, server.wait()?);
    say(&format!("process {}, the client: {}", client.pid(), ends.0));
    say(&format!("process {}, the server: {}", server.pid(), ends.1));
    Ok(())
}

fn say(what: &str) {
    println!("parent {}: {what}", id());
}
