//! Reads the facts of this machine. A file that cannot be read is a fact that is not known, and
//! never an error.
//!
//! Sources: man 5 proc, man 7 cgroups, <https://docs.kernel.org/admin-guide/cgroup-v2.html>.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::facts::{Cpus, Facts, Shm, field, hidepid, limit};

/// The inode of the first process namespace, fixed in the kernel (`PROC_PID_INIT_INO`).
const FIRST_PID_NAMESPACE: &str = "pid:[4026531836]";

pub(super) fn read() -> Facts {
    let status = text("/proc/self/status").unwrap_or_default();
    let limits = text("/proc/self/limits").unwrap_or_default();
    let cgroups = text("/proc/self/cgroup").unwrap_or_default();
    let cpus = process::cpus();
    Facts {
        kernel: text("/proc/sys/kernel/osrelease").map(|release| release.trim().to_owned()),
        proc_mounted: !status.is_empty(),
        hidepid: hidepid(&text("/proc/self/mounts").unwrap_or_default()),
        smaps_rollup: text("/proc/self/smaps_rollup")
            .is_some_and(|rollup| field(&rollup, "Pss").is_some()),
        cpus: Cpus {
            machine: cpus.machine,
            allowed: cpus.allowed,
            quota: cpus.quota,
            recommended: cpus.recommended,
        },
        processes: limit(&limits, "Max processes").unwrap_or_default(),
        descriptors: limit(&limits, "Max open files").unwrap_or_default(),
        cgroup_pids_max: process::cgroup_limit("pids", "pids.max", "pids.max"),
        pid_max: number("/proc/sys/kernel/pid_max"),
        shm: shm(),
        memory_available_bytes: process::available_memory_bytes(),
        container_signs: container_signs(&cgroups),
        root: nix::unistd::geteuid().is_root(),
        seccomp: field(&status, "Seccomp").and_then(|mode| mode.parse().ok()),
        ptrace_scope: number("/proc/sys/kernel/yama/ptrace_scope")
            .and_then(|scope| scope.try_into().ok()),
        strace: in_path("strace"),
        gdb: in_path("gdb"),
    }
}

fn text(path: impl AsRef<Path>) -> Option<String> {
    // Environments and mount points may hold any bytes.
    Some(String::from_utf8_lossy(&fs::read(path).ok()?).into_owned())
}

fn number(path: impl AsRef<Path>) -> Option<u64> {
    text(path)?.trim().parse().ok()
}

fn shm() -> Option<Shm> {
    let system = nix::sys::statvfs::statvfs("/dev/shm").ok()?;
    // These numbers are 32 bits wide on some machines.
    #[allow(clippy::useless_conversion)]
    let (block_bytes, blocks, free) = (
        u64::from(system.fragment_size()),
        u64::from(system.blocks()),
        u64::from(system.blocks_available()),
    );
    Some(Shm {
        size_bytes: blocks.saturating_mul(block_bytes),
        free_bytes: free.saturating_mul(block_bytes),
    })
}

pub(crate) fn container_signs(cgroups: &str) -> Vec<String> {
    let mut signs = Vec::new();
    for file in ["/.dockerenv", "/run/.containerenv"] {
        if Path::new(file).exists() {
            signs.push(format!("there is a file {file}"));
        }
    }
    if let Some(variable) = text("/proc/1/environ").and_then(|all| {
        all.split('\0').find(|it| it.starts_with("container=")).map(str::to_owned)
    }) {
        signs.push(format!("process 1 has {variable} in its environment"));
    }
    if let Some(runtime) = ["docker", "kubepods", "containerd", "libpod", "lxc"]
        .into_iter()
        .find(|name| cgroups.contains(name))
    {
        signs.push(format!("the path of the control group contains \"{runtime}\""));
    }
    if let Ok(namespace) = fs::read_link("/proc/self/ns/pid")
        && namespace.as_os_str() != FIRST_PID_NAMESPACE
    {
        signs.push("/proc/self/ns/pid is not the machine's first process namespace".to_owned());
    }
    signs
}

fn in_path(program: &str) -> bool {
    env::var_os("PATH").is_some_and(|path| {
        env::split_paths(&path).any(|folder| {
            fs::metadata(folder.join(program))
                .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
        })
    })
}
