//! Judges `handler-and-lock`: whether a program can be asked at any moment, also while it holds a lock.

use grader::{Case, Code, Diagnosis, Program, Run, Signal, Verdict, ensure, same};

const CASES: &[Case] = &[
    ("nobody asks, and the totals are right", alone),
    ("SIGUSR1 comes in the middle of a task", |program| asked(program, &[2])),
    ("it comes in two tasks, of which one is the last", |program| asked(program, &[3, TASKS])),
    ("it comes while the program allocates", in_malloc),
];

const TASKS: u64 = 5;

/// How many bytes each file has.
const FILE_LEN: u64 = 1000;

/// The task that allocates, in the case in which the signal comes there.
const ARMED_TASK: u64 = 3;

fn alone(program: &Program) -> Verdict {
    asked(program, &[])
}

/// Sends the signal in the middle of these tasks.
fn asked(program: &Program, asked_in: &[u64]) -> Verdict {
    let run = program.arg("alone").start()?;
    walk(run, asked_in, |run, task| {
        let main = run.main();
        if asked_in.contains(&task) {
            run.kill(main, Signal::SIGUSR1);
        }
    })
}

fn in_malloc(program: &Program) -> Verdict {
    walk(program.arg("malloc").start()?, &[ARMED_TASK], |_, _| {})
}

/// Stops in the middle of each task, and looks at what was said until then.
fn walk(mut run: Run, asked_in: &[u64], mut in_task: impl FnMut(&Run, u64)) -> Verdict {
    let is_in_malloc = asked_in == [ARMED_TASK];
    for task in 1..=TASKS {
        let Some(stop) = run.try_at("task")? else { break };
        ensure(stop.value.as_deref() == Some(task.to_string().as_str()), || {
            Code::WrongAnswer
                .because("a task that should add one file has not found the totals of those before it")
                .evidence(format!("it is task {task}, and it counts {:?} files", stop.value))
        })?;
        reports(&said(&run), asked_in, task - 1)?;
        in_task(&run, task);
        stop.go();
    }
    let last =
        run.told().iter().rfind(|told| told.name == "task").map(|told| told.value.clone());
    let end = run.finish().map_err(|found| explain(found, is_in_malloc, last.as_deref()))?;
    let said: Vec<String> = end.values("said").into_iter().map(str::to_owned).collect();
    reports(&said, asked_in, TASKS)?;
    let in_all = end.stdout().lines().last().unwrap_or_default();
    same("what the function returns", &format!("in all: {}", whole(TASKS)), in_all)
}

fn said(run: &Run) -> Vec<String> {
    let said = run.told().iter().filter(|told| told.name == "said");
    said.map(|told| told.value.clone()).collect()
}

/// That each signal up to the end of task `done` was answered by one report, of whole tasks.
fn reports(said: &[String], asked_in: &[u64], done: u64) -> Verdict {
    let expected: Vec<String> =
        asked_in.iter().filter(|task| **task <= done).map(|task| whole(*task)).collect();
    ensure(said == expected, || {
        let found = if said.len() < expected.len() {
            Code::WrongAnswer
                .because(format!(
                    "SIGUSR1 came in the middle of task {}. That task is finished, {}, and nothing was said",
                    asked_in.get(said.len()).copied().unwrap_or_default(),
                    if done < TASKS { "the next one is begun" } else { "the function has returned" }
                ))
                .idea("What a handler does not do on the spot must be noted, and done at the next place where nothing is half done: after the task, also after the last.")
        } else if said.len() > expected.len() {
            Code::WrongAnswer
                .because(format!(
                    "{} tasks are done, in {} of them SIGUSR1 came, and `say` was called {} times",
                    done,
                    expected.len(),
                    said.len()
                ))
                .idea("One report for a task in which the signal came, when that task is finished. A flag is taken back when it is obeyed (`swap`), and what the handler says itself comes too early.")
        } else {
            Code::WrongAnswer
                .because("SIGUSR1 came in the middle of a task, and the report does not show whole tasks up to that one")
                .idea("A handler runs between two instructions. What the interrupted code was changing is half changed then, and a lock that would keep others away is held by that very code.")
        };
        found
            .evidence(format!("expected: {}", shown(&expected)))
            .evidence(format!("found:    {}", shown(said)))
    })
}

fn shown(reports: &[String]) -> String {
    if reports.is_empty() { "no report".to_owned() } else { reports.join("; ") }
}

/// The totals after so many whole tasks.
fn whole(tasks: u64) -> String {
    format!("{tasks} files, {} bytes", tasks * FILE_LEN)
}

/// A program of one thread that sleeps in a lock has it itself.
fn explain(found: Diagnosis, is_in_malloc: bool, task: Option<&str>) -> Diagnosis {
    if found.code() == Code::UnexpectedSignal {
        return found.idea("The default action of SIGUSR1 is to end the process. It is in force unless the signal is handled or blocked, and one that was blocked and not read takes effect when it is unblocked, as when `Signals` is dropped.");
    }
    let text = found.to_string();
    let asleep: Vec<&str> =
        text.lines().map(str::trim).filter(|line| line.contains("sleeps in futex")).collect();
    if found.code() != Code::Stuck || asleep.is_empty() {
        return found;
    }
    let task = task.unwrap_or("0");
    let story = if is_in_malloc {
        format!(
            "SIGUSR1 came while task {task} was inside the allocator and had its lock. The handler allocates too, perhaps within\na call that does not look like it, and waits for that lock"
        )
    } else {
        format!(
            "SIGUSR1 came in the middle of task {task}, which has a lock. The handler waits for the same lock, and the task goes\non only when the handler returns"
        )
    };
    let found = asleep
        .into_iter()
        .fold(Code::LockInHandler.because(story), |found, line| found.evidence(line));
    found.evidence("it is the only thread, so nobody else can give the lock back")
}

grader::main!(CASES);
