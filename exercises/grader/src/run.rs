//! One run of a program, seen from outside: its gates, its limits, its end.
//!
//! Everything happens in one loop, [`Run::turn`], which waits for events with `poll` and looks at the processes a few
//! times a second. Nothing here sleeps in the hope that something has happened.
//!
//! Invariant: when a `Run` is dropped, nothing that it started is alive and its working folder is gone ([`Launch`]).

use std::collections::HashSet;
use std::io;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use procfs::process::Stat;

use crate::family::{self, Identity, is_dead};
use crate::gates::{Arrival, Gates};
use crate::launch::Launch;
use crate::look::{AtGate, own_cpu_ms};
use crate::output::Output;
use crate::pulse::{Nap, Pulse};
use crate::shield::{Report, Status};
use crate::stop::Held;
use crate::{
    Code, Diagnosis, Ended, Look, Program, Rest, Stop, Told, check, deadlock, ending, pidfd,
};

/// How often the processes are looked at, at least.
const TICK_MS: u16 = 20;

/// For how long nothing may have moved before it counts as a deadlock.
const DEADLOCK_AFTER: Duration = Duration::from_millis(500);

/// For how long nothing may have moved before a process counts as asleep.
pub(crate) const ASLEEP_AFTER: Duration = Duration::from_millis(100);

/// How much time on a processor tells a busy process from one that is about to fall asleep.
const BUSY_MS: u64 = 150;

/// How often a process that waits may wake to look whether it still has to.
const WAKES_MAX: u64 = 30;

/// A program that runs. There is one at a time in a process.
pub struct Run {
    pub(crate) program: Program,
    pub(crate) main: i32,
    pub(crate) status: Option<Status>,
    pub(crate) told: Vec<Told>,
    pub(crate) at_start: Option<Look>,
    pub(crate) at_end: Option<Look>,
    pub(crate) stdout: Output,
    pub(crate) stderr: Output,
    /// For how long nothing had moved at the last turn.
    pub(crate) quiet: Duration,
    pub(crate) launch: Launch,
    pub(crate) gates: Gates,
    pub(crate) waiting: Vec<Arrival>,
    pub(crate) held: Held,
    pulse: Pulse,
    /// Processes that had ended when they came to the shield: the program could never wait for them.
    adopted: HashSet<Identity>,
    started: Instant,
}

impl Run {
    pub(crate) fn start(program: Program) -> Result<Run, Diagnosis> {
        let run = Run::prepare(program)
            .map_err(|error| Diagnosis::of_grader("start the program", &error))?;
        run.wait_for_start()
    }

    fn prepare(program: Program) -> io::Result<Run> {
        let gates = Gates::open()?;
        let (launch, stdout, stderr) = Launch::new(&program, gates.name())?;
        let kept_max = usize::try_from(program.limits.output_bytes).unwrap_or(usize::MAX);
        Ok(Run {
            program,
            main: 0,
            status: None,
            told: Vec::new(),
            at_start: None,
            at_end: None,
            stdout: Output::new(stdout, kept_max)?,
            stderr: Output::new(stderr, kept_max)?,
            quiet: Duration::ZERO,
            launch,
            gates,
            waiting: Vec::new(),
            held: Held::default(),
            pulse: Pulse::default(),
            adopted: HashSet::new(),
            started: Instant::now(),
        })
    }

    /// Waits until the shield says that the program runs.
    fn wait_for_start(mut self) -> Result<Run, Diagnosis> {
        loop {
            match self.launch.next_report() {
                Some(Report::Started { pid }) => {
                    self.main = pid;
                    self.started = Instant::now();
                    return Ok(self);
                }
                Some(Report::Failed { why }) => {
                    let path = self.program.path.display();
                    let error = io::Error::other(format!("{path}: {why}"));
                    return Err(Diagnosis::of_grader("start the program", &error));
                }
                Some(Report::Ended { .. }) => {}
                None => {
                    check::shield(&mut self)?;
                    self.wait(TICK_MS);
                }
            }
            // A program that multiplies may keep the shield from saying that it has started it.
            let family = self.family()?;
            let elapsed = self.started.elapsed();
            check::limits(&mut self, &family, elapsed)?;
        }
    }

