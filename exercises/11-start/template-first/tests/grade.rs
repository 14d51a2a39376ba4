//! Judges `template-first`: whether workers are started for a program that has a thread, and have what was before it.

use grader::{
    Blocked, Case, Code, Diagnosis, Look, Process, Program, Rest, Run, Stop, Verdict, ensure,
};

const CASES: &[Case] = &[
    ("an order is done while more may come", |program| works(program, &[0])),
    ("three orders are done at the same time", |program| works(program, &[3, 0, 7])),
    ("no order, no worker", |program| program.run()?.stdout_is("")),
];

/// How long a run may take. A template sleeps in a socket, of which nobody knows whether it has a time limit.
const DEADLINE_S: u64 = 8;

fn works(program: &Program, orders: &[u8]) -> Verdict {
    let mut run = program.args(orders).deadline_s(DEADLINE_S).start()?;
    let main = run.main();
    let first = match run.try_at("first") {
        Ok(Some(stop)) => stop,
        Ok(None) => return Err(missing(run)),
        Err(found) if found.code() == Code::TooSlow => return Err(nobody(&run)),
        Err(found) => return Err(found),
    };
    if first.pid == main {
        return Err(in_the_program(main));
    }
    // The first worker cannot end now. Whoever waits for it does not take the other orders.
    while begun(&run) < orders.len() {
        match run.until_asleep(main)? {
            Rest::Asleep(blocked) if begun(&run) < orders.len() => {
                if matches!(blocked, Blocked::Wait { .. } | Blocked::Poll { timed: false, .. })
                {
                    return Err(sequential(&run, &first, orders.len(), &blocked));
                }
            }
            Rest::Ended => break,
            _ => {}
        }
    }
    let look = run.look();
    loaded_once(&run, &look)?;
    first.go();
    let end = run.finish()?;
    let expected: String = orders.iter().map(|order| format!("exit code {order}\n")).collect();
    end.stdout_is(&expected).map_err(|found| {
        found.idea("There is one status for each order, in their order: what `work` has returned in the worker, and the wait for that worker has brought.")
    })
}

/// How many orders have been begun.
fn begun(run: &Run) -> usize {
    run.told().iter().filter(|told| told.name == "begun").count()
}

fn sequential(run: &Run, first: &Stop, all: usize, blocked: &Blocked) -> Diagnosis {
    let (main, count) = (run.main(), begun(run));
    Code::NotParallel
        .because(format!(
            "{count} of {all} orders have been begun, and the program waits for a worker before it takes the next"
        ))
        .evidence(format!("process {main} {blocked}"))
        .evidence(format!("process {} is the worker of the first order, and the grader holds it", first.pid))
        .idea("How long the work takes is not known. Start a worker for each order that comes, and wait for them when there are no more.")
}

/// That the table was made in the program and nowhere else.
fn loaded_once(run: &Run, look: &Look) -> Verdict {
    let main = run.main();
    let loads: Vec<i32> =
        run.told().iter().filter(|told| told.name == "loaded").map(|told| told.pid).collect();
    ensure(loads == [main], || {
        let pids: Vec<String> = loads.iter().map(i32::to_string).collect();
        Code::WrongAnswer
            .because(format!("the table is to be made once, by process {main}, which is the program"))
            .evidence(format!("it was made by: {}", pids.join(", ")))
            .evidence(look.tree())
            .idea("A template is a copy of the program as it was. What the program had prepared by then, every worker has, and shares the memory with it.")
    })
}

/// Nobody moves any more, and no order has been begun; or the program has ended.
fn missing(run: Run) -> Diagnosis {
    let main = run.main();
    let error = run.told().iter().find(|told| told.name == "error");
    if let Some(error) = error {
        return refused(&error.value, main);
    }
    let look = run.look();
    if let Some(child) = hangs_on_a_copy(&look) {
        let threads = look.process(child.parent).map_or(0, |parent| parent.threads);
        return Code::ForkWithThreads
            .because(format!(
                "no order has been begun: process {} was forked from process {}, and waits for a lock before its work",
                child.pid, child.parent
            ))
            .evidence(child.to_string())
            .evidence(format!(
                "its parent {} has {threads} threads; the one that takes the orders has the lock",
                child.parent
            ))
            .idea("The lock was copied as it was at the fork: taken, by a thread that the child does not have. A template that was forked before the thread was started has the lock as it was then: free.");
    }
    if look.process(main).is_some_and(|process| !process.is_zombie()) {
        return nobody(&run);
    }
    let found = Code::LostResult
        .because("the program has ended, and no worker has come to its work")
        .idea("Each order is done by a worker of its own.");
    run.finish().err().unwrap_or(found)
}

/// An order has come, and nobody does it.
fn nobody(run: &Run) -> Diagnosis {
    let (main, look) = (run.main(), run.look());
    if run.told().iter().any(|told| told.name == "work" && told.pid == main) {
        return in_the_program(main).evidence(look.tree());
    }
    Code::Stuck
        .because("an order has come, and no worker is there that does it. The next order comes when this one is begun, and the program sleeps")
        .evidence(look.tree())
        .idea("Whether more orders will come is not known, so an order is begun when it comes. Start its worker, keep its `Child`, since who drops that kills the process, and wait for all of them at the end.")
}

fn in_the_program(main: i32) -> Diagnosis {
    Code::WrongShape
        .because(format!("an order is done by process {main}, which is the program itself"))
        .idea("Each order has a worker of its own.")
}

/// The function has returned an error.
fn refused(error: &str, main: i32) -> Diagnosis {
    if error.contains("threads") {
        return Code::ForkWithThreads
            .because(format!(
                "your function has tried to fork process {main} when the thread that takes the orders was running, and was refused"
            ))
            .evidence(format!("the error: {error}"))
            .idea("The refusal is right: the child would wait for that thread's lock for ever. Orders come when there are threads, so the process that forks for them is a copy that was made earlier.");
    }
    let found = Code::WrongAnswer
        .because(format!("your function has returned an error: {error}"))
        .evidence(format!("the program is process {main}"));
    match error.contains("init") {
        true => found.idea("A worker that is executed begins with nothing of the program's memory: no table. It needs `start::init` in `main` besides, which this program has not."),
        false => found.idea("Every order can be done here. Look which of your calls has failed, and what it was given."),
    }
}

/// A process that waits for another thread, and was forked from one that has several. Where it may not be read what it
/// sleeps in, one that sleeps before its work counts.
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
