//! Judges `loop-of-forks`: who comes round the loop.
//!
//! Everybody is held where he is: the workers at their work, the program behind the loop. Then one worker is let go,
//! and the next thing that happens must be that it has ended.

use grader::{
    Blocked, Case, Code, Diagnosis, Look, Process, Program, Run, Stop, Verdict, ensure,
};

const CASES: &[Case] = &[
    ("three workers are three children of the program", three_workers),
    ("a worker ends with the status of its work", statuses),
    ("one worker", one_worker),
    ("no worker", no_worker),
];

fn three_workers(program: &Program) -> Verdict {
    workers(program, &[0, 0, 0])
}

fn statuses(program: &Program) -> Verdict {
    workers(program, &[0, 7, 0, 1])
}

fn one_worker(program: &Program) -> Verdict {
    workers(program, &[3])
}

fn no_worker(program: &Program) -> Verdict {
    workers(program, &[])
}

/// Runs with one worker for each exit status.
fn workers(program: &Program, statuses: &[i32]) -> Verdict {
    let count = statuses.len();
    let mut run = program.args(statuses).start()?;
    let mut started = None;
    let mut held: Vec<Stop> = Vec::new();
    while started.is_none() || held.len() < count {
        let Some(stop) = run.try_at("step")? else {
            return Err(nobody_comes(&run, started.is_some(), held.len(), count));
        };
        is_running(&stop.look)?;
        is_childs_place(&stop)?;
        has_shape(&stop.look, count)?;
        if stop.pid == stop.look.main {
            started = Some(stop);
        } else {
            held.push(stop);
        }
    }
    held.sort_by_key(|stop| stop.value.clone());
    let known: Vec<i32> = held.iter().map(|stop| stop.pid).collect();
    have_numbers(&held)?;
    if let Some(started) = started {
        are_returned(&started, &known)?;
    }
    for ((number, status), worker) in statuses.iter().enumerate().zip(held) {
        let pid = worker.pid;
        worker.go();
        // The program waits for this worker. If anybody else comes, it is this worker, or was started by it.
        let next = run.at("step")?;
        is_no_more(&next.look, &known)?;
        is_childs_place(&next)?;
        has_ended(&next, pid, number, *status)?;
    }
    run.finish()?;
    Ok(())
}

/// That the program has not ended meanwhile.
fn is_running(look: &Look) -> Verdict {
    let is_over = look.process(look.main).is_none_or(Process::is_zombie)
        || look.others().any(|process| look.process(process.parent).is_none());
    ensure(!is_over, || ended_early(look.main))
}

/// That all workers are children of the program, and nobody has more.
fn has_shape(look: &Look, count: usize) -> Verdict {
    let main = look.main;
    let Some(strange) = look.others().find(|process| process.parent != main) else {
        return Ok(());
    };
    if look.processes.len() > count + 1 {
        return Err(too_many(look, strange));
    }
    Err(Code::WrongShape
        .because(format!(
            "process {} is a child of {}. It should be one of the program, {main}",
            strange.pid, strange.parent
        ))
        .evidence(family(look)))
}

/// That nobody is there but the program and its workers.
fn is_no_more(look: &Look, known: &[i32]) -> Verdict {
    match look.others().find(|process| !known.contains(&process.pid)) {
        None => Ok(()),
        Some(strange) => Err(too_many(look, strange)),
    }
}

fn too_many(look: &Look, strange: &Process) -> Diagnosis {
    Code::TooManyProcesses
        .because(format!(
            "process {} has been started by {}, which is a worker and came round the loop as well",
            strange.pid, strange.parent
        ))
        .evidence(family(look))
        .idea(
            "fork returns in both processes, in the middle of the loop. A worker that sees the next round forks in it: three \
             rounds make 8 processes, ten make 1024. The worker has to end where its work ends.",
        )
}

/// Who is whose child, one line for each process. What they sleep in is the grader's gate, and says nothing here.
fn family(look: &Look) -> String {
    let mut text = format!("{} is the program\n", look.main);
    let mut open: Vec<(usize, &Process)> =
        look.children(look.main).into_iter().rev().map(|child| (1, child)).collect();
    while let Some((depth, process)) = open.pop() {
        let indent = "  ".repeat(depth);
        text.push_str(&format!("{indent}{} is a child of {}\n", process.pid, process.parent));
        open.extend(
            look.children(process.pid).into_iter().rev().map(|child| (depth + 1, child)),
        );
    }
    text
}

