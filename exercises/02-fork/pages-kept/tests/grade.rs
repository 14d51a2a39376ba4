//! Judges `pages-kept`: whether a child that searches a table of 64 MiB leaves its pages shared.
//!
//! The measure is the parent, which only waits. A page that the child writes to is copied, and the old one is then the
//! parent's alone: the parent's own memory grows by what the child has copied. What the child makes for itself, and may
//! have given back before the look, is in its peak of resident memory, which starts at the fork with what it got.

use grader::{Case, Code, Diagnosis, Ended, Look, Program, Run, Stop, Verdict, ensure};
use process::Memory;

const CASES: &[Case] = &[
    ("all rows, from the first on", |program| counts(program, [10, 3, 0], 10)),
    ("no row twice, beginning in the circle", |program| counts(program, [10, 3, 5], 7)),
    ("a row that leads to itself", |program| counts(program, [4, 3, 3], 1)),
    ("a table of 64 MiB stays shared", stays_shared),
];

/// How many rows of 256 bytes the large table has.
const ROWS: u64 = 1 << 18;

const MIB: u64 = 1 << 20;

/// How much of the table may be copied. The stack, and what little else is written after a fork, fit well.
const COPIED_BYTES_MAX: u64 = 4 * MIB;

/// How much memory of its own the child may have at a time: marks of any kind, and no second table.
const OWN_BYTES_MAX: u64 = 32 * MIB;

/// How much of the memory must have been used by a child that has read the table, which is twice as large.
const READ_BYTES_MIN: u64 = 32 * MIB;

fn counts(program: &Program, numbers: [u64; 3], expected: u64) -> Verdict {
    let mut run = program.args(numbers).start()?;
    let stop = run.at("count")?;
    from_a_child(&run, &stop)?;
    right(&stop, numbers, expected)?;
    drop(stop);
    told_once(&run.finish()?, expected)
}

/// That the number was told, and once.
fn told_once(end: &Ended, expected: u64) -> Verdict {
    end.value_is("count", &expected.to_string())
        .map_err(|found| found.idea("The child calls `done` once, and nobody else does."))
}

/// That the count is right.
fn right(stop: &Stop, [rows, back, first]: [u64; 3], expected: u64) -> Verdict {
    let found = stop.value.as_deref().unwrap_or_default();
    ensure(found == expected.to_string(), || {
        Code::WrongAnswer
            .because(format!(
                "of {rows} rows {expected} can be reached from row {first}, and the child has counted {found}"
            ))
            .evidence(format!("each row leads to the next one, and the last, row {}, to row {back}", rows - 1))
            .idea("A row counts once, however often the search would come to it.")
    })
}

fn stays_shared(program: &Program) -> Verdict {
    let mut run = program.args([ROWS, 7, 0]).cpu_max_ms(2_000).deadline_s(30).start()?;
    let main = run.main();
    let start = run.at("start")?;
    let before = memory(&start.look, main)?;
    drop(start);
    let stop = run.at("count")?;
    from_a_child(&run, &stop)?;
    right(&stop, [ROWS, 7, 0], ROWS)?;
    let child = stop.pid;
    has_read(&run, child)?;
    let after = memory(&stop.look, main)?;
    let copied = after.private_dirty_bytes;
    let own = memory(&stop.look, child)?.private_dirty_bytes;
    // What the child had beside the pages that it got from its parent, when it was most.
    let peak = peak_bytes(child)?.saturating_sub(before.rss_bytes);
    let figures = |found: Diagnosis| {
        found
            .evidence("memory that a process has written to and shares with nobody")
            .evidence("(Private_Dirty in /proc/PID/smaps_rollup):")
            .evidence(format!(
                "  {main}, the program, before the fork: {}",
                mib(before.private_dirty_bytes)
            ))
            .evidence(format!(
                "  {main}, the program, when the child was done: {}",
                mib(copied)
            ))
            .evidence(format!("  {child}, the child, when it was done: {}", mib(own)))
    };
    ensure(copied <= COPIED_BYTES_MAX, || {
        figures(Code::CopiedPages.because(format!(
            "process {child} was to read a table of 64 MiB, and {} have been copied; at most {} may be.\n\
             The program only waited. The old pages became its own alone because the child wrote to them",
            mib(copied),
            mib(COPIED_BYTES_MAX)
        )))
    })?;
    ensure(peak <= OWN_BYTES_MAX, || {
        figures(Code::TooMuchMemory.because(format!(
            "the pages of the table have stayed shared, but process {child} has made {} of memory\n\
             of its own beside it; at most {} may be",
            mib(peak),
            mib(OWN_BYTES_MAX)
        )))
        .evidence(format!("  {child}, the child, beside the table at its peak (VmHWM in /proc/PID/status): {}", mib(peak)))
        .idea("A copy that you make is as large as one that the kernel makes. Keep beside the table only what you add to it.")
    })?;
    drop(stop);
    told_once(&run.finish()?, ROWS)
}

