//! One look at the program: its processes, what they hold and what each of them is asleep in.
//!
//! Invariant: a look changes nothing. What may not be read is named in [`Look::unread`] and never taken for empty.

use std::fmt::{self, Write};
use std::io;

use process::{Descriptor, Memory, PipeEnd, Snapshot, SnapshotError, State, Target};
use procfs::process::Stat;

use crate::blocked::{Asleep, Blocked};
use crate::{Diagnosis, Word, deduce, family, source};

/// The processes of a program at one moment.
#[derive(Debug, Clone)]
pub struct Look {
    /// The pid of the program itself.
    pub main: i32,
    /// The program and all that descends from it, in the order in which they were started.
    pub processes: Vec<Process>,
    /// Evidence that could not be read, and why.
    pub unread: Vec<String>,
}

/// One process of the program.
#[derive(Debug, Clone)]
pub struct Process {
    /// Its process id.
    pub pid: i32,
    /// Its parent.
    pub parent: i32,
    /// Its process group.
    pub group: i32,
    /// Its session.
    pub session: i32,
    /// Its command name.
    pub name: String,
    /// What it is doing.
    pub state: State,
    /// How much time it has had on a processor, in milliseconds, counted in ticks of the kernel's clock.
    pub cpu_ms: u64,
    /// Its open descriptors. Empty if they could not be read.
    pub descriptors: Vec<Descriptor>,
    /// Its memory, in bytes. Zero if it could not be read.
    pub memory: Memory,
    /// The number of its threads.
    pub threads: usize,
    /// What its first thread is asleep in.
    pub blocked: Blocked,
    /// The word that it sleeps on, if it sleeps in a futex call and the word may be read.
    pub word: Option<Word>,
    /// The line of the exercise from which it made the call that it is asleep in, as `src/lib.rs:31`, if the look is part
    /// of a diagnosis.
    pub source: Option<String>,
    /// Whether its descriptors and memory exist and may not be read.
    pub(crate) is_unread: bool,
    /// When it was started, in ticks since the machine was.
    pub(crate) starttime: u64,
    /// Where its stack begins; 0 if unknown.
    stack: u64,
}

/// A process at a gate holds a socket to the grader, which is not the program's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AtGate {
    pub(crate) pid: i32,
    pub(crate) fd: i32,
}

impl Look {
    /// Looks at `family`, leaving out the sockets of `gates`, and all sockets of those that are `arriving` at one.
    pub(crate) fn take(main: i32, family: &[Stat], gates: &[AtGate], arriving: &[i32]) -> Look {
        let mut look = Look { main, processes: Vec::new(), unread: Vec::new() };
        for stat in family {
            let mut process = Process::read(stat, gates, &mut look.unread);
            if arriving.contains(&stat.pid) {
                process
                    .descriptors
                    .retain(|held| !matches!(held.target, Target::Socket { .. }));
            }
            look.processes.push(process);
        }
        let pids: Vec<i32> = look.processes.iter().map(|process| process.pid).collect();
        for process in &mut look.processes {
            let shared = process.word.as_mut().and_then(|word| word.shared.as_mut());
            if let Some(place) = shared {
                let others = pids.iter().copied().filter(|pid| *pid != process.pid);
                place.mapped_by = others.filter(|pid| place.is_mapped_by(*pid)).collect();
            }
        }
        look
    }

    /// A look that saw nothing.
    pub(crate) fn nothing(main: i32, error: &io::Error) -> Look {
        Look { main, processes: Vec::new(), unread: vec![format!("/proc: {error}")] }
    }

    /// Finds the source lines, as long as the processes still sleep where they did; and deduces what a process sleeps in
    /// from its pipes, where the kernel does not say it.
    pub(crate) fn locate(&mut self) {
        for process in &mut self.processes {
            process.source = source::caller(process.pid, process.stack);
            let is_unknown = matches!(process.blocked, Blocked::Unread { .. });
            if is_unknown && process.state == State::Sleeping {
                let fill = |fd| deduce::fill(process.pid, fd);
                if let Some(blocked) = deduce::blocked(&process.descriptors, fill) {
                    self.unread.push(format!(
                        "what {} sleeps in; it was deduced from its pipes: {blocked}",
                        process.pid
                    ));
                    process.blocked = blocked;
                }
            }
        }
    }

    /// The diagnosis, with what could not be read for it.
    pub(crate) fn with_unread(&self, found: Diagnosis) -> Diagnosis {
        self.unread
            .iter()
            .fold(found, |found, unread| found.evidence(format!("could not be read: {unread}")))
    }

    /// The process with this id.
    pub fn process(&self, pid: i32) -> Option<&Process> {
        self.processes.iter().find(|process| process.pid == pid)
    }

    /// The children of a process, zombies too.
    pub fn children(&self, parent: i32) -> Vec<&Process> {
        self.processes.iter().filter(|process| process.parent == parent).collect()
    }

    /// All but the program itself.
    pub fn others(&self) -> impl Iterator<Item = &Process> {
        self.processes.iter().filter(|process| process.pid != self.main)
    }

