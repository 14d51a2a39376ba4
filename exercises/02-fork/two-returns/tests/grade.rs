//! Judges `two-returns`: the predictions against what the programs really print in every interleaving.
//!
//! Each program is a set of steps, some of which come after others. All orders of the steps that this allows are made
//! here, and for each text that comes out of them the program is driven so: every process stops before it prints and
//! after, and one at a time is let on.

use std::collections::BTreeMap;

use grader::{Case, Code, Diagnosis, Program, Stop, Verdict, ensure};

const CASES: &[Case] = &[
    ("what `order` can print", |program| judge(program, &ORDER)),
    ("what `memory` can print", |program| judge(program, &MEMORY)),
    ("what `twice` can print", |program| judge(program, &TWICE)),
];

/// A program, as steps.
struct Scene {
    name: &'static str,
    steps: &'static [Step],
    /// Why the text that this is asked about cannot be, if it has the right letters.
    order: fn(&str) -> Option<&'static str>,
    /// Who prints a letter, and how often.
    counts: &'static [(char, &'static str)],
}

/// One letter, printed by one process.
struct Step {
    letter: char,
    /// The steps that come before, by their places in the list.
    after: &'static [usize],
}

const fn step(letter: char, after: &'static [usize]) -> Step {
    Step { letter, after }
}

const ORDER: Scene = Scene {
    name: "order",
    steps: &[
        step('a', &[]),
        step('b', &[0]),
        step('c', &[1]),
        step('d', &[0]),
        step('e', &[2, 3]),
    ],
    order: |text| {
        let at = |letter| text.find(letter);
        let rules = [
            ('a', 'b', "there is no child before the fork, and a is printed before it"),
            ('a', 'd', "the parent prints a before it forks, and d afterwards"),
            ('b', 'c', "b and c are steps of one process, and stay in their order"),
            ('d', 'e', "d and e are steps of one process, and stay in their order"),
            (
                'c',
                'e',
                "before it prints e the parent waits for the child, and by then the child has printed c",
            ),
        ];
        rules.into_iter().find(|(first, then, _)| at(*first) > at(*then)).map(|(_, _, why)| why)
    },
    counts: &[
        ('a', "once: the child begins at the return of fork and not at the beginning"),
        ('b', "once, by the child"),
        ('c', "once, by the child"),
        ('d', "once, by the parent: the child ends where its closure ends"),
        ('e', "once, by the parent: the child ends where its closure ends"),
    ],
};

const MEMORY: Scene = Scene {
    name: "memory",
    steps: &[step('2', &[]), step('3', &[]), step('3', &[0, 1])],
    order: |text| {
        text.starts_with("33")
            .then_some("before its second print the parent waits for the child, and by then the child has printed")
    },
    counts: &[
        ('2', "once: the child adds 1 to its own number, which was 1 at the fork"),
        (
            '3',
            "twice: the parent adds 2 to its own number, and what the child adds to its copy is not there",
        ),
    ],
};

const TWICE: Scene = Scene {
    name: "twice",
    steps: &[
        step('a', &[]),
        step('b', &[0]),
        step('b', &[0]),
        step('c', &[1]),
        step('c', &[1]),
        step('c', &[2]),
        step('c', &[2]),
    ],
    order: |text| match (text.find('a'), text.find('b'), text.find('c'), text.rfind('b')) {
        (Some(a), ..) if a > 0 => {
            Some("a is printed before the first fork, so before all else")
        }
        (_, Some(b), Some(c), _) if c < b => Some(
            "each process that prints c, or the one that it comes from, has printed b before",
        ),
        (_, Some(first), _, Some(last)) if last - first > 3 => Some(
            "of the four processes that print c, two have no b behind them until the second b is printed; so at most two \
             can come before it",
        ),
        _ => None,
    },
    counts: &[
        ('a', "once: a child begins at the return of fork and not at the beginning"),
        ('b', "twice: fork returns in two processes, and both print what comes next"),
        ('c', "four times: two processes come to the second fork, and each becomes two"),
    ],
};

