//! Judges `missed-letter`: whether the letter is taken, whenever it comes, and nobody sleeps beside it.

use grader::{Case, Code, Diagnosis, Program, Rest, Run, Stop, Verdict};

const CASES: &[Case] = &[
    ("a letter that is in the box is taken", there_already),
    ("a letter wakes a process that sleeps", asleep),
    ("a letter that comes between the look and the sleep is not missed", between),
    ("a ring without a letter is no letter", only_a_ring),
    ("in many orders of the steps, no letter is missed", orders),
];

const TEXT: &str = "7";

/// So many steps are enough to look into the box and at the bell. The next one is the sleep.
const STEPS: usize = 2;

/// Both processes, before they do anything: the one that takes, and the one that puts.
fn both(run: &mut Run) -> Result<(Stop, Stop), Diagnosis> {
    let first = run.at("ready")?;
    let second = run.at("ready")?;
    Ok(if first.pid == run.main() { (first, second) } else { (second, first) })
}

fn there_already(program: &Program) -> Verdict {
    let mut run = program.arg(TEXT).start()?;
    let (takes, puts) = both(&mut run)?;
    let putter = puts.pid;
    puts.go();
    run.until_asleep(putter)?;
    takes.go();
    is_taken(run, "the letter was in the box before the call of `take`")
}

fn asleep(program: &Program) -> Verdict {
    let mut run = program.arg(TEXT).start()?;
    let (takes, puts) = both(&mut run)?;
    takes.go();
    sleeps(&mut run, "there is no letter yet")?;
    puts.go();
    is_taken(run, "the letter came while the process slept")
}

fn between(program: &Program) -> Verdict {
    (1..=STEPS).try_for_each(|steps| between_steps(program, steps))
}

/// The letter comes when the other side has made so many steps and no more.
fn between_steps(program: &Program, steps: usize) -> Verdict {
    let mut run = program.args([TEXT, "stepwise"]).start()?;
    let (takes, puts) = both(&mut run)?;
    let putter = puts.pid;
    takes.go();
    for _ in 0..steps {
        // Who waits and looks no more has come to its sleep earlier.
        let Some(step) = run.try_at("step word")? else { break };
        step.go();
    }
    let next = run.try_at("step word")?;
    puts.go();
    run.until_asleep(putter)?;
    drop(next);
    is_taken(
        run,
        &format!(
            "`take` had made {steps} of its steps (the first uses of the two words) and did not sleep yet. Then the letter came, with\nits wake-up"
        ),
    )
}

fn only_a_ring(program: &Program) -> Verdict {
    let mut run = program.args([TEXT, "rung"]).start()?;
    let (takes, puts) = both(&mut run)?;
    takes.go();
    sleeps(&mut run, "there is no letter yet")?;
    puts.go();
    let puts = run.at("ready")?;
    sleeps(&mut run, "the bell has rung, and there is no letter")?;
    puts.go();
    is_taken(run, "the bell rang once before, without a letter").map_err(|found| match found.code() {
        Code::WrongAnswer => found.idea("A wake-up says that there may be news, not what. Who wakes looks again: a wait is a loop."),
        _ => found,
    })
}

/// That the process that takes uses no processor while it has nothing to take.
fn sleeps(run: &mut Run, why: &str) -> Verdict {
    let main = run.main();
    let busy = || {
        Code::BusyWait
            .because(format!(
                "process {main} waits for a letter: {why}. It looks again and again, and does not\nstay asleep"
            ))
            .idea("Sleep on the value that the bell has now. A value that it never has again makes every `wait` return at once; and a sleep by the clock looks too often and comes too late.")
    };
    match run.until_asleep(main) {
        Ok(Rest::Busy { .. }) => Err(busy()),
        // On a machine with much to do, who naps may get too little time to count as busy. It did not stay asleep either.
        Err(found) if found.code() == Code::TooSlow => Err(busy()),
        Err(found) => Err(found),
        Ok(_) => Ok(()),
    }
}

/// That the program comes to its end with the letter.
fn is_taken(mut run: Run, when: &str) -> Verdict {
    let main = run.main();
    if let Rest::Asleep(_) = run.until_asleep(main)? {
        let look = run.look();
        if let Some(word) = look.process(main).and_then(|main| main.word.as_ref()) {
            return Err(Code::LostWakeup
                .because(format!(
                    "{when}.\nProcess {main} sleeps, and nobody is left to wake it"
                ))
                .evidence(word.to_string())
                .evidence(look.tree()));
        }
    }
    run.finish()?.stdout_is(&format!("{TEXT}\n"))
}

fn orders(program: &Program) -> Verdict {
    let who = "A takes, B puts, C rings without a letter:";
    program.arg("orders").run()?.orders(who, ", with the letter in the box")
}

grader::main!(CASES);
