//! How much there is: processors, processes, descriptors, memory.

use super::facts::{Facts, Limit};
use super::{Finding, Verdict};

/// With fewer processes than this, examples fail to start their workers.
const PROCESSES_MIN: u64 = 64;
/// With fewer than this, the machine's other programs may use up what the examples need.
const PROCESSES_COMFORTABLE: u64 = 512;
/// With fewer descriptors than this, examples that open many pipes fail.
const DESCRIPTORS_MIN: u64 = 128;
/// What nearly every system gives to a process.
const DESCRIPTORS_COMFORTABLE: u64 = 1024;
/// Experiments that measure fill up to 1 GiB, and at most half of what is available.
const MEMORY_COMFORTABLE_BYTES: u64 = 2048 * MIB;
/// Below this even building the examples fails.
const MEMORY_MIN_BYTES: u64 = 512 * MIB;
/// Docker gives a container this much `/dev/shm`.
const SHM_COMFORTABLE_BYTES: u64 = 64 * MIB;
/// The kernel's default on a small machine.
const PID_MAX_COMFORTABLE: u64 = 32_768;

pub(super) const MIB: u64 = 1024 * 1024;

pub(super) fn cpus(facts: &Facts) -> Finding {
    let cpus = facts.cpus;
    let quota = cpus.quota.map_or_else(
        || "no quota".to_owned(),
        |quota| format!("a quota of {quota:.2} processors' worth of time"),
    );
    let (verdict, remedy) = if cpus.recommended < 2 {
        let remedy = "nothing breaks. Where a page shows a speed-up, expect none; give a \
                      container or virtual machine \
                      two processors to see it.";
        (Verdict::Note, Some(remedy.to_owned()))
    } else if cpus.quota.is_some_and(|quota| quota < cpus.allowed as f64) {
        let remedy = "nothing breaks. Processes beyond the quota are stopped for parts of \
                      each period, so times vary \
                      more than on the page; raise the quota (`docker run --cpus`) to even them out.";
        (Verdict::Note, Some(remedy.to_owned()))
    } else {
        (Verdict::Ok, None)
    };
    Finding {
        subject: "processors",
        verdict,
        found: format!(
            "The machine has {}, this process may run on {}, and there is {quota}. Workers to \
             start: {}.",
            cpus.machine, cpus.allowed, cpus.recommended
        ),
        why: "A pool is faster than one process only where two processes can run at the same \
              time.",
        remedy,
    }
}

pub(super) fn processes(facts: &Facts) -> Finding {
    let Limit { soft, hard } = facts.processes;
    let found = format!(
        "This user may have {} processes (RLIMIT_NPROC; up to {}).",
        show(soft),
        show(hard)
    );
    let why = "Each worker is a process, and each thread counts as one here too.";
    if facts.root {
        let found = format!("{found} The kernel does not hold root to it.");
        return Finding {
            subject: "limit of processes",
            verdict: Verdict::Ok,
            found,
            why,
            remedy: None,
        };
    }
    let remedy = raise("u", PROCESSES_COMFORTABLE, hard);
    enough("limit of processes", soft, PROCESSES_MIN, PROCESSES_COMFORTABLE, found, why, remedy)
}

pub(super) fn cgroup_pids(facts: &Facts) -> Finding {
    let found = match facts.cgroup_pids_max {
        Some(max) => {
            format!("The control groups allow {max} processes and threads (pids.max).")
        }
        None => "The control groups set no limit (pids.max).".to_owned(),
    };
    enough(
        "processes of the control group",
        facts.cgroup_pids_max,
        PROCESSES_MIN,
        PROCESSES_COMFORTABLE,
        found,
        "This limit binds root too. When it is reached, fork fails with EAGAIN.",
        "start the container with a higher one (`docker run --pids-limit`), or raise TasksMax \
         of the systemd unit."
            .to_owned(),
    )
}

