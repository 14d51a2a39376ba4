//! Judges `runs-on`: whether a child does its job and nothing else.

use grader::{Case, Code, Diagnosis, Ended, Program, Run, Stop, Verdict, ensure};

const CASES: &[Case] = &[
    ("one job is one process, which ends there", one_job),
    ("three jobs are three processes at the same time", three_jobs),
    ("a job that panics ends its own process and touches nothing else", panicking_job),
    ("no job, no process", no_job),
];

fn one_job(program: &Program) -> Verdict {
    printed(&program.arg("7").run()?, "codes: 7\n")
}

fn three_jobs(program: &Program) -> Verdict {
    let mut run = program.args(["3", "0", "7"]).start()?;
    let mut jobs: Vec<Stop> = Vec::new();
    while jobs.len() < 3 {
        match run.try_at("job")? {
            Some(stop) => {
                own_process(&run, &stop)?;
                jobs.push(stop);
            }
            None => return Err(missing(run, &jobs)),
        }
    }
    // The first job alone is let to its end. What its process has started meanwhile is still there, or has told of a job.
    let pids: Vec<i32> = jobs.iter().map(|stop| stop.pid).collect();
    let first =
        jobs.iter().position(|stop| stop.value.as_deref() == Some("0")).unwrap_or_default();
    let first = jobs.swap_remove(first);
    let child = first.pid;
    first.go();
    run.until_asleep(child)?;
    let look = run.look();
    let stranger = look.others().map(|process| process.pid).find(|pid| !pids.contains(pid));
    let again = run.told().iter().filter(|told| told.name == "job").nth(3).map(|told| told.pid);
    if let Some(pid) = stranger.or(again) {
        return Err(Code::ChildRanParentCode
            .because(format!(
                "process {child} was to do job 0 and end. All three jobs had been started when it was done with it, and it \
                 has come round the loop and has started process {pid}"
            ))
            .evidence(format!("the jobs were done by {pids:?}, children of the program, {}", run.main()))
            .evidence(look.tree()));
    }
    drop(jobs);
    printed(&run.finish()?, "codes: 3 0 7\n")
}

fn panicking_job(program: &Program) -> Verdict {
    let run = program.allow(Code::Panic).args(["3", "panic", "7"]).start()?;
    let main = run.main();
    let end = run.finish()?;
    let stranger = end.told().iter().find(|told| told.name == "removed" && told.pid != main);
    if let Some(stranger) = stranger {
        return Err(Code::ChildRanParentCode
            .because(format!(
                "job 1 has panicked in process {}, and the panic has left your function there: process {} has removed \
                 a folder that belongs to the program",
                stranger.pid, stranger.pid
            ))
            .evidence(format!("the program is process {main}; it had made the folder and still needed it"))
            .evidence(format!("removed by {}: {}", stranger.pid, stranger.value))
            .idea(
                "A panic goes back through the callers and drops what they own. In a child these frames are copies of \
                 the parent's. Catch the panic before it gets there, then leave by _exit.",
            ));
    }
    let found =
        end.stdout().strip_prefix("codes: 3 ").and_then(|rest| rest.strip_suffix(" 7\n"));
    if let Some(found) = found.filter(|found| *found != "101") {
        return Err(panic_status(found));
    }
    printed(&end, "codes: 3 101 7\n")
}

/// The job has panicked, and only the status of its process is wrong: a number, or the signal that has ended it.
fn panic_status(found: &str) -> Diagnosis {
    let (ending, code) = match found.strip_prefix("Signaled(") {
        Some(signaled) => {
            let signal = signaled.split(", ").nth(1).unwrap_or("a signal");
            (format!("was ended by {signal}"), Code::WrongAnswer)
        }
        None if found == "0" => {
            ("ended with 0, as if all were well".to_owned(), Code::UnreportedFailure)
        }
        None => (format!("ended with {found}"), Code::WrongAnswer),
    };
    code.because(format!("job 1 panicked; its process {ending}, and 101 is asked for"))
        .evidence(format!("how it ended: {found}"))
        .idea(
            "101 is the status of every Rust program whose main has panicked. Who reads it knows what has happened; another \
             number, or a signal, says that it was something else.",
        )
}

fn no_job(program: &Program) -> Verdict {
    printed(&program.run()?, "codes:\n")
}

/// That the job is done by a child of the program.
fn own_process(run: &Run, stop: &Stop) -> Verdict {
    let (pid, main) = (stop.pid, run.main());
    let job = stop.value.as_deref().unwrap_or_default();
    ensure(pid != main, || {
        Code::WrongShape
            .because(format!("job {job} is done by process {main}, which is the program itself"))
            .idea("fork returns twice: 0 in the child, the child's pid in the parent. Only the child does the job.")
    })?;
    let parent = stop.look.process(pid).map_or(0, |process| process.parent);
    ensure(parent == main, || {
        Code::ChildRanParentCode
            .because(format!(
                "process {pid} now does job {job}, and it is no child of the program: a process that was to do one job has \
                 come round the loop and has started it"
            ))
            .evidence(format!("the program, which should be the parent of them all, is process {main}"))
            .evidence(stop.look.tree())
    })
}

/// Fewer jobs than there should be, and nothing moves any more.
fn missing(run: Run, jobs: &[Stop]) -> Diagnosis {
    let main = run.main();
    let look = run.look();
    let Some(program) = look.process(main).filter(|process| !process.is_zombie()) else {
        return Code::LostResult
            .because(format!("the program has ended, and {} of 3 jobs were done", jobs.len()));
    };
    Code::NotParallel
        .because(format!(
            "{} of 3 jobs have been started, and the program waits for the end of one before it starts the next",
            jobs.len()
        ))
        .evidence(program.to_string())
}

/// That the output is there, and once.
fn printed(end: &Ended, expected: &str) -> Verdict {
    let count = end.stdout().matches("codes:").count();
    ensure(count <= 1, || {
        Code::DuplicatedOutput
            .because(format!(
                "the program prints \"codes:\" once, before your function is called, and it has come out {count} times"
            ))
            .evidence(format!("the output: {:?}", end.stdout()))
            .idea(
                "The text waited in a buffer in memory, and fork has copied it. An exit by `std::process::exit` empties \
                 the buffers; `_exit` ends the process and nothing else.",
            )
    })?;
    end.stdout_is(expected).map_err(|found| {
        found.idea(
            "Behind \"codes:\" there is one status for each job, in the order of the numbers: what the job has returned is the \
             exit status of its process, and the wait brings it.",
        )
    })
}

grader::main!(CASES);
