//! Asks for one more until the kernel refuses, in a process that has given itself little room.
//!
//! # References
//! man 2 fork, "ERRORS"; man 2 getrlimit; man 7 pid_namespaces; the kernel's Documentation/admin-guide/sysctl/kernel.rst,
//! "pid_max".

use anyhow::{Context, Result, bail, ensure};
use experiments::apart::{apart, end_with};
use experiments::group::{Group, Limited};
use fork::{ForkError, Pid};
use memmap2::MmapMut;
use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_dumpable;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};
use nix::sys::utsname::uname;
use nix::sys::wait::waitpid;
use nix::unistd::{Gid, Uid, geteuid, getppid, setgid, setuid};
use procpool::{Pool, PoolError, StartMethod};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::error::Error;
use std::fs;
use std::io::{self, Read, pipe};
use std::os::unix::fs::MetadataExt;

/// A part that is not done after this long will never be.
const DEADLINE_S: u32 = 30;

/// Users that nobody is given: those of the system and of people are below, those of containers above.
const UNUSED_USERS: std::ops::Range<u32> = 61_200..61_400;

/// The smallest that the kernel lets `pid_max` be: one more than the numbers that it keeps for itself after a wrap.
const PID_MAX_MIN: u64 = 301;

/// How often a count that somebody disturbed is repeated.
const TRIES_MAX: u32 = 10;

const PID_MAX: &str = "/proc/sys/kernel/pid_max";

/// Descriptors of the program for each worker of the pool.
const WORKER_DESCRIPTORS: u64 = 4;

/// What happened at one limit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Met {
    /// The limit's name.
    pub(crate) name: String,
    /// What was asked for until it was refused: `fork`, `pipe`, `mmap`.
    pub(crate) call: String,
    /// How many processes or workers the limit leaves room for, as computed before.
    pub(crate) room: Option<u64>,
    /// How many there were when the next one was refused.
    pub(crate) got: u64,
    /// What the kernel said. `None` if it never refused.
    pub(crate) errno: Option<i32>,
    /// How many workers a pool had under the same limit, and what it said to one more.
    pub(crate) pool: Option<(u64, String)>,
}

/// RLIMIT_NPROC: as an ordinary user, since it does not bind root.
pub(crate) fn user_processes(room: u64) -> Result<Met> {
    apart(DEADLINE_S, || {
        let parent = getppid();
        if geteuid().is_root() {
            let user = unused_user()?;
            setgid(Gid::from_raw(user))
                .context("root may not become an ordinary user here: setgid")?;
            setuid(Uid::from_raw(user))
                .context("root may not become an ordinary user here: setuid")?;
            // The change of user took these away.
            let _ = set_dumpable(true);
            end_with(parent)?;
        }
        let (forked, room_is_known) = forks_of_this_user(room)?;
        let pool = workers(room * 2)?;
        Ok(forked.met("RLIMIT_NPROC", room_is_known.then_some(room), Some(pool)))
    })
}

/// Forks until RLIMIT_NPROC refuses, and whether nobody else of this user came or went meanwhile.
fn forks_of_this_user(room: u64) -> Result<(Forked, bool)> {
    let mut tries = 0;
    loop {
        let used = tasks_of(Uid::current());
        limit_to(Resource::RLIMIT_NPROC, used + room)?;
        let forked = forks(room * 2)?;
        tries += 1;
        let nobody_else = tasks_of(Uid::current()) == used && forked.got == room;
        if nobody_else || tries == TRIES_MAX {
            return Ok((forked, nobody_else));
        }
    }
}

/// pids.max of a cgroup that is made for it.
pub(crate) fn group_processes(group: &Group, room: u64) -> Result<Met> {
    apart(DEADLINE_S, || {
        group.enter()?;
        let forked = forks(room * 2)?;
        let pool = workers(room * 2)?;
        Ok(forked.met("pids.max", Some(room), Some(pool)))
    })
}

/// A group that leaves room for so many processes beside the one that asks.
pub(crate) fn group(room: u64) -> Result<Group> {
    Group::new(Limited::Pids { max: u32::try_from(room)? + 1 })
}