    /// Children of a process, and theirs, and so on.
    pub fn descendants(&self, ancestor: i32) -> Vec<&Process> {
        let mut found = Vec::new();
        let mut parents = vec![ancestor];
        while let Some(parent) = parents.pop() {
            for child in self.children(parent) {
                parents.push(child.pid);
                found.push(child);
            }
        }
        found
    }

    /// Who holds an end of a pipe, with the descriptor's number.
    pub fn holders(&self, pipe: u64, wanted: PipeEnd) -> Vec<(&Process, i32)> {
        let holds = |descriptor: &&Descriptor| match descriptor.target {
            Target::Pipe { inode, end } => {
                inode == pipe && (end == wanted || end == PipeEnd::Both)
            }
            _ => false,
        };
        self.processes
            .iter()
            .flat_map(|process| {
                process.descriptors.iter().filter(holds).map(move |held| (process, held.fd))
            })
            .collect()
    }

    /// The tree of the processes, one line each, indented.
    pub fn tree(&self) -> String {
        let mut text = String::new();
        let is_root = |process: &&Process| {
            self.process(process.parent).is_none_or(|parent| parent.pid == process.pid)
        };
        let mut open: Vec<(usize, &Process)> =
            self.processes.iter().filter(is_root).rev().map(|process| (0, process)).collect();
        while let Some((depth, process)) = open.pop() {
            writeln!(text, "{:indent$}{process}", "", indent = 2 * depth)
                .expect("a string takes every write");
            open.extend(self.children(process.pid).into_iter().rev().map(|c| (depth + 1, c)));
        }
        text
    }
}

impl Process {
    fn read(stat: &Stat, gates: &[AtGate], unread: &mut Vec<String>) -> Process {
        let pid = stat.pid;
        let is_at_gate = gates.iter().any(|gate| gate.pid == pid);
        let asleep = if family::is_dead(stat) {
            Asleep { blocked: Blocked::Ended, stack: 0 }
        } else if is_at_gate {
            Asleep { blocked: Blocked::Gate, stack: 0 }
        } else {
            // The first thread may have ended while others run on.
            let first = stat.state != 'Z';
            let tid = if first {
                Some(pid)
            } else {
                family::threads(pid).into_iter().find(|tid| *tid != pid)
            };
            Asleep::of(pid, tid.unwrap_or(pid))
        };
        if let Blocked::Unread { why } = &asleep.blocked {
            unread.push(format!("/proc/{pid}/syscall: {why}"));
        }
        let state = if stat.state == 'Z' && !family::is_dead(stat) {
            State::Sleeping
        } else {
            State::of_letter(stat.state)
        };
        let mut process = Process {
            pid,
            parent: stat.ppid,
            group: stat.pgrp,
            session: stat.session,
            name: stat.comm.clone(),
            state,
            cpu_ms: cpu_ms(stat),
            descriptors: Vec::new(),
            memory: Memory::default(),
            threads: usize::try_from(stat.num_threads).unwrap_or(0),
            source: None,
            is_unread: false,
            starttime: stat.starttime,
            stack: asleep.stack,
            word: Word::of(pid, &asleep.blocked),
            blocked: asleep.blocked,
        };
        match Snapshot::of(pid) {
            Ok(snapshot) => {
                process.memory = snapshot.memory;
                process.descriptors = snapshot.descriptors;
                let is_gates = |held: &Descriptor| gates.contains(&AtGate { pid, fd: held.fd });
                process.descriptors.retain(|held| !is_gates(held));
            }
            Err(SnapshotError::NotFound { .. }) => {}
            Err(error) => {
                process.is_unread = true;
                unread.push(error.to_string());
            }
        }
        process
    }

    /// Whether it has ended and nobody has waited for it.
    pub fn is_zombie(&self) -> bool {
        self.state == State::Zombie
    }

    /// The descriptor with this number.
    pub fn descriptor(&self, fd: i32) -> Option<&Descriptor> {
        self.descriptors.iter().find(|descriptor| descriptor.fd == fd)
    }

    /// The pipe behind a descriptor.
    pub fn pipe(&self, fd: i32) -> Option<u64> {
        match self.descriptor(fd)?.target {
            Target::Pipe { inode, .. } => Some(inode),
            _ => None,
        }
    }
}

/// The time that a process itself has had on a processor.
pub(crate) fn own_cpu_ms(stat: &Stat) -> u64 {
    (stat.utime + stat.stime) * 1000 / procfs::ticks_per_second().max(1)
}

/// The time that a process and the children that it has waited for have had on a processor.
pub(crate) fn cpu_ms(stat: &Stat) -> u64 {
    let waited = u64::try_from(stat.cutime + stat.cstime).unwrap_or(0);
    own_cpu_ms(stat) + waited * 1000 / procfs::ticks_per_second().max(1)
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.pid, self.name)?;
        if self.is_zombie() {
            return f.write_str(" is a zombie");
        }
        write!(f, " {}", self.blocked)?;
        if let Some(source) = &self.source {
            write!(f, ", called from {source}")?;
        }
        Ok(())
    }
}
