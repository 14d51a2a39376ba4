//! Judges `merged-signals`: whether every child is reaped, however few signals tell of them.

use std::collections::BTreeMap;

use grader::{Case, Code, Diagnosis, Program, Rest, Run, Stop, Verdict, ensure};

const CASES: &[Case] = &[
    ("children that end one after the other are told of one after the other", one_by_one),
    ("of ten, nine end while one signal waits to be read", at_once),
    ("all have ended, and their signal was read", late),
];

/// The value that the caller's own child tells, which is nobody else's business.
const OWN_CODE: &str = "77";

/// What is missed if one end is not heard of.
const ANY_IDEA: &str = "Any child may be the next to end, and one signal may be all that comes. Sleep until the next SIGCHLD, whoever sends it, and look at all children then.";

/// Children at their gates, by what they will end with.
type Held = BTreeMap<usize, Stop>;

fn one_by_one(program: &Program) -> Verdict {
    let mut run = program.arg(2).start()?;
    let (mut held, own) = started(&mut run, 2)?;
    rest(&mut run)?;
    // The youngest first: who waits for them in their order hears of it too late.
    while let Some((_, child)) = held.pop_last() {
        let pid = child.pid;
        child.go();
        run.until_asleep(pid)?;
        rest(&mut run)?;
        all_told(&mut run, &[pid], "One child has ended", ANY_IDEA)?;
    }
    returned(&mut run)?;
    own.go();
    done(run)
}

fn at_once(program: &Program) -> Verdict {
    const COUNT: usize = 10;
    let mut run = program.arg(COUNT).start()?;
    let (mut held, own) = started(&mut run, COUNT)?;
    rest(&mut run)?;
    // One in the middle: a look at all of them comes to some before it, and to some after it.
    let first = held.remove(&(COUNT / 2)).map(|child| child.pid);
    let told = loop {
        match run.try_at("ended")? {
            Some(told) => break told,
            None => all_told(&mut run, first.as_slice(), "One child has ended", ANY_IDEA)?,
        }
    };
    let mut pids: Vec<i32> = held.values().map(|child| child.pid).collect();
    drop(held);
    let own_pid = own.pid;
    own.go();
    for pid in pids.iter().chain([&own_pid]) {
        run.until_asleep(*pid)?;
    }
    told.go();
    rest(&mut run)?;
    pids.extend(first);
    all_told(
        &mut run,
        &pids,
        "Nine children have ended while the parent was busy. One SIGCHLD stood for all of them, and for one child of the caller",
        "A SIGCHLD that comes while another one waits is lost. So it does not say which child has ended, nor how many have: look at all of them, and only then sleep until the next one.",
    )?;
    returned(&mut run)?;
    done(run)
}

fn late(program: &Program) -> Verdict {
    let mut run = program.args(["3", "late"]).start()?;
    let (held, own) = started(&mut run, 3)?;
    let pids: Vec<i32> = held.values().map(|child| child.pid).collect();
    drop(held);
    drop(run.at("start")?);
    rest(&mut run)?;
    all_told(
        &mut run,
        &pids,
        "All have ended before the function was called, and their signal was read",
        "A signal is read once, perhaps by somebody else. Look at all children before you sleep for the first time. What comes after the look waits to be read, so it is not missed.",
    )?;
    returned(&mut run)?;
    own.go();
    done(run)
}

/// Holds all children, and the caller's own one.
fn started(run: &mut Run, count: usize) -> Result<(Held, Stop), Diagnosis> {
    let mut held = Held::new();
    for _ in 0..count {
        let stop = run.at("child")?;
        held.insert(code_of(&stop), stop);
    }
    let last = run.at("child")?;
    let own = held.remove(&code_of_text(OWN_CODE));
    match own {
        Some(own) => {
            held.insert(code_of(&last), last);
            Ok((held, own))
        }
        None => Ok((held, last)),
    }
}

