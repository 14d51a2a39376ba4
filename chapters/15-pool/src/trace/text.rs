//! Notes as Chrome trace events, in the JSON array format.
//!
//! Each event is a line. A task is a complete event in its worker's row, and two flows tie it to the program's row: from
//! its submission to its start, and from its end to the moment in which its result was taken. A flow ends need a slice
//! that they lie in, so what the program does is a slice too: a short one, of a begin and an end event.
//!
//! # References
//! "Trace Event Format", <https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU>.

use super::{Key, Note, PROGRAM, Run};
use std::collections::HashMap;
use std::fmt::{self, Display, Write};
use std::process;
use task::Image;

/// See the module.
#[derive(Debug)]
pub(super) struct Text {
    out: String,
    origin_ns: u64,
    pid: u32,
    /// The names of the functions that were seen.
    functions: HashMap<u32, String>,
}

impl Text {
    pub(super) fn new(origin_ns: u64, name: &str) -> Text {
        let pid = process::id();
        let title = Quoted(&format!("{name} (pid {pid})")).to_string();
        let mut text = Text { out: String::new(), origin_ns, pid, functions: HashMap::new() };
        text.out.push('[');
        text.line(format_args!(
            r#"{{"ph":"M","name":"process_name","pid":{pid},"tid":{PROGRAM},"args":{{"name":{title}}}}}"#
        ));
        text.name_row(PROGRAM, "program");
        text
    }

    /// The first bytes of the file.
    pub(super) fn begin(&self) -> &[u8] {
        self.out.as_bytes()
    }

    /// These notes.
    pub(super) fn of(&mut self, notes: &[Note]) -> &[u8] {
        self.out.clear();
        for note in notes {
            self.add(note);
        }
        self.out.as_bytes()
    }

    fn add(&mut self, note: &Note) {
        match note {
            Note::Worker { row, number, pid } => {
                self.name_row(*row, &format!("worker {number} (pid {pid})"));
            }
            Note::Program { name, start_ns, end_ns, tasks } => {
                let (start, end) = (self.time(*start_ns), self.time(*end_ns));
                let pid = self.pid;
                self.line(format_args!(
                    r#"{{"ph":"B","cat":"program","name":"{name}","pid":{pid},"tid":{PROGRAM},"ts":{start},"args":{{"tasks":{tasks}}}}}"#
                ));
                self.line(format_args!(
                    r#"{{"ph":"E","pid":{pid},"tid":{PROGRAM},"ts":{end}}}"#
                ));
            }
            Note::Task { run, row, start_ns, end_ns, taken_ns, outcome } => {
                self.task(run, *row, (*start_ns, *end_ns), outcome);
                self.flows(run, *row, (*start_ns, *end_ns), *taken_ns);
            }
            Note::Mark { row, name, detail, at_ns } => {
                let (at, pid) = (self.time(*at_ns), self.pid);
                let args = detail.as_ref().map(|it| format!(r#"{{"detail":{}}}"#, Quoted(it)));
                let args = args.unwrap_or_else(|| "{}".into());
                self.line(format_args!(
                    r#"{{"ph":"i","s":"t","cat":"pool","name":"{name}","pid":{pid},"tid":{row},"ts":{at},"args":{args}}}"#
                ));
            }
            Note::Counters { at_ns, waiting, running } => {
                let (at, pid) = (self.time(*at_ns), self.pid);
                for (name, value) in [("waiting", waiting), ("running", running)] {
                    self.line(format_args!(
                        r#"{{"ph":"C","name":"{name}","pid":{pid},"tid":{PROGRAM},"ts":{at},"args":{{"tasks":{value}}}}}"#
                    ));
                }
            }
        }
    }

    fn task(&mut self, run: &Run, row: u32, (start_ns, end_ns): (u64, u64), outcome: &str) {
        let function = run.call as u32;
        let name = self.functions.remove(&function).unwrap_or_else(|| name_of(function));
        let (start, took) = (self.time(start_ns), Micros(end_ns.saturating_sub(start_ns)));
        let (pid, key, deaths) = (self.pid, run.key, run.deaths);
        self.line(format_args!(
            r#"{{"ph":"X","cat":"task","name":{name},"pid":{pid},"tid":{row},"ts":{start},"dur":{took},"args":{{"id":"{key}","outcome":"{outcome}","deaths":{deaths}}}}}"#
        ));
        self.functions.insert(function, name);
    }

    fn flows(&mut self, run: &Run, row: u32, (start_ns, end_ns): (u64, u64), taken_ns: u64) {
        let id = Flow(run);
        // Inside of the task, not at the start of the next one.
        let last_ns = end_ns.saturating_sub(1).max(start_ns);
        let ends = [
            ("submit", "s", PROGRAM, run.submitted_ns, ""),
            ("submit", "f", row, start_ns, r#","bp":"e""#),
            ("result", "s", row, last_ns, ""),
            ("result", "f", PROGRAM, taken_ns, r#","bp":"e""#),
        ];
        for (name, phase, row, at_ns, binding) in ends {
            let (at, pid) = (self.time(at_ns), self.pid);
            self.line(format_args!(
                r#"{{"ph":"{phase}","cat":"flow","name":"{name}","id":"{id}","pid":{pid},"tid":{row},"ts":{at}{binding}}}"#
            ));
        }
    }

    /// Names a row and says where it stands.
    fn name_row(&mut self, row: u32, name: &str) {
        let pid = self.pid;
        let name = Quoted(name);
        self.line(format_args!(
            r#"{{"ph":"M","name":"thread_name","pid":{pid},"tid":{row},"args":{{"name":{name}}}}}"#
        ));
        self.line(format_args!(
            r#"{{"ph":"M","name":"thread_sort_index","pid":{pid},"tid":{row},"args":{{"sort_index":{row}}}}}"#
        ));
    }

    fn line(&mut self, event: fmt::Arguments<'_>) {
        // A comma before each but the first, so that the file may end after any of them.
        self.out.push_str(if self.out == "[" { "\n" } else { ",\n" });
        // Writing to a string does not fail.
        let _ = self.out.write_fmt(event);
    }

    fn time(&self, ns: u64) -> Micros {
        Micros(ns.saturating_sub(self.origin_ns))
    }
}

/// Nanoseconds as microseconds.
#[derive(Debug, Clone, Copy)]
struct Micros(u64);

impl Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

impl Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            None => write!(f, "{}", self.id),
            Some(index) => write!(f, "{}.{index}", self.id),
        }
    }
}

/// What ties the two ends of a run's flow together.
struct Flow<'r>(&'r Run);

