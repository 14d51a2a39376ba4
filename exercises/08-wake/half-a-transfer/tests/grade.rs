//! Judges `half-a-transfer`: whether a lock and its data outlive a process that is killed while it has them.

use grader::{Case, Code, Diagnosis, Ended, Program, Rest, Run, Signal, Stop, Verdict, ensure};

const CASES: &[Case] = &[
    ("transfers are done one after the other", nobody_dies),
    ("an owner that lives keeps the lock, however long it takes", slow_owner),
    ("who comes after a killed owner gets the lock and whole accounts", comes_later),
    ("so does who sleeps for the lock when its owner is killed", sleeps_meanwhile),
    ("an owner that mends may be killed as well", dies_again),
];

const TOTAL: u64 = 1000;

/// How often a process that wakes by itself is looked at, before it counts as one that will not get in.
const LOOKS: usize = 4;

/// More than this on a processor, while nothing can be done, is no waiting.
const BUSY_MS: u64 = 100;

fn nobody_dies(program: &Program) -> Verdict {
    let end = program.args([100, 10, 1]).run()?;
    judge(&end, &[], &[889])
}

/// Starts one process for each amount, and holds all of them before their transfers.
fn start(
    program: &Program,
    amounts: &[u64],
) -> Result<(Run, std::vec::IntoIter<Stop>), Diagnosis> {
    let mut run = program.args(amounts).start()?;
    let mut ready = Vec::new();
    for _ in amounts {
        ready.push(run.at("ready")?);
    }
    // In the order of their amounts: the pids alone do not tell it once they begin again at the lowest.
    let order: Vec<i32> = run.look().processes.iter().map(|process| process.pid).collect();
    ready.sort_by_key(|stop| order.iter().position(|pid| *pid == stop.pid));
    Ok((run, ready.into_iter()))
}

fn next(ready: &mut std::vec::IntoIter<Stop>) -> Result<Stop, Diagnosis> {
    ready.next().ok_or_else(|| Code::WrongAnswer.because("a process is missing"))
}

/// What a process does that was let on: it ends, or waits for the lock, and is looked at more often if a time may wake it.
fn rest(run: &mut Run, pid: i32) -> Result<Rest, Diagnosis> {
    let mut rest = run.until_asleep(pid)?;
    for _ in 1..LOOKS {
        match &rest {
            Rest::Asleep(blocked) if blocked.is_timed() => {}
            Rest::Busy { cpu_ms } if *cpu_ms < BUSY_MS => {}
            _ => break,
        }
        rest = run.until_asleep(pid)?;
    }
    Ok(rest)
}

/// Lets a process make its first half, and kills it there.
fn killed_halfway(run: &mut Run, process: Stop) -> Result<i32, Diagnosis> {
    let pid = process.pid;
    process.go();
    let halfway = run.at("halfway")?;
    die(run, halfway)?;
    Ok(pid)
}

fn die(run: &mut Run, process: Stop) -> Result<(), Diagnosis> {
    run.kill(process.pid, Signal::SIGKILL);
    let pid = process.pid;
    drop(process);
    run.until_asleep(pid)?;
    Ok(())
}

fn slow_owner(program: &Program) -> Verdict {
    let (mut run, mut ready) = start(program, &[100, 10])?;
    let (slow, other) = (next(&mut ready)?, next(&mut ready)?);
    slow.go();
    let slow = run.at("halfway")?;
    let pid = other.pid;
    other.go();
    match rest(&mut run, pid)? {
        Rest::Ended => return Err(Code::WrongAnswer
            .because(format!(
                "process {} is in the middle of its transfer, alive, and has the lock. Process {pid} has made a transfer too",
                slow.pid
            ))
            .idea("Whoever finds the lock held waits. How long an owner takes says nothing about its death: a process may be stopped, or get no processor, for any time.")),
        Rest::Busy { cpu_ms } if cpu_ms >= BUSY_MS => return Err(Code::BusyWait
            .because(format!("process {pid} waits for the lock, and has used {cpu_ms} ms of a processor for it"))),
        _ => {}
    }
    slow.go();
    let end = run.finish()?;
    judge(&end, &[], &[890])
}

/// A finished transfer, half of one, and two more.
fn comes_later(program: &Program) -> Verdict {
    let (mut run, mut ready) = start(program, &[100, 10, 1, 1])?;
    let first = next(&mut ready)?;
    let pid = first.pid;
    first.go();
    run.until_asleep(pid)?;
    let second = next(&mut ready)?;
    let dead = killed_halfway(&mut run, second)?;
    for stop in ready {
        let pid = stop.pid;
        stop.go();
        gets_in(&mut run, pid, dead)?;
    }
    let end = run.finish()?;
    judge(&end, &[dead], &[888, 898])
}

