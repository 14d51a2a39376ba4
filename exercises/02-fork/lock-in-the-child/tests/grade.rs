//! Judges `lock-in-the-child`: whether the children get a lock that a thread of their parent holds all the time.

use grader::{
    Blocked, Case, Code, Diagnosis, Ended, Look, Process, Program, Run, Stop, Verdict, ensure,
};

const CASES: &[Case] = &[
    ("a job is done while the journal is kept", |program| works(program, &[0])),
    ("three jobs are done at the same time", |program| works(program, &[3, 0, 7])),
    ("no job, no child", |program| statuses(&program.run()?, "")),
];

fn works(program: &Program, jobs: &[i32]) -> Verdict {
    let mut run = program.args(jobs).start()?;
    let mut held: Vec<Stop> = Vec::new();
    while held.len() < jobs.len() {
        match run.try_at("job")? {
            Some(stop) => {
                in_a_child(&run, &stop)?;
                held.push(stop);
            }
            None => return Err(missing(run, held.len(), jobs.len())?),
        }
    }
    // Every child stands before it takes the lock. The program goes on to where it waits for them.
    let main = run.main();
    run.until_asleep(main)?;
    let look = run.look();
    let threads = look.process(main).map_or(0, |process| process.threads);
    ensure(threads > 1, || {
        Code::WrongAnswer
            .because(format!(
                "the jobs run, and process {main} waits for them without its journal: it has {threads} thread"
            ))
            .evidence(look.tree())
            .idea("The journal is kept while the jobs run. What has to come first is the forks only, not the ends of the jobs.")
    })?;
    drop(held);
    let expected: String = jobs.iter().map(|job| format!("{job}\n")).collect();
    statuses(&run.finish()?, &expected)
}

/// That the statuses of the jobs have come back.
fn statuses(end: &Ended, expected: &str) -> Verdict {
    end.stdout_is(expected).map_err(|found| {
        found.idea(
            "There is one status for each job, in the order of the jobs: what `work` has returned in the child, and the wait \
             for that child has brought.",
        )
    })
}

fn in_a_child(run: &Run, stop: &Stop) -> Verdict {
    ensure(stop.pid != run.main(), || {
        Code::WrongShape
            .because(format!(
                "a job is done by process {}, which is the program itself",
                stop.pid
            ))
            .idea("Each job has a child of its own.")
    })
}

/// Fewer jobs than there should be, and nothing moves any more.
fn missing(run: Run, count: usize, all: usize) -> Result<Diagnosis, Diagnosis> {
    let main = run.main();
    if let Some(told) = run.told().iter().find(|told| told.name == "error") {
        let error = told.value.clone();
        return Ok(if error.contains("threads") {
            Code::ForkWithThreads
                .because(format!(
                    "the checked fork has refused to make a child of process {main}, because the thread of the journal runs \
                     already"
                ))
                .evidence(format!("the error: {error}"))
                .idea("The refusal is right: that child would wait for ever. Fork at a time when there is one thread.")
        } else {
            Code::WrongAnswer
                .because(format!("your function has returned an error: {error}"))
                .idea("Every job can be done here. Look which of your calls has failed, and what it was given.")
        });
    }
    let look = run.look();
    let Some(process) = look.process(main).filter(|process| !process.is_zombie()) else {
        // It has ended: the general checks may know why.
        run.finish()?;
        return Ok(Code::LostResult
            .because(format!("the program has ended, and {count} of {all} jobs were done")));
    };
    if let Some(child) = hangs_on_a_copy(&look) {
        let threads = look.process(child.parent).map_or(0, |parent| parent.threads);
        return Ok(Code::ForkWithThreads
            .because(format!(
                "{count} of {all} jobs have been begun. Process {} is a child of {}, and waits for a lock before its job",
                child.pid, child.parent
            ))
            .evidence(child.to_string())
            .evidence(format!("its parent {} has {threads} threads; the journal's has the lock", child.parent))
            .idea(
                "The lock was copied as it was at the fork: taken. The thread that could release it is in the parent only, so \
                 nothing that the child does frees its copy. Fork at a time when there is one thread.",
            ));
    }
    Ok(Code::NotParallel
        .because(format!(
            "{count} of {all} jobs have been started, and the program waits for the end of one before it starts the next"
        ))
        .evidence(process.to_string()))
}

/// A child that waits for another thread, and was made by a process that has several. Where it may not be read what it
/// sleeps in, a child that sleeps before its job counts.
fn hangs_on_a_copy(look: &Look) -> Option<&Process> {
    look.others().find(|process| {
        let waits = matches!(
            process.blocked,
            Blocked::Futex { timed: false, .. } | Blocked::Unread { .. }
        );
        let parent = look.process(process.parent);
        waits && !process.is_zombie() && parent.is_some_and(|parent| parent.threads > 1)
    })
}

grader::main!(CASES);
