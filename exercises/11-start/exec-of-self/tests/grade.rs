//! Judges `exec-of-self`: whether a program that executes itself has workers, and not itself again.

use grader::{Case, Code, Diagnosis, Process, Program, Run, Stop, Verdict, ensure};

const CASES: &[Case] = &[
    ("a worker does its work, and nothing of the program's", |program| works(program, 1)),
    ("so do three", |program| works(program, 3)),
    ("what program and worker start is a program, and no worker", tools),
];

/// How many processes are enough: a program, three workers, and their tools.
const PROCESSES_MAX: u64 = 8;

/// What is missed about the mark.
const INHERITED: &str = "An environment goes on to every process that is started from here, and from there, whatever program that is. The mark is for one process: set it for that one only, and take it off there before anything else runs.";

/// What a worker ends with.
const STATUS: &str = "a worker has ended: exit status: 7\n";

fn works(program: &Program, count: usize) -> Verdict {
    let run = program.processes_max(PROCESSES_MAX).arg(count).start();
    let mut run = run.map_err(without_tree)?;
    let mut held: Vec<Stop> = Vec::new();
    while held.len() < count {
        let stop = run.try_at("work").map_err(|found| multiplies(found, &run))?;
        only_the_program(&run)?;
        match stop {
            Some(stop) => held.push(stop),
            None => {
                let begun = held.len();
                drop(held);
                return missing(run, begun, count);
            }
        }
    }
    let main = run.main();
    let look = run.look();
    ensure(held.iter().all(|stop| parent(&look, stop.pid) == Some(main)), || {
        Code::WrongShape
            .because(format!("a worker is no child of process {main}, which is to wait for it"))
            .evidence(look.tree())
    })?;
    drop(held);
    if let Some(stop) = run.try_at("work").map_err(|found| multiplies(found, &run))? {
        only_the_program(&run)?;
        let (look, pid) = (run.look(), stop.pid);
        return Err(Code::WrongAnswer
            .because(format!("process {pid} is one worker more than the program has asked for"))
            .evidence(look.tree()));
    }
    only_the_program(&run)?;
    run.finish()?.stdout_is(&STATUS.repeat(count))
}

fn parent(look: &grader::Look, pid: i32) -> Option<i32> {
    look.process(pid).map(|process: &Process| process.parent)
}

/// That no process but the program itself has prepared or run the program.
fn only_the_program(run: &Run) -> Verdict {
    let main = run.main();
    let of_others = |name: &str| {
        run.told()
            .iter()
            .find(|told| told.name == name && told.pid != main)
            .map(|told| told.pid)
    };
    if let Some(pid) = of_others("program") {
        return Err(Code::ChildRanParentCode
            .because(format!("process {pid} was started as a worker, and has run the program"))
            .evidence(format!("the program is process {main}"))
            .idea("exec begins at main, in the worker as in the program. So main looks first which of the two it is, and a worker never comes back from its work into the program."));
    }
    if let Some(pid) = of_others("prepare") {
        return Err(Code::ChildRanParentCode
            .because(format!(
                "process {pid} was started as a worker, and has called `prepare`, as the program does"
            ))
            .evidence(format!("the program is process {main}"))
            .idea("What the program opens, starts and prints at its beginning, each worker would open, start and print again. The look at the mark comes before anything else."));
    }
    Ok(())
}

/// More processes than are right: the cause, if the processes are this program.
fn multiplies(found: Diagnosis, run: &Run) -> Diagnosis {
    match found.code() {
        Code::TooManyProcesses => without_tree(found).evidence(run.look().tree()),
        _ => found,
    }
}

fn without_tree(found: Diagnosis) -> Diagnosis {
    match found.code() {
        Code::TooManyProcesses => found
            .evidence("each of them is this program, executed again, and has started its own worker")
            .idea("exec begins at main, and nothing of the caller is left. Unless main looks what it was started for, and before anything else, a worker is one program more, which starts a worker."),
        _ => found,
    }
}

/// Fewer workers have come to their work than there should be.
fn missing(run: Run, begun: usize, count: usize) -> Verdict {
    let told = run.told().to_vec();
    let end = run.finish()?;
    ensure(false, || {
        Code::LostResult
            .because(format!("{begun} of {count} workers have come to their work"))
            .evidence(format!("the program printed {:?}", end.stdout()))
            .evidence(format!("{} processes have run the program", told.iter().filter(|told| told.name == "program").count()))
            .idea("A process that was started as a worker calls `work`, and ends with its result.")
    })
}

fn tools(program: &Program) -> Verdict {
    let mut run = program.processes_max(PROCESSES_MAX).args(["1", "tool"]).start()?;
    let main = run.main();
    let worker = run.at("work").map_err(|found| multiplies(found, &run))?;
    let pid = worker.pid;
    worker.go();
    let end = run.finish()?;
    let before = end.values("program").concat();
    let own: Vec<&str> = before.split(' ').collect();
    let ran =
        |told: &&grader::Told| ["tool", "taken for a worker"].contains(&told.name.as_str());
    for told in end.told().iter().filter(ran) {
        let more: Vec<&str> =
            told.value.split(' ').filter(|name| !own.contains(name)).collect();
        let tool = told.pid;
        let story = if told.name != "tool" {
            format!("process {tool} was started as a tool, and has become a worker")
        } else if more.is_empty() {
            continue;
        } else {
            format!("process {tool} is a tool, and its environment has the mark of a worker")
        };
        let found = Code::WrongAnswer
            .because(story)
            .evidence(format!(
                "the program is process {main}, its worker {pid}; one of them has started the tool"
            ))
            .idea(INHERITED);
        return Err(match more[..] {
            [] => found,
            _ => found.evidence(format!(
                "the tool has this variable, and the program did not have it: {}",
                more.join(", ")
            )),
        });
    }
    let tools = end.values("tool").len();
    ensure(tools == 2, || {
        Code::LostResult
            .because(format!(
                "program and worker each run a tool; {tools} of 2 tools have come to what they do"
            ))
            .idea(
                "A process without the mark is a program: it prepares, and does what a program does.",
            )
    })?;
    end.stdout_is(STATUS)
}

grader::main!(CASES);
