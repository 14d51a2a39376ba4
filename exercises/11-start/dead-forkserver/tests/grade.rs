//! Judges `dead-forkserver`: whether its workers are the server's and clean, and what is left when it dies.

use grader::{
    Case, Code, Diagnosis, Process, Program, Rest, Run, Signal, Stop, Verdict, ensure,
    unexpected_descriptors,
};

const CASES: &[Case] = &[
    ("the server makes workers on request", serves),
    ("it waits for those that have ended", reaps),
    ("it dies before it is asked", |program| dies(program, Moment::Idle)),
    ("it dies while the program waits for its answer", |program| dies(program, Moment::Asked)),
];

/// How many workers the program wants at the same time.
const WORKERS: usize = 3;

#[derive(PartialEq)]
enum Moment {
    Idle,
    Asked,
}

/// Holds `count` workers in their work, and the program where it has their numbers.
fn at_work(run: &mut Run, count: usize) -> Result<Option<(Vec<Stop>, Stop)>, Diagnosis> {
    let mut workers = Vec::new();
    let mut program = None;
    while let Some(stop) = run.try_at("here")? {
        if stop.pid == run.main() {
            program = Some(stop);
        } else {
            workers.push(stop);
        }
        match program.take() {
            Some(program) if workers.len() == count => return Ok(Some((workers, program))),
            early => program = early,
        }
    }
    Ok(None)
}

/// As many workers as the program wants at the same time, and the program.
fn three(mut run: Run) -> Result<(Run, Vec<Stop>, Stop), Diagnosis> {
    match at_work(&mut run, WORKERS)? {
        Some((workers, program)) => Ok((run, workers, program)),
        None => Err(too_few(run)),
    }
}

/// What the program was told last under a name.
fn last(run: &Run, name: &str) -> Option<i32> {
    run.told().iter().rev().find(|told| told.name == name)?.value.parse().ok()
}

/// Nobody moves any more, or the program has ended.
fn too_few(run: Run) -> Diagnosis {
    let made = run.told().iter().filter(|told| told.name == "made").count();
    let found = Code::LostResult
        .because(format!(
            "the program has asked for workers, and {made} of them have come to their work"
        ))
        .evidence(run.look().tree())
        .idea("Each byte for the server is one worker. The program asks for the next one as soon as it has the number of the last, which is at work then.");
    run.finish().err().unwrap_or(found)
}

fn serves(program: &Program) -> Verdict {
    let run = program.arg("serve").start()?;
    let (run, held, again) = three(run)?;
    let main = run.main();
    let look = run.look();
    let server = last(&run, "server").unwrap_or_default();
    ensure(look.process(server).is_some_and(|process| process.parent == main), || {
        Code::WrongShape
            .because(format!("the server, process {server}, is no child of process {main}, which is the program"))
            .evidence(look.tree())
    })?;
    for stop in &held {
        let Some(worker) = look.process(stop.pid) else { continue };
        is_servers(worker, server, main)?;
        let held = unexpected_descriptors(worker, &[]);
        ensure(held.is_empty(), || {
            let found = Code::InheritedFd.because(format!(
                "process {} is a worker of the server {server}, and holds descriptors of it",
                worker.pid
            ));
            held.iter().fold(found, |found, line| found.evidence(line.as_str())).idea(
                "A fork copies the server's table. As long as a worker holds the end into which the server writes its answers, the program does not learn of the server's death.",
            )
        })?;
    }
    drop((held, again));
    let end = run.finish()?;
    end.stdout_is("the server has made 4 workers\n")?;
    numbers(&end)
}

/// That a worker was made by the server, or made a brother of it.
fn is_servers(worker: &Process, server: i32, main: i32) -> Verdict {
    ensure(worker.pid != server && worker.pid != main && worker.parent == server, || {
        Code::WrongShape
            .because(format!(
                "the work is done by process {}, whose parent is {}; the server is process {server}",
                worker.pid, worker.parent
            ))
            .evidence(format!("the program is process {main}"))
            .idea("The program may have threads, so it does not fork. It asks the server, which has none.")
    })
}

/// That the numbers that the program has got are those of the workers.
fn numbers(end: &grader::Ended) -> Verdict {
    let made = end.values("made");
    let told: Vec<i32> = made.iter().filter_map(|pid| pid.parse().ok()).collect();
    let mut unique = told.clone();
    unique.sort_unstable();
    unique.dedup();
    ensure(unique.len() == made.len() && told.iter().all(|pid| *pid > 0), || {
        Code::WrongAnswer
            .because("the numbers that `worker` has returned are not those of four processes")
            .evidence(format!("they are: {}", made.join(", ")))
    })
}

