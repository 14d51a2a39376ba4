//! The trace of a pool: it is JSON, every run of a task is one slice of it, and what belongs together is tied together.

use crate::gate::{self, EXIT, Gate};
use crate::observe::{builder, children, descriptors, raw, until, without_a_trace};
use nix::unistd::Pid;
use procpool::{Pool, PoolError, SharedSlice, Shutdown, StartMethod, TaskError};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

crate::over_each_start_method![
    every_task_is_one_slice,
    large_and_shared_payloads_are_traced,
    lost_tasks_have_their_outcome,
    a_task_that_is_run_again_has_a_slice_per_run,
    workers_come_and_go,
    garbage_in_the_times_makes_no_garbage_in_the_trace,
    a_long_trace_takes_no_lasting_memory,
    a_killed_program_leaves_a_trace,
    a_file_that_cannot_be_opened,
    a_file_that_cannot_be_written_ends_the_trace_only,
    only_the_program_has_the_file,
];

/// A trace in a folder that goes with it.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().expect("a folder for temporary files"))
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("trace.json")
    }

    fn read(&self) -> Read {
        let text = fs::read_to_string(self.path()).expect("a trace");
        Read::new(serde_json::from_str(&text).expect("JSON"))
    }
}

/// A slice of a worker's row.
#[derive(Debug)]
struct Slice {
    name: String,
    id: String,
    outcome: String,
    deaths: u64,
    row: u64,
}

/// Where an end of a flow is, and when.
type End = Option<(u64, u64)>;

/// A trace that was read and found to be in order.
struct Read {
    tasks: Vec<Slice>,
    /// The rows' names.
    rows: BTreeMap<u64, String>,
    /// What happened in which row.
    marks: Vec<(u64, String)>,
    counters: BTreeSet<String>,
}

/// Whole nanoseconds.
fn ns(event: &Value, field: &str) -> u64 {
    let micros = event[field].as_f64().unwrap_or_else(|| panic!("no `{field}` in {event}"));
    (micros * 1000.0).round() as u64
}

fn text(event: &Value, field: &str) -> String {
    event[field].as_str().unwrap_or_else(|| panic!("no `{field}` in {event}")).to_owned()
}

/// When something began and ended.
type Times = (u64, u64);

impl Read {
    fn new(events: Vec<Value>) -> Read {
        let mut read = Read {
            tasks: Vec::new(),
            rows: BTreeMap::new(),
            marks: Vec::new(),
            counters: BTreeSet::new(),
        };
        // Per row, when each slice began and ended; slices of the program begin and end by two events.
        let mut slices: BTreeMap<u64, Vec<Times>> = BTreeMap::new();
        let mut begun = None;
        let mut flows: BTreeMap<(String, String), [End; 2]> = BTreeMap::new();
        for event in &events {
            assert_eq!(event["pid"].as_u64(), Some(u64::from(std::process::id())), "{event}");
            let row = event["tid"].as_u64().expect("a row");
            match text(event, "ph").as_str() {
                "M" => {
                    if event["name"] == "thread_name" {
                        read.rows.insert(row, text(&event["args"], "name"));
                    }
                }
                "X" => {
                    let start = ns(event, "ts");
                    slices.entry(row).or_default().push((start, start + ns(event, "dur")));
                    let args = &event["args"];
                    read.tasks.push(Slice {
                        name: text(event, "name"),
                        id: text(args, "id"),
                        outcome: text(args, "outcome"),
                        deaths: args["deaths"].as_u64().expect("a number"),
                        row,
                    });
                }
                "B" => assert!(begun.replace(ns(event, "ts")).is_none(), "{event}"),
                "E" => {
                    let start = begun.take().expect("it began");
                    slices.entry(row).or_default().push((start, ns(event, "ts")));
                }
                end @ ("s" | "f") => {
                    let place = usize::from(end == "f");
                    let flow = flows.entry((text(event, "name"), text(event, "id")));
                    let before = flow.or_default()[place].replace((row, ns(event, "ts")));
                    assert!(before.is_none(), "it is there twice: {event}");
                    assert_eq!(event["bp"] == "e", end == "f", "{event}");
                }
                "i" => read.marks.push((row, text(event, "name"))),
                "C" => {
                    assert!(event["args"]["tasks"].is_u64(), "{event}");
                    read.counters.insert(text(event, "name"));
                }
                other => panic!("{other} is no phase of ours"),
            }
        }
        assert!(begun.is_none(), "the last slice of the program has no end");
        for (row, slices) in &mut slices {
            assert!(read.rows.contains_key(row), "row {row} has no name");
            slices.sort_unstable();
            for pair in slices.windows(2) {
                assert!(pair[0].1 <= pair[1].0, "two slices of row {row} overlap: {pair:?}");
            }
        }
        let inside = |row: u64, at: u64| {
            let slices = slices.get(&row).map_or(&[][..], Vec::as_slice);
            let behind = slices.partition_point(|(start, _)| *start <= at);
            behind > 0 && at <= slices[behind - 1].1
        };
        for ((name, id), ends) in &flows {
            let [Some(from), Some(to)] = ends else { panic!("half a flow: {name} {id}") };
            assert!(from.1 <= to.1, "{name} {id} goes back in time: {from:?}, {to:?}");
            for (row, at) in [from, to] {
                assert!(inside(*row, *at), "{name} {id} ends in no slice: {row} {at}");
            }
        }
        assert_eq!(flows.len(), 2 * read.tasks.len(), "two flows per run of a task");
        read
    }

