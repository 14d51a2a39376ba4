//! The loop that takes each stop of each thread, in the order in which the kernel reports them.
//!
//! Owner: one thread, which has no other children. Invariants: a thread that is not in `tasks` or `early` is not stopped by
//! us; every stop is answered by exactly one request that lets the thread go on, or by `PTRACE_LISTEN`.
//!
//! The source is man 2 ptrace, "Stopped states" and "execve(2) under ptrace".

use crate::at_call::Epolls;
use crate::begin::{self, Clock};
use crate::call;
use crate::cause::{Deed, Deeds, Did, Question};
use crate::descriptor::{self, Names, Queue};
use crate::task::{Ended, InCall, Task, Waited};
use crate::{Options, TraceError, sys};
use nix::sys::ptrace;
use nix::unistd::Pid;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};
use timeline::{Birth, Born, Cause, End, Exec, Lane, Timeline};

/// How long the program may clean up after Ctrl-C before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// The number of the first lane.
const FIRST_PID: u32 = 4001;

/// What is seen of every thread.
fn watched() -> ptrace::Options {
    use ptrace::Options as O;
    O::PTRACE_O_TRACESYSGOOD
        | O::PTRACE_O_TRACEFORK
        | O::PTRACE_O_TRACEVFORK
        | O::PTRACE_O_TRACECLONE
        | O::PTRACE_O_TRACEEXEC
        | O::PTRACE_O_TRACEEXIT
        | O::PTRACE_O_EXITKILL
}

/// All that is known of the run so far.
pub(crate) struct Recorder {
    begun: Instant,
    /// Everybody is to be killed, also those who are not born yet.
    is_over: bool,
    pub(crate) options: Options,
    pub(crate) tasks: HashMap<Pid, Task>,
    /// Newborn threads that have stopped before their birth was reported.
    early: HashSet<Pid>,
    pub(crate) lanes: Vec<Lane>,
    /// The lane of each pid: of the last one, if a number was given twice.
    pub(crate) lane_of: HashMap<i32, usize>,
    pub(crate) waits: Vec<Waited>,
    pub(crate) deeds: Deeds,
    pub(crate) names: Names,
    pub(crate) notes: BTreeSet<String>,
    pub(crate) events: usize,
    pub(crate) epolls: Epolls,
    began: bool,
}

/// Runs `program` to its end; see [`crate::record`].
pub(crate) fn record(
    program: &Path,
    arguments: &[OsString],
    options: Options,
) -> Result<Timeline, TraceError> {
    let begun = begin::program(program, arguments, options.output, watched())?;
    let clock = match Clock::start(options.deadline) {
        Ok(clock) => clock,
        Err(error) => {
            begin::kill_all([begun.pid].into_iter());
            begin::reap_all();
            return Err(error);
        }
    };
    let mut recorder = Recorder {
        begun: Instant::now(),
        is_over: false,
        options,
        tasks: HashMap::new(),
        early: HashSet::new(),
        lanes: Vec::new(),
        lane_of: HashMap::new(),
        waits: Vec::new(),
        deeds: Deeds::default(),
        names: Names::default(),
        notes: BTreeSet::new(),
        events: 0,
        epolls: Epolls::new(),
        began: false,
    };
    recorder.birth(begun.pid, begun.pid, Birth::Program, None, None, Vec::new(), 0);
    let followed = recorder.follow(clock);
    if let Err(source) = followed {
        begin::kill_all(recorder.tasks.keys().copied());
        begin::reap_all();
        return Err(TraceError::Os { call: "wait4", source });
    }
    if let Some(source) = begun.failure() {
        return Err(TraceError::Program { path: program.to_owned(), source });
    }
    Ok(recorder.finish(program, arguments))
}

impl Recorder {
    pub(crate) fn now_us(&self) -> u64 {
        self.begun.elapsed().as_micros() as u64
    }