fn reaps(program: &Program) -> Verdict {
    let run = program.arg("serve").start()?;
    let (mut run, held, again) = three(run)?;
    let mut pids: Vec<i32> = held.iter().map(|stop| stop.pid).collect();
    drop(held);
    let told: Vec<i32> = run
        .told()
        .iter()
        .filter(|told| told.name == "made")
        .filter_map(|told| told.value.parse().ok())
        .collect();
    pids.sort_unstable();
    let mut sorted = told.clone();
    sorted.sort_unstable();
    ensure(sorted == pids, || {
        Code::WrongAnswer
            .because("the numbers that `worker` has returned are not those of the workers")
            .evidence(format!("returned: {told:?}"))
            .evidence(format!("at work:  {pids:?}"))
    })?;
    for pid in &pids {
        run.until_asleep(*pid)?;
    }
    again.go();
    let Some((newest, program)) = at_work(&mut run, 1)? else { return Err(too_few(run)) };
    let look = run.look();
    let zombies: Vec<&Process> = look
        .others()
        .filter(|process| process.is_zombie() && pids.contains(&process.pid))
        .collect();
    if let Some(first) = zombies.first() {
        let found = Code::Zombie.because(format!(
            "process {} has ended, its server {} has made another worker since, and has not waited for it",
            first.pid, first.parent
        ));
        return Err(zombies.iter().fold(found, |found, zombie| found.evidence(zombie.to_string())).idea(
            "A server lives long, so its zombies add up. Before it makes a worker it waits for those that have ended, without sleeping: waitpid with WNOHANG, until none is left.",
        ));
    }
    drop((newest, program));
    run.finish().map(drop)
}

fn dies(program: &Program, moment: Moment) -> Verdict {
    let mut run = program.arg("dies").start()?;
    let ready = run.at("ready")?;
    let main = run.main();
    let server = last(&run, "server").unwrap_or_default();
    let worker = last(&run, "made").unwrap_or_default();
    run.until_asleep(worker)?;
    match moment {
        Moment::Idle => {
            run.kill(server, Signal::SIGKILL);
            run.until_asleep(server)?;
            ready.answer("it is killed");
        }
        Moment::Asked => {
            // A server that is stopped takes no request, so the program waits in the middle of one.
            run.kill(server, Signal::SIGSTOP);
            ready.answer("it is stopped");
            run.until_asleep(main)?;
            run.kill(server, Signal::SIGKILL);
        }
    }
    let after = run.at("after").map_err(|found| hangs(found, main, server))?;
    if let Some(pid) = last(&run, "made by the dead") {
        return Err(Code::UnreportedFailure
            .because(format!("the server {server} was killed, and `worker` has returned {pid} as the number of a new worker"))
            .evidence("a dead server makes no worker, and a read at the end of its pipe returns 0 bytes")
            .idea("The end of the pipe is the news of the server's death, and the only one. Compare how many bytes have come with how many an answer has."));
    }
    // The kernel sends the workers their signal before it shows the server as ended.
    run.until_asleep(server)?;
    if run.until_asleep(worker)? != Rest::Ended {
        let look = run.look();
        let parent = look.process(worker).map_or(0, |process| process.parent);
        return Err(Code::Orphan
            .because(format!("the server {server} was killed, and its worker {worker} lives on"))
            .evidence(format!("its parent is now process {parent}, which knows nothing of it"))
            .evidence(look.tree())
            .idea("Nobody can clean up after SIGKILL, so each process sees to its own end. A worker asks the kernel for a signal at its parent's end (PR_SET_PDEATHSIG), and looks afterwards whether that parent is still there."));
    }
    after.go();
    run.finish()?;
    Ok(())
}

/// A program that waits for a dead server.
fn hangs(found: Diagnosis, main: i32, server: i32) -> Diagnosis {
    match found.code() {
        Code::SelfHeldWriteEnd | Code::OtherHeldWriteEnd | Code::Stuck => found
            .evidence(format!("process {main} waits for an answer of the server {server}, which was killed"))
            .idea("The answer will not come, and the end of the pipe comes only when nobody holds the end that was the server's: not the program, and no worker."),
        _ => found,
    }
}

grader::main!(CASES);
