//! Judges `whose-memory`: whether shared pages are counted once.

use grader::{Case, Code, Look, Program, Run, Verdict, ensure};
use process::Memory;

const CASES: &[Case] = &[
    ("four processes that share a table", shared),
    ("a process that has ended counts nothing", gone),
    ("a process that cannot be looked into is an error", blind),
];

/// How far the answer may be from the grader's own sum, in bytes. The kernel goes on using a page or two.
const TOLERANCE_BYTES: u64 = 2 << 20;

fn shared(program: &Program) -> Verdict {
    counted(&mut program.start()?, "")
}

fn gone(program: &Program) -> Verdict {
    counted(&mut program.arg("gone").start()?, ", one of which has ended,")
}

fn blind(program: &Program) -> Verdict {
    let end = program.arg("blind").run()?;
    let found = end.values("found").join("");
    ensure(found.starts_with("an error"), || {
        Code::UnreportedFailure
            .because(format!(
                "the program could open no file of /proc, and could look into none of the processes;\nyour function says that they use {}",
                found.parse().map_or(found.clone(), mib)
            ))
            .idea("Only an error that says \"there is no such process\" means that it has ended. Any other goes to the caller.")
    })
}

/// Compares the answer with what is seen of the same processes, which all stand still.
fn counted(run: &mut Run, note: &str) -> Verdict {
    let stop = run.at("counted")?;
    let look = &stop.look;
    let found = run.told().last().map_or(String::new(), |told| told.value.clone());
    let right = sum(look, |memory| memory.pss_bytes);
    let is_near = |bytes: u64| {
        found.parse().is_ok_and(|found: u64| found.abs_diff(bytes) <= TOLERANCE_BYTES)
    };
    ensure(!found.starts_with("an error"), || {
        Code::WrongAnswer
            .because(format!(
                "a program and its workers{note} use {} together; your function returns {found}",
                mib(right)
            ))
            .idea("A worker may end between the list and the look. It uses nothing then, and the others still count.")
    })?;
    ensure(is_near(right), || {
        let rss = sum(look, |memory| memory.rss_bytes);
        let uss = sum(look, |memory| memory.uss_bytes);
        let guess = if is_near(rss) {
            "\nIt has counted the pages that they share once for each of them."
        } else if is_near(uss) {
            "\nIt has left out the pages that they share, which are in memory all the same."
        } else {
            ""
        };
        let shown = found.parse().map_or(found.clone(), mib);
        let story = format!(
            "a program and its workers{note} use {} together; your function says {shown}.{guess}",
            mib(right)
        );
        Code::WrongAnswer.because(story).idea(
            "Pages that many share are in memory once. Take the figure in which all their shares add up to one.",
        )
    })?;
    Ok(())
}

fn sum(look: &Look, figure: fn(&Memory) -> u64) -> u64 {
    look.processes.iter().map(|process| figure(&process.memory)).sum()
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

grader::main!(CASES);
