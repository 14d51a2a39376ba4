//! Judges `whoever-ends-first`: whether children are reaped as they end, by a parent that sleeps meanwhile.

use std::collections::BTreeMap;

use grader::{Case, Code, Diagnosis, Program, Rest, Run, Signal, Stop, Verdict, ensure};

const CASES: &[Case] = &[
    ("children are told of as they end, the youngest first", youngest_first),
    ("one has ended before the call", late),
    ("some end while the parent is busy, also one that is not the function's", while_busy),
    ("a signal that comes meanwhile changes nothing", interrupted),
    ("no children are no reason to wait", none),
];

/// What the caller's own child ends with.
const OWN_CODE: i32 = 77;

/// The children at their gates, by what they will end with, and the caller's own one among them.
type Held = BTreeMap<i32, Stop>;

fn youngest_first(program: &Program) -> Verdict {
    let mut run = program.arg(2).start()?;
    let mut held = started(&mut run, 2)?;
    let own = held.remove(&OWN_CODE);
    rest(&mut run)?;
    while let Some((code, child)) = held.pop_last() {
        let pid = child.pid;
        let status = if code == 0 {
            run.kill(pid, Signal::SIGKILL);
            "SIGKILL".to_owned()
        } else {
            format!("exit code {code}")
        };
        child.go();
        run.until_asleep(pid)?;
        rest(&mut run)?;
        told(&mut run, &[(pid, status)], "A child has ended")?;
    }
    drop(own);
    done(run)
}

fn late(program: &Program) -> Verdict {
    let mut run = program.args(["3", "late"]).start()?;
    let mut held = started(&mut run, 3)?;
    let own = held.remove(&OWN_CODE);
    let first = held.remove(&0);
    let pid = first.map(|first| first.pid).unwrap_or_default();
    drop(run.at("start")?);
    rest(&mut run)?;
    told(
        &mut run,
        &[(pid, "exit code 0".to_owned())],
        "A child had ended before your function was called, and two live",
    )?;
    drop(held);
    drop(own);
    done(run)
}

fn while_busy(program: &Program) -> Verdict {
    let mut run = program.arg(4).start()?;
    let mut held = started(&mut run, 4)?;
    rest(&mut run)?;
    held.remove(&1);
    let busy = run.at("ended")?;
    let last = held.remove(&3);
    let mut ends = Vec::new();
    for (code, child) in held {
        let pid = child.pid;
        child.go();
        run.until_asleep(pid)?;
        if code != OWN_CODE {
            ends.push((pid, format!("exit code {code}")));
        }
    }
    busy.go();
    rest(&mut run)?;
    told(&mut run, &ends, "Two children have ended while the parent was busy, and one lives")?;
    drop(last);
    done(run)
}

fn interrupted(program: &Program) -> Verdict {
    let mut run = program.arg(2).start()?;
    let mut held = started(&mut run, 2)?;
    rest(&mut run)?;
    let main = run.main();
    run.kill(main, Signal::SIGUSR1);
    rest(&mut run)?;
    if let Some(returned) = run.told().iter().find(|told| told.name == "returned") {
        return Err(Code::Interrupted
            .because(format!(
                "process {main} slept until one of its children would end. A signal came, its handler ran, and the call failed\n\
                 with EINTR. Your function has returned then, and the children live"
            ))
            .evidence(format!("it returned: {}", returned.value))
            .evidence(run.look().tree()));
    }
    let own = held.remove(&OWN_CODE);
    drop(held);
    rest(&mut run)?;
    drop(own);
    done(run)
}

fn none(program: &Program) -> Verdict {
    let mut run = program.arg(0).start()?;
    let own = run.at("child")?;
    rest(&mut run)?;
    ensure(run.told().iter().any(|told| told.name == "returned"), || {
        Code::Stuck
            .because("your function was given no children, and has not returned")
            .evidence(run.look().tree())
            .idea("Look whether anybody is left before you sleep. A poll without descriptors and without a limit never ends.")
    })?;
    own.go();
    done(run)
}

/// Holds all children, and the caller's own one.
fn started(run: &mut Run, count: usize) -> Result<Held, Diagnosis> {
    let mut held = Held::new();
    for _ in 0..=count {
        let stop = run.at("child")?;
        let code = stop.value.as_deref().and_then(|value| value.parse().ok());
        held.insert(code.unwrap_or_default(), stop);
    }
    Ok(held)
}

/// The program goes on until it sleeps.
fn rest(run: &mut Run) -> Verdict {
    let main = run.main();
    let rest = run.until_asleep(main);
    own_is_left(run)?;
    let Rest::Busy { cpu_ms } = rest? else { return Ok(()) };
    let look = run.look();
    let gone: Vec<String> = run
        .told()
        .iter()
        .filter(|told| told.name == "ended")
        .filter_map(|told| told.value.split_once(':').map(|(pid, _)| pid.to_owned()))
        .collect();
    let found = Code::BusyWait
        .because(format!(
            "process {main} does not sleep although none of its children ends. So far this has cost {}",
            cost(cpu_ms)
        ))
        .evidence(look.tree());
    Err(if gone.is_empty() {
        found.idea("Let the kernel wake you. A pidfd can be read when its process has ended, and one poll sleeps until that is so for any of several.")
    } else {
        found
            .evidence(format!("these have ended and were reaped: {}", gone.join(", ")))
            .idea("A pidfd stays readable when its process was reaped. Whoever polls it again does not sleep: take it off the list and close it.")
    })
}

/// What a process has used that does not sleep, or never for long.
fn cost(cpu_ms: u64) -> String {
    match cpu_ms {
        0..50 => "dozens of wake-ups".to_owned(),
        _ => format!("{cpu_ms} ms of a processor"),
    }
}

/// That `ended` was called for each of these, with this status.
fn told(run: &mut Run, expected: &[(i32, String)], how: &str) -> Verdict {
    for (pid, status) in expected {
        let line = format!("{pid}: ");
        let said = run
            .told()
            .iter()
            .filter(|told| told.name == "ended")
            .find_map(|told| told.value.strip_prefix(&line));
        match said {
            Some(said) => grader::same(&format!("how process {pid} has ended"), status, said)?,
            None if !grader::is_alive(run.main()) => {
                // It says why.
                return run.at("end").map(drop);
            }
            None => {
                let look = run.look();
                let is_shown = |found: i32| found == run.main() || found == *pid;
                let found = Code::Zombie.because(format!(
                    "{how}.\nProcess {} sleeps, and has not reaped process {pid}",
                    run.main()
                ));
                return Err(look
                    .processes
                    .iter()
                    .filter(|process| is_shown(process.pid))
                    .fold(found, |found, process| found.evidence(process.to_string()))
                    .idea("Sleep in a call that any of the children ends, and that remembers: a pidfd is readable from its process's end on, also if that was before the poll."));
            }
        }
    }
    Ok(())
}

/// That nobody else has reaped the caller's own child.
fn own_is_left(run: &Run) -> Verdict {
    let own = run.told().iter().find(|told| told.name == "own").map(|told| told.value.clone());
    let Some(own) = own.filter(|own| !own.ends_with(&format!(": exit code {OWN_CODE}"))) else {
        return Ok(());
    };
    Err(Code::WrongChildReaped
        .because("a child of the caller, which your function was not given, has ended meanwhile, and the caller cannot wait for it any more")
        .evidence(format!("the caller's wait says: {own}")))
}

/// Lets the program end.
fn done(mut run: Run) -> Verdict {
    rest(&mut run)?;
    run.finish()?.value_is("returned", "ok")
}

grader::main!(CASES);
