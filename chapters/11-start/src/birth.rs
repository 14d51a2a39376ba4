//! The beginning of a process that is this program, executed anew.
//!
//! It knows itself by an environment variable with a nonce, and by a socket, descriptor 3, whose first message begins
//! with the same nonce. The variable alone proves nothing, since environments are inherited by strangers.
//!
//! Invariant: the variable is gone from the environment before anything of the program runs.

use crate::launcher::CHILD_SOCKET;
use crate::message::{BIRTH_LEN_MAX, BIRTH_MARK_LEN, Birth, Role, mark};
use crate::template::Template;
use crate::worker::{self, FAILED_CODE, end};
use crate::{Kit, WorkerMain};
use nix::sys::socket::{MsgFlags, recv};
use nix::unistd::Pid;
use shared::{Segment, passing};
use std::error::Error;
use std::ffi::OsStr;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};

/// The environment variable that holds the nonce, in hexadecimal.
pub(crate) const MARK: &str = "START_BIRTH";

/// Becomes what the message says, or returns if there is none with the nonce of `value`.
pub(crate) fn follow(value: &OsStr, main: WorkerMain) {
    // SAFETY: only a process that has the mark comes here, and `init` is to be called before any thread of the
    // program's, so no other thread reads the environment.
    unsafe { std::env::remove_var(MARK) };
    let nonce = value.to_str().and_then(|value| u64::from_str_radix(value, 16).ok());
    let Some(nonce) = nonce.filter(|nonce| is_own(*nonce)) else { return };
    // A process that cannot become what it was to be must not go on as a second program.
    let Err(_) = become_role(nonce, main);
    end(FAILED_CODE)
}

/// Whether descriptor 3 is a socket with a birth of this nonce. Nothing is taken from it, so it may be a stranger's.
fn is_own(nonce: u64) -> bool {
    let mut begin = [0; BIRTH_MARK_LEN];
    let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
    recv(CHILD_SOCKET, &mut begin, flags) == Ok(begin.len()) && begin == mark(nonce)
}

fn become_role(
    nonce: u64,
    main: WorkerMain,
) -> Result<std::convert::Infallible, Box<dyn Error>> {
    worker::fill_standard_descriptors()?;
    // SAFETY: `is_own` has found the launcher's socket under this number, and nobody else in this process knows of it.
    let socket = unsafe { OwnedFd::from_raw_fd(CHILD_SOCKET) };
    let mut buffer = vec![0; BIRTH_LEN_MAX];
    let received = passing::receive(socket.as_fd(), &mut buffer)?;
    let birth = Birth::decode(&buffer[..received.len], nonce).ok_or("a damaged birth")?;
    drop(buffer);

    let program = Pid::from_raw(birth.program);
    worker::begin_clean(program)?;
    match birth.role {
        Role::Worker => {
            drop(socket);
            worker::set_name(&birth.name)?;
            let kit = Kit { descriptors: received.descriptors, note: birth.note };
            worker::run(main, kit)
        }
        Role::Forkserver => {
            worker::set_name(b"forkserver")?;
            let born = received.descriptors.into_iter().next().ok_or("no segment")?;
            let born = Segment::from_descriptor(born)?.into_mapping();
            let template = Template { socket, born, program, name: birth.name };
            template.keep_word_from_workers()?;
            template.serve(main)
        }
    }
}