fn sleeps_meanwhile(program: &Program) -> Verdict {
    let (mut run, mut ready) = start(program, &[100, 10])?;
    let (owner, other) = (next(&mut ready)?, next(&mut ready)?);
    owner.go();
    let owner = run.at("halfway")?;
    let (dead, pid) = (owner.pid, other.pid);
    other.go();
    run.until_asleep(pid)?;
    die(&mut run, owner)?;
    gets_in(&mut run, pid, dead)?;
    let end = run.finish()?;
    judge(&end, &[dead], &[890, 990])
}

fn dies_again(program: &Program) -> Verdict {
    let (mut run, mut ready) = start(program, &[100, 10, 1])?;
    let (first, second, third) = (next(&mut ready)?, next(&mut ready)?, next(&mut ready)?);
    let dead = [killed_halfway(&mut run, first)?, killed_halfway(&mut run, second)?];
    let pid = third.pid;
    third.go();
    gets_in(&mut run, pid, dead[1])?;
    let end = run.finish()?;
    judge(&end, &dead, &[889, 899, 989, 999])
}

/// That a process makes its transfer although `dead` was killed while it had the lock.
fn gets_in(run: &mut Run, pid: i32, dead: i32) -> Verdict {
    if rest(run, pid)? == Rest::Ended {
        return Ok(());
    }
    let look = run.look();
    let found = Code::DeadOwner.because(format!(
        "process {dead} was killed in the middle of its transfer, and it had the lock. Process {pid} wants the lock, and\n\
         waits: nobody is left who would give it back"
    ));
    let word = look.process(pid).and_then(|process| process.word.as_ref());
    let found = word.iter().fold(found, |found, word| found.evidence(word.to_string()));
    Err(found
        .evidence(look.tree())
        .idea("A lock must learn of its owner's death. The kernel tells it of a robust lock. Who asks for the owner's pid must know that a zombie still has it, and that a new process may get it."))
}

/// Whether the accounts are whole, and hold every transfer of a process that has lived on.
fn judge(end: &Ended, dead: &[i32], first_may_be: &[u64]) -> Verdict {
    let who = dead.iter().map(i32::to_string).collect::<Vec<_>>().join(" and ");
    let errors = end.values("error");
    ensure(errors.is_empty(), || {
        let code = if dead.is_empty() { Code::WrongAnswer } else { Code::DeadOwner };
        let story = match who.as_str() {
            "" => "a transfer was refused, and no process had died".to_owned(),
            who => format!(
                "process {who} was killed in the middle of its transfer. The next one does not make its own"
            ),
        };
        errors.iter().fold(code.because(story), |found, error| found.evidence(*error)).idea(
            "That the owner died is an error that has the lock in it. Mend the accounts, tell the lock so, and go on. Whoever lets go of it without that word says that nobody shall have the lock any more.",
        )
    })?;
    let mut numbers = end.stdout().split_whitespace().map(str::parse::<u64>);
    let (Some(Ok(first)), Some(Ok(second))) = (numbers.next(), numbers.nth(1)) else {
        return Err(
            Code::WrongAnswer.because(format!("the program printed {:?}", end.stdout()))
        );
    };
    ensure(first.checked_add(second) == Some(TOTAL), || {
        let numbers = format!(
            "the accounts hold {first} and {second}; together they should hold {TOTAL}"
        );
        if dead.is_empty() {
            return Code::WrongAnswer.because(numbers);
        }
        Code::DeadOwner
            .because(format!(
                "process {who} was killed in the middle of its transfer. Those after it got the lock, and have gone on with what\n\
                 it had left"
            ))
            .evidence(numbers)
            .idea("The lock is free again, the data is not whole. Whoever gets the lock after a death mends the data first, by a rule that belongs to it.")
    })?;
    ensure(first_may_be.contains(&first), || {
        Code::LostResult
            .because(format!(
                "the accounts hold {first} and {second}. The sum is right, and a transfer that was finished is gone, or one was\n\
                 made twice"
            ))
            .evidence(format!("the first account may hold: {first_may_be:?}"))
            .idea("Mend only what the dead owner can have left half done. What others have finished stays.")
    })
}

grader::main!(CASES);
