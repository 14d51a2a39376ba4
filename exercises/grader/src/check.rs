//! The general checks: what every program of an exercise is held to, without a word in its `grade.rs`.

use std::time::Duration;

use process::{Snapshot, Target};
use procfs::process::Stat;

use crate::ended::shown;
use crate::family::Identity;
use crate::gates::Arrival;
use crate::look::cpu_ms;
use crate::{Blocked, Code, Diagnosis, Look, Process, Run, Verdict, deadlock, family};

/// How long processes may take to end by themselves when the program is at its end.
pub(crate) const SETTLE_LIMIT: Duration = Duration::from_secs(2);

/// The gates `start` and `end` belong to the program itself.
pub(crate) fn own_gate(run: &mut Run, arrival: &Arrival) -> Verdict {
    if arrival.pid == run.main {
        return Ok(());
    }
    let place = if arrival.name == "end" {
        "past the call of your function, where only the program itself should be"
    } else {
        "at the beginning of the program, where it should not be"
    };
    let found = Code::ChildRanParentCode
        .because(format!("process {} was started by fork and has come {place}", arrival.pid))
        .evidence(format!("the program is process {}", run.main))
        .evidence(run.look().tree());
    Err(run.with_panic(found))
}

/// That nothing is left: no process that runs, none that nobody has waited for.
pub(crate) fn leftovers(run: &mut Run, look: &Look, at_end: bool) -> Verdict {
    let when = if at_end { "your function has returned" } else { "the program has ended" };
    let alive: Vec<&Process> = look.others().filter(|process| !process.is_zombie()).collect();
    let escaped = alive.iter().find(|process| {
        process.session != run.main && !run.program.allows(Code::EscapedDaemon)
    });
    let found = if let Some(daemon) = escaped {
        Code::EscapedDaemon
            .because(format!(
                "{when}, and process {} runs on in session {}, which it made for itself (the program's is {})",
                daemon.pid, daemon.session, run.main
            ))
            .evidence(daemon.to_string())
            .evidence("a signal to the program's group does not reach it; the grader is its subreaper, and has ended it")
    } else if let Some(orphan) = alive.first().filter(|_| !run.program.allows(Code::Orphan)) {
        let list = Code::Orphan.because(format!(
            "{when}, and process {} that it started is still alive",
            orphan.pid
        ));
        alive.iter().fold(list, |list, process| list.evidence(process.to_string()))
    } else {
        let could_be_waited_for = |process: &&Process| {
            !run.is_adopted(&Identity { pid: process.pid, starttime: process.starttime })
        };
        let zombies: Vec<&Process> = look
            .others()
            .filter(|process| process.is_zombie())
            .filter(could_be_waited_for)
            .collect();
        let Some(first) = zombies.first().filter(|_| !run.program.allows(Code::Zombie)) else {
            return Ok(());
        };
        let list = Code::Zombie.because(format!(
            "{when}, and process {} has ended without anybody waiting for it",
            first.pid
        ));
        let list = zombies.iter().fold(list, |list, zombie| {
            list.evidence(format!("{zombie}, child of {}", zombie.parent))
        });
        list.evidence("it keeps its number and its exit status until its parent waits or ends")
    };
    Err(run.with_panic(found))
}

/// That the program has the same descriptors at its end as at its start.
pub(crate) fn descriptors(run: &mut Run, end: &Look) -> Verdict {
    if run.program.allows(Code::LeakedFd) {
        return Ok(());
    }
    let main = run.main;
    let (Some(before), Some(after)) =
        (run.at_start.as_ref().and_then(|look| look.process(main)), end.process(main))
    else {
        return Ok(());
    };
    let leaked: Vec<String> = after
        .descriptors
        .iter()
        .filter(|held| {
            before.descriptor(held.fd).map(|known| &known.target) != Some(&held.target)
        })
        .map(|held| format!("{main} fd {} -> {}", held.fd, held.target))
        .collect();
    let lost: Vec<i32> = before
        .descriptors
        .iter()
        .filter(|known| after.descriptor(known.fd).is_none())
        .map(|known| known.fd)
        .collect();
    if let Some(fd) = lost.first() {
        let found = Code::WrongAnswer
            .because(format!(
                "your function has closed descriptor {fd} of process {main}, which it did not open"
            ))
            .idea("Close what you own. A number that is closed twice may by then mean somebody else's file.");
        return Err(run.with_panic(found));
    }
    if leaked.is_empty() {
        return Ok(());
    }
    let found = leaked.into_iter().fold(
        Code::LeakedFd.because(
            "your function has returned, and the program holds descriptors that it did not hold before",
        ),
        Diagnosis::evidence,
    );
    Err(run.with_panic(found))
}

