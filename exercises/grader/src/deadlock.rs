//! Why nothing goes on: who sleeps in what, and who would have to act to wake them.
//!
//! The rules, in order. A process sleeps on a word of shared memory in a call that only its own threads can end; or the
//! word has changed since, and no wake-up came. A process that writes to a full pipe whose reader sleeps too: the pipe is full, and the circle
//! is closed. A process that reads a pipe and holds its write end itself: the end cannot come. Others hold it: they
//! would have to close it, and sleep. Everybody waits for somebody: a circle of waiting. Anything else is named as it is.
//!
//! Invariant: the rules are pure. They decide from a [`Look`] and look at nothing themselves.

use process::{PipeEnd, Target};

use crate::{Blocked, Code, Diagnosis, Look, Process};

/// Names the cause. `held` are processes that stand at gates, by the grader's will.
pub(crate) fn diagnose(mut look: Look, held: &[i32]) -> Diagnosis {
    look.locate();
    decide(&look, held)
}

fn decide(look: &Look, held: &[i32]) -> Diagnosis {
    let asleep: Vec<&Process> = look
        .processes
        .iter()
        .filter(|process| !process.is_zombie() && !held.contains(&process.pid))
        .collect();
    let found = private_in_shared_memory(&asleep)
        .or_else(|| lost_wake_up(&asleep, held))
        .or_else(|| without_lock_owner(look, &asleep))
        .or_else(|| full_pipe(look, &asleep))
        .or_else(|| end_that_cannot_come(look, &asleep, held))
        .or_else(|| circle(look, &asleep))
        .unwrap_or_else(|| stuck(&asleep, held));
    look.unread
        .iter()
        .fold(found, |found, unread| found.evidence(format!("could not be read: {unread}")))
}

/// A process with one thread, asleep in a private futex call on a word that others may share.
fn private_in_shared_memory(asleep: &[&Process]) -> Option<Diagnosis> {
    let is_alone = |process: &&&Process| {
        process.threads == 1
            && matches!(process.blocked, Blocked::Futex { timed: false, private: true, .. })
    };
    let (process, word, place) = asleep.iter().filter(is_alone).find_map(|process| {
        let word = process.word.as_ref()?;
        Some((process, word, word.shared.as_ref()?))
    })?;
    let found = Code::PrivateFutex
        .because(format!(
            "process {} sleeps on a word in shared memory, and its call has FUTEX_PRIVATE_FLAG: only a thread of the same\n\
             process could wake it, and it has no other",
            process.pid
        ))
        .evidence(process.to_string())
        .evidence(word.to_string());
    Some(match &place.mapped_by[..] {
        [] => found,
        others => found.evidence(format!(
            "the same word is mapped by {}, whose wake-ups do not reach {}",
            list(others),
            process.pid
        )),
    })
}

/// A process asleep on a word of shared memory that has changed since, while nobody is left who could wake it.
fn lost_wake_up(asleep: &[&Process], held: &[i32]) -> Option<Diagnosis> {
    let (process, word) = asleep.iter().find_map(|process| {
        let is_shared =
            matches!(process.blocked, Blocked::Futex { timed: false, private: false, .. });
        let word = process.word.as_ref().filter(|word| word.value != word.expected)?;
        // Whoever stands at a gate may be on its way to wake.
        let may_be_woken =
            word.shared.as_ref()?.mapped_by.iter().any(|other| held.contains(other));
        (is_shared && !may_be_woken).then_some((process, word))
    })?;
    let found = Code::LostWakeup
        .because(format!(
            "process {} sleeps on a word that has changed since it fell asleep. No wake-up has reached it, and nobody is\n\
             left who could send one",
            process.pid
        ))
        .evidence(process.to_string())
        .evidence(word.to_string())
        .idea("Who changes a word wakes those who sleep on it, after the change and as many as can go on.");
    Some(
        asleep
            .iter()
            .filter(|other| other.pid != process.pid)
            .fold(found, |found, other| found.evidence(other.to_string())),
    )
}