    /// The pid of the program.
    pub fn main(&self) -> i32 {
        self.main
    }

    /// What has been reported with `gate::tell` so far.
    pub fn told(&self) -> &[Told] {
        &self.told
    }

    /// A look at all processes now.
    pub fn look(&self) -> Look {
        let gates: Vec<AtGate> = self
            .held
            .borrow()
            .iter()
            .copied()
            .chain(self.waiting.iter().map(Arrival::gate))
            .collect();
        match self.launch.family() {
            Ok(family) => Look::take(self.main, &family, &gates, &self.gates.arriving()),
            Err(error) => Look::nothing(self.main, &error),
        }
    }

    /// Sends a signal to one of the program's processes. One that is not, or not any more, gets nothing.
    pub fn kill(&self, pid: i32, signal: Signal) {
        let Ok(family) = self.launch.family() else { return };
        let Some(listed) = family.iter().find(|stat| stat.pid == pid) else { return };
        let Ok(pidfd) = pidfd::open(pid) else { return };
        if family::stat(pid).is_some_and(|now| now.starttime == listed.starttime) {
            let _ = pidfd::signal(&pidfd, signal as i32);
        }
    }

    /// Lets the program run until a process comes to the gate `name`, or tells something under that name, and keeps it
    /// there. Whoever comes to another gate meanwhile is let through. So processes that are to be held at the same time
    /// must come to gates of one name; their pids tell them apart.
    ///
    /// # Errors
    /// What the general checks find; [`Code::Stuck`] or a deadlock if nobody comes.
    pub fn at(&mut self, name: &str) -> Result<Stop, Diagnosis> {
        match self.until(name)? {
            Some(stop) => Ok(stop),
            None if self.status.is_some() => {
                ending::end(self)?;
                Err(Code::WrongAnswer.because(format!(
                    "the program has ended and no process has come to the place \"{name}\""
                )))
            }
            None => {
                let found = deadlock::diagnose(self.look(), &self.held_pids());
                Err(self.with_panic(found))
            }
        }
    }

    /// As [`Run::at`], but `None` if nobody can come any more, because the program has ended or because all that are
    /// not held at gates sleep.
    ///
    /// # Errors
    /// What the general checks find.
    pub fn try_at(&mut self, name: &str) -> Result<Option<Stop>, Diagnosis> {
        self.until(name)
    }

    fn until(&mut self, name: &str) -> Result<Option<Stop>, Diagnosis> {
        loop {
            if let Some(stop) = self.serve(Some(name))? {
                return Ok(Some(stop));
            }
            if self.status.is_some() {
                return Ok(None);
            }
            if self.turn()? > DEADLOCK_AFTER && self.waiting.is_empty() {
                return Ok(None);
            }
        }
    }

    /// Lets the program run until a process is asleep, keeps a processor busy, or has ended. It may not be held at a gate.
    ///
    /// A process is asleep if all its threads are, also with a time limit. One that wakes again and again to look is busy.
    ///
    /// # Errors
    /// What the general checks find.
    pub fn until_asleep(&mut self, pid: i32) -> Result<Rest, Diagnosis> {
        let busy_from = family::stat(pid).map_or(0, |stat| own_cpu_ms(&stat));
        let mut nap = Nap::default();
        loop {
            self.serve(None)?;
            let Some(stat) = family::stat(pid).filter(|stat| !is_dead(stat)) else {
                return Ok(Rest::Ended);
            };
            let cpu_ms = own_cpu_ms(&stat).saturating_sub(busy_from);
            if cpu_ms >= BUSY_MS {
                return Ok(Rest::Busy { cpu_ms });
            }
            match nap.watch(pid) {
                (Some(blocked), since) if since > ASLEEP_AFTER => {
                    return Ok(Rest::Asleep(blocked));
                }
                _ if nap.wakes >= WAKES_MAX => return Ok(Rest::Busy { cpu_ms }),
                _ => {}
            }
            self.turn()?;
        }
    }

