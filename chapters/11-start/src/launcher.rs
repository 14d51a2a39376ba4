//! The program's side: one interface for three ways to start a worker.
//!
//! A [`Launcher`] owns its template or forkserver, if it has one; it does not own the workers. `start` asks and waits
//! for the answer, so there is never more than one request on its way.
//!
//! Invariant: when `start` returns an error, no worker of that call is left, running or as a zombie. A template that
//! dies in the middle has left the worker's number in shared memory, if there is a worker.

use crate::birth::MARK;
use crate::message::{Birth, NAME_LEN_MAX, REPLY_LEN, Reply, Role, encode_request};
use crate::template::{BORN_LEN, Template, born_word};
use crate::worker::{self, FAILED_CODE, end};
use crate::{
    DESCRIPTORS_MAX, Kit, NOTE_LEN_MAX, StartError, StartMethod, is_initialized,
    keep_standard_numbers,
};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::sys::wait::{Id, WaitPidFlag, waitid, waitpid};
use nix::unistd::{Pid, getpid};
use shared::{Segment, passing};
use std::fmt;
use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use wait::Child;

/// Under this number a process that was executed finds its socket.
pub(crate) const CHILD_SOCKET: RawFd = 3;

/// Starts workers by one of the three methods.
///
/// # The thread that starts
/// A worker dies with the program because the kernel kills it when its parent ends. The
/// parent is a thread: for [`StartMethod::Spawn`] the one that calls [`Launcher::start`],
/// for the other two the one that made the launcher. When that thread ends, its workers
/// are killed, though the program runs on. So make and use a launcher on a thread that
/// outlives the workers.
///
/// # Dropping
/// Ends the template or forkserver and reaps it. The workers run on.
pub struct Launcher {
    name: Vec<u8>,
    kind: Kind,
}

enum Kind {
    Spawn,
    Fork(Remote),
    Forkserver(Remote),
}

/// A template, seen from the program.
struct Remote {
    child: Child,
    socket: OwnedFd,
    /// Where the template's clone leaves the number of a new worker.
    born: Segment,
}

impl Launcher {
    /// A launcher that executes this program anew for each worker. Starts no process.
    ///
    /// `name` is what `ps -o comm` shows of the workers; the kernel keeps its first 15 bytes. A worker has the
    /// environment, the working directory and the limits that the program has when it is started.
    ///
    /// # Errors
    /// [`StartError::NotInitialized`] if the program has not called [`init`](crate::init).
    pub fn spawn(name: &str) -> Result<Launcher, StartError> {
        expect_initialized()?;
        Ok(Launcher { name: cut(name), kind: Kind::Spawn })
    }

    /// A launcher with a server: this program, executed now, which stops at [`init`](crate::init)
    /// with one thread and forks from there on request.
    ///
    /// The workers have the environment, the working directory and the limits that the
    /// program has now.
    ///
    /// # Errors
    /// [`StartError::NotInitialized`] before any process exists if the program has not
    /// called `init`; [`StartError::Limit`] or [`StartError::Os`] if the server cannot be
    /// executed. A server that ends before it can fork makes the first [`Launcher::start`]
    /// fail with [`StartError::TemplateDied`].
    pub fn forkserver(name: &str) -> Result<Launcher, StartError> {
        expect_initialized()?;
        let name = cut(name);
        keep_standard_numbers();
        let born = Segment::create("start-born", BORN_LEN)?;
        let word = born.descriptor().ok_or_else(|| no_descriptor(&born))?;
        let (child, socket) = execute(Role::Forkserver, &name, &[word], b"")?;
        let born = born.into_mapping();
        let remote = Remote { child, socket, born };
        register(&remote);
        Ok(Launcher { name, kind: Kind::Forkserver(remote) })
    }

