//! Judges `where-is-next`: whether a list is the same list through every mapping of its segment.

use std::fs;
use std::ops::Range;

use grader::{Case, Code, Diagnosis, Ended, Program, Verdict, ensure, same};

const CASES: &[Case] = &[
    (
        "a worker that has the segment elsewhere, and nothing at the program's address",
        |program| is_shared(program, "nothing"),
    ),
    ("a worker that has something else at the program's address", |program| {
        is_shared(program, "something")
    }),
    ("a segment that is full", full),
];

const LEN_BYTES: u64 = 4 * 4096;

/// What is known of the two mappings.
struct Seen {
    program: u64,
    worker: u64,
    worker_pid: i32,
    words: Vec<u64>,
    /// Where the program has anything mapped.
    mapped: Vec<Range<u64>>,
}

fn is_shared(program: &Program, mode: &str) -> Verdict {
    let mut run = program.arg(mode).start()?;
    let Some(stop) = run.try_at("mapped")? else {
        let end = run.finish()?;
        return same("what the program has printed", "the worker's list", end.stdout());
    };
    let told = |name: &str| {
        let value = run.told().iter().find(|told| told.name == name);
        value.map_or_else(String::new, |told| told.value.clone())
    };
    let seen = Seen {
        program: number(&told("program")),
        worker: number(&told("worker")),
        worker_pid: stop.pid,
        words: told("words").split_whitespace().map(number).collect(),
        mapped: mapped(run.main()),
    };
    stop.go();
    let end = run.finish()?;
    judge(&end, &seen, "the program lists ", "[33, 22, 11]")?;
    judge(&end, &seen, "the worker lists ", "[33, 22, 11]")?;
    judge(&end, &seen, "the worker ended: ", "exit code 0")?;
    judge(&end, &seen, "afterwards the program lists ", "[55, 44, 33, 22, 11]")
}

fn judge(end: &Ended, seen: &Seen, begin: &str, expected: &str) -> Verdict {
    let found = line(end, begin).unwrap_or("nothing");
    ensure(found == expected, || {
        let fault =
            end.stderr().lines().find_map(|line| line.strip_prefix("fault at 0x")).map(number);
        let begin = begin.trim_end();
        let diagnosis = match (fault, seen.addresses().is_empty()) {
            (Some(address), _) if seen.is_programs(address) => Code::ForeignPointer.because(format!(
                "the worker, process {}, has looked at address {address:#x}, which is the segment in the program and not in the worker",
                seen.worker_pid
            )),
            (_, false) => Code::ForeignPointer.because(format!(
                "{begin} {found}, where {expected} was expected: the segment holds addresses"
            )),
            (Some(address), true) => Code::UnexpectedSignal.because(format!(
                "the worker, process {}, has looked at address {address:#x} and died of it",
                seen.worker_pid
            )),
            (None, true) => Code::WrongAnswer
                .because(format!("{begin} {found}, where {expected} was expected"))
                .idea("Follow the list word by word: what does each word say, from where is it counted, and which number means that there is no more?"),
        };
        seen.show(diagnosis)
    })
}

impl Seen {
    fn is_programs(&self, address: u64) -> bool {
        (self.program..self.program + LEN_BYTES).contains(&address)
    }

    /// The words of the segment that are addresses in the program, with their offsets.
    fn addresses(&self) -> Vec<(usize, u64)> {
        let is_address = |word: &u64| self.mapped.iter().any(|range| range.contains(word));
        let words = self.words.iter().copied().enumerate();
        words
            .filter(|(_, word)| is_address(word))
            .map(|(index, word)| (8 * index, word))
            .collect()
    }

    fn show(&self, found: Diagnosis) -> Diagnosis {
        let found = found
            .evidence(format!("the segment in the program begins at {:#x}", self.program))
            .evidence(format!("the segment in the worker begins at  {:#x}", self.worker));
        self.addresses().iter().take(4).fold(found, |found, (offset, word)| {
            found.evidence(format!("in the segment, {offset} bytes from its start: {word:#x}, an address of the program"))
        })
    }
}

fn full(program: &Program) -> Verdict {
    let end = program.arg("full").run()?;
    let pushed: u64 = line(&end, "pushed ").and_then(|count| count.parse().ok()).unwrap_or(0);
    let most = LEN_BYTES / 16;
    ensure((1..most).contains(&pushed), || {
        Code::WrongAnswer
            .because(format!("{pushed} numbers went into a segment of {LEN_BYTES} bytes, where there is room for less than {most}"))
            .idea("A node that does not lie inside as a whole is refused by Segment::at. Pass its error on, and change nothing before.")
    })?;
    let numbers: Vec<String> = (1..=pushed).rev().map(|number| number.to_string()).collect();
    let listed = line(&end, "the program lists ").unwrap_or_default();
    same("the list in the full segment", &format!("[{}]", numbers.join(", ")), listed)
}

fn line<'a>(end: &'a Ended, begin: &str) -> Option<&'a str> {
    end.stdout().lines().find_map(|line| line.strip_prefix(begin))
}

fn number(text: &str) -> u64 {
    u64::from_str_radix(text, 16).unwrap_or_default()
}

/// The ranges of addresses at which a process has something.
fn mapped(pid: i32) -> Vec<Range<u64>> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    let ranges = maps.lines().filter_map(|line| line.split(' ').next()?.split_once('-'));
    ranges.map(|(from, to)| number(from)..number(to)).collect()
}

grader::main!(CASES);
