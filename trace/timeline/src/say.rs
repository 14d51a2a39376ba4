//! The run in words: times with their units, waits as sentences, the whole as a list in the order of time.

use crate::model::{Birth, End, What};
use crate::rows::{Row, RowWait, Rows};

/// Names are cut to this many characters in sentences.
const NAME_MAX: usize = 40;

/// A span of time with three digits that count.
pub(crate) fn span(us: u64) -> String {
    let digits = |value: f64| match value {
        _ if value < 9.995 => format!("{value:.2}"),
        _ if value < 99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    };
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..999_500 => format!("{} ms", digits(us as f64 / 1e3)),
        _ => format!("{} s", digits(us as f64 / 1e6)),
    }
}

/// A moment of a run that lasted `duration_us`: all moments of a run have the same unit.
pub(crate) fn moment(us: u64, duration_us: u64) -> String {
    match duration_us {
        _ if us == 0 => "0".to_owned(),
        0..2_000 => format!("{us} µs"),
        2_000..100_000 => format!("{:.2} ms", us as f64 / 1e3),
        100_000..2_000_000 => format!("{:.1} ms", us as f64 / 1e3),
        2_000_000..100_000_000 => format!("{:.2} s", us as f64 / 1e6),
        _ => format!("{:.0} s", us as f64 / 1e6),
    }
}

/// `text` without what a terminal or a page could take for a command, and not longer than `len_max` characters.
pub(crate) fn plain(text: &str, len_max: usize) -> String {
    let clean = |character: char| match character {
        character if character.is_control() => '?',
        // Not characters of XML.
        '\u{fffe}' | '\u{ffff}' => '?',
        // They would turn the direction of all that follows.
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '?',
        other => other,
    };
    let mut plain: String = text.chars().take(len_max).map(clean).collect();
    if text.chars().nth(len_max).is_some() {
        plain.pop();
        plain.push('…');
    }
    plain
}

/// How a lane came to be, in a word.
pub(crate) fn birth(by: Birth) -> &'static str {
    match by {
        Birth::Program => "program",
        Birth::Fork => "fork",
        Birth::Vfork => "vfork",
        Birth::Thread => "thread",
    }
}

/// How a lane ended, in a word or two.
pub(crate) fn ending(end: &End) -> String {
    match (&end.signal, end.code) {
        (Some(signal), _) => plain(signal, NAME_MAX),
        (None, Some(code)) => format!("exit {code}"),
        (None, None) => "ended".to_owned(),
    }
}

/// What a lane waits for, as a label.
pub(crate) fn waiting(what: &What) -> String {
    match what {
        What::Child => "waits for a child".to_owned(),
        What::Read { channel } => format!("reads pipe {channel}"),
        What::Write { channel } => format!("writes pipe {channel}"),
        What::Futex { word } => format!("futex {word}"),
        What::Poll => "poll".to_owned(),
        What::Sleep => "sleeps".to_owned(),
        What::Signal => "waits for a signal".to_owned(),
        What::Vfork => "vfork".to_owned(),
        What::Call { name } => plain(name, NAME_MAX),
    }
}

/// The wait of a lane as a sentence without its full stop.
pub(crate) fn wait(row: &Row<'_>, wait: &RowWait<'_>) -> String {
    let pid = row.lane.pid;
    let time = span(wait.to_us - wait.from_us);
    let what = match wait.what {
        What::Child => "for the end of a child".to_owned(),
        What::Read { channel } => format!("to read from pipe {channel}"),
        What::Write { channel } => format!("for room in pipe {channel}"),
        What::Futex { word } => format!("at futex {word}"),
        What::Poll => "for one of several descriptors".to_owned(),
        What::Sleep => return format!("{pid} slept {time}"),
        What::Signal => "for a signal".to_owned(),
        What::Vfork => "for its vfork child".to_owned(),
        What::Call { name } => format!("in {}", plain(name, NAME_MAX)),
    };
    let until = match &wait.by {
        Some(by) => format!(", until {} {}", by.lane.pid, plain(by.did, NAME_MAX)),
        None if wait.to_us == row.end_us => match row.end {
            Some(End { signal: Some(signal), .. }) => {
                format!(", until {} killed it", plain(signal, NAME_MAX))
            }
            Some(_) => ", until its own end".to_owned(),
            None => ", and was still waiting when the record ended".to_owned(),
        },
        None => String::new(),
    };
    format!("{pid} waited {time} {what}{until}")
}

