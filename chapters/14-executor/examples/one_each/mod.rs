//! An executor that starts a process for each task: how little a backend needs.
//!
//! A thread for each task starts the process, sends it the call and the encoded argument through a socket, reads what it
//! answers, and fulfils the promise. At most so many processes run at a time. The processes come from a forkserver.

use executor::{
    Callback, Control, Evidence, Executor, JoinHandle, Message, Pending, PoolError, Promise,
    Shutdown, Summary, TaskError, TaskId, as_completed,
};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use start::{Kit, Launcher};
use std::any::type_name;
use std::io::{Read, Write};
use std::net;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::Waker;
use std::thread::{self, Thread};
use std::time::{Duration, Instant};
use task::Call;

/// Starts a process for each task.
pub(crate) struct OneEach {
    shared: Arc<Shared>,
    next_id: AtomicU64,
}

struct Shared {
    launcher: Mutex<Launcher>,
    /// How many more processes may run.
    free: Mutex<usize>,
    freed: Condvar,
}

// ANCHOR: worker
/// What each process runs: one call, then it ends.
pub(crate) fn worker(kit: Kit) -> i32 {
    let Some(socket) = kit.descriptors.into_iter().next() else { return 1 };
    let mut socket = UnixStream::from(socket);
    let mut message = Vec::new();
    if socket.read_to_end(&mut message).is_err() {
        return 1;
    }
    let Some((call, argument)) = message.split_first_chunk::<8>() else { return 1 };
    // SAFETY: the number was written by this program's other process, which has the same code.
    let Ok(call) = (unsafe { Call::from_bits(u64::from_le_bytes(*call)) }) else { return 1 };
    task::catch_panics();
    let mut answer = vec![0];
    answer[0] = call.run(argument, &mut answer) as u8;
    i32::from(socket.write_all(&answer).is_err())
}
// ANCHOR_END: worker

impl OneEach {
    pub(crate) fn new(processes: usize) -> Result<OneEach, start::StartError> {
        let shared = Shared {
            launcher: Mutex::new(Launcher::forkserver("one-each")?),
            free: Mutex::new(processes),
            freed: Condvar::new(),
        };
        Ok(OneEach { shared: Arc::new(shared), next_id: AtomicU64::new(1) })
    }
}

// ANCHOR: submit
impl Executor for OneEach {
    fn submit<A: Message, R: Message>(&self, f: fn(A) -> R, a: A) -> JoinHandle<R> {
        let id = TaskId(self.next_id.fetch_add(1, Ordering::Relaxed));
        let Ok(call) = Call::of(f) else {
            return JoinHandle::ended(id, Err(refused::<A>("it is not in the program")));
        };
        let mut message = call.to_bits().to_le_bytes().to_vec();
        if let Err(error) = task::encode(&a, &mut message) {
            return JoinHandle::ended(id, Err(refused::<A>(&error.message)));
        }
        let remote = Arc::new(Remote { id, promise: Promise::new(), pid: Mutex::new(None) });
        let (shared, own) = (Arc::clone(&self.shared), Arc::clone(&remote));
        thread::spawn(move || own.promise.fulfil(shared.run(&message, &own.pid)));
        JoinHandle::new(remote)
    }
    // ANCHOR_END: submit

    fn map<A: Message, R: Message, I: IntoIterator<Item = A>>(
        &self,
        f: fn(A) -> R,
        inputs: I,
    ) -> impl Iterator<Item = Result<R, TaskError>> {
        let handles: Vec<_> = inputs.into_iter().map(|input| self.submit(f, input)).collect();
        handles.into_iter().map(JoinHandle::join)
    }

    fn map_unordered<A: Message, R: Message, I: IntoIterator<Item = A>>(
        &self,
        f: fn(A) -> R,
        inputs: I,
    ) -> impl Iterator<Item = (usize, Result<R, TaskError>)> {
        let handles: Vec<_> = inputs.into_iter().map(|input| self.submit(f, input)).collect();
        let ids: Vec<_> = handles.iter().map(JoinHandle::id).collect();
        as_completed(handles)
            .map(move |(id, result)| (ids.binary_search(&id).unwrap_or(usize::MAX), result))
    }