pub(super) fn descriptors(facts: &Facts) -> Finding {
    let Limit { soft, hard } = facts.descriptors;
    enough(
        "limit of descriptors",
        soft,
        DESCRIPTORS_MIN,
        DESCRIPTORS_COMFORTABLE,
        format!(
            "A process may have {} descriptors open (RLIMIT_NOFILE; up to {}).",
            show(soft),
            show(hard)
        ),
        "A pool holds several descriptors for each worker: pipe ends and a pidfd.",
        raise("n", DESCRIPTORS_COMFORTABLE, hard),
    )
}

pub(super) fn pid_max(facts: &Facts) -> Finding {
    let (verdict, remedy) = match facts.pid_max {
        Some(max) if max < PID_MAX_COMFORTABLE => (
            Verdict::Note,
            Some(format!(
                "nothing has to be done; as root, `sysctl \
                 kernel.pid_max={PID_MAX_COMFORTABLE}` is the default."
            )),
        ),
        _ => (Verdict::Ok, None),
    };
    let found = facts.pid_max.map_or_else(
        || "The highest process number is unknown.".to_owned(),
        |max| format!("Process numbers end below {max}."),
    );
    Finding {
        subject: "process numbers",
        verdict,
        found,
        why: "Numbers are used again. The fewer there are, the sooner a kept number means \
              another process (chapter 03).",
        remedy,
    }
}

pub(super) fn memory(facts: &Facts) -> Finding {
    let found = facts.memory_available_bytes.map_or_else(
        || "How much memory is available is unknown.".to_owned(),
        |bytes| {
            format!(
                "{} MiB are available (MemAvailable, and at most what the control \
                         groups allow).",
                bytes / MIB
            )
        },
    );
    enough(
        "memory",
        facts.memory_available_bytes,
        MEMORY_MIN_BYTES,
        MEMORY_COMFORTABLE_BYTES,
        found,
        "Chapters 02 and 04 measure with heaps of up to 1 GiB, and use at most half of what is \
         available.",
        "close other programs, or give the container or virtual machine 2 GiB.".to_owned(),
    )
}

pub(super) fn shm(facts: &Facts) -> Finding {
    let small = |bytes: u64| bytes < SHM_COMFORTABLE_BYTES;
    let (verdict, found) = match facts.shm {
        Some(shm) => (
            if small(shm.size_bytes) || small(shm.free_bytes.saturating_mul(2)) {
                Verdict::Note
            } else {
                Verdict::Ok
            },
            format!(
                "/dev/shm has {} MiB, {} MiB of them free.",
                shm.size_bytes / MIB,
                shm.free_bytes / MIB
            ),
        ),
        None => (Verdict::Note, "There is no /dev/shm.".to_owned()),
    };
    let remedy = (verdict != Verdict::Ok).then(|| {
        "the book's own segments are memfds and do not need it; for programs that do, `docker \
         run --shm-size=1g`, or as \
         root `mount -o remount,size=1g /dev/shm`."
            .to_owned()
    });
    Finding {
        subject: "shared memory",
        verdict,
        found,
        why: "Named shared memory lies there, and a program that outgrows it dies of SIGBUS.",
        remedy,
    }
}

/// Compares `value`, where `None` is unlimited or unknown, with what the book needs.
fn enough(
    subject: &'static str,
    value: Option<u64>,
    min: u64,
    comfortable: u64,
    found: String,
    why: &'static str,
    remedy: String,
) -> Finding {
    let verdict = match value {
        Some(value) if value < min => Verdict::Problem,
        Some(value) if value < comfortable => Verdict::Note,
        _ => Verdict::Ok,
    };
    Finding { subject, verdict, found, why, remedy: (verdict != Verdict::Ok).then_some(remedy) }
}

/// How to get `comfortable` of what bash's `ulimit -option` limits. Without `-S` it would lower the hard limit too.
fn raise(option: &str, comfortable: u64, hard: Option<u64>) -> String {
    if hard.is_none_or(|hard| hard >= comfortable) {
        return format!("`ulimit -S -{option} {comfortable}` in this shell (bash).");
    }
    format!(
        "only root can raise it here: in /etc/security/limits.conf, with `docker run --ulimit`, or \
         for this shell with `prlimit`. Then at least {comfortable} are enough for all pages."
    )
}

fn show(limit: Option<u64>) -> String {
    limit.map_or_else(|| "any number of".to_owned(), |limit| limit.to_string())
}