fn judge(program: &Program, scene: &Scene) -> Verdict {
    let end = program.run()?;
    let answers: Vec<String> =
        end.values(scene.name).iter().map(|text| (*text).to_owned()).collect();
    let constant = scene.name.to_uppercase();
    ensure(!answers.is_empty(), || {
        Code::TodoLeft
            .because(format!("the list {constant} is empty: `{}` prints something in every run", scene.name))
            .idea("Write down what you expect before you look. Only then can you be wrong, and find out where.")
    })?;
    let is_plain = |text: &&String| !text.is_empty() && text.chars().all(char::is_alphanumeric);
    if let Some(text) = answers.iter().find(|text| !is_plain(text)) {
        return Err(not_plain(&constant, text));
    }
    let texts = possible(scene);
    if let Some(wrong) = answers.iter().find(|answer| !texts.contains_key(*answer)) {
        return Err(impossible(scene, &constant, wrong));
    }
    if let Some(text) =
        answers.iter().find(|text| answers.iter().filter(|other| other == text).count() > 1)
    {
        return Err(Code::WrongAnswer
            .because(format!("{constant} has {text:?} more than once"))
            .evidence(format!("texts in {constant}: {}", answers.len()))
            .idea("A list of what can be has each text once. A second copy may stand where you meant another text."));
    }
    for (text, steps) in &texts {
        let seen = drive(program, scene, steps)?;
        if !answers.contains(text) {
            let found = Code::MissingOutput.because(format!(
                "{constant} has {} of {} texts. `{}` can also print {text:?}, and has just done so:",
                texts.keys().filter(|text| answers.contains(text)).count(),
                texts.len(),
                scene.name
            ));
            return Err(seen.into_iter().fold(found, Diagnosis::evidence));
        }
    }
    Ok(())
}

/// A text that is written in another way than it comes out.
fn not_plain(constant: &str, text: &str) -> Diagnosis {
    Code::ImpossibleOutput
        .because(format!(
            "{constant} has {text:?}, and the programs print letters and digits only: nothing before, between or behind them"
        ))
        .idea("Write a text as it comes out, all of it in one string: \"xyz\" if x, y and z are printed in this order.")
}

fn impossible(scene: &Scene, constant: &str, text: &str) -> Diagnosis {
    let found = Code::ImpossibleOutput.because(format!(
        "{constant} has {text:?}, and no run of `{}` prints this",
        scene.name
    ));
    let count = |letter: char| text.chars().filter(|other| *other == letter).count();
    let wanted = |letter: char| scene.steps.iter().filter(|step| step.letter == letter).count();
    if let Some(stranger) = text.chars().find(|letter| wanted(*letter) == 0) {
        let all: Vec<String> = scene
            .counts
            .iter()
            .map(|(letter, why)| format!("{letter} is printed {why}"))
            .collect();
        let found = found.evidence(format!("no process ever prints {stranger}"));
        return all.into_iter().fold(found, Diagnosis::evidence).idea(IDEA);
    }
    if let Some((letter, why)) =
        scene.counts.iter().find(|(letter, _)| count(*letter) != wanted(*letter))
    {
        return found
            .evidence(format!("{letter} is in it {} time(s)", count(*letter)))
            .evidence(format!("{letter} is printed {why}"))
            .idea(IDEA);
    }
    found.evidence((scene.order)(text).unwrap_or("each process keeps its own order"))
}

const IDEA: &str = "fork returns in both processes, each with its own copy of the memory, and both go on from there.";

/// Every text that an order of the steps gives, with one such order.
fn possible(scene: &Scene) -> BTreeMap<String, Vec<usize>> {
    let mut texts = BTreeMap::new();
    let mut open: Vec<Vec<usize>> = vec![Vec::new()];
    while let Some(done) = open.pop() {
        if done.len() == scene.steps.len() {
            let text = done.iter().map(|step| scene.steps[*step].letter).collect();
            texts.entry(text).or_insert(done);
            continue;
        }
        for (next, step) in scene.steps.iter().enumerate() {
            let is_ready = step.after.iter().all(|before| done.contains(before));
            if is_ready && !done.contains(&next) {
                open.push([&done[..], &[next]].concat());
            }
        }
    }
    texts
}

/// Lets the processes print in this order, and returns what was seen, a line for each step.
fn drive(program: &Program, scene: &Scene, steps: &[usize]) -> Result<Vec<String>, Diagnosis> {
    let mut run = program.arg(scene.name).start()?;
    let main = run.main();
    let mut held: Vec<Stop> = Vec::new();
    let mut seen = Vec::new();
    let mut text = String::new();
    for step in steps {
        let letter = scene.steps[*step].letter;
        let (before, after) = (format!("before {letter}"), format!("after {letter}"));
        let (pid, parent) = loop {
            match held.iter().position(|stop| stop.value.as_ref() == Some(&before)) {
                Some(at) => {
                    let stop = held.swap_remove(at);
                    let parent =
                        stop.look.process(stop.pid).map_or(0, |process| process.parent);
                    break (stop.pid, parent);
                }
                None => held.push(run.at("print")?),
            }
        };
        loop {
            let is_done = |stop: &Stop| stop.pid == pid && stop.value.as_ref() == Some(&after);
            match held.iter().position(is_done) {
                Some(at) => break held.swap_remove(at).go(),
                None => held.push(run.at("print")?),
            }
        }
        let who = if pid == main {
            format!("process {pid}, the program,")
        } else {
            format!("process {pid}, a child of {parent},")
        };
        seen.push(format!("{who} prints {letter}"));
        text.push(letter);
    }
    run.finish()?.stdout_is(&text)?;
    Ok(seen)
}

grader::main!(CASES);