/// The run in one sentence without its full stop.
pub(crate) fn summary(rows: &Rows<'_>, lanes: &[crate::Lane]) -> String {
    let threads = lanes.iter().filter(|lane| lane.born.by == Birth::Thread).count();
    let count = |number: usize, one: &str, many: &str| {
        format!("{number} {}", if number == 1 { one } else { many })
    };
    let mut summary = count(lanes.len() - threads, "process", "processes");
    if threads > 0 {
        summary
            .push_str(&format!(" and {}", count(threads, "further thread", "further threads")));
    }
    format!("{summary} in {}", span(rows.duration_us))
}

/// An event with the time at which it began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) at_us: u64,
    pub(crate) text: String,
    /// How long a wait was.
    pub(crate) wait_us: Option<u64>,
}

/// All that the rows show, in the order of time.
pub(crate) fn events(rows: &Rows<'_>) -> Vec<Event> {
    let mut events = Vec::new();
    for row in &rows.rows {
        let pid = row.lane.pid;
        let mut push = |at_us, text, wait_us| events.push(Event { at_us, text, wait_us });
        if let Some(maker) = row.maker {
            let maker = maker.pid;
            let text = match row.lane.born.by {
                Birth::Vfork => format!("{maker} made {pid} by vfork"),
                Birth::Thread => format!("{maker} started the thread {pid}"),
                Birth::Program | Birth::Fork => format!("{maker} forked {pid}"),
            };
            push(row.born_us, text, None);
        }
        for (at_us, program) in &row.execs {
            push(*at_us, format!("{pid} executed {}", plain(program, NAME_MAX)), None);
        }
        for waited in &row.waits {
            let length_us = waited.to_us - waited.from_us;
            push(waited.from_us, wait(row, waited), Some(length_us));
        }
        if let Some(end) = row.end {
            let how = match (&end.signal, end.code) {
                (Some(signal), _) => format!("was killed by {}", plain(signal, NAME_MAX)),
                (None, Some(code)) => format!("ended with exit code {code}"),
                (None, None) => "ended".to_owned(),
            };
            let zombie = match row.reaped_us {
                Some(reaped) => {
                    format!(", and was a zombie for {}", span(reaped - row.end_us))
                }
                None => String::new(),
            };
            push(row.end_us, format!("{pid} {how}{zombie}"), None);
        }
    }
    events.sort_by_key(|event| event.at_us);
    events
}

/// The longest `count_max` waits as sentences in the order of time, and how many others there are.
pub(crate) fn longest_waits(rows: &Rows<'_>, count_max: usize) -> (Vec<String>, usize) {
    let mut waits: Vec<Event> =
        events(rows).into_iter().filter(|event| event.wait_us.is_some()).collect();
    let all = waits.len();
    waits.sort_by_key(|event| std::cmp::Reverse(event.wait_us));
    waits.truncate(count_max);
    waits.sort_by_key(|event| event.at_us);
    let others = all - waits.len();
    (waits.into_iter().map(|event| format!("{}.", event.text)).collect(), others)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::ROWS_MAX;
    use crate::samples;

    #[test]
    fn spans_have_three_digits_and_a_unit() {
        let spans: Vec<String> =
            [0, 999, 1_000, 12_140, 99_960, 999_499, 999_500, 75_000_000].map(span).into();
        assert_eq!(
            spans,
            ["0 µs", "999 µs", "1.00 ms", "12.1 ms", "100 ms", "999 ms", "1.00 s", "75.0 s"]
        );
    }

    #[test]
    fn a_wait_names_who_waited_how_long_for_what_and_who_ended_it() {
        let timeline = samples::two_returns();
        let rows = Rows::of(&timeline, ROWS_MAX);
        let said: Vec<String> = events(&rows).into_iter().map(|event| event.text).collect();
        assert_eq!(
            said,
            [
                "4001 forked 4002",
                "4001 waited 1.60 ms for the end of a child, until 4002 ended",
                "4002 ended with exit code 0, and was a zombie for 100 µs",
                "4001 ended with exit code 0",
            ]
        );
    }

    #[test]
    fn a_wait_that_a_death_cut_off_says_so() {
        let timeline = samples::pool(1);
        let rows = Rows::of(&timeline, ROWS_MAX);
        let (waits, others) = longest_waits(&rows, 1);
        assert_eq!(
            (waits, others),
            (vec!["4002 waited 59.4 ms to read from pipe 1, until 4001 wrote.".to_owned()], 1)
        );
        let said = wait(&rows.rows[1], &rows.rows[1].waits[1]);
        assert_eq!(said, "4002 waited 49.9 ms to read from pipe 1, until SIGKILL killed it");
    }

    #[test]
    fn commands_to_a_terminal_are_taken_out_and_long_names_cut() {
        assert_eq!(plain("a\x1b[31m\u{202e}b", 20), "a?[31m?b");
        assert_eq!(plain("abcdef", 4), "abc…");
        assert_eq!(plain("abcd", 4), "abcd");
    }
}
