//! What [`super::findings`] judges, and the grammar of the kernel's files that say it.
//!
//! Nothing in this file reads a file: it takes text apart. Sources: man 5 proc, man 7 cgroups.

/// What is known of a machine. `None` means that nothing could be learned.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// The kernel's release, such as `6.1.0-18-amd64`.
    pub kernel: Option<String>,
    /// Whether `/proc/self` can be read.
    pub proc_mounted: bool,
    /// The value of the mount option `hidepid` of `/proc`.
    pub hidepid: Option<String>,
    /// Whether this process can read its own `smaps_rollup`.
    pub smaps_rollup: bool,
    /// Processors.
    pub cpus: Cpus,
    /// Processes of this user.
    pub processes: Limit,
    /// Descriptors of one process.
    pub descriptors: Limit,
    /// The least `pids.max` of this process's control groups.
    pub cgroup_pids_max: Option<u64>,
    /// The highest process number that the kernel gives out, plus one.
    pub pid_max: Option<u64>,
    /// The file system at `/dev/shm`.
    pub shm: Option<Shm>,
    /// Memory that can be had without swapping, and at most what the control groups allow, in
    /// bytes.
    pub memory_available_bytes: Option<u64>,
    /// The signs of a container, each as a half sentence.
    pub container_signs: Vec<String>,
    /// Whether the effective user is root.
    pub root: bool,
    /// 0: system calls are not filtered, 1: strict, 2: by a filter.
    pub seccomp: Option<u8>,
    /// Yama's rule on who may trace whom, 0 to 3. `None` without Yama.
    pub ptrace_scope: Option<u8>,
    /// Whether `strace` is in the path.
    pub strace: bool,
    /// Whether `gdb` is in the path.
    pub gdb: bool,
}

/// How many processors there are to use.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cpus {
    /// Processors of the machine that are switched on.
    pub machine: usize,
    /// Those among them that this process may run on.
    pub allowed: usize,
    /// Processors' worth of time that the control groups allow.
    pub quota: Option<f64>,
    /// The number of workers to start.
    pub recommended: usize,
}

/// A resource limit. `None` means unlimited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limit {
    /// What the kernel enforces now.
    pub soft: Option<u64>,
    /// How far the process may raise it by itself.
    pub hard: Option<u64>,
}

/// Size of a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shm {
    /// All of it, in bytes.
    pub size_bytes: u64,
    /// What is free, in bytes.
    pub free_bytes: u64,
}

/// The two numbers that a kernel release begins with.
pub fn kernel_version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// The line `name` of `/proc/self/limits`.
pub fn limit(limits: &str, name: &str) -> Option<Limit> {
    let line = limits.lines().find_map(|line| line.strip_prefix(name))?;
    let mut values = line.split_whitespace().map(|value| value.parse().ok());
    Some(Limit { soft: values.next()?, hard: values.next()? })
}

/// The value of the line `name:` of `/proc/self/status` or `/proc/meminfo`.
pub fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// The option `hidepid` of the last mount on `/proc` in `/proc/self/mounts`.
pub fn hidepid(mounts: &str) -> Option<String> {
    let options = mounts.lines().rev().find_map(|line| {
        let mut columns = line.split(' ');
        (columns.nth(1) == Some("/proc") && columns.next() == Some("proc"))
            .then(|| columns.next())?
    })?;
    options.split(',').find_map(|option| option.strip_prefix("hidepid=")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_of_all_kinds_have_a_version() {
        assert_eq!(kernel_version("6.1.0-18-amd64"), Some((6, 1)));
        assert_eq!(kernel_version("5.15.153.1-microsoft-standard-WSL2"), Some((5, 15)));
        assert_eq!(kernel_version("7.2-rc1"), Some((7, 2)));
        assert_eq!(kernel_version("unknown"), None);
    }

    #[test]
    fn limits_are_numbers_or_unlimited() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max processes             unlimited            4096                 processes \n\
                      Max open files            1024                 524288               files     \n";
        assert_eq!(
            limit(limits, "Max processes"),
            Some(Limit { soft: None, hard: Some(4096) })
        );
        assert_eq!(
            limit(limits, "Max open files"),
            Some(Limit { soft: Some(1024), hard: Some(524_288) })
        );
        assert_eq!(limit(limits, "Max nothing"), None);
    }

    #[test]
    fn hidepid_is_an_option_of_the_mount_in_force() {
        let hidden =
            "proc /proc proc rw,nosuid,hidepid=invisible 0 0\nsysfs /sys sysfs rw 0 0\n";
        assert_eq!(hidepid(hidden).as_deref(), Some("invisible"));
        let over = format!("{hidden}proc /proc proc rw 0 0\n");
        assert_eq!(hidepid(&over), None);
        assert_eq!(hidepid("tmpfs /proc/acpi tmpfs ro,hidepid=2 0 0\n"), None);
    }
}
