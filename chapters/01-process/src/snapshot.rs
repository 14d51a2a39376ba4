//! One process at one moment.
//!
//! Invariant: descriptors and memory are those of a thread that was alive before and after they were read, so an
//! empty list means that there is none and not that the process was just ending.
//!
//! The source is man 5 proc_pid_stat, proc_pid_status, proc_pid_task.

use crate::folder::Folder;
use crate::{Descriptor, Memory, SnapshotError, State};
use nix::errno::Errno;
use procfs::process::{SmapsRollup, Stat, StatFlags};
use std::io;

// ANCHOR: snapshot
/// What the kernel says about one process at one moment.
///
/// The fields are read one after the other while the process runs on, so they may be microseconds apart.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Snapshot {
    /// Its process id.
    pub pid: i32,
    /// The process that made it, or that took it over when its maker ended. 0: the maker is the
    /// kernel, or is not visible from here.
    pub parent: i32,
    /// The command name, at most 15 bytes. Bytes that are not UTF-8 are replaced by U+FFFD.
    pub name: String,
    /// What it is doing: the state of its first thread, or, if that one has ended and others run
    /// on, of the first that has not. [`State::Zombie`] only if all have ended.
    pub state: State,
    /// Its threads; the first one has the id of the process.
    pub threads: Vec<Thread>,
    /// Its open descriptors, by number.
    pub descriptors: Vec<Descriptor>,
    /// Its memory, in bytes.
    pub memory: Memory,
}
// ANCHOR_END: snapshot

/// One thread of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Thread {
    /// Its thread id; that of the first thread is the process id.
    pub tid: i32,
    /// Its name, at most 15 bytes.
    pub name: String,
    /// What it is doing.
    pub state: State,
}

/// How often a snapshot is begun because threads started or ended meanwhile. The last try takes what it finds.
const TRIES_MAX: u32 = 16;

impl Snapshot {
    /// Reads what `/proc` says about process `pid`.
    ///
    /// A zombie has a parent and a state, but no memory and no descriptors any more. A process
    /// that is just ending has state [`State::Other`] for a moment, and nothing either. A kernel
    /// thread has no memory of its own.
    ///
    /// ```
    /// let shell = process::Snapshot::of(std::os::unix::process::parent_id() as i32)?;
    /// println!("{} was started by process {}", shell.name, shell.parent);
    /// # Ok::<(), process::SnapshotError>(())
    /// ```
    ///
    /// # Errors
    /// [`SnapshotError::NotFound`] if there is no such process (the id of a second thread is not the
    /// id of a process), [`SnapshotError::Denied`] if its descriptors or memory may not be read
    /// by this user, [`SnapshotError::Unreadable`] for anything else.
    ///
    /// # References
    /// man 5 proc; man 2 ptrace, "Ptrace access mode checking", for who may read what.
    pub fn of(pid: i32) -> Result<Snapshot, SnapshotError> {
        read(&Folder::open(pid)?)
    }

    /// Reads what `/proc` says about the calling process. The descriptors that the reading itself
    /// needs are not in it.
    ///
    /// ```
    /// let me = process::Snapshot::this()?;
    /// assert_eq!(me.pid, std::process::id() as i32);
    /// assert_eq!(me.threads[0].tid, me.pid);
    /// assert!(me.memory.rss_bytes > 0);
    /// # Ok::<(), process::SnapshotError>(())
    /// ```
    ///
    /// # Errors
    /// [`SnapshotError::Unreadable`] if `/proc` is not mounted, no descriptor is left to read it
    /// with (three are needed at a time), or the kernel does not count memory (`smaps_rollup`).
    ///
    /// # References
    /// man 5 proc, "/proc/self".
    pub fn this() -> Result<Snapshot, SnapshotError> {
        read(&Folder::open_own()?)
    }

    /// The descriptor with this number.
    pub fn descriptor(&self, fd: i32) -> Option<&Descriptor> {
        let index = self.descriptors.binary_search_by_key(&fd, |descriptor| descriptor.fd);
        Some(&self.descriptors[index.ok()?])
    }

    /// Everything that is known from the threads alone: `tasks`, of which the first is the leader.
    fn without_holdings(leader: &Stat, tasks: &[Stat]) -> Snapshot {
        let state = match tasks.iter().find(|task| is_alive(task)) {
            Some(task) => State::of_letter(task.state),
            // The leader becomes a zombie at once, the process only when its last thread has gone.
            None if leader.state == 'Z' && leader.num_threads <= 1 => State::Zombie,
            None => State::Other,
        };
        let threads = tasks.iter().map(|task| Thread {
            tid: task.pid,
            name: task.comm.clone(),
            state: State::of_letter(task.state),
        });
        Snapshot {
            pid: leader.pid,
            parent: leader.ppid,
            name: leader.comm.clone(),
            state,
            threads: threads.collect(),
            descriptors: Vec::new(),
            memory: Memory::default(),
        }
    }
}