fn list(pids: &[i32]) -> String {
    pids.iter().map(i32::to_string).collect::<Vec<_>>().join(", ")
}

/// A child of a program with threads, asleep in a lock that one of them held.
fn without_lock_owner(look: &Look, asleep: &[&Process]) -> Option<Diagnosis> {
    let child = asleep.iter().find(|process| {
        let is_alone = process.threads == 1;
        let parent = look.process(process.parent);
        is_alone
            && matches!(process.blocked, Blocked::Futex { timed: false, private: true, .. })
            && parent.is_some_and(|parent| parent.threads > 1)
    })?;
    Some(
        Code::ForkWithThreads
            .because(format!(
                "process {} waits for a lock, and has no other thread that could release it",
                child.pid
            ))
            .evidence(child.to_string())
            .evidence(format!(
                "its parent {} has {} threads; one of them held the lock at the fork",
                child.parent,
                look.process(child.parent).map_or(0, |parent| parent.threads)
            )),
    )
}

/// The pipe that a process waits to write to.
fn written(process: &Process) -> Option<(i32, u64)> {
    match &process.blocked {
        Blocked::Write { fd } => Some((*fd, process.pipe(*fd)?)),
        _ => None,
    }
}

/// The pipes that a process waits to read.
fn read(process: &Process) -> Vec<(i32, u64)> {
    let pipe_of = |fd: &i32| match process.descriptor(*fd)?.target {
        Target::Pipe { inode, end: PipeEnd::Read | PipeEnd::Both } => Some((*fd, inode)),
        _ => None,
    };
    match &process.blocked {
        Blocked::Read { fd } => pipe_of(fd).into_iter().collect(),
        Blocked::Poll { fds, timed: false } => fds.iter().filter_map(pipe_of).collect(),
        _ => Vec::new(),
    }
}

fn full_pipe(look: &Look, asleep: &[&Process]) -> Option<Diagnosis> {
    let (writer, fd, pipe) = asleep
        .iter()
        .find_map(|process| written(process).map(|(fd, pipe)| (*process, fd, pipe)))?;
    let readers = look.holders(pipe, PipeEnd::Read);
    let mut found = Code::FullPipeCycle
        .because(format!(
            "pipe {pipe} is full, and nobody empties it: all that could are waiting for something else"
        ))
        .evidence(format!("{writer}: pipe {pipe}, fd {fd}"));
    for (reader, fd) in &readers {
        let mark = if reader.pid == writer.pid { "  <- the writer itself" } else { "" };
        found = found.evidence(format!("the pipe can be read by {} fd {fd}{mark}", reader.pid));
    }
    for reader in asleep.iter().filter(|process| process.pid != writer.pid) {
        found = found.evidence(reader.to_string());
    }
    Some(found)
}

fn end_that_cannot_come(look: &Look, asleep: &[&Process], held: &[i32]) -> Option<Diagnosis> {
    let mut waits: Vec<(&Process, i32, u64)> = Vec::new();
    for process in asleep {
        waits.extend(read(process).into_iter().map(|(fd, pipe)| (*process, fd, pipe)));
    }
    let holds_itself = |(process, _, pipe): &&(&Process, i32, u64)| {
        look.holders(*pipe, PipeEnd::Write).iter().any(|(holder, _)| holder.pid == process.pid)
    };
    // Whoever stands at a gate may close it yet.
    let is_held = |(_, _, pipe): &&(&Process, i32, u64)| {
        let holders = look.holders(*pipe, PipeEnd::Write);
        !holders.is_empty() && holders.iter().all(|(holder, _)| !held.contains(&holder.pid))
    };
    // A circle of two that wait for each other's words is no forgotten end.
    let (reader, fd, pipe, code) = match waits.iter().find(holds_itself) {
        Some((reader, fd, pipe)) => (*reader, *fd, *pipe, Code::SelfHeldWriteEnd),
        None if talks_in_a_circle(look, &waits) => return None,
        None => {
            let (reader, fd, pipe) = waits.iter().find(is_held)?;
            (*reader, *fd, *pipe, Code::OtherHeldWriteEnd)
        }
    };
    let place =
        reader.source.as_ref().map_or(String::new(), |line| format!(", called from {line}"));
    let story = format!(
        "process {} sleeps in read(fd {fd}){place}: it waits for the end of pipe {pipe},\nwhich comes when nobody holds its write end. Still held by:",
        reader.pid
    );
    let mut found = code.because(story);
    for (holder, fd) in look.holders(pipe, PipeEnd::Write) {
        let mark = if holder.pid == reader.pid {
            "   <- the reader itself".to_owned()
        } else {
            format!("   which {}", holder.blocked)
        };
        found = found.evidence(format!("{} fd {fd}{mark}", holder.pid));
    }
    Some(found)
}