    fn follow(&mut self, clock: Clock) -> std::io::Result<()> {
        let mut clock = Some(clock);
        let mut warned = false;
        while !self.tasks.is_empty() {
            let (pid, status) = sys::wait()?;
            if clock.as_ref().is_some_and(|clock| clock.pid == pid) {
                if libc::WIFSTOPPED(status) {
                    continue;
                }
                clock = None;
                let is_over =
                    libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == begin::TIME_IS_OVER;
                if !is_over && !warned {
                    warned = true;
                    self.note("it was interrupted, so its last part is how it ended");
                    clock = Clock::start(GRACE).ok();
                }
                if clock.is_none() {
                    self.note(&format!(
                        "it was killed after {} s, so the record ends in the middle",
                        self.now_us() / 1_000_000
                    ));
                    self.is_over = true;
                    begin::kill_all(self.tasks.keys().chain(&self.early).copied());
                }
                continue;
            }
            if libc::WIFSTOPPED(status) {
                self.stopped(pid, libc::WSTOPSIG(status), status >> 16);
            } else {
                self.gone(pid, status);
            }
        }
        if let Some(clock) = clock {
            clock.stop();
        }
        Ok(())
    }

    pub(crate) fn note(&mut self, sentence: &str) {
        self.notes.insert(sentence.to_owned());
    }

    /// Lets a thread go on. It may have been killed in the meantime; then its end is the next thing to be seen of it.
    fn go_on(&self, pid: Pid, signal: i32) {
        let _ = if self.is_full() || !self.began {
            sys::go_on_to_the_next_event(pid, signal)
        } else {
            sys::go_on(pid, signal)
        };
    }

    pub(crate) fn is_full(&self) -> bool {
        self.events >= self.options.events_max
    }

    fn stopped(&mut self, pid: Pid, signal: i32, event: i32) {
        if self.is_over {
            begin::kill_all([pid].into_iter());
        }
        if !self.tasks.contains_key(&pid) {
            self.early.insert(pid);
            return;
        }
        if signal == libc::SIGTRAP | 0x80 {
            self.at_call(pid);
            return self.go_on(pid, 0);
        }
        match event {
            0 => {
                self.signalled(pid);
                self.go_on(pid, signal);
            }
            libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE => {
                self.forked(pid, event);
                self.go_on(pid, 0);
            }
            libc::PTRACE_EVENT_EXEC => {
                self.executed(pid);
                self.go_on(pid, 0);
            }
            libc::PTRACE_EVENT_EXIT => {
                self.exiting(pid);
                self.go_on(pid, 0);
            }
            // The signal is the one that stopped the whole process. It stays stopped until it gets SIGCONT.
            libc::PTRACE_EVENT_STOP if signal != libc::SIGTRAP => drop(sys::listen(pid)),
            _ => self.go_on(pid, 0),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "a birth has that many sides")]
    fn birth(
        &mut self,
        pid: Pid,
        tgid: Pid,
        by: Birth,
        from: Option<usize>,
        parent: Option<usize>,
        flags: Vec<String>,
        clear_tid: u64,
    ) {
        let index = self.lanes.len();
        let name = from.map_or_else(String::new, |from| self.lanes[from].name.clone());
        self.lanes.push(Lane {
            pid: FIRST_PID + index as u32,
            name,
            born: Born { at_us: self.now_us(), by, from, parent, flags },
            execs: Vec::new(),
            waits: Vec::new(),
            end: None,
        });
        self.lane_of.insert(pid.as_raw(), index);
        self.tasks.insert(pid, Task::new(index, tgid, clear_tid));
    }

    fn forked(&mut self, pid: Pid, event: i32) {
        let Ok(child) = ptrace::getevent(pid) else { return };
        let child = Pid::from_raw(child as i32);
        let (lane, tgid) = (self.tasks[&pid].lane, self.tasks[&pid].tgid);
        let (bits, exit_signal, child_tid) =
            self.tasks[&pid].call.as_ref().map_or((0, 0, 0), |call| call.clone);
        let is_thread = bits & call::THREAD != 0;
        let by = match event {
            _ if is_thread => Birth::Thread,
            libc::PTRACE_EVENT_VFORK => Birth::Vfork,
            _ => Birth::Fork,
        };
        let process = self.lane_of.get(&tgid.as_raw()).copied();
        let parent = if bits & call::PARENT != 0 && !is_thread {
            process.and_then(|process| self.lanes[process].born.parent)
        } else {
            process
        };
        let clear_tid = if bits & call::CLEAR_TID != 0 { child_tid } else { 0 };
        let flags = call::flags(bits, exit_signal);
        let new_tgid = if is_thread { tgid } else { child };
        self.birth(child, new_tgid, by, Some(lane), parent, flags, clear_tid);
        if by == Birth::Vfork {
            let newborn = self.lanes.len() - 1;
            if let Some(call) = self.tasks.get_mut(&pid).and_then(|task| task.call.as_mut()) {
                call.vfork_child = Some(newborn);
            }
        }
        if self.early.remove(&child) {
            self.go_on(child, 0);
        }
    }

