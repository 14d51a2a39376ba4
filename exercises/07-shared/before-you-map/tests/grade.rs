//! Judges `before-you-map`: whether a worker survives every segment that it accepts, and accepts those that are as said.

use std::collections::HashMap;
use std::fs;

use grader::{Case, Code, Ended, Program, Verdict, ensure};

const CASES: &[Case] = &[
    ("a segment that is what its sender says is mapped, and shared", |program| {
        judge(program, &["good", "longer"])
    }),
    ("one that is shorter is refused", |program| judge(program, &["empty", "short", "nearly"])),
    ("one that becomes shorter ends nobody", |program| {
        judge(program, &["growing", "unsealable", "open"])
    }),
];

/// How long every sender says that its segment is.
const SAID: u64 = 2 << 16;

/// Where a worker has mapped its segment.
struct Mapping {
    worker: i32,
    address: u64,
    line: String,
}

fn judge(program: &Program, kinds: &[&str]) -> Verdict {
    let mut run = program.args(kinds).start()?;
    let mut mappings = HashMap::new();
    while let Some(stop) = run.try_at("mapped")? {
        let value = stop.value.clone().unwrap_or_default();
        let (kind, address) = value.split_once(' ').unwrap_or_default();
        let address = number(address);
        let line = mapping_of(stop.pid, address);
        mappings.insert(kind.to_owned(), Mapping { worker: stop.pid, address, line });
        stop.go();
    }
    let end = run.finish()?;
    kinds.iter().try_for_each(|kind| judge_one(&end, kind, mappings.get(*kind)))
}

fn judge_one(end: &Ended, kind: &str, mapping: Option<&Mapping>) -> Verdict {
    let ended = said(end, kind, "the worker ended: ").unwrap_or("not at all");
    let file_has = said(end, kind, "the file has ").unwrap_or("? bytes");
    let refused = said(end, kind, "refused: ");
    let what = about(kind);
    let is_good = matches!(kind, "good" | "longer");
    ensure(ended == "exit code 0", || {
        match mapping {
        Some(mapping) if ended.contains("SIGBUS") => died(end, mapping)
            .evidence(format!("the segment \"{kind}\": {what}"))
            .evidence(format!("the file has {file_has} now; the sender said {SAID}")),
        _ => Code::UnexpectedSignal
            .because(format!("the worker with the segment \"{kind}\" has ended: {ended}"))
            .evidence(format!("the segment: {what}"))
            .evidence(format!("its mapping: {}", mapping.map_or("none", |mapping| &mapping.line)))
            .idea("What may be done at an address is said when it is mapped: to read, to write, or both. Anything else is SIGSEGV."),
    }
    })?;
    match refused {
        Some(why) if is_good => Err(Code::WrongAnswer
            .because(format!("the segment \"{kind}\" was refused, and should have been mapped"))
            .evidence(format!("the segment: {what}"))
            .evidence(format!("refused: {why}"))
            .idea("What is needed is enough: as many bytes as the sender says, which nobody can take away. More bytes do no harm.")),
        None if kind == "nearly" => Err(Code::WrongAnswer
            .because(format!("the segment \"{kind}\" was mapped, and should have been refused"))
            .evidence(format!("the segment: {what}"))
            .idea("A mapping consists of whole pages, so the rest of the last page can be touched. But it is not in the file: what you write there reaches nobody.")),
        None if is_good => {
            let last = said(end, kind, "its last byte is ").unwrap_or("not there");
            ensure(last == "7", || {
                let line = mapping.map_or("", |mapping| &mapping.line);
                let is_private = line.split(' ').nth(1).is_some_and(|flags| flags.ends_with('p'));
                let code = if is_private { Code::PrivateMapping } else { Code::WrongAnswer };
                code.because("the worker has written a 7 to the last byte, and it is not in the segment")
                    .evidence(format!("the last byte of the file is {last}"))
                    .evidence(format!("the worker's mapping: {line}"))
            })
        }
        _ => Ok(()),
    }
}

/// The diagnosis of a worker that has touched what is not there.
fn died(end: &Ended, mapping: &Mapping) -> grader::Diagnosis {
    let fault = end.stderr().lines().find_map(|line| line.strip_prefix("fault at 0x"));
    let address = fault.map(number).unwrap_or_default();
    let offset = address.saturating_sub(mapping.address);
    Code::SigbusDeath
        .because(format!(
            "the worker, process {}, has touched address {address:#x}, which is mapped and has no file behind it, and SIGBUS has ended it",
            mapping.worker
        ))
        .evidence(format!("its mapping: {}", mapping.line))
        .evidence(format!("the address is {offset} bytes from the start of the mapping"))
}

/// What is special about a segment.
fn about(kind: &str) -> &'static str {
    match kind {
        "good" => "as long as the sender says, and sealed",
        "longer" => "longer than the sender says, with F_SEAL_SHRINK",
        "empty" => "nobody has given it a length",
        "short" => "half as long as the sender says",
        "nearly" => "one byte shorter than the sender says",
        "growing" => "long enough when it was sent; sealed against growing only",
        "unsealable" => "long enough when it was sent; no seal is set, and none can be added",
        _ => "long enough when it was sent, without a seal",
    }
}

fn said<'a>(end: &'a Ended, kind: &str, begin: &str) -> Option<&'a str> {
    let prefix = format!("{kind}: {begin}");
    end.stdout().lines().find_map(|line| line.strip_prefix(&prefix))
}

fn number(text: &str) -> u64 {
    u64::from_str_radix(text, 16).unwrap_or_default()
}

/// The line of `/proc/PID/maps` about an address.
fn mapping_of(pid: i32, address: u64) -> String {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    let holds = |line: &&str| {
        let range = line.split(' ').next().and_then(|range| range.split_once('-'));
        range.is_some_and(|(from, to)| (number(from)..number(to)).contains(&address))
    };
    let line = maps.lines().find(holds).unwrap_or("could not be read");
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

grader::main!(CASES);
