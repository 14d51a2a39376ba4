//! Every output that the page shows is the output of a run.

use nix::sys::signal::killpg;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;
use wait::{Child, Pid, Signal};

#[test]
fn exit_codes() {
    transcript::example("exit_codes").check();
}

#[test]
fn zombie() {
    // Counted before the kill only: without its memory, the zombie has none of these words.
    transcript::example("zombie").measured(&["MiB", "descriptors"]).check();
}

#[test]
fn dropped_child() {
    transcript::example("dropped_child").check();
}

#[test]
fn double_fork() {
    transcript::example("double_fork").check();
}

#[test]
fn pid_reuse() {
    let (code, said) = run("pid_reuse");
    if code != Some(COULD_NOT_SHOW) {
        transcript::example("pid_reuse").check();
        return;
    }
    // A container may forbid all of this. Then the example has to name the call that was refused, and with what.
    let why = said.strip_prefix("this cannot be shown here: ").unwrap_or_default();
    let refused = |call: &str, errors: &[&str]| {
        why.strip_prefix(call).is_some_and(|rest| errors.iter().any(|e| rest.starts_with(e)))
    };
    assert!(
        refused("no new pid namespace (", &["EPERM", "EACCES", "EINVAL", "ENOSPC", "ENOSYS"])
            || refused(
                "writing /proc/sys/kernel/ns_last_pid: ",
                &["Operation not permitted", "Permission denied", "Read-only", "No such file"]
            ),
        "{said}"
    );
    assert!(!nothing_forbids_it(), "root has every right here, and yet: {said}");
}

/// What the example ends with where it may not choose pids.
const COULD_NOT_SHOW: i32 = 2;

const DEADLINE: Duration = Duration::from_secs(60);

/// The exit code of an example that prints little, and what it printed.
#[expect(clippy::zombie_processes, reason = "the `Child` that adopts it reaps it")]
fn run(example: &str) -> (Option<i32>, String) {
    let mut started = Command::new(transcript::built_example(example))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .expect("it starts");
    let pid = Pid::from_raw(i32::try_from(started.id()).expect("a pid fits an i32"));
    let mut child = Child::adopt(pid).expect("a child of this process");
    let Some(end) = child.wait_timeout(DEADLINE).expect("it can be waited for") else {
        let _ = killpg(pid, Signal::SIGKILL);
        panic!("{example} still runs after {DEADLINE:?}");
    };
    let mut said = String::new();
    let mut output = started.stdout.take().expect("it was piped");
    output.read_to_string(&mut said).expect("text");
    (end.code(), said)
}

/// Whether this is root with the rights that the example needs, a kernel that has what it needs, and a `/proc/sys` that
/// can be written to, as it is outside of containers.
fn nothing_forbids_it() -> bool {
    const CAP_SYS_ADMIN: u64 = 1 << 21;
    let status = fs::read_to_string("/proc/self/status").expect("readable");
    let field = |name: &str| {
        status.lines().find_map(|line| line.strip_prefix(name)).map_or("", str::trim)
    };
    let rights = u64::from_str_radix(field("CapEff:"), 16).unwrap_or(0);
    let namespaces_max = fs::read_to_string("/proc/sys/user/max_pid_namespaces");
    rights & CAP_SYS_ADMIN != 0
        && field("Seccomp:") == "0"
        && namespaces_max.is_ok_and(|max| max.trim() != "0")
        && File::options().write(true).open("/proc/sys/kernel/ns_last_pid").is_ok()
}

#[test]
fn time_to_die() {
    transcript::example("time_to_die").measured(&["MiB", "µs", "ms"]).check();
}
