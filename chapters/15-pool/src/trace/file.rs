//! The file of a trace, and the thread that writes it.
//!
//! Notes come in chunks, of which only a few wait at once: whoever brings one more waits until the file has taken one. A
//! file that takes none for [`PATIENCE`] is given up, as is one that cannot be written; then nothing is kept any more.

use super::Note;
use super::text::Text;
use crate::limit::refused;
use executor::PoolError;
use nix::errno::Errno;
use std::collections::VecDeque;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Chunks that wait for the file.
pub(crate) const CHUNKS_MAX: usize = 8;
/// How long the pool waits for the file before it gives it up.
const PATIENCE: Duration = Duration::from_secs(5);

/// The file, open and empty.
#[derive(Debug)]
pub(crate) struct File(fs::File);

impl File {
    /// Opens a file for a trace; what stood in it before is gone.
    ///
    /// # Errors
    /// [`PoolError::Limit`] without a descriptor for it, [`PoolError::Invalid`] with the path and what is wrong with it.
    pub(crate) fn create(path: &Path) -> Result<File, PoolError> {
        // The standard library opens with O_CLOEXEC, and with 0o666 less the umask.
        fs::File::create(path).map(File).map_err(|error| {
            match error.raw_os_error().map(Errno::from_raw) {
                Some(Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM) => refused("open", error),
                _ => PoolError::Invalid {
                    option: "trace",
                    message: format!("{}: {error}", path.display()),
                },
            }
        })
    }
}

/// What waits for the file.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    chunks: VecDeque<Vec<Note>>,
    /// The file takes no more.
    failed: bool,
    /// No more will come.
    ended: bool,
}

impl Sink {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a chunk, or drops it if the file is given up.
    pub(super) fn take(&self, chunk: Vec<Note>) {
        let due = Instant::now() + PATIENCE;
        let mut waiting = self.lock();
        while waiting.chunks.len() >= CHUNKS_MAX && !waiting.failed {
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                waiting.failed = true;
                waiting.chunks.clear();
            } else {
                let again = self.changed.wait_timeout(waiting, left);
                waiting = again.unwrap_or_else(PoisonError::into_inner).0;
            }
        }
        if !waiting.failed {
            waiting.chunks.push_back(chunk);
        }
        drop(waiting);
        self.changed.notify_all();
    }

    /// No more will come.
    pub(super) fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }

    /// The next chunk; `None` when there will be none.
    fn next(&self) -> Option<Vec<Note>> {
        let mut waiting = self.lock();
        loop {
            if waiting.failed {
                return None;
            }
            if let Some(chunk) = waiting.chunks.pop_front() {
                drop(waiting);
                self.changed.notify_all();
                return Some(chunk);
            }
            if waiting.ended {
                return None;
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn fail(&self) {
        let mut waiting = self.lock();
        waiting.failed = true;
        waiting.chunks.clear();
        drop(waiting);
        self.changed.notify_all();
    }
}

/// Writes what comes until there is no more. Whatever was written so far is a trace but for the closing bracket, which
/// the format lets be missing.
pub(super) fn write(mut file: File, sink: &Sink, mut text: Text) {
    let mut write = |bytes: &[u8]| file.0.write_all(bytes).is_ok();
    let mut goes_on = write(text.begin());
    while goes_on && let Some(chunk) = sink.next() {
        goes_on = write(text.of(&chunk));
    }
    if !(goes_on && write(b"\n]\n")) {
        sink.fail();
    }
}
