//! A cgroup of the experiment's own, with one limit, for as long as the experiment runs.
//!
//! Invariant: the group is removed when the [`Group`] is dropped, and also when the experiment is killed: a process beside
//! it, the keeper, waits for its end and then removes the folder.
//!
//! # References
//! man 7 cgroups; the kernel's Documentation/admin-guide/cgroup-v2.rst, "No Internal Process Constraint", and
//! Documentation/scheduler/sched-bwc.rst.

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, setsid};
use procfs::process::{MountInfo, Process};
use std::fs;
use std::io::{PipeWriter, Read, pipe};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use wait::Child;

/// How long the keeper tries to remove a group that somebody is still in.
const REMOVAL_MAX: Duration = Duration::from_secs(10);

/// What a group limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limited {
    /// Processor time: so many microseconds in each 100 ms, on all processors together.
    Cpu {
        /// 100,000 are one processor's worth.
        quota_us: u32,
    },
    /// Processes and threads.
    Pids {
        /// How many there may be.
        max: u32,
    },
}

/// A cgroup that belongs to this experiment.
#[derive(Debug)]
pub struct Group {
    folder: PathBuf,
    /// Closed before the keeper is waited for.
    alive: Option<PipeWriter>,
    keeper: Child,
}

/// A place where a group could be made.
struct Place {
    folder: PathBuf,
    v1: bool,
}

impl Group {
    /// Makes the group. The program must have one thread.
    ///
    /// # Errors
    /// Why there is none, with the way out: a note for the reader, and no reason to end an experiment.
    pub fn new(limited: Limited) -> Result<Group> {
        let name = format!("experiment-{}-{}", limited.controller(), std::process::id());
        let places = places(limited.controller(), &name)?;
        let folders: Vec<PathBuf> = places.iter().map(|place| place.folder.clone()).collect();
        let (mut gone, alive) = pipe().context("pipe")?;
        let mut alive = Some(alive);
        let keeper = Child::fork(|| {
            drop(alive.take());
            // Ctrl-C in a terminal ends the experiment and must not end what cleans up after it.
            let _ = setsid();
            let _ = gone.read_to_end(&mut Vec::new());
            let removed = folders.iter().all(|folder| remove(folder));
            i32::from(!removed)
        })
        .context("cannot fork the keeper of a cgroup")?;
        // From here on a failure drops the pipe and with it whatever was made.
        let mut group = Group { folder: PathBuf::new(), alive, keeper };
        let mut last = None;
        for place in places {
            match limited.set_up(&place) {
                Ok(()) => {
                    group.folder = place.folder;
                    return Ok(group);
                }
                Err(error) => last = Some(error),
            }
        }
        let Some(error) = last else {
            bail!("no cgroup with the controller `{}` is mounted", limited.controller());
        };
        Err(error).with_context(|| {
            format!(
                "no cgroup with the controller `{0}` can be made here; as root, or where the controller is delegated \
                 (`systemd-run --user --scope -p Delegate=yes`, or `+{0}` in cgroup.subtree_control), it can",
                limited.controller()
            )
        })
    }

    /// Moves the calling process into the group. What it starts from now on is in it too.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn enter(&self) -> Result<()> {
        let file = self.folder.join("cgroup.procs");
        fs::write(&file, "0").with_context(|| format!("cannot write {}", file.display()))
    }

    /// A line of the group's `cpu.stat`: `nr_periods`, `nr_throttled`.
    pub fn cpu_stat(&self, name: &str) -> Option<u64> {
        let text = fs::read_to_string(self.folder.join("cpu.stat")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
        line.trim().parse().ok()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        drop(self.alive.take());
        // It says nothing that anybody could mend here.
        let _ = self.keeper.wait();
    }
}

impl Limited {
    fn controller(self) -> &'static str {
        match self {
            Limited::Cpu { .. } => "cpu",
            Limited::Pids { .. } => "pids",
        }
    }

    fn set_up(self, place: &Place) -> Result<()> {
        let Place { folder, v1 } = place;
        let settings = match (self, v1) {
            (Limited::Cpu { quota_us }, true) => vec![
                ("cpu.cfs_period_us", "100000".to_owned()),
                ("cpu.cfs_quota_us", quota_us.to_string()),
            ],
            (Limited::Cpu { quota_us }, false) => {
                vec![("cpu.max", format!("{quota_us} 100000"))]
            }
            (Limited::Pids { max }, _) => vec![("pids.max", max.to_string())],
        };
        fs::create_dir(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        for (file, value) in settings {
            let file = folder.join(file);
            // Without `create`: a file that is missing means that the controller is not at work here.
            let written = fs::OpenOptions::new()
                .write(true)
                .open(&file)
                .and_then(|mut open| std::io::Write::write_all(&mut open, value.as_bytes()));
            written.with_context(|| format!("cannot write {}", file.display()))?;
        }
        Ok(())
    }
}

/// Below this process's group, and beside it: in version 2 a group that has processes cannot hand a controller down.
fn places(controller: &str, name: &str) -> Result<Vec<Place>> {
    let this = Process::myself().context("cannot read /proc/self")?;
    let groups = this.cgroups().context("cannot read /proc/self/cgroup")?;
    let mounts = this.mountinfo().context("cannot read /proc/self/mountinfo")?;
    let mut found = Vec::new();
    for group in groups.0 {
        let v2 = group.hierarchy == 0;
        if !v2 && !group.controllers.iter().any(|own| own == controller) {
            continue;
        }
        let is_mount = |mount: &&MountInfo| match v2 {
            true => mount.fs_type == "cgroup2",
            false => mount.fs_type == "cgroup" && mount.super_options.contains_key(controller),
        };
        let Some(mount) = mounts.0.iter().find(is_mount) else { continue };
        let below =
            Path::new(&group.pathname).strip_prefix(&mount.root).unwrap_or(Path::new(""));
        let own = mount.mount_point.join(below);
        // Beside version 1, the tree of version 2 has only the controllers that no other tree has.
        let has =
            |controllers: String| controllers.split_whitespace().any(|one| one == controller);
        if v2 && !fs::read_to_string(own.join("cgroup.controllers")).is_ok_and(has) {
            continue;
        }
        found.push(Place { folder: own.join(name), v1: !v2 });
        if v2 && let Some(above) = own.parent().filter(|_| below != Path::new("")) {
            found.push(Place { folder: above.join(name), v1: false });
        }
    }
    Ok(found)
}

/// Ends whoever is in the group and removes it. `true` if it is gone, or never was.
fn remove(folder: &Path) -> bool {
    let until = Instant::now() + REMOVAL_MAX;
    while folder.exists() {
        if fs::remove_dir(folder).is_ok() {
            return true;
        }
        if Instant::now() > until {
            return false;
        }
        // The group is the experiment's own, so only its processes are in it.
        let inside = fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
        for pid in inside.lines().filter_map(|line| line.trim().parse::<i32>().ok()) {
            // 0 stands for a process that this namespace does not see, and would be the keeper's own group.
            if pid > 0 {
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    true
}