    /// A process lives no longer than its task, so there is nothing to end.
    fn shutdown(&self, _: Shutdown, _: Option<Duration>) -> Result<Summary, PoolError> {
        Ok(Summary::default())
    }
}

fn refused<A>(message: &str) -> TaskError {
    TaskError::Encode { type_name: type_name::<A>(), message: message.to_owned() }
}

impl Shared {
    /// Runs one task in a process of its own and says what came of it.
    fn run<R: Message>(
        &self,
        message: &[u8],
        pid: &Mutex<Option<Pid>>,
    ) -> Result<R, TaskError> {
        let lock = || self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let free = self.freed.wait_while(lock(), |free| *free == 0);
        *free.unwrap_or_else(PoisonError::into_inner) -= 1;
        let answered = self.start(message, pid);
        *lock() += 1;
        self.freed.notify_one();

        let (answer, pid, status) =
            answered.map_err(|cause| TaskError::PoolBroken { cause })?;
        let Some((outcome, bytes)) = answer.split_first() else {
            // It has answered nothing: it ended before, in whatever way.
            return Err(TaskError::WorkerDied { pid, status, evidence: Evidence::default() });
        };
        executor::answered(*outcome, bytes)
    }

    fn start(
        &self,
        message: &[u8],
        running: &Mutex<Option<Pid>>,
    ) -> Result<(Vec<u8>, u32, executor::ExitStatus), String> {
        let lock = || running.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut ours, theirs) = UnixStream::pair().map_err(|error| error.to_string())?;
        let mut child = self
            .launcher
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .start(&[theirs.as_fd()], b"")
            .map_err(|error| error.to_string())?;
        drop(theirs);
        *lock() = Some(child.pid());
        // A process that has ended reads nothing; what became of it is seen below.
        let _ = ours.write_all(message).and_then(|()| ours.shutdown(net::Shutdown::Write));
        let mut answer = Vec::new();
        let read = ours.read_to_end(&mut answer);
        // From here on the number may become another's.
        *lock() = None;
        let status = child.wait().map_err(|error| error.to_string())?;
        read.map_err(|error| error.to_string())?;
        Ok((answer, child.pid().as_raw().unsigned_abs(), status))
    }
}

/// A task under way: the promise, and the process that is to keep it.
struct Remote<R> {
    id: TaskId,
    promise: Promise<R>,
    /// While it can be killed.
    pid: Mutex<Option<Pid>>,
}

impl<R: Send> Control for Remote<R> {
    fn id(&self) -> TaskId {
        self.id
    }

    /// It begins as soon as there is room for one more process: too early to be taken back.
    fn cancel(self: Arc<Self>) -> bool {
        false
    }

    fn abort(self: Arc<Self>) -> bool {
        let aborted = self.promise.fulfil(Err(TaskError::Aborted));
        if let Some(pid) = *self.pid.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = kill(pid, Signal::SIGKILL);
        }
        aborted
    }

    fn is_finished(&self) -> bool {
        self.promise.is_done()
    }

    fn is_running(&self) -> bool {
        self.pid.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

impl<R: Send> Pending<R> for Remote<R> {
    fn is_done(&self) -> bool {
        self.promise.is_done()
    }

    fn wait(&self, deadline: Option<Instant>, _: bool) -> bool {
        self.promise.wait(deadline)
    }

    fn take(&self) -> Option<Result<R, TaskError>> {
        self.promise.take()
    }

    fn wake_when_done(&self, waker: &Waker) -> bool {
        self.promise.wake_when_done(waker)
    }

    fn unpark_when_done(&self, thread: Option<&Thread>) {
        self.promise.unpark_when_done(thread);
    }

    fn on_done(&self, callback: Callback<R>) {
        self.promise.on_done(callback);
    }
}
