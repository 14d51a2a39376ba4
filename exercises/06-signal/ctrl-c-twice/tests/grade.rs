//! Judges `ctrl-c-twice`: who gets SIGINT, what the first one ends and what the second one does.

use std::fs;

use grader::{Case, Code, Diagnosis, Program, Rest, Run, Signal, Stop, Verdict, ensure};

const CASES: &[Case] = &[
    ("without Ctrl-C, all tasks are done, two at a time", all),
    ("after the first Ctrl-C, what is at work is finished", once),
    ("what a task has started ends with it", family),
    ("the second Ctrl-C ends everything", twice),
];

const AT_ONCE: usize = 2;

fn all(program: &Program) -> Verdict {
    let mut run = program.args(["5", "quick"]).start()?;
    let workers = at_work(&mut run)?;
    rest(&mut run)?;
    if has_died(&run) {
        return why(run, workers);
    }
    let look = run.look();
    let children = look.children(run.main());
    ensure(children.len() == AT_ONCE, || {
        let found = Code::WrongAnswer
            .because(format!(
                "{AT_ONCE} tasks may be at work at the same time, and the program has {} children",
                children.len()
            ))
            .idea("Begin a task when there is room for it: at the beginning, and whenever another one has ended.");
        children.iter().fold(found, |found, child| found.evidence(child.to_string()))
    })?;
    for worker in &workers {
        hears(worker.pid)?;
    }
    drop(workers);
    says(run, &["exit code 10", "exit code 11", "exit code 12", "exit code 13", "exit code 14"])
}

fn family(program: &Program) -> Verdict {
    let mut run = program.args(["1", "family"]).start()?;
    // If it is the parent that makes the group, the worker is at work before that.
    if let Some(parent) = run.try_at("setpgid")? {
        let main = run.main();
        let worker = run.look().children(main).first().map(|worker| worker.pid);
        if let Some(worker) = worker {
            run.until_asleep(worker)?;
        }
        parent.go();
    }
    says(run, &["exit code 10"])
}

fn once(program: &Program) -> Verdict {
    let mut run = program.args(["5", "quick"]).start()?;
    let workers = at_work(&mut run)?;
    ctrl_c(&mut run)?;
    if has_died(&run) {
        return why(run, workers);
    }
    alive(&run, &workers)?;
    drop(workers);
    if let Some(begun) = run.try_at("task")? {
        return Err(Code::WrongAnswer
            .because(format!(
                "Ctrl-C was pressed while tasks 0 and 1 were at work. Then process {} began task {}",
                begun.pid,
                begun.value.as_deref().unwrap_or_default()
            ))
            .idea("The first Ctrl-C says: finish what you have begun. A task that ends afterwards makes room for no other."));
    }
    says(run, &["exit code 10", "exit code 11", "not begun", "not begun", "not begun"])
}

fn twice(program: &Program) -> Verdict {
    // Task 0 would end by itself, so it is held. Task 1 would never end.
    let mut run = program.args(["4", "family"]).start()?;
    let mut workers = at_work(&mut run)?;
    workers.sort_by_key(|worker| worker.value.clone());
    let stays = workers.pop().map(|worker| worker.pid).unwrap_or_default();
    run.until_asleep(stays)?;
    ctrl_c(&mut run)?;
    if has_died(&run) {
        return why(run, workers);
    }
    alive(&run, &workers)?;
    ctrl_c(&mut run)?;
    if has_died(&run) {
        return why(run, workers);
    }
    ensure(has_returned(&run), || {
        let look = run.look();
        Code::WrongAnswer
            .because(format!(
                "Ctrl-C was pressed twice, and process {} has not returned from your function. It waits for tasks that are still\n\
                 there: these ignore SIGINT and SIGTERM",
                run.main()
            ))
            .evidence(look.tree())
            .idea("Who presses Ctrl-C for the second time does not want to wait. SIGKILL asks nobody. It can be neither blocked, nor ignored, nor caught.")
    })?;
    drop(workers);
    says(run, &["signal 9 (SIGKILL)", "signal 9 (SIGKILL)", "not begun", "not begun"])
}

/// Holds the first two tasks at work.
fn at_work(run: &mut Run) -> Result<Vec<Stop>, Diagnosis> {
    let first = run.at("task")?;
    let Some(second) = run.try_at("task")? else {
        if !grader::is_alive(run.main()) {
            // It says why.
            run.at("task")?;
        }
        let tree = run.look().tree();
        return Err(Code::NotParallel
            .because(format!(
                "two tasks may be at work at the same time. Process {} is at one, and nobody begins the next",
                first.pid
            ))
            .evidence(tree));
    };
    Ok(vec![first, second])
}

