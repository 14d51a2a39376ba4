//! The recorded runs that pages show: each is shown, and each is true. A fresh run of the example has the same lanes, made
//! by the same lanes and ended alike, and its long waits are of the same sorts and ended by the same deeds.

#![cfg(target_os = "linux")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use timeline::Timeline;
use walkdir::WalkDir;
use workbook::project::Project;

const RECORD: &str = ".timeline.json";

/// A wait that lasts so long, in microseconds, is of the example's own making: it pauses, and another process waits for it.
/// A short one may not happen in another run: if the process comes late, what it would have waited for is there already.
const LONG_US: u64 = 100_000;

/// Even that one does not happen if a process gets no processor for so long. So one of so many runs must show it.
const RUNS_MAX: usize = 5;

/// Under a tracer no example takes longer than this, in seconds.
const DEADLINE_S: &str = "60";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The records of the book: chapter folder, name, content.
fn records() -> Vec<(PathBuf, String, Timeline)> {
    let mut records = Vec::new();
    for entry in WalkDir::new(root().join("chapters")).sort_by_file_name() {
        let path = entry.expect("an entry").into_path();
        let file = path.file_name().expect("a name").to_string_lossy().into_owned();
        if let Some(name) = file.strip_suffix(RECORD) {
            let chapter =
                path.parent().and_then(Path::parent).expect("a chapter").to_path_buf();
            let json = fs::read_to_string(&path).expect("the record");
            let record =
                timeline::from_json(&json).unwrap_or_else(|error| panic!("{file}: {error}"));
            records.push((chapter, name.to_owned(), record));
        }
    }
    records
}

/// What does not depend on the machine's speed: the lanes.
#[derive(Debug, PartialEq, Eq)]
struct Shape(Vec<String>);

impl Shape {
    fn of(record: &Timeline) -> Shape {
        // `sh` is another program on each distribution.
        let named = |program: &str| match program == record.name {
            true => "itself",
            false => "another program",
        };
        let lanes = record.lanes.iter().map(|lane| {
            let execs: Vec<&str> =
                lane.execs.iter().map(|exec| named(&exec.program)).collect();
            let end = lane.end.as_ref();
            format!(
                "{} {} {:?} by {:?}, child of {:?}, executes {execs:?}, ends {:?} {:?}, reaped {:?}",
                lane.pid,
                named(&lane.name),
                lane.born.by,
                lane.born.from,
                lane.born.parent,
                end.and_then(|end| end.code),
                end.and_then(|end| end.signal.as_deref()),
                end.map(|end| end.reaped_us.is_some()),
            )
        });
        Shape(lanes.collect())
    }
}

/// What ended the waits that last at least so long: each sort of wait with what another did to end it. Not who waited for
/// whom: which of several descriptors is ready first is a race. What the tracer makes of each wait is the contract of the
/// tracer, and tested there.
fn causes(record: &Timeline, at_least_us: u64) -> BTreeSet<String> {
    let waits = record.lanes.iter().flat_map(|lane| &lane.waits);
    let long = waits.filter(|wait| wait.to_us - wait.from_us >= at_least_us);
    let ended = long.filter_map(|wait| Some((wait, wait.ended_by.as_ref()?)));
    ended
        .map(|(wait, by)| {
            // Pipes are numbered in the order of the waits at them, and which waits there are depends on the speed.
            let what = format!("{:?}", wait.what);
            format!("{}: {}", what.split(' ').next().unwrap_or_default(), by.did)
        })
        .collect()
}

/// Has cargo build examples, together with the tracer, and gives their paths.
fn built(examples: &[String]) -> BTreeMap<String, PathBuf> {
    let project = Project::find(Some(root())).expect("the project");
    let mut options = vec!["--quiet", "--bin", "tracer"];
    for example in examples {
        options.extend(["--example", example]);
    }
    workbook::programs::built(&project, "cargo cannot build the examples", &options)
        .expect("cargo builds them")
}

/// A fresh record of a program, or what the tracer says instead.
fn traced(tracer: &Path, program: &Path) -> Result<Timeline, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("record.json");
    let output = Command::new(tracer)
        .args(["--threshold-us", "0", "--deadline-s", DEADLINE_S, "--out"])
        .arg(&file)
        .arg("--")
        .arg(program)
        .stdin(Stdio::null())
        .output()
        .expect("the tracer starts");
    match fs::read_to_string(&file) {
        Ok(json) => Ok(timeline::from_json(&json).expect("a record")),
        Err(_) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

#[test]
fn every_record_is_shown_by_its_page_and_bears_its_name() {
    let records = records();
    assert!(records.len() >= 8, "the records were not found");
    for (chapter, name, record) in records {
        let page = fs::read_to_string(chapter.join("README.md")).expect("the page");
        let shown =
            page.lines().filter(|line| *line == format!("{{{{#timeline {name}}}}}")).count();
        assert_eq!(shown, 1, "{}: the record {name} is shown {shown} times", chapter.display());
        assert_eq!(record.name, name);
        assert!(chapter.join("examples").join(format!("{name}.rs")).is_file(), "{name}");
        assert_eq!(
            record.notes, [""; 0],
            "{name}: a run with something unseen is no picture for a page"
        );
    }
}

#[test]
fn every_record_is_what_a_fresh_run_shows() {
    let records = records();
    let names: Vec<String> = records.iter().map(|(_, name, _)| name.clone()).collect();
    let programs = built(&names);
    let mut compared = 0;
    for (_, name, record) in &records {
        let wanted = causes(record, LONG_US);
        compared += wanted.len();
        let mut seen = BTreeSet::new();
        for run in 1..=RUNS_MAX {
            let fresh = match traced(&programs["tracer"], &programs[name]) {
                Ok(fresh) => fresh,
                Err(message) if message.contains("does not let this process watch") => {
                    println!("not compared, since this system lets nobody trace: {message}");
                    return;
                }
                Err(message) => panic!("{name}: {message}"),
            };
            assert_eq!(Shape::of(&fresh), Shape::of(record), "{name}: record it again");
            seen.extend(causes(&fresh, 0));
            if wanted.is_subset(&seen) {
                break;
            }
            assert!(
                run < RUNS_MAX,
                "{name}: in {RUNS_MAX} runs no wait was ended like this: {:?}; seen: {seen:?}",
                wanted.difference(&seen).collect::<Vec<_>>()
            );
        }
    }
    assert!(compared > 0, "no record has a long wait");
}
