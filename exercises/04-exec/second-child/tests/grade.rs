//! Judges `second-child`: whether each child has its own pipe only.

use grader::{Case, Code, Ended, Program, Stop, Verdict, ensure, unexpected_descriptors};

const CASES: &[Case] = &[
    ("each counter sees the end of its text", both_end),
    ("two empty texts are counted too", empty),
    ("both run at the same time, and have nothing but their own input", tables),
];

fn both_end(program: &Program) -> Verdict {
    counts(&program.args(["one", "eleven"]).run()?, ["first: 3 bytes", "second: 6 bytes"])
}

fn empty(program: &Program) -> Verdict {
    counts(&program.args(["", ""]).run()?, ["first: 0 bytes", "second: 0 bytes"])
}

/// The counters print in any order.
fn counts(end: &Ended, right: [&str; 2]) -> Verdict {
    let mut found: Vec<&str> = end.stdout().lines().collect();
    found.sort_unstable();
    ensure(found == right, || {
        Code::WrongAnswer
            .because("the counters did not count what they were given")
            .evidence(format!("expected: {right:?}"))
            .evidence(format!("found:    {found:?}"))
            .evidence(format!("errors:   {:?}", end.stderr()))
            .idea("A counter counts what it reads from descriptor 0. Whose pipe is that, and has the whole text gone into it?")
    })
}

fn tables(program: &Program) -> Verdict {
    let mut run = program.args(["one", "eleven"]).start()?;
    let first = run.at("counter")?;
    let Some(second) = run.try_at("counter")? else {
        return Err(Code::NotParallel
            .because(format!(
                "counter {} is held at its beginning, and the second one is not started: your function waits for the first",
                first.pid
            ))
            .evidence(run.look().tree()));
    };
    // They come in any order.
    let mut stops = [(name_of(&first), first), (name_of(&second), second)];
    stops.sort_by(|one, other| one.0.cmp(&other.0));
    for (name, stop) in &stops {
        has_only_its_input(stop, name)?;
    }
    drop(stops);
    counts(&run.finish()?, ["first: 3 bytes", "second: 6 bytes"])
}

/// The counter's own argument.
fn name_of(stop: &Stop) -> String {
    let words = std::fs::read(format!("/proc/{}/cmdline", stop.pid)).unwrap_or_default();
    let words: Vec<&[u8]> = words.split(|byte| *byte == 0).collect();
    words.get(2).map_or_else(String::new, |word| String::from_utf8_lossy(word).into_owned())
}

fn has_only_its_input(stop: &Stop, which: &str) -> Verdict {
    let Some(process) = stop.look.process(stop.pid) else { return Ok(()) };
    let extra = unexpected_descriptors(process, &[]);
    ensure(extra.is_empty(), || {
        let found = Code::InheritedFd
            .because(format!(
                "the {which} counter, process {}, has become its program and holds more than descriptors 0, 1 and 2.\n\
                 Whoever waits for the end of such a pipe waits for this process too",
                stop.pid
            ))
            .idea("exec keeps every descriptor that has no close-on-exec flag. Set the flag when the pipe is made, and no later child keeps its ends.");
        extra.into_iter().fold(found, |found, line| found.evidence(line))
    })
}

grader::main!(CASES);
