//! Judges `restart-storm`: how often a worker is started, what is slept between, and how the loop ends.

use grader::{Case, Code, Diagnosis, Ended, Program, Verdict, ensure};

const CASES: &[Case] = &[
    ("a worker that leaves in good order is not replaced", |program| {
        judge(program, &["5/60", "1:0"], &Expected { result: "Left", starts: 1, pauses: &[] })?;
        judge(
            program,
            &["5/60", "0:3", "1:0"],
            &Expected { result: "Left", starts: 2, pauses: &[100] },
        )
    }),
    ("as many deaths as allowed are allowed", |program| {
        let pauses = &[100, 200, 400, 800, 1600];
        judge(program, &["5/60", "0:3*5"], &Expected { result: "Left", starts: 6, pauses })
    }),
    ("one more is too many, and the last one is named", |program| {
        let pauses = &[100, 200, 400, 800, 1600];
        judge(
            program,
            &["5/60", "0:3*40"],
            &Expected { result: "GaveUp(Exited(3))", starts: 6, pauses },
        )?;
        let killed = "GaveUp(Signaled { signal: 9, core_dumped: false })";
        judge(
            program,
            &["5/60", "0:1*5", "0:k*40"],
            &Expected { result: killed, starts: 6, pauses },
        )
    }),
    ("deaths that are long ago do not count", |program| {
        let expected = Expected { result: "Left", starts: 21, pauses: &[100; 20] };
        judge(program, &["5/60", "30:1*20"], &expected)?;
        // The second death is 10 s after the first one.
        let expected = Expected { result: "Left", starts: 3, pauses: &[100, 100] };
        judge(program, &["1/10", "0:1", "9.9:1"], &expected)
    }),
    ("the period may begin at any time", |program| {
        // Six deaths between 57.0 s and 63.1 s.
        let expected = Expected {
            result: "GaveUp(Exited(1))",
            starts: 6,
            pauses: &[100, 200, 400, 800, 1600],
        };
        judge(program, &["5/60", "57:1", "0:1*2", "3:1", "0:1*2"], &expected)
    }),
    ("a pause has a longest length, and becomes short again", |program| {
        let pauses = &[100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000, 100, 200, 100];
        let lives = ["100/60", "0:1*9", "5:1", "4:1", "6:1"];
        judge(program, &lives, &Expected { result: "Left", starts: 13, pauses })
    }),
    ("a start that is refused is no death", |program| {
        let result = "error: Resource temporarily unavailable (os error 11)";
        judge(
            program,
            &["5/60", "0:1", "no*50"],
            &Expected { result, starts: 2, pauses: &[100] },
        )
    }),
];

/// What a right loop does.
struct Expected {
    result: &'static str,
    starts: usize,
    pauses: &'static [u64],
}

fn judge(program: &Program, args: &[&str], expected: &Expected) -> Verdict {
    let end = program.args(args).run()?;
    let starts = end.values("starts").len();
    let pauses: Vec<u64> =
        end.values("pause").iter().filter_map(|told| value(told).parse().ok()).collect();
    let result = end
        .values("result")
        .first()
        .map_or("none: it was ended after 40 starts", |told| value(told));
    let shown = |found: Diagnosis| lines(found, &end, args);
    ensure(starts <= expected.starts, || {
        let refused =
            end.values("starts").iter().filter(|told| value(told) == "refused").count();
        shown(match (expected.result, refused) {
            ("Left", _) => Code::WrongAnswer
                .because(format!(
                    "worker {} has left with exit code 0, and another one was started",
                    expected.starts
                ))
                .idea("Who leaves in good order was not needed any more. Only a death is a reason for another start."),
            (_, 2..) => Code::RestartStorm
                .because(format!("the start of a worker was refused {refused} times, and tried again at once each time"))
                .idea("A refused start leaves nothing to wait for. Say so to the caller, who knows what to do."),
            _ => Code::RestartStorm.because(format!(
                "there were more deaths within {} s than the {} that are allowed, and worker {} was started",
                limit(args).1, limit(args).0, expected.starts + 1
            )),
        })
    })?;
    ensure(!pauses.is_empty() || expected.pauses.is_empty(), || {
        shown(Code::RestartStorm.because("each worker was started at the moment at which the one before had died"))
            .idea("Whatever kills workers at their start needs time to pass. Until then each start costs, and helps nobody.")
    })?;
    ensure(result == expected.result, || {
        let story = match result.starts_with("GaveUp") && !expected.result.starts_with("GaveUp")
        {
            true => format!(
                "the loop gave up, and there were never more than {} deaths within {} s",
                limit(args).0,
                limit(args).1
            ),
            false => "the loop says something else than what has happened".to_owned(),
        };
        shown(Code::WrongAnswer.because(story))
            .evidence(format!("expected: {}", expected.result))
            .evidence(format!("found:    {result}"))
    })?;
    ensure(starts == expected.starts && pauses == expected.pauses, || {
        let list =
            |pauses: &[u64]| pauses.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
        shown(Code::WrongAnswer.because("the pauses are not those that were asked for"))
            .evidence(format!("expected: {} ms", list(expected.pauses)))
            .evidence(format!("found:    {} ms", list(&pauses)))
            .idea("The first pause, then each one twice as long as the one before, up to the longest. After a worker that has lived for that long, begin again.")
    })
}

/// What was told, without the time.
fn value(told: &str) -> &str {
    told.split_once(' ').map_or("", |(_, value)| value)
}

/// How many deaths are allowed, and within how many seconds.
fn limit<'a>(args: &[&'a str]) -> (&'a str, &'a str) {
    args[0].split_once('/').unwrap_or_default()
}

/// With the command and the last things that have happened.
fn lines(found: Diagnosis, end: &Ended, args: &[&str]) -> Diagnosis {
    let lines: Vec<&str> = end.stdout().lines().collect();
    let found = found.evidence(format!("seen with: {}", args.join(" ")));
    lines[lines.len().saturating_sub(6)..]
        .iter()
        .fold(found, |found, line| found.evidence(*line))
}

grader::main!(CASES);