    /// A launcher with a template: a copy of the program as it is now, from which workers are
    /// forked that run `main`. It needs no [`init`](crate::init), and `main` may capture.
    ///
    /// What `main` captures is moved into the template. The program's own copy is dropped
    /// before this returns; a destructor with an effect outside (a temporary folder) has it
    /// then.
    ///
    /// The workers have the program's memory, environment and descriptors as they are now.
    /// What the program does later, they do not see.
    ///
    /// # Errors
    /// [`StartError::Threads`] if the program has more than one thread;
    /// [`StartError::Limit`] or [`StartError::Os`] if it cannot be forked.
    pub fn fork(
        name: &str,
        main: impl Fn(Kit) -> i32 + 'static,
    ) -> Result<Launcher, StartError> {
        let name = cut(name);
        let program = getpid();
        keep_standard_numbers();
        let mut born = Some(Segment::create("start-born", BORN_LEN)?.into_mapping());
        let (ours, theirs) = socket_pair()?;
        let (mut ours, mut theirs) = (Some(ours), Some(theirs));
        // A signal must not run one of the program's handlers in the template.
        let blocked = Blocked::new()?;
        let child = Child::fork(|| {
            drop(ours.take());
            close_other_launchers();
            let (Some(socket), Some(born)) = (theirs.take(), born.take()) else {
                return FAILED_CODE;
            };
            let template = Template { socket, born, program, name: name.clone() };
            let begun = worker::begin_clean(program)
                .and_then(|()| worker::fill_standard_descriptors())
                .and_then(|()| worker::read_nothing())
                .and_then(|()| worker::set_name(b"template"));
            match begun.is_ok() && template.keep_word_from_workers().is_ok() {
                true => template.serve(main),
                false => end(FAILED_CODE),
            }
        });
        drop(blocked);
        let (child, Some(socket), Some(born)) = (child?, ours, born) else {
            return Err(StartError::TemplateDied { status: None });
        };
        let remote = Remote { child, socket, born };
        register(&remote);
        Ok(Launcher { name, kind: Kind::Fork(remote) })
    }

    /// Starts a worker with copies of `descriptors`, and a `note` of at most
    /// [`NOTE_LEN_MAX`] bytes.
    ///
    /// It runs, or is about to run, its main when this returns. It is a child of this
    /// process whatever the method. Another thread may be the caller than the one that made
    /// the launcher, but see [`Launcher`], "The thread that starts".
    ///
    /// If the template was stopped by SIGSTOP, this waits until it is continued or killed; see
    /// [`Launcher::start_within`].
    ///
    /// # Errors
    /// - [`StartError::TemplateDied`] if the process to fork from has ended. If it died in the middle of the call and
    ///   had made the worker by then, there is no error, and the next call fails.
    /// - [`StartError::Threads`] if the forkserver has more than one thread, because a constructor started one before
    ///   `init`.
    /// - [`StartError::Limit`] if a limit leaves no room; [`StartError::Invalid`] for a note that is too long or more
    ///   than [`DESCRIPTORS_MAX`] descriptors; [`StartError::Os`] for anything else.
    pub fn start(
        &mut self,
        descriptors: &[BorrowedFd<'_>],
        note: &[u8],
    ) -> Result<Child, StartError> {
        self.start_with(descriptors, note, None)
    }

    /// As [`Launcher::start`], but waits for a template's answer no longer than `timeout`.
    ///
    /// A template that does not answer in time is killed and reaped: an answer that came late
    /// would be taken for that of the next request.
    ///
    /// # Errors
    /// [`StartError::Timeout`] if it did not answer in time and no worker was made; the next
    /// call fails with [`StartError::TemplateDied`]. Others as for [`Launcher::start`].
    pub fn start_within(
        &mut self,
        descriptors: &[BorrowedFd<'_>],
        note: &[u8],
        timeout: Duration,
    ) -> Result<Child, StartError> {
        self.start_with(descriptors, note, Some(timeout))
    }

    fn start_with(
        &mut self,
        descriptors: &[BorrowedFd<'_>],
        note: &[u8],
        timeout: Option<Duration>,
    ) -> Result<Child, StartError> {
        check(descriptors, note)?;
        keep_standard_numbers();
        match &mut self.kind {
            Kind::Spawn => Ok(execute(Role::Worker, &self.name, descriptors, note)?.0),
            Kind::Fork(remote) | Kind::Forkserver(remote) => {
                remote.start(descriptors, note, timeout)
            }
        }
    }

    /// How it starts them.
    pub fn method(&self) -> StartMethod {
        match self.kind {
            Kind::Spawn => StartMethod::Spawn,
            Kind::Fork(_) => StartMethod::Fork,
            Kind::Forkserver(_) => StartMethod::Forkserver,
        }
    }

    /// The pidfd of the template or the forkserver: `poll` says that it is readable when that process has ended.
    pub fn template(&self) -> Option<BorrowedFd<'_>> {
        self.remote().map(|remote| remote.child.as_fd())
    }

    /// The process id of the template or the forkserver.
    pub fn template_pid(&self) -> Option<Pid> {
        self.remote().map(|remote| remote.child.pid())
    }

    fn remote(&self) -> Option<&Remote> {
        match &self.kind {
            Kind::Spawn => None,
            Kind::Fork(remote) | Kind::Forkserver(remote) => Some(remote),
        }
    }
}

impl fmt::Debug for Launcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Launcher")
            .field("method", &self.method())
            .field("name", &String::from_utf8_lossy(&self.name))
            .field("template", &self.template_pid())
            .finish_non_exhaustive()
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        if let Some(remote) = self.remote() {
            unregister(remote);
        }
    }
}

