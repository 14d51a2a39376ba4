//! Judges `enough-workers`: what is made of a measured curve.

use std::collections::BTreeMap;

use grader::{Case, Code, Program, Verdict, ensure};

const CASES: &[Case] = &[
    ("a curve that bends", bends),
    ("a curve that falls again", falls),
    ("a curve that has not bent", straight),
    ("runs in any order, with gaps between", unsorted),
    ("a curve that rests and goes on", rests),
    ("a run that was disturbed", noise),
    ("nine tenths are enough, and less is not", boundary),
];

const NO_KNEE: &str = "no knee";

const FLAT: &str = "Behind the knee the curve is flat, and noise decides which point is the highest. The smallest number that is nearly as good costs less.";

fn bends(program: &Program) -> Verdict {
    judge(
        program,
        &[("1:100 2:200 4:390 8:400 16:402", "4", FLAT), ("1:500 2:505 3:498", "1", FLAT)],
    )
}

fn falls(program: &Program) -> Verdict {
    let idea = "A curve may fall again, so the best rate can be anywhere. Compare with the highest, not with the last.";
    judge(program, &[("1:100 2:195 4:220 8:180 16:120", "4", idea)])
}

fn straight(program: &Program) -> Verdict {
    let idea = "The end of what was measured is no knee. If only the largest number is good enough, the best rate may lie beyond it.";
    let curves = ["1:100 2:199 4:401 8:790", "1:500", "4:500 4:510 4:490", ""];
    judge(program, &curves.map(|curve| (curve, NO_KNEE, idea)))
}

fn unsorted(program: &Program) -> Verdict {
    let idea = "Runs come in any order. The smallest and the largest number are those of the map, not of the list.";
    judge(
        program,
        &[
            ("8:400 1:100 16:404 2:200", "8", idea),
            ("16:401 16:400 3:390 1:140 3:388", "3", idea),
        ],
    )
}

fn rests(program: &Program) -> Verdict {
    let idea = "A step that brings little can be followed by one that brings much: a lock, a cache or a core that is shared. Compare with the best of all.";
    judge(program, &[("1:100 2:105 4:200 8:205 16:206", "4", idea)])
}

/// In each the mistake that the idea is about moves the answer.
fn noise(program: &Program) -> Verdict {
    let mean = "One disturbed run moves a mean as far as it likes, and the worst run as well. It moves the median by one place.";
    let in_time = "The run in the middle has as many better as worse runs. It is not the one that came second: sort them first.";
    let best = "A run can be too good as well: a clock that was set, a cache that was warm. Take the run in the middle, not the best.";
    let even =
        "Of an even number of runs, the median is here the lower one of the two in the middle.";
    judge(
        program,
        &[
            ("1:200 1:205 1:202 2:390 2:395 2:10 4:400 4:410 4:402", "2", mean),
            ("1:200 1:205 1:202 2:390 2:10 2:395 4:400 4:410 4:402", "2", in_time),
            ("1:200 1:205 1:900 2:390 2:395 2:391 4:400 4:410 4:402", "2", best),
            ("1:900 2:400 1:100 2:390 1:110 1:950 4:401 2:395", "2", even),
            ("1:100 1:110 2:100 2:300 3:110 3:110", "1", even),
        ],
    )
}

fn boundary(program: &Program) -> Verdict {
    let idea = "Nine tenths of 100 are 90, and of 99 they are 89.1. Multiply before you divide, or compare rate * 10 with best * 9.";
    judge(program, &[("1:90 2:100 3:100", "1", idea), ("1:89 2:99 3:99", "2", idea)])
}

/// Curves, each with the right answer and with what is to be thought of.
fn judge(program: &Program, curves: &[(&str, &str, &str)]) -> Verdict {
    let words = curves.iter().map(|curve| curve.0).collect::<Vec<_>>().join(" / ");
    let end = program.args(words.split_whitespace()).run().map_err(|found| match found.code() {
        Code::Panic => found.evidence(format!("the runs, of one curve or several: {words}")).idea(
            "A list of runs may be empty, or have one number of workers only. That is no reason to panic: the answer is that there is no knee.",
        ),
        _ => found,
    })?;
    for ((runs, expected, idea), found) in curves.iter().zip(end.stdout().lines()) {
        ensure(found == *expected, || {
            let story =
                format!("{} is right, and your function says {}", said(expected), said(found));
            let begin = Code::WrongAnswer.because(story).evidence(format!("the runs: {runs}"));
            medians(runs)
                .into_iter()
                .map(|(workers, rate)| format!("median of {workers}: {rate} tasks/s"))
                .fold(begin, |found, line| found.evidence(line))
                .idea(*idea)
        })?;
    }
    Ok(())
}

fn said(answer: &str) -> String {
    if answer == NO_KNEE { "that there is no knee yet".into() } else { format!("\"{answer}\"") }
}

/// The median rate of each number of workers.
fn medians(words: &str) -> BTreeMap<usize, u64> {
    let mut rates: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
    for word in words.split_whitespace() {
        let numbers: Vec<usize> = word.split(':').flat_map(str::parse).collect();
        if let [workers, rate] = numbers[..] {
            rates.entry(workers).or_default().push(rate as u64);
        }
    }
    let median = |mut rates: Vec<u64>| {
        rates.sort_unstable();
        rates[(rates.len() - 1) / 2]
    };
    rates.into_iter().map(|(workers, rates)| (workers, median(rates))).collect()
}

grader::main!(CASES);