    /// How many tasks of a function ended in which way.
    fn outcomes(&self, function: &str) -> BTreeMap<&str, usize> {
        let mut outcomes = BTreeMap::new();
        for task in self.tasks.iter().filter(|task| task.name.ends_with(function)) {
            *outcomes.entry(task.outcome.as_str()).or_default() += 1;
        }
        outcomes
    }

    fn marked(&self, name: &str) -> usize {
        self.marks.iter().filter(|mark| mark.1 == name).count()
    }
}

#[inline(never)]
fn double(number: u32) -> u32 {
    assert!(number != 13, "not this one");
    number * 2
}

fn every_task_is_one_slice(method: StartMethod) {
    let folder = Folder::new();
    // What was in the file before is gone.
    fs::write(folder.path(), "x".repeat(1 << 20)).expect("a file");
    let pool = builder(method).trace(folder.path()).build().expect("a pool");
    for number in 0..50 {
        assert_eq!(pool.call(double, number).is_ok(), number != 13);
    }
    let handles: Vec<_> = (0..500).map(|number| pool.submit(double, number)).collect();
    let panicked = handles.into_iter().filter_map(|handle| handle.join().err()).count();
    assert_eq!(panicked, 1);
    assert_eq!(pool.map(double, 100..3_100).filter(Result::is_ok).count(), 3_000);
    assert_eq!(pool.map_unordered(double, 0..1_000).count(), 1_000);
    // What is dropped has been run, or was not run and is no slice.
    pool.map(double, 100..10_000).take(100).for_each(drop);
    let summary = pool.shutdown(Shutdown::Finish, None).expect("an end").stats;
    let read = folder.read();
    let outcomes = read.outcomes("traces::double");
    let returned = summary.completed as usize;
    assert_eq!(outcomes, BTreeMap::from([("panicked", 3), ("returned", returned)]));
    let ids: BTreeSet<&str> = read.tasks.iter().map(|task| task.id.as_str()).collect();
    assert_eq!(ids.len(), read.tasks.len(), "each task has an id of its own");
    assert!(read.tasks.iter().all(|task| task.deaths == 0));
    let workers: Vec<&String> = read.rows.values().collect();
    assert_eq!(workers[0], "program");
    assert!(workers[1].starts_with("worker 1 (pid ") && workers.len() == 3, "{workers:?}");
    assert_eq!((read.marked("started"), read.marked("ready"), read.marked("left")), (2, 2, 2));
    let counters = ["running", "waiting"].map(str::to_owned);
    assert_eq!(read.counters, BTreeSet::from(counters));
}

fn reverse(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.reverse();
    bytes
}

fn same_slice(slice: SharedSlice<u8>) -> SharedSlice<u8> {
    slice
}

fn large_and_shared_payloads_are_traced(method: StartMethod) {
    let folder = Folder::new();
    let pool = builder(method).trace(folder.path()).build().expect("a pool");
    // Around every limit of what travels in a ring.
    for len in (32_000..33_000).step_by(8).chain([0, 1, 100_000, 1 << 20]) {
        let bytes: Vec<u8> = (0..len).map(|n: u32| n as u8).collect();
        let back: Vec<u8> = bytes.iter().rev().copied().collect();
        assert!(pool.call(reverse, bytes).expect("a result") == back, "{len} bytes");
    }
    let slice = SharedSlice::from_slice(&[1_u8, 2, 3]).expect("shared memory");
    assert_eq!(*pool.call(same_slice, slice).expect("a result"), [1, 2, 3]);
    drop(pool);
    let read = folder.read();
    assert_eq!(read.outcomes("traces::reverse"), BTreeMap::from([("returned", 129)]));
    assert_eq!(read.outcomes("traces::same_slice"), BTreeMap::from([("returned", 1)]));
}

