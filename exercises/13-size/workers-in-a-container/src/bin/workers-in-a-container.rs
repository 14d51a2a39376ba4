//! The program of `workers-in-a-container`: makes the files of a made-up machine, and asks how many workers it suits.
//!
//! By hand: `cargo run -p workers-in-a-container -- nested`. Without a name it lists the machines.

use std::fs;
use std::io;
use std::path::Path;

use workers_in_a_container::workers;

/// A machine: its name, the processors that are switched on and those that the affinity mask allows, the lines of
/// `/proc/self/cgroup`, and files below `/sys/fs/cgroup`.
type Machine = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

const MACHINES: &[Machine] = &[
    ("bare", "0-7", "0-7", "0::/\n", &[]),
    ("one", "0", "0", "0::/\n", &[]),
    ("pinned", "0-7", "0-1,6", "0::/\n", &[]),
    ("switched-off", "0-3", "0-7", "0::/\n", &[]),
    ("pinned-and-switched-off", "0-1,4-5", "1-4", "0::/\n", &[]),
    ("version-2", "0-7", "0-7", "0::/work\n", &[("work/cpu.max", "300000 100000")]),
    ("unlimited", "0-7", "0-7", "0::/work\n", &[("work/cpu.max", "max 100000")]),
    ("short-period", "0-7", "0-7", "0::/work\n", &[("work/cpu.max", "100000 20000")]),
    ("two-and-a-half", "0-7", "0-7", "0::/work\n", &[("work/cpu.max", "250000 100000")]),
    ("below-one", "0-7", "0-7", "0::/work\n", &[("work/cpu.max", "20000 100000")]),
    (
        "nested",
        "0-7",
        "0-7",
        "0::/team/work/job\n",
        &[
            ("team/cpu.max", "200000 100000"),
            ("team/work/cpu.max", "max 100000"),
            ("team/work/job/cpu.max", "600000 100000"),
        ],
    ),
    (
        "nested-tighter-below",
        "0-7",
        "0-7",
        "0::/team/work\n",
        &[("team/cpu.max", "600000 100000"), ("team/work/cpu.max", "400000 100000")],
    ),
    ("own-view", "0-7", "0-7", "0::/\n", &[("cpu.max", "400000 100000")]),
    ("seen-from-outside", "0-7", "0-7", "0::/docker/c0\n", &[("cpu.max", "200000 100000")]),
    ("nonsense", "0-7", "0-7", "0::/work\n", &[("work/cpu.max", "\n")]),
    (
        "version-1",
        "0-7",
        "0-7",
        "5:memory:/docker/c0\n4:cpu,cpuacct:/docker/c0\n",
        &[
            ("cpu/docker/c0/cpu.cfs_quota_us", "300000"),
            ("cpu/docker/c0/cpu.cfs_period_us", "100000"),
        ],
    ),
    (
        "version-1-unlimited",
        "0-7",
        "0-7",
        "4:cpuacct,cpu:/docker\n",
        &[("cpu/docker/cpu.cfs_quota_us", "-1"), ("cpu/docker/cpu.cfs_period_us", "100000")],
    ),
    (
        "version-1-nested",
        "0-7",
        "0-7",
        "4:cpu:/docker/c0\n0::/docker/c0\n",
        &[
            ("cpu/docker/cpu.cfs_quota_us", "100000"),
            ("cpu/docker/cpu.cfs_period_us", "50000"),
            ("cpu/docker/c0/cpu.cfs_quota_us", "-1"),
            ("cpu/docker/c0/cpu.cfs_period_us", "100000"),
        ],
    ),
    (
        "another-controller",
        "0-7",
        "0-7",
        "9:cpuset:/slow\n4:cpu,cpuacct:/fast\n",
        &[
            ("cpu/slow/cpu.cfs_quota_us", "100000"),
            ("cpu/slow/cpu.cfs_period_us", "100000"),
            ("cpu/fast/cpu.cfs_quota_us", "500000"),
            ("cpu/fast/cpu.cfs_period_us", "100000"),
        ],
    ),
    (
        "pinned-below-the-quota",
        "0-7",
        "2-3",
        "0::/work\n",
        &[("work/cpu.max", "600000 100000")],
    ),
    (
        "quota-below-the-pinning",
        "0-7",
        "0-5",
        "0::/work\n",
        &[("work/cpu.max", "390000 100000")],
    ),
    ("no-list-of-the-machine", "", "0-2", "0::/\n", &[]),
    ("no-affinity", "0-4", "", "0::/\n", &[]),
    ("no-files", "", "", "", &[]),
];

/// Makes each machine that is named, prints its files, and what the reader's function says.
pub(crate) fn main() -> io::Result<()> {
    let names: Vec<String> = std::env::args().skip(1).collect();
    if names.is_empty() {
        MACHINES.iter().for_each(|machine| println!("{}", machine.0));
    }
    for name in names {
        let machine = MACHINES.iter().find(|machine| machine.0 == name);
        let machine = machine.ok_or_else(|| io::Error::other(format!("no machine {name}")))?;
        let root = tempfile::tempdir()?;
        make(root.path(), machine)?;
        println!("{name}: {}", workers(root.path()));
    }
    Ok(())
}

fn make(root: &Path, (_, online, allowed, cgroup, files): &Machine) -> io::Result<()> {
    if !online.is_empty() {
        put(root, "sys/devices/system/cpu/online", online)?;
    }
    if !allowed.is_empty() {
        // As the kernel has it: a mask, and behind it the list.
        let status = format!("Name:\tpool\nCpus_allowed:\tff\nCpus_allowed_list:\t{allowed}");
        put(root, "proc/self/status", &status)?;
    }
    if !cgroup.is_empty() {
        put(root, "proc/self/cgroup", cgroup.trim_end())?;
    }
    files.iter().try_for_each(|(path, text)| put(root, &format!("sys/fs/cgroup/{path}"), text))
}

fn put(root: &Path, path: &str, text: &str) -> io::Result<()> {
    let file = root.join(path);
    fs::create_dir_all(file.parent().unwrap_or(root))?;
    fs::write(file, format!("{text}\n"))?;
    println!("    /{path}: {}", text.trim().replace('\n', " | ").replace('\t', " "));
    Ok(())
}