    fn executed(&mut self, pid: Pid) {
        let now_us = self.now_us();
        let file = fs::read_link(format!("/proc/{pid}/exe")).ok();
        let program = file
            .as_deref()
            .and_then(Path::file_name)
            .map_or_else(|| "?".to_owned(), |name| name.to_string_lossy().into_owned());
        // Another thread than the first may have called it. It takes the number of the first, and its own is gone.
        let former = ptrace::getevent(pid).map_or(pid, |former| Pid::from_raw(former as i32));
        let mut call = None;
        if former != pid
            && let Some(task) = self.tasks.remove(&former)
        {
            self.lanes[task.lane].end =
                Some(End { at_us: now_us, code: None, signal: None, reaped_us: None });
            self.lane_of.remove(&former.as_raw());
            call = task.call;
        }
        let Some(task) = self.tasks.get_mut(&pid) else { return };
        let lane = task.lane;
        call = call.or(task.call.take());
        task.clear_tid = 0;
        let began = std::mem::replace(&mut self.began, true);
        self.lanes[lane].name = program.clone();
        if began {
            self.lanes[lane].execs.push(Exec { at_us: now_us, program });
        } else {
            self.begun = Instant::now();
            self.lanes[lane].born.at_us = 0;
            for held in descriptor::held(pid).unwrap_or_default() {
                self.deeds.outside(held.queue);
            }
        }
        let Some(call) = call else { return self.see_setuid(pid) };
        for queue in call.dropped {
            self.drop_end(
                queue,
                Deed {
                    lane,
                    from_us: call.from_us,
                    to_us: now_us,
                    did: Did::Dropped,
                    verb: "executed",
                },
            );
        }
        self.see_setuid(pid);
    }

    fn see_setuid(&mut self, pid: Pid) {
        let mode = fs::metadata(format!("/proc/{pid}/exe"))
            .map_or(0, |file| file.permissions().mode());
        if mode & 0o6000 != 0 && !nix::unistd::geteuid().is_root() {
            self.note("it executed a set-user-ID program, which has no special rights while it is watched");
        }
    }

    /// Takes note of a closed end. Reading ends count as well: the other side of a socket learns of them in the same way.
    pub(crate) fn drop_end(&mut self, queue: Queue, deed: Deed) {
        if let Some(target) = self.names.target(queue) {
            self.deeds.push(target, deed);
        }
    }

    fn exiting(&mut self, pid: Pid) {
        let now_us = self.now_us();
        let tgid = self.tasks[&pid].tgid;
        let alone =
            self.tasks.values().filter(|task| task.tgid == tgid && !task.is_exiting).count()
                == 1;
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok();
        let held =
            if alone && !self.is_full() { descriptor::held(pid) } else { Some(Vec::new()) };
        let Some(task) = self.tasks.get_mut(&pid) else { return };
        task.is_exiting = true;
        task.exit_from_us = Some(now_us);
        task.held = held.map(|held| held.into_iter().map(|held| held.queue).collect());
        // The kernel cuts a program's name at 15 bytes; the name of its file is longer.
        if let Some(name) = name.filter(|_| pid != tgid) {
            self.lanes[task.lane].name = name.trim_end().to_owned();
        }
    }

