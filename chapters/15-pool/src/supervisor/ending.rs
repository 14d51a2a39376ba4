//! The end of a worker: what its task ends with, whether another one takes its place, when the pool gives up.

use super::{Due, Supervisor, Worker};
use crate::lane::Phase;
use crate::state::{End, Standing};
use executor::{Evidence, PoolError, TaskError};
use nix::sys::signal::{Signal, killpg};
use supervise::Verdict;
use wait::ExitStatus;

/// How much of a worker's last line is in a message, in characters.
const LAST_LINE_CHARS_MAX: usize = 200;

impl Supervisor {
    /// A worker's process has ended.
    pub(super) fn ended(&mut self, number: u32) {
        // What it said before it ended counts: a failed initializer has a reason.
        if self.workers.get(&number).is_some_and(Worker::has_spoken) {
            self.greeted(number);
        }
        let Some(mut worker) = self.workers.remove(&number) else { return };
        self.due.cancel(Due::Greeting(number));
        self.due.cancel(Due::Leaving(number));
        let _ = self.events.remove(worker.process_token, &worker.child);
        if let Some(token) = worker.socket_token.take() {
            let _ = self.events.remove(token, &*worker.socket);
        }
        // While it is not reaped nobody else can have its number, nor that of its group.
        let _ = killpg(worker.child.pid(), Signal::SIGKILL);
        let status = worker.child.wait();
        let (status, note) = match status {
            Ok(status) => (status, worker.verdict.take().or_else(|| by_whom(status))),
            Err(error) => (ExitStatus::Exited(-1), Some(error.to_string())),
        };
        let max_rss_bytes = worker.child.usage().map(|usage| usage.max_rss_bytes);
        let pid = worker.child.pid().as_raw() as u32;
        let mut evidence = note.clone().map(Evidence::note).unwrap_or_default();
        evidence.max_rss_bytes = max_rss_bytes;
        evidence.stderr_tail = worker.last_words.take();
        let last_line = last_line(&evidence);
        let replace = !self.ending && self.staying() < self.target;
        let mut state = self.core.lock();
        let phase = state.lanes.get(&number).map(|lane| lane.phase);
        let cause = match &note {
            Some(note) => format!("{status}: {note}"),
            None => status.to_string(),
        };
        let left = phase == Some(Phase::Leaving) && status.success();
        state.mark(number, if left { "left" } else { "died" }, Some(&cause));
        let end = End { clean: status.success(), replace };
        let aftermath =
            state.died(number, end, || TaskError::WorkerDied { pid, status, evidence });
        if !self.ending {
            state.turn();
        } else if state.lanes.is_empty() {
            // Nobody is left who could run what a dead worker left behind.
            state.cancel_all(|| TaskError::Cancelled);
        }
        self.core.leave(state);
        // It may have died while it rang.
        self.core.rouse_server();
        if phase == Some(Phase::Starting) && !self.ending {
            let message = format!("its worker ended before it was ready: {cause}{last_line}");
            let error = match self.options.initializer.is_some() {
                true => PoolError::InitializerFailed { message },
                false => PoolError::Handshake { message },
            };
            if self.scaling_failed(number, error) {
                return;
            }
        }
        // Deaths are counted lest workers are started for ever: where none is started, none counts.
        if !aftermath.replace {
            return;
        }
        if phase != Some(Phase::Leaving) || aftermath.count_death {
            let mut state = self.core.lock();
            state.counts.restarts += 1;
            state.mark_pool("replace", || format!("worker {} (pid {pid})", number + 1));
        }
        if aftermath.count_death
            && let Verdict::GiveUp { deaths, within } =
                self.intensity.record(self.epoch.elapsed())
        {
            let seconds = within.as_secs_f64();
            return self.break_down(format!(
                "{deaths} workers died unexpectedly within {seconds} s, more than `restart_limit` allows; the last one: {cause}"
            ));
        }
        self.replace();
    }

    /// Kills a worker; its end will be seen later.
    pub(super) fn condemn(&mut self, number: u32, why: String) {
        if let Some(worker) = self.workers.get_mut(&number) {
            worker.verdict.get_or_insert(why);
            let _ = worker.child.kill(Signal::SIGKILL);
        }
    }

    pub(super) fn kill_all(&mut self) {
        let numbers: Vec<u32> = self.workers.keys().copied().collect();
        for number in numbers {
            self.condemn(number, "the pool was shut down".into());
        }
    }

    /// The pool gives up: what has not begun never will.
    pub(super) fn break_down(&mut self, cause: String) {
        let mut state = self.core.lock();
        if state.standing == Standing::Open || state.standing == Standing::Closed {
            state.standing = Standing::Broken(cause.clone());
        }
        state.cancel_all(|| TaskError::PoolBroken { cause: cause.clone() });
        self.core.leave(state);
        self.core.room_for_all();
        if let Some(scaling) = self.scaling.take() {
            let _ = scaling.answer.send(Err(PoolError::Handshake { message: cause }));
        }
    }
}

/// What can be said of an end that was not the pool's doing and that only one signal brings about.
fn by_whom(status: ExitStatus) -> Option<String> {
    (status.signal() == Some(Signal::SIGKILL as i32)).then(|| {
        "killed, and not by the pool: by somebody's `kill -9`, or by the kernel for want of memory".into()
    })
}

/// What a worker wrote last, as the end of a message of one line.
fn last_line(evidence: &Evidence) -> String {
    let tail = evidence.stderr_tail.as_deref().unwrap_or_default();
    match tail.lines().next_back() {
        Some(line) => {
            let line: String = line.chars().take(LAST_LINE_CHARS_MAX).collect();
            format!("; the last that it wrote: {line:?}")
        }
        None => String::new(),
    }
}