fn code_of(stop: &Stop) -> usize {
    code_of_text(stop.value.as_deref().unwrap_or_default())
}

fn code_of_text(value: &str) -> usize {
    value.parse().unwrap_or_default()
}

/// The program goes on until it sleeps.
fn rest(run: &mut Run) -> Verdict {
    let main = run.main();
    let rest = run.until_asleep(main);
    own_is_left(run)?;
    let Rest::Busy { cpu_ms } = rest? else { return Ok(()) };
    Err(Code::BusyWait
        .because(format!(
            "process {main} asks again and again whether a child has ended. So far this has cost {}",
            cost(cpu_ms)
        ))
        .evidence(run.look().tree())
        .idea("When nobody has ended, sleep until a signal can be read. It is there from the moment at which a child ends."))
}

/// What a process has used that does not sleep, or never for long.
fn cost(cpu_ms: u64) -> String {
    match cpu_ms {
        0..50 => "dozens of wake-ups".to_owned(),
        _ => format!("{cpu_ms} ms of a processor"),
    }
}

/// That `ended` was called for each of these.
fn all_told(run: &mut Run, pids: &[i32], how: &str, idea: &str) -> Verdict {
    let is_told = |pid: &i32| {
        let line = format!("{pid}: ");
        run.told().iter().any(|told| told.name == "ended" && told.value.starts_with(&line))
    };
    let left: Vec<i32> = pids.iter().copied().filter(|pid| !is_told(pid)).collect();
    let Some(first) = left.first() else { return Ok(()) };
    if !grader::is_alive(run.main()) {
        // It says why.
        return run.at("end").map(drop);
    }
    let look = run.look();
    let main = run.main();
    let whom = match left.len() {
        1 => format!("process {first}"),
        count => format!("{count} of them, such as process {first}"),
    };
    let mut found = Code::Zombie.because(format!(
        "{how}.\nProcess {main} sleeps now, and `ended` was not called for {whom}"
    ));
    for process in look
        .processes
        .iter()
        .filter(|process| process.pid == main || left.contains(&process.pid))
    {
        found = found.evidence(process.to_string());
    }
    Err(found.idea(idea))
}

/// That the function is done when all its children are.
fn returned(run: &mut Run) -> Verdict {
    let has_returned = run.told().iter().any(|told| told.name == "returned");
    if !has_returned && !grader::is_alive(run.main()) {
        // It says why.
        return run.at("end").map(drop);
    }
    ensure(has_returned, || {
        Code::Stuck
            .because("all children of the function were told of, and it has not returned")
            .evidence(run.look().tree())
            .idea("The caller has a child that is not the function's. Whoever waits until nobody is left waits for that one too.")
    })
}

/// That nobody else has reaped the caller's own child.
fn own_is_left(run: &Run) -> Verdict {
    let own = run.told().iter().find(|told| told.name == "own").map(|told| told.value.clone());
    let Some(own) = own.filter(|own| *own != format!("exit code {OWN_CODE}")) else {
        return Ok(());
    };
    Err(Code::WrongChildReaped
        .because("a child of the caller, which your function was not given, has ended meanwhile, and the caller cannot wait for it any more")
        .evidence(format!("the caller's wait says: {own}"))
        .idea("SIGCHLD comes for every child of the process. Ask those that are yours, one by one; a wait for any child takes the others' statuses."))
}

/// Lets the program end. Each child has ended with its code.
fn done(mut run: Run) -> Verdict {
    rest(&mut run)?;
    let end = run.finish()?;
    let mut codes: Vec<&str> = end
        .values("ended")
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(_, status)| status)
        .collect();
    codes.sort_unstable();
    let expected: Vec<String> =
        (0..codes.len()).map(|code| format!("exit code {code}")).collect();
    grader::same("what the children ended with", &expected.join("\n"), &codes.join("\n"))
}

grader::main!(CASES);
