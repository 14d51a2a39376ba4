//! The process that forks on request: the template of [`StartMethod::Fork`](crate::StartMethod) and the forkserver.
//!
//! It has one thread, runs nothing of the program's, and waits on a socket. For each request it forks a worker that is
//! its sibling, a child of the program, and says so. It ends when the program closes the socket or ends.
//!
//! Invariant: of a kit's descriptors none stays open in the template after its worker was made, and no worker has the
//! template's socket.

use crate::clone::{Side, ThreadRecord, clone_sibling};
use crate::message::{REQUEST_LEN_MAX, Reply, decode_request};
use crate::worker::{self, FAILED_CODE, end};
use crate::{Kit, StartError};
use nix::unistd::Pid;
use shared::{Segment, passing};
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::AtomicU32;

/// What a template works with. Its memory is the program's or that of this program's other copy.
#[derive(Debug)]
pub(crate) struct Template {
    pub(crate) socket: OwnedFd,
    /// Holds the number of the worker that was made last.
    pub(crate) born: Segment,
    pub(crate) program: Pid,
    /// Of the workers.
    pub(crate) name: Vec<u8>,
}

/// How long the segment for the one word is, in bytes.
pub(crate) const BORN_LEN: usize = size_of::<AtomicU32>();

/// The word through which a program hears of a worker even if the template dies at once.
pub(crate) fn born_word(born: &Segment) -> Result<&AtomicU32, StartError> {
    Ok(born.at::<AtomicU32>(0)?)
}

impl Template {
    // ANCHOR: serve
    /// Forks a worker for each request until there are no more.
    pub(crate) fn serve(self, main: impl Fn(Kit) -> i32) -> ! {
        let threads = count_threads();
        let record = ThreadRecord::find();
        let mut buffer = vec![0; REQUEST_LEN_MAX];
        loop {
            let kit = match self.receive(&mut buffer) {
                Received::Kit(kit) => kit,
                Received::NoDescriptors => {
                    self.reply(Reply::NoDescriptors);
                    continue;
                }
                Received::End => end(0),
            };
            if threads != 1 {
                self.reply(Reply::Threads(threads));
                continue;
            }
            let Ok(word) = born_word(&self.born) else { end(FAILED_CODE) };
            // SAFETY: this process has one thread, which was counted above and is here ever since.
            let reply = match unsafe { clone_sibling(word, record) } {
                Ok(Side::Sibling) => self.become_worker(main, kit),
                Ok(Side::Caller { sibling }) => Reply::Started(sibling.as_raw()),
                Err(errno) => Reply::CloneFailed(errno as i32),
            };
            // First, so that a pipe's end in the kit is the worker's alone when `start` returns.
            drop(kit);
            self.reply(reply);
        }
    }
    // ANCHOR_END: serve

    /// The signals, the standard input and the memory are as the template has them.
    fn become_worker(self, main: impl Fn(Kit) -> i32, kit: Kit) -> ! {
        // The word is not mapped here, so its segment must not be unmapped.
        let Template { socket, born, program, name } = self;
        std::mem::forget(born);
        drop(socket);
        let begun = worker::outlive_nobody(program)
            .and_then(|()| nix::unistd::setpgid(Pid::from_raw(0), Pid::from_raw(0)))
            .and_then(|()| worker::set_name(&name));
        match begun {
            Ok(()) => worker::run(main, kit),
            Err(_) => end(FAILED_CODE),
        }
    }

    fn receive(&self, buffer: &mut [u8]) -> Received {
        match passing::receive(self.socket.as_fd(), buffer) {
            Ok(received) => match decode_request(&buffer[..received.len]) {
                Some(note) => Received::Kit(Kit {
                    descriptors: received.descriptors,
                    note: note.to_vec(),
                }),
                None => Received::End,
            },
            // Descriptors that found no room, as opposed to a socket that does not work.
            Err(error) if error.raw_os_error().is_none_or(|errno| errno == libc::EMFILE) => {
                Received::NoDescriptors
            }
            Err(_) => end(FAILED_CODE),
        }
    }

    fn reply(&self, reply: Reply) {
        if passing::send(self.socket.as_fd(), &reply.encode(), &[]).is_err() {
            // Nobody is there to hear it.
            end(FAILED_CODE);
        }
    }

    /// Keeps the word out of the workers' memory.
    pub(crate) fn keep_word_from_workers(&self) -> io::Result<()> {
        let (start, len) = (self.born.as_ptr(), self.born.len_bytes());
        // SAFETY: the range is the segment's own mapping, which begins at a page. The advice changes nothing here.
        let advised = unsafe { libc::madvise(start.as_ptr().cast(), len, libc::MADV_DONTFORK) };
        if advised == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

enum Received {
    Kit(Kit),
    NoDescriptors,
    End,
}

/// The number of threads of this process; 0 if `/proc` does not say.
fn count_threads() -> i32 {
    // A folder has one link for its name, one for its `.` and one for each folder in it.
    let links = fs::metadata("/proc/self/task").map_or(2, |folder| folder.nlink());
    i32::try_from(links.saturating_sub(2)).unwrap_or(i32::MAX)
}