/// That it is a child that has counted.
fn from_a_child(run: &Run, stop: &Stop) -> Verdict {
    ensure(stop.pid != run.main(), || {
        Code::WrongShape
            .because(format!("the rows were counted by process {}, which is the program itself and no child", stop.pid))
            .idea("Without a fork nothing is copied, and nothing is done at the same time either.")
    })
}

/// That it is in the child that the rows were read.
///
/// A page table has a mark for each page that was used, and the child's own marks are empty at the fork. All rows can be
/// reached, so the search uses every page of the table, however it is made.
fn has_read(run: &Run, child: i32) -> Verdict {
    let path = format!("/proc/{child}/smaps_rollup");
    let rollup = std::fs::read_to_string(&path)
        .map_err(|error| unread(child, &format!("{path}: {error}")))?;
    // Not every kernel says it. Then nothing can be told.
    let Some(used) = bytes_of(&rollup, "Referenced:") else { return Ok(()) };
    ensure(used >= READ_BYTES_MIN, || {
        Code::WrongShape
            .because(format!(
                "process {child} knows how many rows can be reached, and has used only {} of memory since the fork:\n\
                 it has not read the table of 64 MiB. The rows were counted in process {}, the program itself",
                mib(used),
                run.main()
            ))
            .evidence(format!("pages that {child} has used (Referenced in {path}): {}", mib(used)))
            .idea(
                "What is done before the fork is done by the parent, and the child gets a copy of the result. Nothing is left \
                 that could go on at the same time.",
            )
    })
}

/// A figure in a file of `/proc` that counts in KiB.
fn bytes_of(text: &str, name: &str) -> Option<u64> {
    let kib = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok());
    kib.map(|kib: u64| kib << 10)
}

fn memory(look: &Look, pid: i32) -> Result<Memory, Diagnosis> {
    match look.process(pid) {
        Some(process) if process.memory.rss_bytes > 0 => Ok(process.memory),
        _ => Err(unread(pid, &look.unread.join("\n"))),
    }
}

/// The most memory that a process has had at a time, with what it shares.
fn peak_bytes(pid: i32) -> Result<u64, Diagnosis> {
    let path = format!("/proc/{pid}/status");
    let status = std::fs::read_to_string(&path)
        .map_err(|error| unread(pid, &format!("{path}: {error}")))?;
    bytes_of(&status, "VmHWM:").ok_or_else(|| unread(pid, &format!("{path} has no VmHWM")))
}

fn unread(pid: i32, why: &str) -> Diagnosis {
    Code::WrongAnswer
        .because(format!("the grader could not read the memory of process {pid}"))
        .evidence(why)
        .idea("This is no fault of the exercise. `cargo run -- doctor` looks at this machine.")
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / MIB as f64)
}

grader::main!(CASES);