/// Whether two readers wait for each other: each one's pipe is written by the other alone.
fn talks_in_a_circle(look: &Look, waits: &[(&Process, i32, u64)]) -> bool {
    let only_writer = |pipe: u64| {
        let mut holders: Vec<i32> =
            look.holders(pipe, PipeEnd::Write).iter().map(|(holder, _)| holder.pid).collect();
        holders.dedup();
        match holders[..] {
            [one] => Some(one),
            _ => None,
        }
    };
    waits.iter().any(|(reader, _, pipe)| {
        only_writer(*pipe).is_some_and(|writer| {
            waits.iter().any(|(other, _, back)| {
                other.pid == writer && only_writer(*back) == Some(reader.pid)
            })
        })
    })
}

/// Who waits for whom: a child's end, or the words of a pipe's writer.
fn waits_for(look: &Look, process: &Process) -> Vec<i32> {
    match &process.blocked {
        Blocked::Wait { child: Some(child) } => vec![*child],
        Blocked::Wait { child: None } => {
            look.children(process.pid).iter().map(|child| child.pid).collect()
        }
        _ => read(process)
            .iter()
            .flat_map(|(_, pipe)| look.holders(*pipe, PipeEnd::Write))
            .map(|(holder, _)| holder.pid)
            .filter(|holder| *holder != process.pid)
            .collect(),
    }
}

fn circle(look: &Look, asleep: &[&Process]) -> Option<Diagnosis> {
    let is_in_circle = |process: &&&Process| {
        let mut seen = Vec::new();
        let mut next = waits_for(look, process);
        while let Some(pid) = next.pop() {
            if pid == process.pid {
                return true;
            }
            if !seen.contains(&pid) {
                seen.push(pid);
                next.extend(
                    look.process(pid).map_or(Vec::new(), |other| waits_for(look, other)),
                );
            }
        }
        false
    };
    let members: Vec<&&Process> = asleep.iter().filter(is_in_circle).collect();
    if members.is_empty() {
        return None;
    }
    let found = Code::WaitCycle.because("each of these processes waits for another of them");
    Some(members.into_iter().fold(found, |found, process| {
        let pipes = read(process);
        if pipes.is_empty() {
            let whom: Vec<String> =
                waits_for(look, process).iter().map(i32::to_string).collect();
            return found.evidence(format!("{process}; that needs {}", whom.join(" or ")));
        }
        pipes.into_iter().fold(found, |found, (fd, pipe)| {
            let holders: Vec<String> = look
                .holders(pipe, PipeEnd::Write)
                .iter()
                .map(|(holder, fd)| format!("{} fd {fd}", holder.pid))
                .collect();
            found.evidence(format!(
                "{process}: it needs bytes or the end of pipe {pipe} (fd {fd}), whose write end is held by {}",
                holders.join(", ")
            ))
        })
    }))
}

fn stuck(asleep: &[&Process], held: &[i32]) -> Diagnosis {
    let mut found =
        Code::Stuck.because("nothing moves any more, and nobody is left who could change that");
    for process in asleep {
        found = found.evidence(process.to_string());
    }
    for pid in held {
        found =
            found.evidence(format!("{pid} is held by the grader while it looks at the others"));
    }
    found
}
