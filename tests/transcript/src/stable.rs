//! Makes stable what the kernel chooses anew in every run: pids, addresses, inode numbers.
//!
//! Each is replaced by a number of its own series in the order of first appearance, so that the page still shows
//! which ones are the same.

use regex::{Captures, Regex};
use std::collections::HashMap;

/// What stands before a number when it is a process or thread id.
const PID: &str = r"(?i)\b(?:pid|ppid|tid|tgid|pgid|sid|parent|child|process|worker|thread|subreaper|grandchild|reader|writer)s?(?: is| =|=|:)? +([1-9]\d*)\b";
/// The runtime names the thread of a panic by its name and its thread id.
const PANIC: &str = r"\bthread '[^']*' \((\d+)\) panicked";
const PROC: &str = r"/proc/(\d+)\b";
const PIDS: [&str; 3] = [PID, PANIC, PROC];
const INODE: &str =
    r"\b(?:pipe|socket|anon_inode|pidfd|mnt|net|ipc|uts|user|cgroup|time|pid):\[(\d+)\]";
const ADDRESS: &str = r"\b0x[0-9a-f]{6,16}\b";
const RANGE: &str = r"\b([0-9a-f]{8,16})-([0-9a-f]{8,16})\b";

/// `output` with process ids renamed to 4001, 4002, ..., inodes to 70001, ..., addresses to 0x5500_0000_1000-like
/// ones.
///
/// A number is taken for a process id if it stands once after a word such as `pid`, `parent`, `child` or in
/// `/proc/N`; then it is renamed wherever it stands as a whole word.
pub fn stable(output: &str) -> String {
    let text = rename(output, &PIDS, |nth| (4001 + nth).to_string());
    let text = rename(&text, &[INODE], |nth| (70001 + nth).to_string());
    let addresses = Regex::new(&format!("{ADDRESS}|{RANGE}")).expect("a valid pattern");
    let mut seen = HashMap::new();
    addresses
        .replace_all(&text, |found: &Captures| match (found.get(1), found.get(2)) {
            (Some(from), Some(to)) => {
                format!(
                    "{}-{}",
                    address(&mut seen, from.as_str()),
                    address(&mut seen, to.as_str())
                )
            }
            _ => format!("0x{}", address(&mut seen, found[0].trim_start_matches("0x"))),
        })
        .into_owned()
}

fn address(seen: &mut HashMap<String, String>, hex: &str) -> String {
    let next = seen.len() + 1;
    seen.entry(hex.to_owned()).or_insert_with(|| format!("5500{:05x}000", next)).clone()
}

/// The process ids in `output`, as [`stable`] finds them.
pub(crate) fn pids(output: &str) -> Vec<String> {
    captured(output, &PIDS)
}

/// Whether `number` stands in `text` as a whole word.
pub(crate) fn has_number(text: &str, number: &str) -> bool {
    text.split(|char: char| !char.is_alphanumeric() && char != '_').any(|word| word == number)
}

/// What `patterns` capture in `text`, in the order of first appearance. Not 0 and 1, which mean something by
/// themselves: "no process" and init.
fn captured(text: &str, patterns: &[&str]) -> Vec<String> {
    let mut found: Vec<(usize, &str)> = patterns
        .iter()
        .flat_map(|pattern| {
            let pattern = Regex::new(pattern).expect("a valid pattern");
            let groups: Vec<_> =
                pattern.captures_iter(text).filter_map(|captures| captures.get(1)).collect();
            groups.into_iter().map(|id| (id.start(), id.as_str()))
        })
        .filter(|(_, id)| *id != "0" && *id != "1")
        .collect();
    found.sort_unstable();
    let mut ids: Vec<String> = Vec::new();
    for (_, id) in found {
        if !ids.iter().any(|known| known == id) {
            ids.push(id.to_owned());
        }
    }
    ids
}

/// Finds the numbers that `patterns` capture and renames each of them wherever it stands as a whole word.
fn rename(text: &str, patterns: &[&str], name: impl Fn(usize) -> String) -> String {
    let names: HashMap<String, String> = captured(text, patterns)
        .into_iter()
        .enumerate()
        .map(|(nth, id)| (id, name(nth)))
        .collect();
    Regex::new(r"\b\d+\b")
        .expect("a valid pattern")
        .replace_all(text, |number: &Captures| {
            names.get(&number[0]).cloned().unwrap_or_else(|| number[0].to_owned())
        })
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pids_are_numbered_by_appearance_everywhere() {
        assert_eq!(
            stable("parent 812: child 977\n977 sleeps, 812 waits, see /proc/977/fd, not 9771"),
            "parent 4001: child 4002\n4002 sleeps, 4001 waits, see /proc/4002/fd, not 9771"
        );
    }

    #[test]
    fn a_panicking_thread_is_named_like_its_process() {
        assert_eq!(
            stable("child 812: hello\nthread 'main' (812) panicked at src/a.rs:22:13:"),
            "child 4001: hello\nthread 'main' (4001) panicked at src/a.rs:22:13:"
        );
    }

    #[test]
    fn init_and_nobody_keep_their_numbers() {
        assert_eq!(stable("pid 300, parent 1, pid 0"), "pid 4001, parent 1, pid 0");
    }

    #[test]
    fn a_pid_that_is_another_number_of_the_page_is_noticed() {
        let output = "parent 300: waits 300 ms for child 977";
        assert_eq!(pids(output), ["300", "977"]);
        assert!(has_number("tried for 300 ms", "300"));
        assert!(!has_number("tried for 3000 ms, 0x300", "300"));
    }

    #[test]
    fn inodes_and_addresses_keep_their_identity() {
        assert_eq!(
            stable("pipe:[99] pipe:[98] pipe:[99]"),
            "pipe:[70001] pipe:[70002] pipe:[70001]"
        );
        assert_eq!(
            stable("7ffd1000aa00-7ffd1000bb00 0x7ffd1000aa00 0x10"),
            "550000001000-550000002000 0x550000001000 0x10"
        );
    }
}
