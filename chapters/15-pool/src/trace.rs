//! What a traced pool notes of its tasks and workers, until the thread that writes it to the file takes it.
//!
//! Owner: the pool's state, under its lock. Nothing is formatted or written here: a note is a few words in a buffer, and
//! full buffers go to [`file`]. Invariant: there are never more than [`file::CHUNKS_MAX`] of them, so a trace of ten
//! million tasks takes no more memory than one of ten thousand. If the file takes none for too long or cannot be
//! written, tracing stops and the tasks go on.
//!
//! Times are those of [`crate::clock`]. A task's start and end are its worker's own, moved as little as it takes to make
//! them possible: a worker may say anything.

mod file;
mod text;

use crate::clock::now_ns;
use executor::PoolError;
pub(crate) use file::File;
use file::Sink;
use std::sync::Arc;
use std::thread::JoinHandle;

/// Notes that go to the file together.
const CHUNK: usize = 4 << 10;
/// Notes are not kept back for longer, so that a killed program leaves what happened until shortly before.
const KEPT_NS_MAX: u64 = 10_000_000;
/// The counters are noted no more often.
const COUNTERS_EVERY_NS: u64 = 100_000;

/// The row of the program.
pub(crate) const PROGRAM: u32 = 1;

/// The row of a worker, by the number of its lane.
pub(crate) fn row_of(lane: u32) -> u32 {
    lane + 2
}

/// A task's name in the trace: its id, or that of its map with the input's index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) id: u64,
    pub(crate) index: Option<u64>,
}

/// One run of a task.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) key: Key,
    pub(crate) call: u64,
    /// How many workers have died of it before.
    pub(crate) deaths: u32,
    pub(crate) submitted_ns: u64,
}

/// What is noted.
#[derive(Debug)]
pub(crate) enum Note {
    /// There is a new worker.
    Worker { row: u32, number: u32, pid: u32 },
    /// The program did something with so many tasks.
    Program { name: &'static str, start_ns: u64, end_ns: u64, tasks: u64 },
    /// A task ran.
    Task {
        run: Run,
        row: u32,
        start_ns: u64,
        end_ns: u64,
        taken_ns: u64,
        outcome: &'static str,
    },
    /// Something happened to a worker or to the pool.
    Mark { row: u32, name: &'static str, detail: Option<Box<str>>, at_ns: u64 },
    /// How many tasks wait, and how many run.
    Counters { at_ns: u64, waiting: usize, running: usize },
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Trace {
    sink: Arc<Sink>,
    writer: Option<JoinHandle<()>>,
    notes: Vec<Note>,
    /// When notes last went to the file.
    handed_over_ns: u64,
    /// Nothing of the program's row is earlier from here on, so what it does never overlaps.
    cursor_ns: u64,
    /// What the program is doing now: since when, how often, and when it did it last.
    doing: Option<(u64, u64, u64)>,
    counters: (usize, usize),
    counted_ns: u64,
}

impl Trace {
    /// Begins to write to a file that is open.
    ///
    /// # Errors
    /// There can be no thread for it.
    pub(crate) fn begin(file: File, name: &str) -> Result<Trace, PoolError> {
        let sink = Arc::new(Sink::default());
        let origin_ns = now_ns();
        let writer = {
            let sink = Arc::clone(&sink);
            let text = text::Text::new(origin_ns, name);
            crate::builder::spawn("procpool-trace", move || file::write(file, &sink, text))?
        };
        Ok(Trace {
            sink,
            writer: Some(writer),
            notes: Vec::new(),
            handed_over_ns: origin_ns,
            cursor_ns: 0,
            doing: None,
            counters: (0, 0),
            counted_ns: 0,
        })
    }

    fn note(&mut self, note: Note) {
        self.notes.push(note);
        if self.notes.len() >= CHUNK {
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        self.sink.take(std::mem::take(&mut self.notes));
        self.handed_over_ns = now_ns();
    }

    /// The program's next time, which leaves the last two bits free: see [`crate::state::Stamp`].
    fn next_ns(&self) -> u64 {
        (now_ns() & !3).max(self.cursor_ns)
    }

    /// Tasks were accepted; when.
    pub(crate) fn submitted(&mut self, tasks: u64) -> u64 {
        let start_ns = self.next_ns();
        self.program("submit", start_ns, start_ns + 3, tasks);
        start_ns
    }

    fn program(&mut self, name: &'static str, start_ns: u64, end_ns: u64, tasks: u64) {
        self.cursor_ns = (end_ns + 4) & !3;
        self.note(Note::Program { name, start_ns, end_ns, tasks });
    }

    /// The program learns of a task's end; when. [`Trace::did`] has to follow.
    fn learns(&mut self) -> u64 {
        let next_ns = self.next_ns();
        let (start_ns, tasks, last_ns) = self.doing.unwrap_or((next_ns, 0, next_ns));
        let at_ns = now_ns().max(last_ns + 1);
        self.doing = Some((start_ns, tasks + 1, at_ns));
        at_ns
    }

    /// What [`Trace::ran`] has noted since was this.
    pub(crate) fn did(&mut self, name: &'static str) {
        if let Some((start_ns, tasks, last_ns)) = self.doing.take() {
            self.program(name, start_ns, last_ns + 1, tasks);
        }
    }

    /// A task has ended that ran from `start_ns` to `end_ns`, as its worker says, in a row that is free since `free_ns`.
    /// When it really can have ended.
    pub(crate) fn ran(
        &mut self,
        run: Run,
        row: u32,
        free_ns: u64,
        (start_ns, end_ns): (u64, u64),
        outcome: &'static str,
    ) -> u64 {
        let taken_ns = self.learns();
        let start_ns = start_ns.max(free_ns).max(run.submitted_ns).min(taken_ns - 1);
        let end_ns = end_ns.clamp(start_ns, taken_ns - 1);
        self.note(Note::Task { run, row, start_ns, end_ns, taken_ns, outcome });
        end_ns
    }

    pub(crate) fn worker(&mut self, lane: u32, pid: u32) {
        let row = row_of(lane);
        self.note(Note::Worker { row, number: lane + 1, pid });
        self.mark(row, "started", None);
    }

    pub(crate) fn mark(&mut self, row: u32, name: &'static str, detail: Option<Box<str>>) {
        let at_ns = if row == PROGRAM { self.next_ns() } else { now_ns() };
        self.note(Note::Mark { row, name, detail, at_ns });
    }

    /// Somebody has looked after the lanes: so many tasks wait, and `running` says how many run.
    pub(crate) fn turned(&mut self, in_all: usize, running: impl FnOnce() -> usize) {
        let at_ns = now_ns();
        if at_ns.saturating_sub(self.counted_ns) >= COUNTERS_EVERY_NS {
            self.counted_ns = at_ns;
            let running = running().min(in_all);
            let counters = (in_all - running, running);
            if counters != self.counters {
                self.counters = counters;
                let (waiting, running) = counters;
                self.note(Note::Counters { at_ns, waiting, running });
            }
        }
        if !self.notes.is_empty() && at_ns.saturating_sub(self.handed_over_ns) >= KEPT_NS_MAX {
            self.hand_over();
        }
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        self.note(Note::Counters { at_ns: now_ns(), waiting: 0, running: 0 });
        self.hand_over();
        self.sink.end();
        if let Some(writer) = self.writer.take() {
            // It panics only by a bug of its own, and then the file has no end.
            let _ = writer.join();
        }
    }
}