impl Remote {
    // ANCHOR: remote_start
    fn start(
        &mut self,
        descriptors: &[BorrowedFd<'_>],
        note: &[u8],
        timeout: Option<Duration>,
    ) -> Result<Child, StartError> {
        born_word(&self.born)?.store(0, Ordering::Relaxed);
        match passing::send(self.socket.as_fd(), &encode_request(note), descriptors) {
            Ok(()) => {}
            Err(error) if is_gone(&error) => return self.bury(),
            // Nothing was sent, so nothing will be answered.
            Err(error) => return Err(StartError::os("sendmsg", error)),
        }
        match self.reply(timeout) {
            Heard::Reply(Reply::Started(pid)) => adopt(Pid::from_raw(pid)),
            Heard::Reply(Reply::CloneFailed(errno)) => {
                Err(StartError::os("clone", io::Error::from_raw_os_error(errno)))
            }
            Heard::Reply(Reply::NoDescriptors) => {
                Err(StartError::os("recvmsg", Errno::EMFILE.into()))
            }
            Heard::Reply(Reply::Threads(count)) => {
                Err(StartError::Threads { count: usize::try_from(count).unwrap_or(0) })
            }
            Heard::End => self.bury(),
            Heard::Nothing { after } => match self.bury() {
                Err(StartError::TemplateDied { .. }) => Err(StartError::Timeout { after }),
                buried => buried,
            },
        }
    }

    /// Takes leave of a template that has ended, or that must because it does not answer as
    /// it should. The worker of this request may exist all the same; it is not lost.
    fn bury(&mut self) -> Result<Child, StartError> {
        let _ = self.child.kill(Signal::SIGKILL);
        let status = self.child.wait().ok();
        // From here on nobody writes to the word.
        match born_word(&self.born)?.swap(0, Ordering::Relaxed) {
            0 => Err(StartError::TemplateDied { status }),
            pid => adopt(Pid::from_raw(pid as i32)),
        }
    }
    // ANCHOR_END: remote_start

    /// Waits for the template's answer, its end, or the end of the time.
    fn reply(&self, timeout: Option<Duration>) -> Heard {
        let begun = Instant::now();
        loop {
            let left = timeout.map(|timeout| timeout.saturating_sub(begun.elapsed()));
            // Not the socket alone: a worker that was stopped in its first instant still holds the template's end.
            let mut events = [
                PollFd::new(self.socket.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.child.as_fd(), PollFlags::POLLIN),
            ];
            match poll(&mut events, poll_timeout(left)) {
                Err(Errno::EINTR) => continue,
                Err(_) => return Heard::End,
                Ok(_) => {}
            }
            let [socket, template] = events.map(|event| event.any().unwrap_or(true));
            if socket {
                let mut buffer = [0; REPLY_LEN];
                let received = passing::receive(self.socket.as_fd(), &mut buffer);
                let reply = received.ok().and_then(|it| Reply::decode(&buffer[..it.len]));
                return reply.map_or(Heard::End, Heard::Reply);
            }
            if template {
                return Heard::End;
            }
            if left.is_some_and(|left| left.is_zero()) {
                return Heard::Nothing { after: begun.elapsed() };
            }
        }
    }
}

/// What came of waiting for a template's answer.
enum Heard {
    Reply(Reply),
    /// The template has ended, or says what no template says.
    End,
    Nothing {
        after: Duration,
    },
}

/// Never shorter than `left`, save that a wait of more than a few weeks is cut into several.
fn poll_timeout(left: Option<Duration>) -> PollTimeout {
    let Some(left) = left else { return PollTimeout::NONE };
    PollTimeout::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(PollTimeout::MAX)
}

// ANCHOR: execute
/// Executes this program as a `role`, and returns it with the program's end of its socket.
fn execute(
    role: Role,
    name: &[u8],
    descriptors: &[BorrowedFd<'_>],
    note: &[u8],
) -> Result<(Child, OwnedFd), StartError> {
    let (ours, theirs) = socket_pair()?;
    let nonce = RandomState::new().build_hasher().finish();
    let birth = Birth {
        nonce,
        role,
        program: getpid().as_raw(),
        name: name.to_vec(),
        note: note.to_vec(),
    };
    // The message waits in the socket, so the process finds it however early it looks.
    passing::send(ours.as_fd(), &birth.encode(), descriptors)
        .map_err(|error| StartError::os("sendmsg", error))?;
    let nothing =
        File::open("/dev/null").map_err(|error| StartError::os("/dev/null", error))?;
    let child = exec::Command::this_program()
        .env(MARK, format!("{nonce:x}"))
        .fd(0, nothing)
        .fd(CHILD_SOCKET, theirs)
        .spawn()?;
    Ok((child, ours))
}
// ANCHOR_END: execute

/// Takes over the worker with this number. The number is the worker's own until somebody reaps it, which only this
/// process can do.
fn adopt(pid: Pid) -> Result<Child, StartError> {
    Child::adopt(pid).map_err(|error| {
        end_unowned(pid);
        error.into()
    })
}

/// Kills and reaps a worker for which there is no descriptor left.
fn end_unowned(pid: Pid) {
    let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    // An error says that somebody else took its status, so the number may be a stranger's by now.
    if waitid(Id::Pid(pid), look).is_ok() {
        let _ = nix::sys::signal::kill(pid, Signal::SIGKILL);
        while waitpid(pid, None) == Err(Errno::EINTR) {}
    }
}

fn expect_initialized() -> Result<(), StartError> {
    if is_initialized() { Ok(()) } else { Err(StartError::NotInitialized) }
}

fn check(descriptors: &[BorrowedFd<'_>], note: &[u8]) -> Result<(), StartError> {
    let what = if note.len() > NOTE_LEN_MAX {
        format!("a note of {} bytes: at most {NOTE_LEN_MAX}", note.len())
    } else if descriptors.len() > DESCRIPTORS_MAX {
        format!("{} descriptors: at most {DESCRIPTORS_MAX}", descriptors.len())
    } else {
        return Ok(());
    };
    Err(StartError::Invalid { what })
}

fn cut(name: &str) -> Vec<u8> {
    name.bytes().take(NAME_LEN_MAX).collect()
}

fn socket_pair() -> Result<(OwnedFd, OwnedFd), StartError> {
    passing::socket_pair().map_err(|error| StartError::os("socketpair", error))
}

fn no_descriptor(born: &Segment) -> StartError {
    StartError::Os { call: "memfd_create", source: io::Error::other(format!("{born:?}")) }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EPIPE | libc::ECONNRESET | libc::ENOTCONN))
}

/// All signals blocked in this thread, until this is dropped.
struct Blocked {
    before: SigSet,
}

impl Blocked {
    fn new() -> Result<Self, StartError> {
        let before = SigSet::all()
            .thread_swap_mask(SigmaskHow::SIG_SETMASK)
            .map_err(|errno| StartError::os("pthread_sigmask", errno.into()))?;
        Ok(Blocked { before })
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // It cannot fail: the mask is one that the kernel gave, and the call worked a moment ago.
        let _ = self.before.thread_set_mask();
    }
}

/// The sockets and pidfds of all launchers of this process, and what [`keep_from_templates`] was given. A template that
/// is forked later must not keep them: with a launcher's socket in another process, the launcher's template would not
/// see the end of the program.
static DESCRIPTORS: Mutex<Vec<RawFd>> = Mutex::new(Vec::new());

fn registered() -> MutexGuard<'static, Vec<RawFd>> {
    // A list of numbers is whole whenever somebody panics.
    DESCRIPTORS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn numbers(remote: &Remote) -> [RawFd; 2] {
    [remote.socket.as_raw_fd(), remote.child.as_fd().as_raw_fd()]
}

fn register(remote: &Remote) {
    registered().extend(numbers(remote));
}

/// Keeps a descriptor of this process out of the templates that it forks from now on: they
/// close their copies of it.
///
/// It has to stay open until the process ends. It is for what a worker was given by the
/// program that started it: if the worker has workers of its own, that is none of theirs.
pub fn keep_from_templates(descriptor: BorrowedFd<'_>) {
    registered().push(descriptor.as_raw_fd());
}

fn unregister(remote: &Remote) {
    let gone = numbers(remote);
    registered().retain(|number| !gone.contains(number));
}

/// In a template: its copies of the launchers are never used or dropped, so nobody misses these.
fn close_other_launchers() {
    for number in registered().drain(..) {
        let _ = nix::unistd::close(number);
    }
}