/// That the process between grader and program is as it was.
pub(crate) fn shield(run: &mut Run) -> Verdict {
    if run.status.is_some() {
        return Ok(());
    }
    let Some(end) = run.launch.shield_end() else { return Ok(()) };
    let found = Code::KilledParent
        .because(format!("the parent of the program, which the grader had put there, {end}"));
    Err(match run.main {
        // It has not even come to report that it had started the program.
        0 => found.evidence("it was the program's first deed"),
        main => found.evidence(format!(
            "process {main} or one that descends from it has sent it a signal"
        )),
    })
}

/// That the program keeps within its limits.
pub(crate) fn limits(run: &mut Run, family: &[Stat], elapsed: Duration) -> Verdict {
    let limits = run.program.limits;
    let found = if family.len() as u64 > limits.processes {
        let found = Code::TooManyProcesses.because(format!(
            "the program has become {} processes; {} are enough for this exercise",
            family.len(),
            limits.processes
        ));
        match limits.void() {
            Some(note) => found.evidence(note),
            None => found,
        }
    } else if run.stdout.len + run.stderr.len > limits.output_bytes {
        Code::TooMuchOutput
            .because(format!(
                "the program has printed more than {} bytes, and was stopped",
                limits.output_bytes
            ))
            .evidence(format!("it begins with {:?}", shown(&run.stdout.text())))
    } else if let Some(found) = memory(family, limits.memory_bytes) {
        found
    } else {
        let cpu: u64 = family.iter().map(cpu_ms).sum();
        if cpu > limits.cpu_ms {
            too_much_cpu(run, family, cpu)
        } else if elapsed > Duration::from_secs(limits.deadline_s) && run.status.is_none() {
            deadline(run, cpu)
        } else {
            return Ok(());
        }
    };
    Err(run.with_panic(found))
}

/// Memory that is shared is counted once, so the cheap sum is only a first look.
fn memory(family: &[Stat], bytes_max: u64) -> Option<Diagnosis> {
    let resident: u64 = family.iter().map(|stat| stat.rss * procfs::page_size()).sum();
    if resident <= bytes_max {
        return None;
    }
    let proportional: u64 = family
        .iter()
        .filter_map(|stat| Some(Snapshot::of(stat.pid).ok()?.memory.pss_bytes))
        .sum();
    (proportional > bytes_max).then(|| {
        Code::TooMuchMemory.because(format!(
            "the program has {proportional} bytes in memory; {bytes_max} are enough for this exercise"
        ))
    })
}

fn too_much_cpu(run: &Run, family: &[Stat], total_ms: u64) -> Diagnosis {
    let busiest =
        family.iter().max_by_key(|stat| cpu_ms(stat)).map_or(run.main, |stat| stat.pid);
    let look = run.look();
    let found = Code::TooSlow.because(format!(
        "the program has kept processors busy for {:.1} s and is not done",
        total_ms as f64 / 1000.0
    ));
    match look.process(busiest) {
        Some(process) => found.evidence(format!("{process}: {} ms", process.cpu_ms)),
        None => found,
    }
}

/// What was going on when the time was up. It is a deadlock only if nobody runs, and nobody wakes by himself.
fn deadline(run: &Run, cpu_ms: u64) -> Diagnosis {
    let look = run.look();
    let held = run.held_pids();
    let seconds = run.program.limits.deadline_s;
    let alive = || {
        look.processes
            .iter()
            .filter(|process| !process.is_zombie() && !held.contains(&process.pid))
    };
    let sleeps_for_a_time = alive().all(|process| process.blocked.is_timed());
    let goes_on = alive().any(|process| {
        process.blocked.is_timed()
            || matches!(process.blocked, Blocked::Running | Blocked::Ended)
    });
    let is_quiet = !run.quiet.is_zero() || !look.unread.is_empty();
    if is_quiet && !goes_on {
        let found = deadlock::diagnose(look.clone(), &held);
        if found.code() != Code::Stuck {
            return found;
        }
    }
    let slow = |doing: String| {
        let story = format!("the program is not done after {seconds} s, {doing}");
        look.with_unread(Code::TooSlow.because(story).evidence(look.tree()))
    };
    if sleeps_for_a_time {
        slow("and sleeps".to_owned())
            .idea("Wait for what is to happen, not for a time to pass.")
    } else {
        slow(format!("of which it has used {cpu_ms} ms on processors"))
    }
}

/// Which files stand behind descriptors that a process should not have. Standard input, output and errors may be there.
pub fn unexpected_descriptors(process: &Process, expected: &[i32]) -> Vec<String> {
    process
        .descriptors
        .iter()
        .filter(|held| held.fd > 2 && !expected.contains(&held.fd))
        .map(|held| {
            let mark = match (&held.target, held.cloexec) {
                (Target::Pipe { .. }, _) | (_, Some(true)) => "",
                _ => ", without close-on-exec",
            };
            format!("{} fd {} -> {}{mark}", process.pid, held.fd, held.target)
        })
        .collect()
}

/// Whether a process is alive and no zombie.
pub fn is_alive(pid: i32) -> bool {
    family::stat(pid).is_some_and(|stat| !family::is_dead(&stat))
}
