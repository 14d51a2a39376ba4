//! Judges `in-order`: the answers' order, how many inputs are under way at most, and whether the workers have work.

use grader::{Case, Code, Diagnosis, Ended, Program, Verdict, ensure};

const CASES: &[Case] = &[
    ("answers that come in order are given out in order", |program| {
        judge(program, "fifo", 4, 12)
    }),
    ("so are those of which the last comes first", |program| judge(program, "lifo", 4, 12)),
    ("an early task that is slow does not let memory grow", |program| {
        judge(program, "slow-first", 4, 40)
    }),
    ("a window of one, fewer inputs than the window, and none", |program| {
        judge(program, "fifo", 1, 3)?;
        judge(program, "lifo", 8, 3)?;
        judge(program, "fifo", 4, 0)
    }),
];

fn judge(program: &Program, order: &str, window: usize, count: usize) -> Verdict {
    let end = program.args([order, &window.to_string(), &count.to_string()]).run()?;
    let shown = |found: Diagnosis| {
        found.evidence(format!(
            "seen with: answers in the order {order}, a window of {window}, {count} inputs"
        ))
    };
    ensure(end.values("waits for nothing").is_empty(), || {
        shown(Code::Stuck.because(format!(
            "receive was called when no task was out: all {} that were sent are answered. It waits for ever",
            end.values("waits for nothing").concat()
        )))
    })?;
    bounded(&end, window).map_err(shown)?;
    ordered(&end, count).map_err(shown)?;
    // Where the answers come in order, every wait finds the window full, until the inputs are over.
    let out: Vec<usize> =
        end.values("receives").iter().filter_map(|out| out.parse().ok()).collect();
    let before_the_end = out.len().saturating_sub(window.min(count).saturating_sub(1));
    let idle = out.iter().take(before_the_end).position(|out| *out < window.min(count));
    match idle {
        Some(nth) if order == "fifo" => Err(shown(
            Code::NotParallel
                .because(format!(
                    "the window allows {window} tasks at a time. When answer {} was waited for, {} were out, and there were more inputs",
                    nth + 1, out[nth]
                ))
                .idea("An answer that was given out makes room for one more input: take it before you wait again."),
        )),
        _ => Ok(()),
    }
}

/// That never more inputs are taken than the window allows. An answer that is in hand counts as given out: who has
/// received one may take an input before `next` returns.
fn bounded(end: &Ended, window: usize) -> Verdict {
    let (mut taken, mut given, mut in_hand) = (0, 0, 0);
    for told in end.told() {
        match told.name.as_str() {
            "taken" => taken += 1,
            "answer" => (given, in_hand) = (given + 1, 0),
            "receives" => in_hand = 1,
            _ => continue,
        }
        ensure(taken <= given + in_hand + window, || {
            Code::TooMuchMemory
                .because(format!(
                    "{taken} inputs were taken and {given} answers given out: {} are under way, where the window is {window}",
                    taken - given
                ))
                .idea("What is bounded is the distance from the oldest answer that is missing to the newest input. A task that is out and an answer that waits for its turn both count.")
        })?;
    }
    Ok(())
}

fn ordered(end: &Ended, count: usize) -> Verdict {
    let expected: Vec<String> = (0..count).map(|input| (10 * input).to_string()).collect();
    let found = end.values("answer");
    let shown = |found: Diagnosis| {
        found
            .evidence(format!("expected: {}", expected.join(", ")))
            .evidence(format!("found:    {}", end.values("answer").join(", ")))
    };
    ensure(found.len() >= expected.len(), || {
        shown(Code::LostResult.because(format!("{count} inputs have {} answers", found.len())))
    })?;
    ensure(found.len() <= expected.len(), || {
        shown(
            Code::DuplicatedResult
                .because(format!("{count} inputs have {} answers", found.len())),
        )
    })?;
    ensure(found == expected, || {
        let (mut sorted, mut wanted) =
            (found.clone(), expected.iter().map(String::as_str).collect::<Vec<_>>());
        sorted.sort_unstable();
        wanted.sort_unstable();
        let code = if sorted == wanted { Code::OutOfOrder } else { Code::WrongAnswer };
        shown(code.because("the answers are not those of the inputs, one after the other"))
    })?;
    ensure(end.values("after the end") == ["false"], || {
        Code::WrongAnswer
            .because("the iterator has ended, was asked again, and gave another answer")
    })
}

grader::main!(CASES);