/// kernel.pid_max, in a pid namespace of its own, which has its own since Linux 6.14.
pub(crate) fn process_numbers() -> Result<Met> {
    // Before, there was one for the whole machine, which is not to be lowered.
    let release = uname()?.release().to_string_lossy().into_owned();
    ensure!(
        has_own_pid_max(&release),
        "Linux {release} has one pid_max for all; 6.14 has one for each pid namespace"
    );
    ensure!(geteuid().is_root(), "a pid namespace with a pid_max of its own takes root");
    apart(DEADLINE_S, || {
        unshare(CloneFlags::CLONE_NEWPID).context("unshare(CLONE_NEWPID)")?;
        apart(DEADLINE_S, || {
            ensure!(Pid::this().as_raw() == 1, "the pid namespace is not new");
            fs::write(PID_MAX, PID_MAX_MIN.to_string())
                .with_context(|| format!("cannot write {PID_MAX}"))?;
            // 0 is no process, and 1 is this one.
            let room = PID_MAX_MIN - 2;
            Ok(forks(room * 2)?.met("pid_max", Some(room), None))
        })
    })
}

fn has_own_pid_max(release: &str) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= (6, 14),
        _ => false,
    }
}

/// RLIMIT_NOFILE: a process needs no descriptor, but who keeps hold of workers does.
pub(crate) fn descriptors(room: u64) -> Result<Met> {
    apart(DEADLINE_S, || {
        let open =
            fs::read_dir("/proc/self/fd").context("cannot list /proc/self/fd")?.count() as u64;
        let limit = open + room * WORKER_DESCRIPTORS;
        limit_to(Resource::RLIMIT_NOFILE, limit)?;
        let pool = workers(room * 2)?;
        let mut pipes = Vec::new();
        let error = loop {
            match pipe() {
                Ok(ends) if pipes.len() as u64 <= limit => pipes.push(ends),
                Ok(_) => break None,
                Err(error) => break error.raw_os_error(),
            }
        };
        drop(pipes);
        Ok(Met {
            name: "RLIMIT_NOFILE".into(),
            call: "pipe".into(),
            room: Some(room),
            got: pool.0,
            errno: error,
            pool: Some(pool),
        })
    })
}

/// RLIMIT_AS: so many bytes of addresses more than a pool of one worker has.
pub(crate) fn addresses(more_bytes: u64, workers_max: u64) -> Result<Met> {
    apart(DEADLINE_S, || {
        let before = getrlimit(Resource::RLIMIT_AS)?;
        let mut mapped = None;
        let pool = workers_after(workers_max, || {
            let statm = "/proc/self/statm";
            let text =
                fs::read_to_string(statm).with_context(|| format!("cannot read {statm}"))?;
            let pages = text.split_whitespace().next().context("statm is empty")?;
            let used_bytes = pages.parse::<u64>()? * procfs::page_size();
            limit_to(Resource::RLIMIT_AS, used_bytes + more_bytes)?;
            mapped = MmapMut::map_anon(usize::try_from(more_bytes * 2)?).err();
            Ok(())
        });
        setrlimit(Resource::RLIMIT_AS, before.0, before.1).context("setrlimit")?;
        let pool = pool?;
        Ok(Met {
            name: "RLIMIT_AS".into(),
            call: "mmap".into(),
            room: None,
            got: pool.0,
            errno: mapped.and_then(|error| error.raw_os_error()),
            pool: Some(pool),
        })
    })
}

/// The most workers that the library itself allows, and what it says to more. `None` if it has no such limit.
pub(crate) fn library() -> Result<Option<(usize, String)>> {
    apart(DEADLINE_S, || {
        // If it had none, the kernel would soon say no.
        limit_to(Resource::RLIMIT_NOFILE, 64)?;
        match Pool::builder().workers(usize::MAX).build() {
            Err(PoolError::Invalid { option, message }) => {
                let max = message.split_whitespace().last().and_then(|word| word.parse().ok());
                Ok(max.map(|max| (max, format!("`{option}`: {message}"))))
            }
            _ => Ok(None),
        }
    })
}

/// The soft limit, so that it can be taken back.
fn limit_to(resource: Resource, soft: u64) -> Result<()> {
    let (_, hard) = getrlimit(resource).context("getrlimit")?;
    ensure!(
        hard == RLIM_INFINITY || soft <= hard,
        "the hard limit of {resource:?} is {hard} already"
    );
    setrlimit(resource, soft, hard).with_context(|| format!("setrlimit({resource:?})"))
}

struct Forked {
    got: u64,
    errno: Option<i32>,
}

