//! The table of all outcomes, as the cells found them, and its comparison with the one that the book shows.

use crate::Cell;
use crate::fault::Fault;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Moments in the life of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Moment {
    Starting,
    Initializer,
    Idle,
    Running,
    Result,
}

impl Moment {
    const ALL: [Moment; 5] =
        [Moment::Starting, Moment::Initializer, Moment::Idle, Moment::Running, Moment::Result];

    fn title(self) -> &'static str {
        match self {
            Moment::Starting => "starting",
            Moment::Initializer => "in the initializer",
            Moment::Idle => "idle",
            Moment::Running => "running",
            Moment::Result => "while the result is written",
        }
    }
}

/// What a case prints before its outcome.
pub(crate) const OUTCOME: &str = "outcome: ";

/// The table that the book shows.
const SHOWN: &str = include_str!("outcomes.table");
const SHOWN_PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/matrix/outcomes.table");

/// Why a cell makes no sense; none of them is played.
fn senseless(fault: Fault, moment: Moment) -> Option<&'static str> {
    match (fault, moment) {
        (Fault::Undecodable, Moment::Starting | Moment::Initializer | Moment::Idle) => {
            Some("no task runs, so there is no result")
        }
        (Fault::Undecodable, Moment::Running) => {
            Some("there is no result before the task has returned")
        }
        (Fault::Callback, Moment::Starting | Moment::Initializer) => {
            Some("callbacks run in the program, when a task has ended; none has begun")
        }
        _ => None,
    }
}

/// Whether the cell is a case. In a release build nothing can happen at a fault point.
pub(crate) fn is_played(fault: Fault, moment: Moment) -> bool {
    senseless(fault, moment).is_none()
        && (moment != Moment::Starting || supervise::fault::IS_ACTIVE)
}

/// Compares what the cells said with the table, or writes the table.
pub(crate) fn judge(cells: &[Cell], said: &[(&str, String)]) -> Result<(), String> {
    let mut found: BTreeMap<(Fault, Moment), Vec<(String, String)>> = BTreeMap::new();
    for cell in cells {
        let Some((_, text)) = said.iter().find(|(name, _)| *name == cell.name) else {
            continue;
        };
        // Whatever the fault wrote stands before it, perhaps without an end of line.
        let outcome = text.rsplit_once(OUTCOME).map_or("nothing", |(_, outcome)| outcome);
        let method = format!("{:?}", cell.method);
        let outcomes = found.entry((cell.fault, cell.moment)).or_default();
        outcomes.push((method, outcome.trim_end().to_owned()));
    }
    let all_ran = said.len() == cells.len() && supervise::fault::IS_ACTIVE;
    let now = render(&found);
    if std::env::var_os("UPDATE_MATRIX").is_some() {
        return match all_ran {
            true => std::fs::write(SHOWN_PATH, now).map_err(|error| error.to_string()),
            false => Err("the table is written only when every cell has passed".into()),
        };
    }
    // Only what ran can be compared.
    let mut differences = String::new();
    for ((fault, moment), outcomes) in &found {
        let shown = shown(*fault, *moment);
        for (method, outcome) in outcomes {
            if shown_for(&shown, method) != outcome {
                let (fault, moment) = (fault.title(), moment.title());
                let _ = writeln!(differences, "- {fault}, {moment}: {shown}");
                let _ = writeln!(differences, "+ {fault}, {moment}, {method}: {outcome}");
            }
        }
    }
    if differences.is_empty() && all_ran && now != SHOWN {
        differences = diff(SHOWN, &now);
    }
    match differences.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "the outcomes are not those of {SHOWN_PATH}, which UPDATE_MATRIX=1 writes anew:\n{differences}"
        )),
    }
}

/// The whole file: the table, and the reasons of the cells that are not played.
fn render(found: &BTreeMap<(Fault, Moment), Vec<(String, String)>>) -> String {
    let mut reasons: Vec<&str> = Vec::new();
    let mut text = String::from("| fault |");
    for moment in Moment::ALL {
        let _ = write!(text, " {} |", moment.title());
    }
    text.push_str("\n|---|---|---|---|---|---|\n");
    for fault in Fault::ALL {
        let _ = write!(text, "| {} |", fault.title());
        for moment in Moment::ALL {
            let cell = match senseless(fault, moment) {
                Some(reason) => {
                    let at = reasons.iter().position(|known| *known == reason);
                    let at = at.unwrap_or_else(|| {
                        reasons.push(reason);
                        reasons.len() - 1
                    });
                    format!("none ({})", letter(at))
                }
                None => together(found.get(&(fault, moment)).map_or(&[], Vec::as_slice)),
            };
            let _ = write!(text, " {cell} |");
        }
        text.push('\n');
    }
    text.push('\n');
    for (at, reason) in reasons.iter().enumerate() {
        let _ = writeln!(text, "- ({}) Not possible: {reason}.", letter(at));
    }
    text
}

fn letter(at: usize) -> char {
    char::from(b'a' + at as u8)
}

/// One text for all start methods, or one for each.
fn together(outcomes: &[(String, String)]) -> String {
    let Some((_, first)) = outcomes.first() else { return "?".into() };
    if outcomes.iter().all(|(_, outcome)| outcome == first) {
        return first.clone();
    }
    let each: Vec<String> =
        outcomes.iter().map(|(method, outcome)| format!("{method}: {outcome}")).collect();
    each.join("; ")
}

/// What the shown table says of a start method.
fn shown_for<'s>(shown: &'s str, method: &str) -> &'s str {
    let own = shown.split("; ").find_map(|part| part.strip_prefix(&format!("{method}: ")));
    own.unwrap_or(shown)
}

/// A cell of the shown table.
fn shown(fault: Fault, moment: Moment) -> String {
    let begin = format!("| {} |", fault.title());
    let row = SHOWN.lines().find_map(|line| line.strip_prefix(&begin)).unwrap_or_default();
    row.split('|').nth(moment as usize).unwrap_or_default().trim().to_owned()
}

/// The lines of which one has what the other has not.
fn diff(before: &str, after: &str) -> String {
    let lacking = |sign: &str, from: &str, other: &str| -> String {
        let other: Vec<&str> = other.lines().collect();
        let lines = from.lines().filter(|line| !other.contains(line));
        lines.map(|line| format!("{sign} {line}\n")).collect()
    };
    lacking("-", before, after) + &lacking("+", after, before)
}