/// That whoever is behind the loop is the program itself.
fn is_childs_place(stop: &Stop) -> Verdict {
    let is_at_work = stop.value.as_deref().is_some_and(|value| value.starts_with("worker "));
    ensure(stop.pid == stop.look.main || is_at_work, || {
        Code::ChildRanParentCode
            .because(format!(
                "process {} is a worker, and has returned from your function as if it were the program, {}",
                stop.pid, stop.look.main
            ))
            .evidence(family(&stop.look))
            .idea(
                "fork returns in both processes, and both go on from there. A worker that only leaves the loop comes to what \
                 is behind it. It has to end where its work ends.",
            )
    })
}

/// That each worker does the work of its own number.
fn have_numbers(held: &[Stop]) -> Verdict {
    let works: Vec<&str> = held.iter().filter_map(|stop| stop.value.as_deref()).collect();
    let is_own = |(number, work): (usize, &&str)| **work == format!("worker {number}");
    ensure(works.iter().enumerate().all(is_own), || {
        held.iter()
            .fold(
                Code::WrongAnswer.because(format!(
                    "{} workers are at work, and their numbers are not 0 to {}",
                    held.len(),
                    held.len() - 1
                )),
                |found, stop| {
                    let work = stop.value.as_deref().unwrap_or_default();
                    found.evidence(format!("process {} does the work of {work}", stop.pid))
                },
            )
            .idea("A worker is a copy of the program at its fork. There the variable of the loop is the worker's own number.")
    })
}

/// That the function has returned the pids of the workers in the order of their numbers.
fn are_returned(started: &Stop, known: &[i32]) -> Verdict {
    let words = started.value.as_deref().unwrap_or_default().split_whitespace().skip(1);
    let returned: Vec<i32> = words.filter_map(|word| word.parse().ok()).collect();
    if returned == known {
        return Ok(());
    }
    let mut sorted = (returned.clone(), known.to_vec());
    sorted.0.sort_unstable();
    sorted.1.sort_unstable();
    let is_order = sorted.0 == sorted.1;
    let code = if is_order { Code::OutOfOrder } else { Code::WrongAnswer };
    let idea = if is_order {
        "The caller knows a worker by its place in the list: it takes the first pid for that of worker 0."
    } else {
        "The caller waits for each pid of the list. A worker that is not in it is waited for by nobody."
    };
    let found = known.iter().enumerate().fold(
        code.because(format!(
            "your function has returned the pids {returned:?}, and those of the workers are, from 0 on, {known:?}"
        )),
        |found, (number, pid)| found.evidence(format!("worker {number} is process {pid}")),
    );
    Err(found.idea(idea))
}

/// That the program has seen worker `number` end as its work did.
fn has_ended(stop: &Stop, pid: i32, number: usize, status: i32) -> Verdict {
    let seen = stop.value.as_deref().unwrap_or_default();
    if seen == format!("Exited(Pid({pid}), {status})") {
        return Ok(());
    }
    let work = format!("the work of worker {number}, process {pid}, has returned {status}");
    Err(if seen == format!("Exited(Pid({pid}), 0)") {
        Code::UnreportedFailure.because(format!(
            "{work}: it has failed.\nThe process has ended with status 0, which says that it has not"
        ))
    } else {
        Code::WrongAnswer
            .because(format!("{work}.\nThe program waited for it and got {seen}"))
            .idea("What the work returns is the exit status of the worker's process: the number that its end is called with.")
    })
}

/// Why no more workers come.
fn nobody_comes(run: &Run, is_started: bool, arrived: usize, count: usize) -> Diagnosis {
    let look = run.look();
    let main = look.main;
    let Some(process) = look.process(main).filter(|process| !process.is_zombie()) else {
        return ended_early(main);
    };
    if is_started {
        return Code::LostResult
            .because(format!(
                "your function has returned. Workers at work: {arrived} of {count}"
            ))
            .evidence(family(&look));
    }
    let at_work = format!("workers at work: {arrived} of {count}");
    let is_waiting = matches!(process.blocked, Blocked::Wait { .. });
    let found = if arrived == count && is_waiting {
        Code::LostResult
            .because(format!(
                "all {count} are at work, and your function waits for them.\nIt is to return at once: its caller waits"
            ))
            .idea(
                "A process can be waited for once. What your function has waited for is lost to the caller, who wants to learn \
                 from each pid how that worker has ended.",
            )
    } else if is_waiting {
        Code::NotParallel.because(format!(
            "{at_work}. The program waits for them to end before it starts the next"
        ))
    } else {
        Code::Stuck.because(format!("{at_work}. The program does not start the next"))
    };
    found.evidence(process.to_string())
}

fn ended_early(main: i32) -> Diagnosis {
    Code::WrongAnswer
        .because(format!(
            "the program, process {main}, has ended before your function returned, while it started workers"
        ))
        .idea("exit ends the process that calls it, whichever that is. Both come to what stands behind the match.")
}

grader::main!(CASES);