fn lost_tasks_have_their_outcome(method: StartMethod) {
    let folder = Folder::new();
    let pool = builder(method).trace(folder.path()).build().expect("a pool");
    let gate = Gate::new();
    let killed = pool.submit(gate::pass, gate.name());
    gate.arrival().answer(EXIT);
    assert!(matches!(killed.join(), Err(TaskError::WorkerDied { .. })));
    let aborted = pool.submit(gate::pass, gate.name());
    let arrival = gate.arrival();
    assert!(aborted.abort());
    assert!(matches!(aborted.join(), Err(TaskError::Aborted)));
    drop(arrival);
    let task = pool.task(gate::pass).timeout(Duration::from_millis(50));
    let late = task.submit(gate.name());
    let arrival = gate.arrival();
    assert!(matches!(late.join(), Err(TaskError::TimedOut { .. })));
    drop(arrival);
    let mut in_map = pool.map(gate::pass, [gate.name()]);
    gate.arrival().answer(EXIT);
    assert!(matches!(in_map.next(), Some(Err(TaskError::WorkerDied { .. }))));
    drop(in_map);
    // It waits behind two that run, and never does.
    let running: Vec<_> = (0..2).map(|_| pool.submit(gate::pass, gate.name())).collect();
    let arrivals = [gate.arrival(), gate.arrival()];
    assert!(pool.submit(double, 1).cancel());
    drop(arrivals);
    assert!(running.into_iter().all(|handle| handle.join().is_ok()));
    drop(pool);
    let read = folder.read();
    let expected = [("aborted", 1), ("returned", 2), ("timed out", 1), ("worker died", 2)];
    assert_eq!(read.outcomes("gate::pass"), BTreeMap::from(expected));
    assert_eq!(read.outcomes("traces::double"), BTreeMap::new());
    assert_eq!((read.marked("timed out"), read.marked("died")), (1, 4));
}

fn a_task_that_is_run_again_has_a_slice_per_run(method: StartMethod) {
    let folder = Folder::new();
    let pool = builder(method).retries(2).trace(folder.path()).build().expect("a pool");
    let gate = Gate::new();
    let handle = pool.submit(gate::pass, gate.name());
    gate.arrival().answer(EXIT);
    gate.arrival().answer(EXIT);
    drop(gate.arrival());
    handle.join().expect("the third run ends well");
    let mut in_map = pool.map(gate::pass, [gate.name()]);
    gate.arrival().answer(EXIT);
    drop(gate.arrival());
    assert!(in_map.all(|result| result.is_ok()));
    drop((in_map, pool));
    let read = folder.read();
    let mut runs: Vec<_> =
        read.tasks.iter().map(|it| (it.deaths, it.outcome.as_str())).collect();
    runs.sort_unstable();
    let again = "worker died, to be run again";
    assert_eq!(runs, [(0, again), (0, again), (1, "returned"), (1, again), (2, "returned")]);
    assert_eq!(read.marked("replace"), 3);
}

fn workers_come_and_go(method: StartMethod) {
    let folder = Folder::new();
    let pool =
        builder(method).trace(folder.path()).name("the \"pool\"").build().expect("a pool");
    pool.scale_to(3).expect("one more");
    pool.scale_to(1).expect("two less");
    until("they have left", || pool.stats().workers.len() == 1);
    crate::observe::kill_9(pool.stats().workers[0].pid);
    let number = pool.call(double, 4).expect("the next worker");
    drop(pool);
    let read = folder.read();
    assert_eq!(number, 8);
    assert_eq!(read.rows.len(), 5, "{:?}", read.rows);
    assert_eq!((read.marked("left"), read.marked("died"), read.marked("scale")), (3, 1, 2));
    let last = read.rows.keys().next_back();
    assert_eq!(Some(&read.tasks[0].row), last, "it ran in the worker that came last");
    let pids: BTreeSet<&str> =
        read.rows.values().skip(1).filter_map(|name| name.split("pid ").nth(1)).collect();
    assert_eq!(pids.len(), 4);
}

fn garbage_in_the_times_makes_no_garbage_in_the_trace(method: StartMethod) {
    let folder = Folder::new();
    let pool = builder(method).trace(folder.path()).build().expect("a pool");
    for byte in [0xFF, 0x7F, 0x00, 0x01] {
        pool.call(crate::times::spoil, byte).expect("it only writes numbers");
        assert!(pool.map(double, 20..120).all(|result| result.is_ok()));
        let gate = Gate::new();
        let handle = pool.submit(gate::pass, gate.name());
        let arrival = gate.arrival();
        assert!(handle.abort());
        drop(arrival);
    }
    drop(pool);
    assert_eq!(folder.read().outcomes("traces::double"), BTreeMap::from([("returned", 400)]));
}

/// The most memory that this process ever had, in KiB.
fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("/proc");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a line");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
}

