//! Judges `outlives-its-parent`: whether workers end when the process that has started them is killed, at any moment.

use grader::{Case, Code, Diagnosis, Program, Rest, Run, Signal, Stop, Verdict, ensure};

const CASES: &[Case] = &[
    ("workers work, and end by themselves", ends),
    ("the pool is killed while they work", |program| killed_at_work(program, "stays")),
    ("the pool is killed while they work, and they ignore all signals", |program| {
        killed_at_work(program, "deaf")
    }),
    ("the pool is killed right after a fork", after_the_fork),
    ("the pool is killed right after a worker has asked for its parent", after_the_look),
];

/// What is missed if a worker does not do its work.
const WORK_IDEA: &str = "As long as its parent lives, a worker does its work and ends with the code that the work returns. Mind which process asks for its own pid, and which for its parent's.";

fn ends(program: &Program) -> Verdict {
    let mut run = program.arg("ends").start()?;
    let (Some(first), Some(second)) = (run.try_at("work")?, run.try_at("work")?) else {
        run.finish()?;
        return Err(Code::WrongAnswer
            .because(
                "the pool has started two workers, and they have not both begun their work",
            )
            .idea(WORK_IDEA));
    };
    let pool = pool(&run)?;
    run.until_asleep(pool)?;
    drop((first, second));
    let end = run.finish()?;
    let ends = end.values("worker");
    ensure(ends == ["exit code 7"; 2], || {
        Code::WrongAnswer
            .because("two workers have done their work, which returns 7, and the pool has not learnt that from each")
            .evidence(format!("the ends of the workers: {}", ends.join(", ")))
            .idea(WORK_IDEA)
    })
}

fn killed_at_work(program: &Program, work: &str) -> Verdict {
    let mut run = program.arg(work).start()?;
    let workers = [run.at("work")?, run.at("work")?];
    let pids = workers.each_ref().map(|worker| worker.pid);
    let program = kill_pool(&mut run)?;
    drop(workers);
    let (when, idea) = match work {
        "deaf" => (
            "while its workers were at work. They ignore and block all signals that can be",
            "Only SIGKILL and SIGSTOP can be neither blocked nor ignored. Whoever must end is not asked.",
        ),
        _ => (
            "while its workers were at work",
            "SIGKILL lets the parent run no code, so it can end nobody. The worker must see to it: the kernel sends it a signal at its parent's death if it asks for one, in the child itself (PR_SET_PDEATHSIG; a fork does not hand it on).",
        ),
    };
    for pid in pids {
        ended(&mut run, pid, when, idea)?;
    }
    program.go();
    run.finish().map(drop)
}

fn after_the_fork(program: &Program) -> Verdict {
    let mut run = program.args(["stays", "race"]).start()?;
    let forked = run.at("forked")?;
    let worker = forked.pid;
    // The other side of the fork goes on as far as it can.
    let pool = pool(&run)?;
    run.until_asleep(pool)?;
    let program = kill_pool(&mut run)?;
    forked.go();
    ended(
        &mut run,
        worker,
        "when its worker had just been forked, and had not run a line of your function yet",
        "The death signal is for deaths to come. One that has been is not told of. So ask for the signal, and then compare the parent with the one that has forked: its pid, taken before the fork. An orphan's new parent need not be process 1: it may be a subreaper.",
    )?;
    program.go();
    run.finish().map(drop)
}

fn after_the_look(program: &Program) -> Verdict {
    let mut run = program.args(["stays", "race"]).start()?;
    // Not every way has this step.
    let asked = run.try_at("asked")?;
    let workers: Vec<i32> = match &asked {
        Some(asked) => vec![asked.pid],
        None => run.look().children(pool(&run)?).iter().map(|worker| worker.pid).collect(),
    };
    let program = kill_pool(&mut run)?;
    drop(asked);
    for worker in workers {
        ended(
            &mut run,
            worker,
            "when its worker had asked who its parent is, and had got the answer",
            "What getppid says is old when it returns. Ask for the death signal first and look then: whoever dies before the look is seen, and whoever dies after it sends the signal.",
        )?;
    }
    program.go();
    run.finish().map(drop)
}

/// The pid of the pool.
fn pool(run: &Run) -> Result<i32, Diagnosis> {
    let told = run.told().iter().find(|told| told.name == "pool").map(|told| told.pid);
    told.ok_or_else(|| Code::WrongAnswer.because("the pool has not been started"))
}

/// Kills the pool and returns when it is reaped. The program itself waits then.
fn kill_pool(run: &mut Run) -> Result<Stop, Diagnosis> {
    run.kill(pool(run)?, Signal::SIGKILL);
    run.at("pool ended")
}

/// That a worker has ended, now that the pool has.
fn ended(run: &mut Run, worker: i32, when: &str, idea: &str) -> Verdict {
    if run.until_asleep(worker)? == Rest::Ended {
        return Ok(());
    }
    let pool = pool(run)?;
    let look = run.look();
    let found = Code::Orphan.because(format!(
        "the pool, process {pool}, was killed {when}.\nProcess {worker}, its worker, lives on"
    ));
    let found = match look.process(worker) {
        Some(process) => {
            found.evidence(format!("{process}; its parent is process {} now", process.parent))
        }
        None => found,
    };
    Err(found.idea(idea))
}

grader::main!(CASES);