impl Forked {
    fn met(self, name: &str, room: Option<u64>, pool: Option<(u64, String)>) -> Met {
        let Forked { got, errno } = self;
        Met { name: name.into(), call: "fork".into(), room, got, errno, pool }
    }
}

/// Forks up to `most` processes that wait until there is no more to be had, and reaps them.
fn forks(most: u64) -> Result<Forked> {
    let (mut gate, bar) = pipe().context("pipe")?;
    let mut bar = Some(bar);
    let mut children = Vec::new();
    let mut refused = None;
    while (children.len() as u64) < most && refused.is_none() {
        let forked = fork::fork(|| {
            drop(bar.take());
            // Ends when the parent lets go of its end, in whatever way.
            i32::from(gate.read(&mut [0]).is_err())
        });
        match forked {
            Ok(pid) => children.push(pid),
            Err(error) => refused = Some(error),
        }
    }
    drop(bar.take());
    for pid in &children {
        while waitpid(*pid, None) == Err(Errno::EINTR) {}
    }
    let errno = match &refused {
        None => None,
        Some(ForkError::Limit { source } | ForkError::Os { source, .. }) => {
            source.raw_os_error()
        }
        Some(other) => bail!("{other}"),
    };
    Ok(Forked { got: children.len() as u64, errno })
}

/// How many workers a pool can have, at most `most`, and what it says to one more. The workers are forked, because an
/// ordinary user may not be able to open this program's file.
fn workers(most: u64) -> Result<(u64, String)> {
    workers_after(most, || Ok(()))
}

/// The same, with a limit that is set when there is one worker.
fn workers_after(most: u64, limit: impl FnOnce() -> Result<()>) -> Result<(u64, String)> {
    let builder = Pool::builder().start_method(StartMethod::Fork).workers(1);
    let pool = match builder.build() {
        Ok(pool) => pool,
        Err(error) => return Ok((0, told(&error))),
    };
    limit()?;
    for count in 2..=usize::try_from(most)? {
        if let Err(error) = pool.scale_to(count) {
            return Ok((count as u64 - 1, told(&error)));
        }
    }
    Ok((most, "nothing".into()))
}

/// An error with its causes.
fn told(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let cause = error.to_string();
        if !text.contains(&cause) {
            text.push_str(&format!(": {cause}"));
        }
        next = error.source();
    }
    text
}

/// The processes and threads of a user, this one included.
fn tasks_of(user: Uid) -> u64 {
    let folders = fs::read_dir("/proc").into_iter().flatten().flatten();
    let own = folders.filter(|folder| {
        let is_process =
            folder.file_name().to_str().is_some_and(|name| name.parse::<u32>().is_ok());
        let status = fs::read_to_string(folder.path().join("status")).unwrap_or_default();
        is_process && real_user(&status) == Some(user.as_raw())
    });
    let threads =
        own.map(|folder| fs::read_dir(folder.path().join("task")).map_or(1, Iterator::count));
    threads.sum::<usize>().max(1) as u64
}

fn real_user(status: &str) -> Option<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// A number that no process has for its user, so that nobody else counts towards its limit.
fn unused_user() -> io::Result<u32> {
    let used: HashSet<u32> = fs::read_dir("/proc")?
        .flatten()
        .filter_map(|folder| Some(folder.metadata().ok()?.uid()))
        .collect();
    // Two experiments at the same time begin at different numbers.
    let first = std::process::id() as usize % UNUSED_USERS.len();
    let mut unused = UNUSED_USERS
        .collect::<Vec<_>>()
        .into_iter()
        .cycle()
        .skip(first)
        .take(UNUSED_USERS.len());
    unused
        .find(|user| !used.contains(user))
        .ok_or_else(|| io::Error::other("every number for an unused user is in use"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pid_max_belongs_to_a_namespace_since_6_14() {
        for release in ["6.14.0", "6.18.44-fc", "7.0.1", "10.1"] {
            assert!(has_own_pid_max(release), "{release}");
        }
        for release in ["6.13.9", "5.15.0-91-generic", "4.18", "6", "", "linux"] {
            assert!(!has_own_pid_max(release), "{release}");
        }
    }

    #[test]
    fn the_real_user_is_the_first_of_four() {
        assert_eq!(real_user("Name:\ta\nUid:\t1000\t0\t0\t0\n"), Some(1000));
        assert_eq!(real_user("Name:\ta\n"), None);
    }
}