// ANCHOR: read
fn read(folder: &Folder) -> Result<Snapshot, SnapshotError> {
    let pid = folder.pid();
    check_is_process(folder)?;
    let mut tries = 0;
    loop {
        tries += 1;
        let is_last_try = tries == TRIES_MAX;
        let tasks = tasks(folder)?;
        let leader = tasks
            .first()
            .filter(|task| task.pid == pid)
            .ok_or(SnapshotError::NotFound { pid })?;
        // If a thread ends while the kernel lists them, the list may stop there.
        let is_whole = usize::try_from(leader.num_threads) == Ok(tasks.len());
        if !is_whole && !is_last_try {
            continue;
        }
        let mut snapshot = Snapshot::without_holdings(leader, &tasks);
        // Descriptors and memory belong to all threads. Any thread that is alive shows them.
        let Some(witness) = tasks.iter().find(|task| is_alive(task)) else {
            return Ok(snapshot);
        };
        let holdings = holdings(folder, witness);
        // A thread that ends gives up its memory and descriptors before its entry in /proc.
        let is_still_alive = stat(folder, witness.pid).is_ok_and(|now| is_alive(&now));
        if is_still_alive || is_last_try {
            (snapshot.descriptors, snapshot.memory) = holdings?;
            return Ok(snapshot);
        }
    }
}
// ANCHOR_END: read

/// Refuses the id of a thread: `/proc/TID` exists for every thread, though only processes are listed.
fn check_is_process(folder: &Folder) -> Result<(), SnapshotError> {
    let pid = folder.pid();
    let status =
        folder.read("status").map_err(|error| SnapshotError::new(pid, "status", error))?;
    // The name is the only text in this file that a process can choose, and its line feeds are escaped there.
    let group = status
        .split(|byte| *byte == b'\n')
        .find_map(|line| line.strip_prefix(b"Tgid:"))
        .and_then(|id| str::from_utf8(id).ok()?.trim().parse::<i32>().ok());
    if group == Some(pid) { Ok(()) } else { Err(SnapshotError::NotFound { pid }) }
}

/// The threads, the first one first; one that ends while they are listed is left out.
fn tasks(folder: &Folder) -> Result<Vec<Stat>, SnapshotError> {
    let pid = folder.pid();
    let listing =
        folder.list("task").map_err(|error| SnapshotError::new(pid, "task", error))?;
    let mut tasks = Vec::with_capacity(listing.numbers.len());
    for tid in listing.numbers {
        match stat(folder, tid) {
            Ok(stat) => tasks.push(stat),
            Err(SnapshotError::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    tasks.sort_by_key(|task| (task.pid != pid, task.pid));
    Ok(tasks)
}

fn stat(folder: &Folder, tid: i32) -> Result<Stat, SnapshotError> {
    folder
        .parse(&format!("task/{tid}/stat"))
        .map_err(|error| SnapshotError::new(folder.pid(), "task", error))
}

/// Whether a thread still holds descriptors and memory. It gives them up while its state is still "running".
fn is_alive(task: &Stat) -> bool {
    let is_exiting = task.flags & StatFlags::PF_EXITING.bits() != 0;
    !is_exiting && !matches!(task.state, 'Z' | 'X' | 'x')
}

/// What only its owner may see: descriptors and memory, as the thread `witness` has them.
fn holdings(
    folder: &Folder,
    witness: &Stat,
) -> Result<(Vec<Descriptor>, Memory), SnapshotError> {
    let pid = folder.pid();
    let base =
        if witness.pid == pid { String::new() } else { format!("task/{}/", witness.pid) };
    let memory = if witness.flags & StatFlags::PF_KTHREAD.bits() != 0 {
        Memory::default()
    } else {
        folder
            .parse::<SmapsRollup>(&format!("{base}smaps_rollup"))
            .map(|rollup| Memory::from_rollup(&rollup))
            .map_err(|error| memory_error(folder, witness, error))?
    };
    let listing = folder
        .list(&format!("{base}fd"))
        .map_err(|error| SnapshotError::new(pid, "fd", error))?;
    let mut descriptors = Vec::with_capacity(listing.numbers.len());
    for fd in listing.numbers.iter().filter(|fd| !folder.is_readers(&listing, **fd)) {
        // It may have been closed since it was listed, or between the two reads.
        let Some((target, mode)) = unless_gone(pid, "fd", listing.link(*fd))? else { continue };
        let info = folder.read(&format!("{base}fdinfo/{fd}"));
        let info = unless_gone(pid, "fdinfo", info)?;
        descriptors.push(Descriptor::new(*fd, &target, mode, info.as_deref()));
    }
    Ok((descriptors, memory))
}

/// Why the memory of the thread `witness` could not be read. If the thread is still alive, a file that is not there is
/// one that the kernel does not have, and the process is no missing one.
fn memory_error(folder: &Folder, witness: &Stat, source: io::Error) -> SnapshotError {
    let (pid, file) = (folder.pid(), "smaps_rollup");
    let is_not_there = source.raw_os_error() == Some(Errno::ENOENT as i32);
    if is_not_there && stat(folder, witness.pid).is_ok_and(|now| is_alive(&now)) {
        SnapshotError::Unreadable { pid, file, source }
    } else {
        SnapshotError::new(pid, file, source)
    }
}

/// `None` if the file is there no more.
fn unless_gone<T>(
    pid: i32,
    file: &'static str,
    read: io::Result<T>,
) -> Result<Option<T>, SnapshotError> {
    match read.map_err(|error| SnapshotError::new(pid, file, error)) {
        Ok(content) => Ok(Some(content)),
        Err(SnapshotError::NotFound { .. }) => Ok(None),
        Err(other) => Err(other),
    }
}

#[cfg(test)]
mod tests;