fn a_long_trace_takes_no_lasting_memory(method: StartMethod) {
    const LONG: u32 = 200_000;
    let folder = Folder::new();
    let pool = builder(method).trace(folder.path()).build().expect("a pool");
    // By then the function's name was looked up, and every buffer was full once.
    assert!(pool.map(double, 20..40_020).all(|result| result.is_ok()));
    let before = peak_kib();
    assert!(pool.map(double, 20..LONG + 20).all(|result| result.is_ok()));
    let more = peak_kib() - before;
    drop(pool);
    assert!(more < 24 << 10, "{more} KiB for {LONG} tasks");
    let file = fs::File::open(folder.path()).expect("a trace");
    let is_task = |line: &String| line.contains(r#""ph":"X""#);
    let lines = BufReader::new(file).lines().map(|line| line.expect("text"));
    assert_eq!(lines.filter(is_task).count() as u32, 40_000 + LONG);
}

/// The first argument of the program that is killed. Its start method and the file follow.
const ARGUMENT: &str = "--traced";

/// Becomes the program that the arguments ask for.
pub(crate) fn run_if_asked() -> Option<ExitCode> {
    let mut words = std::env::args().skip(1);
    if words.next().as_deref() != Some(ARGUMENT) {
        return None;
    }
    let method = match words.next().expect("a start method").as_str() {
        "Fork" => StartMethod::Fork,
        "Spawn" => StartMethod::Spawn,
        _ => StartMethod::Forkserver,
    };
    let path = PathBuf::from(words.next().expect("a path"));
    let pool = builder(method).trace(path).build().expect("a pool");
    loop {
        pool.call(double, 1).expect("a result");
    }
}

fn a_killed_program_leaves_a_trace(method: StartMethod) {
    wait::become_subreaper().expect("any kernel since 3.4");
    let folder = Folder::new();
    let mut program = Command::new("/proc/self/exe")
        .args([ARGUMENT, &format!("{method:?}")])
        .arg(folder.path())
        .stdin(Stdio::null())
        .spawn()
        .expect("this program");
    let read = || fs::read_to_string(folder.path()).unwrap_or_default();
    until("it has traced a few tasks", || read().matches(r#""ph":"X""#).count() > 100);
    program.kill().expect("a child");
    program.wait().expect("a child");
    for orphan in children() {
        let mut orphan =
            wait::Child::adopt(Pid::from_raw(raw(orphan))).expect("a child of this case");
        orphan.wait().expect("an orphan that ends");
    }
    // What a reader does that is told to be lenient: it closes the array behind the last whole event.
    let text = read();
    assert!(text.starts_with("[\n") && !text.ends_with("]\n"), "it was cut off");
    let whole =
        if text.ends_with('}') { &text } else { text.rsplit_once(",\n").expect("lines").0 };
    let events: Vec<Value> = serde_json::from_str(&format!("{whole}]")).expect("JSON");
    let tasks: Vec<&Value> = events.iter().filter(|event| event["ph"] == "X").collect();
    assert!(tasks.len() > 100, "{}", tasks.len());
    assert!(tasks.iter().all(|task| task["args"]["outcome"] == "returned"));
}

fn a_file_that_cannot_be_opened(method: StartMethod) {
    without_a_trace(|| {
        for path in ["/no/such/folder/run.json", "/", ""] {
            match builder(method).trace(path).build() {
                Err(PoolError::Invalid { option: "trace", message }) => {
                    assert!(message.contains(path), "{message}");
                }
                other => panic!("{path}: {other:?}"),
            }
        }
    });
}

fn a_file_that_cannot_be_written_ends_the_trace_only(method: StartMethod) {
    if !Path::new("/dev/full").exists() {
        return;
    }
    let pool = builder(method).trace("/dev/full").build().expect("it can be opened");
    assert!(pool.map(double, 20..50_020).all(|result| result.is_ok()));
    assert_eq!(pool.call(double, 4).expect("a result"), 8);
    let stats = pool.shutdown(Shutdown::Finish, None).expect("an end").stats;
    assert_eq!(stats.completed, 50_001);
}

fn refuse(_: ()) {
    panic!("this initializer refuses");
}

fn only_the_program_has_the_file(method: StartMethod) {
    let folder = Folder::new();
    let path = fs::canonicalize(folder.0.path()).expect("a folder").join("trace.json");
    let holds = |pid| {
        let shown = path.display().to_string();
        descriptors(pid).into_iter().filter(|(_, target, _)| *target == shown).count()
    };
    without_a_trace(|| {
        let pool: Pool = builder(method).trace(folder.path()).build().expect("a pool");
        assert_eq!(holds(std::process::id()), 1);
        for worker in pool.stats().workers {
            assert_eq!(holds(worker.pid), 0, "a worker has the file");
        }
        drop(pool);
        let failed = builder(method).initializer(refuse, ()).trace(&path).build();
        assert!(matches!(failed, Err(PoolError::InitializerFailed { .. })), "{failed:?}");
    });
    // It is complete all the same.
    assert!(folder.read().tasks.is_empty());
}
