//! Shows what fork says when there may be no more processes, and that the part has said it before.
//! Minutes: 5
//!
//! Run it with `cargo run --example fork_refused`. Root is not held to RLIMIT_NPROC, so as root the child that asks becomes
//! another user first.
//! Look at who refuses, by which errno, and at the number that `size::room` had named.

use nix::errno::Errno;
use nix::sys::resource::{self, getrlimit, setrlimit};
use nix::unistd::{Gid, Uid, setresgid, setresuid};
use size::{Cost, Resource, limits, refused_by, room};
use std::error::Error;
use std::io;
use std::time::Duration;
use wait::Child;

/// How many more processes, or descriptors, the child may have.
const MORE: u64 = 8;

/// Ids of users whom hardly any system has begin here; where the first do not exist, as in many containers, the second do.
/// Each run takes another one, so that two runs do not count as one user's.
const NOBODYS_IDS: [u32; 2] = [1_000_000_000, 61_000];

/// Longer than a run takes.
const LIFE_MAX: Duration = Duration::from_secs(20);

fn main() -> Result<(), Box<dyn Error>> {
    for experiment in [processes as fn() -> Result<(), Box<dyn Error>>, descriptors] {
        // The limits are the child's own. They end with it.
        let mut child = Child::fork(|| match experiment() {
            Ok(()) => 0,
            Err(error) => {
                eprintln!("{error}");
                1
            }
        })?;
        child.wait()?;
    }
    Ok(())
}

// ANCHOR: processes
fn processes() -> Result<(), Box<dyn Error>> {
    become_bound()?;
    let used = used(Resource::UserProcesses, resource::Resource::RLIMIT_NPROC)?;
    setrlimit(resource::Resource::RLIMIT_NPROC, used + MORE, used + MORE)?;
    let (count, limit) =
        room(Cost { tasks: 1, descriptors: 1, memory_bytes: 0 }).ok_or("no /proc")?;
    println!("the first limit: {}", limit.resource);
    println!("  room for {count} processes, as the part says");

    let mut children = Vec::new();
    let refusal = loop {
        match Child::fork(sleep) {
            Ok(child) => children.push(child),
            Err(error) => break errno(&error)?,
        }
    };
    println!("  {} processes were forked, then fork said {refusal}", children.len());
    let behind = refused_by(refusal).ok_or("this number stands for no limit")?;
    println!("  behind it, as the part says: {}", behind.resource);
    Ok(())
}
// ANCHOR_END: processes

/// Becomes a user whom the kernel holds to RLIMIT_NPROC.
fn become_bound() -> Result<(), String> {
    if !Uid::current().is_root() {
        return Ok(());
    }
    let mut refusal = None;
    for first in NOBODYS_IDS {
        let id = first + std::process::id() % 4096;
        let (user, group) = (Uid::from_raw(id), Gid::from_raw(id));
        match setresgid(group, group, group).and_then(|()| setresuid(user, user, user)) {
            Ok(()) => return Ok(()),
            Err(error) => refusal = Some(error),
        }
    }
    Err(format!(
        "root may not become another user here ({refusal:?}): run this as an ordinary user"
    ))
}

fn sleep() -> i32 {
    std::thread::sleep(LIFE_MAX);
    0
}

/// How much of the resource is in use. The list leaves out what has no limit, so it gets a limit that is far away.
fn used(wanted: Resource, limit: resource::Resource) -> Result<u64, Box<dyn Error>> {
    let (soft, hard) = getrlimit(limit)?;
    let far = soft.min(1 << 20);
    setrlimit(limit, far, hard)?;
    let found = limits().into_iter().find(|limit| limit.resource == wanted);
    Ok(found.and_then(|limit| limit.used).ok_or("/proc does not say how many there are")?)
}

/// What the kernel said, by its name.
fn errno(error: &(dyn Error + 'static)) -> Result<Errno, String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(code) = error.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error)
        {
            return Ok(Errno::from_raw(code));
        }
        cause = error.source();
    }
    Err(error.to_string())
}

fn descriptors() -> Result<(), Box<dyn Error>> {
    let used = used(Resource::Descriptors, resource::Resource::RLIMIT_NOFILE)?;
    setrlimit(resource::Resource::RLIMIT_NOFILE, used + MORE, used + MORE)?;
    let (count, limit) =
        room(Cost { tasks: 1, descriptors: 4, memory_bytes: 0 }).ok_or("no /proc")?;
    println!("the first limit: {}", limit.resource);
    println!("  room for {count} workers with two pipes each, as the part says");

    let mut workers = Vec::new();
    let refusal = loop {
        match pipe::pipe().and_then(|requests| Ok((requests, pipe::pipe()?))) {
            Ok(pipes) => workers.push(pipes),
            Err(error) => break errno(&error)?,
        }
    };
    println!("  {} workers had their pipes, then pipe said {refusal}", workers.len());
    println!("  fork was not even called: the descriptors came first");
    Ok(())
}