    /// Lets the program through all gates to its end, and applies the general checks. Nobody may be held at a gate.
    ///
    /// # Errors
    /// What the checks find.
    pub fn finish(mut self) -> Result<Ended, Diagnosis> {
        while self.status.is_none() {
            self.serve(None)?;
            if self.status.is_none() && self.turn()? > DEADLOCK_AFTER && self.waiting.is_empty()
            {
                let found = deadlock::diagnose(self.look(), &self.held_pids());
                return Err(self.with_panic(found));
            }
        }
        self.serve(None)?;
        ending::end(&mut self)?;
        Ok(Ended {
            stdout: self.stdout.text(),
            stderr: self.stderr.text(),
            told: std::mem::take(&mut self.told),
            at_start: self.at_start.take(),
            at_end: self.at_end.take(),
        })
    }

    /// Waits for events for a moment, takes them in, and holds the program to its limits. Returns for how long nothing
    /// has moved.
    pub(crate) fn turn(&mut self) -> Result<Duration, Diagnosis> {
        self.wait(TICK_MS);
        self.stdout.take();
        self.stderr.take();
        let arrived = self.gates.arrivals();
        self.waiting.extend(arrived);
        while let Some(report) = self.launch.next_report() {
            if let Report::Ended { status } = report {
                self.status = Some(status);
            }
        }
        let family = self.family()?;
        check::shield(self)?;
        let free = self.free(&family);
        // If all are gone, their end is being reported. It is no deadlock, however long that takes on a busy machine.
        self.quiet = if free.is_empty() && self.held.borrow().is_empty() {
            Duration::ZERO
        } else {
            self.pulse.quiet_for(&free)
        };
        check::limits(self, &family, self.started.elapsed())?;
        Ok(self.quiet)
    }

    /// Waits until something can be read, or for `timeout_ms`.
    fn wait(&self, timeout_ms: u16) {
        let fds = self
            .gates
            .fds()
            .chain(self.stdout.fd())
            .chain(self.stderr.fd())
            .chain(self.launch.fd());
        let mut waits: Vec<PollFd> = fds.map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
        // EINTR is an event like any other: the loop comes round.
        let _ = poll(&mut waits, PollTimeout::from(timeout_ms));
    }

    /// The processes of the program, as the kernel lists them, without those that it could never have waited for.
    pub(crate) fn family(&mut self) -> Result<Vec<Stat>, Diagnosis> {
        let mut family = self
            .launch
            .family()
            .map_err(|error| Diagnosis::of_grader("list the processes in /proc", &error))?;
        let is_adopted = |stat: &&Stat| {
            stat.ppid == self.launch.shield_pid && stat.pid != self.main && is_dead(stat)
        };
        // The program's own end makes its zombies the shield's as well: those it could have waited for. So it is asked
        // after the list was read whether the program still lives.
        if self.main != 0 && family::stat(self.main).is_some_and(|main| !is_dead(&main)) {
            self.adopted.extend(family.iter().filter(is_adopted).map(Identity::of));
        }
        family.retain(|stat| !self.is_adopted(&Identity::of(stat)));
        Ok(family)
    }

    /// Whether this process had ended when the shield took it over.
    pub(crate) fn is_adopted(&self, process: &Identity) -> bool {
        self.adopted.contains(process)
    }

    /// Those that live and that nobody holds.
    pub(crate) fn free<'a>(&self, family: &'a [Stat]) -> Vec<&'a Stat> {
        let held = self.held_pids();
        family.iter().filter(|stat| !is_dead(stat) && !held.contains(&stat.pid)).collect()
    }

    pub(crate) fn held_pids(&self) -> Vec<i32> {
        self.held.borrow().iter().map(|gate| gate.pid).collect()
    }

    /// The diagnosis, or, if a process has panicked before, that.
    pub(crate) fn with_panic(&mut self, found: Diagnosis) -> Diagnosis {
        self.stderr.take();
        ending::panic(self).map_or(found, |panic| panic)
    }
}

/// The name of a signal, as `SIGKILL`.
pub(crate) fn signal_name(number: i32) -> String {
    Signal::try_from(number)
        .map_or_else(|_| format!("signal {number}"), |signal| signal.as_str().to_owned())
}