/// The program goes on until it sleeps or has ended.
fn rest(run: &mut Run) -> Verdict {
    let main = run.main();
    let Rest::Busy { cpu_ms } = run.until_asleep(main)? else { return Ok(()) };
    Err(Code::BusyWait
        .because(format!(
            "process {main} does not sleep, although no task ends and no signal comes. So far this has cost {}",
            cost(cpu_ms)
        ))
        .evidence(run.look().tree())
        .idea("A signalfd and the pidfds of all tasks can be waited for in one place: by poll, or in an EventLoop."))
}

/// What a process has used that does not sleep, or never for long.
fn cost(cpu_ms: u64) -> String {
    match cpu_ms {
        0..50 => "dozens of wake-ups".to_owned(),
        _ => format!("{cpu_ms} ms of a processor"),
    }
}

/// Does what the terminal does: SIGINT to every process of the group in the foreground, which is the program's.
fn ctrl_c(run: &mut Run) -> Verdict {
    rest(run)?;
    let look = run.look();
    let main = run.main();
    let group = look.process(main).map_or(main, |process| process.group);
    let members = look.processes.iter().filter(|process| process.group == group);
    let members: Vec<i32> = members.map(|process| process.pid).collect();
    for member in &members {
        run.kill(*member, Signal::SIGINT);
    }
    // Whoever dies of it has died then.
    for member in members {
        run.until_asleep(member)?;
    }
    rest(run)
}

/// That the first Ctrl-C has ended neither the program nor its tasks.
fn alive(run: &Run, workers: &[Stop]) -> Verdict {
    for worker in workers {
        let pid = worker.pid;
        ensure(grader::is_alive(pid), || {
            let own = worker.look.process(pid).map_or(0, |process| process.group);
            let group = worker.look.process(run.main()).map_or(0, |process| process.group);
            let found = Code::LostResult.because(format!(
                "Ctrl-C was pressed once, and process {pid} was ended in the middle of task {}",
                worker.value.as_deref().unwrap_or_default()
            ));
            if own == group {
                found
                    .evidence(format!("it was in group {group}, the program's, to which the terminal sends SIGINT"))
                    .idea("Ctrl-C goes to every process of the group in the foreground. A worker that is to finish its task must be in another one, before it begins.")
            } else {
                found
                    .evidence(format!("it was in group {own}, and the program in group {group}: the terminal did not reach it"))
                    .idea("The first Ctrl-C asks you to finish. Only the second one says that there is no time for that.")
            }
        })?;
    }
    Ok(())
}

fn has_returned(run: &Run) -> bool {
    run.told().iter().any(|told| told.name == "returned")
}

/// Whether the program has ended within the function.
fn has_died(run: &Run) -> bool {
    !has_returned(run) && !grader::is_alive(run.main())
}

/// How the program has ended.
fn why(run: Run, workers: Vec<Stop>) -> Verdict {
    drop(workers);
    run.finish().map(drop)
}

/// That a worker blocks no signal.
fn hears(pid: i32) -> Verdict {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).map(str::trim);
    let is_empty = mask.is_none_or(|mask| u64::from_str_radix(mask, 16) == Ok(0));
    ensure(is_empty, || {
        Code::WrongAnswer
            .because(format!("process {pid} is at work on a task, and is deaf to signals that its parent has blocked"))
            .evidence(format!("/proc/{pid}/status, SigBlk: {}", mask.unwrap_or_default()))
            .idea("fork copies the mask. A child of a program that reads SIGINT does not hear SIGINT, and neither does what it executes, unless it empties its mask.")
    })
}

/// Lets the program end, and compares how the tasks have ended.
fn says(run: Run, ends: &[&str]) -> Verdict {
    let end = run.finish().map_err(|found| match found.code() {
        Code::Orphan => found.idea("A signal to a process leaves those alone that it has started. A signal to its group reaches them, also when the leader has ended, as long as it is not reaped: then its number is still the group's. Whoever is put into a group later leaves behind what it has started before."),
        _ => found,
    })?;
    let lines: Vec<String> =
        ends.iter().enumerate().map(|(task, end)| format!("task {task}: {end}\n")).collect();
    end.stdout_is(&lines.concat())
        .map_err(|found| found.idea("The place in the list is the number of the task, whichever has ended first. A task that was not begun has no status."))
}

grader::main!(CASES);