impl Display for Flow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.deaths {
            0 => write!(f, "{}", self.0.key),
            deaths => write!(f, "{} after {deaths}", self.0.key),
        }
    }
}

/// A string of JSON.
struct Quoted<'t>(&'t str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for one in self.0.chars() {
            match one {
                '"' | '\\' => write!(f, "\\{one}")?,
                '\0'..' ' => write!(f, "\\u{:04x}", u32::from(one))?,
                _ => f.write_char(one)?,
            }
        }
        f.write_char('"')
    }
}

/// The name of the function so many bytes from the load address, as a string of JSON.
fn name_of(function: u32) -> String {
    // What is asked for is the caller of a return address: the byte before the one that is given.
    let address = Image::current().base() + function as usize + 1;
    let mut name = None;
    // The last one is the function itself; the ones before are inlined into its beginning.
    backtrace::resolve(std::ptr::without_provenance_mut(address), |symbol| {
        name = symbol.name().map(|name| format!("{name:#}")).or(name.take());
    });
    Quoted(&name.unwrap_or_else(|| format!("program + {function:#x}"))).to_string()
}

#[cfg(test)]
mod tests {
    use super::super::row_of;
    use super::*;

    fn run(index: Option<u64>, deaths: u32) -> Run {
        let task: fn(u64) -> u64 = u64::swap_bytes_of;
        let call = task::Call::of(task).expect("a function of this program").to_bits();
        Run { key: Key { id: 7, index }, call, deaths, submitted_ns: 1_001_000 }
    }

    trait Own {
        fn swap_bytes_of(self) -> Self;
    }

    impl Own for u64 {
        fn swap_bytes_of(self) -> u64 {
            self.swap_bytes()
        }
    }

    fn events(notes: &[Note]) -> Vec<serde_json::Value> {
        let mut text = Text::new(1_000_000, "a \"quoted\"\n\u{1}name \\ ü");
        let mut file = text.begin().to_vec();
        file.extend_from_slice(text.of(notes));
        let unfinished = String::from_utf8(file).expect("it is text");
        serde_json::from_str(&format!("{unfinished}\n]\n")).expect("it is JSON")
    }

    #[test]
    fn names_are_quoted() {
        let events = events(&[]);
        let name = events[0]["args"]["name"].as_str().expect("a name");
        assert!(name.starts_with("a \"quoted\"\n\u{1}name \\ ü (pid "), "{name}");
    }

    #[test]
    fn a_task_is_one_slice_and_two_flows() {
        let (run, row) = (run(Some(3), 2), row_of(0));
        let (start_ns, end_ns, taken_ns) = (1_002_003, 1_002_103, 1_003_000);
        let note = Note::Task { run, row, start_ns, end_ns, taken_ns, outcome: "returned" };
        let events = events(&[note]);
        let task: Vec<_> = events.iter().filter(|event| event["ph"] == "X").collect();
        assert_eq!(task.len(), 1);
        let name = task[0]["name"].as_str();
        assert!(name.is_some_and(|name| name.contains("swap_bytes_of")), "{name:?}");
        assert_eq!((task[0]["ts"].as_f64(), task[0]["dur"].as_f64()), (Some(2.003), Some(0.1)));
        let args = serde_json::json!({ "id": "7.3", "outcome": "returned", "deaths": 2 });
        assert_eq!(task[0]["args"], args);
        let flows: Vec<_> =
            events.iter().filter(|event| event["cat"] == "flow").map(|it| &it["ts"]).collect();
        assert_eq!(flows, [1.0, 2.003, 2.102, 3.0]);
        assert!(events.iter().all(|it| it["cat"] != "flow" || it["id"] == "7.3 after 2"));
    }

    #[test]
    fn every_note_is_json() {
        let events = events(&[
            Note::Worker { row: 2, number: 1, pid: 4711 },
            Note::Program { name: "submit", start_ns: 5_000_000, end_ns: 5_000_003, tasks: 9 },
            Note::Mark { row: 2, name: "died", detail: Some("a \"b\"".into()), at_ns: 0 },
            Note::Counters { at_ns: u64::MAX, waiting: usize::MAX, running: 0 },
        ]);
        let phases: Vec<_> = events.iter().filter_map(|event| event["ph"].as_str()).collect();
        assert_eq!(phases, ["M", "M", "M", "M", "M", "B", "E", "i", "C", "C"]);
        assert_eq!(events[3]["args"]["name"], "worker 1 (pid 4711)");
        assert_eq!(events[7]["args"]["detail"], "a \"b\"");
        assert_eq!(events[7]["ts"], 0.0, "nothing is before the origin");
    }
}
