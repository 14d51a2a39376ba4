//! Tests procpool and Python's two pools, and prints how many points each has for each property.
//! Minutes: 3
//!
//! Run it with `cargo run -p conformance --example survives`. With `-- --why` it says what has failed. Without python3
//! there is one column.
#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use conformance::{Mark, PROPERTIES, TAKE_PART, examine};
use grader::Program;

fn main() -> ExitCode {
    if let Some(status) = grader::shield_if_asked().or_else(conformance::play_if_asked) {
        return status;
    }
    let Ok(own) = std::env::current_exe() else { return ExitCode::FAILURE };
    let mut pools = vec![("procpool", Program::new(own).arg(TAKE_PART))];
    let only_procpool = std::env::args().any(|word| word == "--only-procpool");
    if let Some(python) = python().filter(|_| !only_procpool) {
        // What Python never answers is given up sooner than a reader's program is.
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/python/pools.py");
        let pool = Program::new(python).arg(script).deadline_s(5).cpu_max_ms(20_000);
        pools.push(("Pool", pool.arg("Pool")));
        pools.push(("ProcessPoolExecutor", pool.arg("ProcessPoolExecutor")));
    }
    let marks: Vec<Vec<Mark>> = pools.iter().map(|(_, program)| examine(program)).collect();
    let names: Vec<&str> = pools.iter().map(|(name, _)| *name).collect();
    println!("{:<14}{}", "", row(&names));
    for (at, property) in PROPERTIES.iter().enumerate() {
        let points: Vec<String> =
            marks.iter().map(|marks| marks[at].points.to_string()).collect();
        println!("{:<14}{}", property.name, row(&points));
    }
    let sum = |marks: &Vec<Mark>| marks.iter().map(|mark| mark.points).sum::<u32>();
    let sums: Vec<String> = marks.iter().map(|marks| sum(marks).to_string()).collect();
    println!("{:<14}{}", "points", row(&sums));
    if std::env::args().any(|word| word == "--why") {
        for (name, failure) in names.iter().zip(&marks).flat_map(|(name, marks)| {
            marks.iter().flat_map(|mark| &mark.failures).map(move |failure| (name, failure))
        }) {
            println!("\n{name}: {}\n{}", failure.check, failure.diagnosis);
        }
    }
    if sum(&marks[0]) == 100 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn row(words: &[impl AsRef<str>]) -> String {
    words.iter().map(|word| format!("{:>21}", word.as_ref())).collect()
}

/// The interpreter itself, and not a script that looks for it.
fn python() -> Option<PathBuf> {
    let output = Command::new("python3")
        .args(["-c", "import sys; print(sys.executable)"])
        .output()
        .ok()?;
    let path = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| PathBuf::from(path.trim()))
}