    fn gone(&mut self, pid: Pid, status: i32) {
        self.early.remove(&pid);
        let Some(mut task) = self.tasks.remove(&pid) else { return };
        let now_us = self.now_us();
        let lane = task.lane;
        let was_in_fork = task.call.as_ref().is_some_and(|call| call.clone != (0, 0, 0));
        for call in
            task.call.take().into_iter().chain(task.interrupted.take().map(|cut| cut.call))
        {
            self.cut_off(&task, call, now_us);
        }
        let signal =
            libc::WIFSIGNALED(status).then(|| call::signal_name(libc::WTERMSIG(status)));
        let code = libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status));
        self.lanes[lane].end = Some(End { at_us: now_us, code, signal, reaped_us: None });

        let from_us = task.exit_from_us.unwrap_or(0).min(now_us);
        let deed = Deed { lane, from_us, to_us: now_us, did: Did::Dropped, verb: "ended" };
        match task.held {
            Some(held) => held.into_iter().for_each(|queue| self.drop_end(queue, deed)),
            None => self.deeds.push_unknown_drop(deed),
        }
        if task.exit_from_us.is_none() {
            self.deeds.push_unknown_drop(deed);
        }
        if task.clear_tid != 0 {
            let word = Queue::Private { process: task.tgid.as_raw(), address: task.clear_tid };
            self.deeds.push(word, Deed { did: Did::Woke, ..deed });
        }
        if was_in_fork && libc::WIFSIGNALED(status) && !self.early.is_empty() {
            self.adopt(lane);
        }
    }

    /// Takes over the newborns of a caller that was killed before its birth was reported.
    fn adopt(&mut self, from: usize) {
        let newborns: Vec<Pid> = self.early.iter().copied().collect();
        for newborn in newborns {
            let status =
                fs::read_to_string(format!("/proc/{newborn}/status")).unwrap_or_default();
            let parent =
                status.lines().find_map(|line| line.strip_prefix("PPid:")?.trim().parse().ok());
            let is_known =
                parent.is_some_and(|pid| self.tasks.contains_key(&Pid::from_raw(pid)));
            let is_thread = !status.lines().any(|line| {
                line.strip_prefix("Tgid:")
                    .is_some_and(|tgid| tgid.trim() == newborn.to_string())
            });
            if !is_known && !is_thread && self.early.remove(&newborn) {
                self.birth(
                    newborn,
                    newborn,
                    Birth::Fork,
                    Some(from),
                    Some(from),
                    Vec::new(),
                    0,
                );
                self.go_on(newborn, 0);
            }
        }
    }

    fn finish(mut self, program: &Path, arguments: &[OsString]) -> Timeline {
        if self.is_full() {
            let note = format!(
                "calls were recorded up to the {}th; births and ends are all here",
                self.options.events_max
            );
            self.note(&note);
        }
        let mut waits = std::mem::take(&mut self.waits);
        for Waited { lane, mut wait, ended } in waits.drain(..) {
            // The child was a zombie already: the call was slow, and waited for nobody.
            if let Ended::Child(child) = ended
                && self.lanes[child].end.as_ref().is_some_and(|end| end.at_us < wait.from_us)
            {
                continue;
            }
            wait.ended_by = match ended {
                Ended::By(cause) => cause,
                Ended::Deed(queue, did) => {
                    let (from_us, to_us) = (wait.from_us, wait.to_us);
                    self.deeds.answer(&Question { lane, from_us, to_us, queue, did })
                }
                Ended::Child(child) => self.ended(child, wait.to_us),
                Ended::Vfork(child) => self.released(child, wait.to_us),
            };
            self.lanes[lane].waits.push(wait);
        }
        for lane in &mut self.lanes {
            lane.waits.sort_by_key(|wait| wait.from_us);
        }
        let ends = self.lanes.iter().filter_map(|lane| lane.end.as_ref());
        let duration_us = ends.map(|end| end.at_us).max().unwrap_or(0);
        let name = program.file_name().unwrap_or(program.as_os_str());
        Timeline {
            version: timeline::VERSION,
            name: name.to_string_lossy().into_owned(),
            arguments: arguments
                .iter()
                .map(|text| text.to_string_lossy().into_owned())
                .collect(),
            duration_us,
            slowdown: None,
            lanes: self.lanes,
            notes: self.notes.into_iter().collect(),
        }
    }

    /// The end of a lane as a cause. A pidfd tells of it a moment before it is reported here.
    fn ended(&self, lane: usize, to_us: u64) -> Option<Cause> {
        let at_us = self.lanes[lane].end.as_ref()?.at_us.min(to_us);
        Some(Cause { lane, at_us, did: "ended".to_owned() })
    }

    /// What let the caller of `vfork` go on: the child's exec, or its end. The kernel lets the caller go before it reports
    /// either of them.
    fn released(&self, lane: usize, to_us: u64) -> Option<Cause> {
        let exec = self.lanes[lane].execs.first();
        let executed = exec.map(|exec| Cause {
            lane,
            at_us: exec.at_us.min(to_us),
            did: "executed".to_owned(),
        });
        executed.or_else(|| self.ended(lane, to_us))
    }

    fn cut_off(&mut self, task: &Task, call: InCall, now_us: u64) {
        if let Some(what) = self.meaning(&call) {
            self.keep_wait(task.lane, &call, now_us, what, Ended::By(None));
        }
        self.effect(task.lane, &call, now_us, None);
    }
}
