//! Judges `whose-writes`: whether what one process writes to the board is seen by the other one, and is in the file.

use std::fs;

use grader::{Case, Code, Diagnosis, Ended, Program, Verdict, ensure};

const CASES: &[Case] = &[
    ("a board that was mapped before the fork is one board", |program| {
        is_one(program, "before")
    }),
    ("so is one that each process maps for itself", |program| is_one(program, "after")),
];

fn is_one(program: &Program, when: &str) -> Verdict {
    let mut run = program.arg(when).start()?;
    let Some(stop) = run.try_at("written")? else {
        let end = run.finish()?;
        let ended = end.stdout().trim_end();
        let story = "the worker has ended when it looked at the board or wrote to it";
        return Err(if ended.contains("SIGBUS") {
            Code::SigbusDeath.because(story).evidence(ended)
        } else {
            Code::UnexpectedSignal
                .because(story)
                .evidence(ended)
                .idea("What may be done at an address is said when it is mapped: PROT_READ, PROT_WRITE, or both. Anything else is SIGSEGV.")
        });
    };
    let is_board = |told: &&grader::Told| told.name == "board" && told.pid == stop.pid;
    let address = run.told().iter().find(is_board).map_or("", |told| told.value.as_str());
    let mapping = mapping_of(stop.pid, address);
    let worker = stop.pid;
    stop.go();
    let end = run.finish()?;
    ensure(value(&end, "worker finds") == "100", || {
        not_the_file(
            "there was a 100 in the file, and the worker does not find it on the board",
        )
        .evidence(format!("found:    {}", value(&end, "worker finds")))
        .evidence(format!("the worker's mapping: {mapping}"))
    })?;
    let seen = [
        (
            "program sees",
            "7",
            "the worker has written a 7 to the board, and the program does not see it",
        ),
        ("file has", "7", "the worker has written a 7 to the board, and it is not in the file"),
        (
            "worker sees",
            "9",
            "the program has written a 9 to the board, and the worker does not see it",
        ),
    ];
    for (what, expected, story) in seen {
        ensure(value(&end, what) == expected, || {
            let is_private =
                mapping.split(' ').nth(1).is_some_and(|flags| flags.ends_with('p'));
            let found = if is_private {
                Code::PrivateMapping.because(story)
            } else {
                not_the_file(story)
            };
            found
                .evidence(format!("the mapping of the worker, process {worker}: {mapping}"))
                .evidence("its second word has the flags: rw-s is shared, rw-p is private")
                .evidence(format!("instead there is {}", value(&end, what)))
        })?;
    }
    Ok(())
}

fn not_the_file(story: &str) -> Diagnosis {
    Code::WrongAnswer.because(story).idea(
        "A mapping is shared with those who map the same file. Which file does yours show?",
    )
}

fn value(end: &Ended, what: &str) -> String {
    end.values(what).concat()
}

/// The line of `/proc/PID/maps` about an address.
fn mapping_of(pid: i32, address: &str) -> String {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    let address = u64::from_str_radix(address, 16).unwrap_or_default();
    let holds = |line: &&str| {
        let range = line.split(' ').next().and_then(|range| range.split_once('-'));
        let range = range
            .map(|(from, to)| (u64::from_str_radix(from, 16), u64::from_str_radix(to, 16)));
        matches!(range, Some((Ok(from), Ok(to))) if (from..to).contains(&address))
    };
    let line = maps.lines().find(holds).unwrap_or("could not be read");
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

grader::main!(CASES);
