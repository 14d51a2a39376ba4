//! A run of a pool's program on a script: who stands at the gate, and who comes next.
//!
//! The program and the tasks that are held come to gates of one name, and their pids tell them apart.

use grader::{Blocked, Class, Code, Diagnosis, Ended, Program, Run, Stop, Told};
use process::PipeEnd;

use crate::judge::begun_once;

/// A run, with its program and those of its workers that are at the gate.
pub(crate) struct Stage {
    pub(crate) run: Run,
    main: Option<Stop>,
    workers: Vec<AtWork>,
}

/// A worker inside of a task, where it stays until it is let go.
pub(crate) struct AtWork {
    pub(crate) pid: i32,
    /// What the task is called.
    pub(crate) task: String,
    pub(crate) stop: Stop,
}

impl Stage {
    pub(crate) fn start(program: &Program, script: &[&str]) -> Result<Stage, Diagnosis> {
        let script = script.join("\n");
        let run = program.stdin(script).start()?;
        Ok(Stage { run, main: None, workers: Vec::new() })
    }

    /// The next worker that is inside of a task. `why` says what it means if nobody comes.
    pub(crate) fn worker(
        &mut self,
        why: impl FnOnce(&Run) -> Diagnosis,
    ) -> Result<AtWork, Diagnosis> {
        while self.workers.is_empty() {
            if !self.next()? {
                return Err(why(&self.run));
            }
        }
        Ok(self.workers.remove(0))
    }

    /// Whether the program has come to its line `here`, and nobody has asked for it yet.
    pub(crate) fn is_main_here(&self) -> bool {
        self.main.is_some()
    }

    /// Waits until the program has come to its line `here`, and keeps it there.
    pub(crate) fn here(
        &mut self,
        why: impl FnOnce(&Run) -> Diagnosis,
    ) -> Result<Stop, Diagnosis> {
        loop {
            if let Some(stop) = self.main.take() {
                return Ok(stop);
            }
            if !self.next()? {
                return Err(why(&self.run));
            }
        }
    }

    /// False if nobody can come any more, although the program has not ended.
    fn next(&mut self) -> Result<bool, Diagnosis> {
        let Some(stop) = self.run.try_at("here")? else {
            // If it has ended, or a process has panicked, the grader says more.
            return match self.run.at("here") {
                Err(found) if found.code().class() != Class::Deadlock => Err(found),
                _ => Ok(false),
            };
        };
        begun_once(self.run.told())?;
        if stop.pid == self.run.main() {
            self.main = Some(stop);
        } else {
            let begins = |told: &&Told| told.pid == stop.pid && told.name == "begins";
            let task = self.run.told().iter().rev().find(begins);
            let task = task.map(|told| told.value.clone()).unwrap_or_default();
            self.workers.push(AtWork { pid: stop.pid, task, stop });
        }
        Ok(true)
    }

    /// Lets everybody go on, to the end.
    pub(crate) fn finish(self) -> Result<Ended, Diagnosis> {
        drop(self.main);
        drop(self.workers);
        self.run.finish()
    }
}

/// Nobody moves any more, and this is what that means here, if no pipe's end is the cause.
pub(crate) fn stuck(story: &'static str, idea: &'static str) -> impl FnOnce(&Run) -> Diagnosis {
    move |run| {
        let found = match held_end(run) {
            Some(found) => found.evidence(story),
            None => Code::Stuck.because(story).idea(idea),
        };
        found.evidence(run.look().tree())
    }
}

/// Whether the program waits for the end of a pipe that cannot end: it holds the write end itself, or one worker holds
/// the write ends of two.
fn held_end(run: &Run) -> Option<Diagnosis> {
    let look = run.look();
    let main = look.process(run.main())?;
    let fds = match &main.blocked {
        Blocked::Read { fd } => vec![*fd],
        Blocked::Poll { fds, .. } => fds.clone(),
        _ => return None,
    };
    let pipes: Vec<u64> = fds.iter().filter_map(|fd| main.pipe(*fd)).collect();
    let holders: Vec<(i32, u64)> = pipes
        .iter()
        .flat_map(|pipe| {
            let holders = look.holders(*pipe, PipeEnd::Write);
            holders.into_iter().map(|(holder, _)| (holder.pid, *pipe)).collect::<Vec<_>>()
        })
        .collect();
    if let Some((pid, pipe)) = holders.iter().find(|(pid, _)| *pid == main.pid) {
        return Some(Code::SelfHeldWriteEnd.because(format!(
            "process {pid} waits for the end of pipe {pipe}, whose write end it holds itself"
        )));
    }
    holders.iter().enumerate().find_map(|(at, (pid, pipe))| {
        let (_, other) = holders[at + 1..].iter().find(|(next, of)| next == pid && of != pipe)?;
        Some(Code::OtherHeldWriteEnd.because(format!(
            "worker {pid} holds the write ends of two pipes of answers, {pipe} and {other}. One of them is another worker's, whose end will not be seen"
        )))
    })
}
