//! A program that has ended as it should, and what it has left to be judged: its output and its reports.

use crate::{Code, Look, Told, Verdict};

/// What is known of a run after its end.
#[derive(Debug, Clone)]
pub struct Ended {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) told: Vec<Told>,
    /// The processes when the program was at the gate `start`.
    pub at_start: Option<Look>,
    /// The processes when it was at the gate `end`.
    pub at_end: Option<Look>,
}

/// How many bytes of a text are shown.
const SHOWN_LEN_MAX: usize = 400;

impl Ended {
    /// What the program printed. Bytes that are not UTF-8 are replaced by U+FFFD.
    pub fn stdout(&self) -> &str {
        &self.stdout
    }

    /// What it printed as errors.
    pub fn stderr(&self) -> &str {
        &self.stderr
    }

    /// What its processes reported with `gate::tell`, in the order in which it came.
    pub fn told(&self) -> &[Told] {
        &self.told
    }

    /// The values that were reported under a name.
    pub fn values(&self, name: &str) -> Vec<&str> {
        let is_named = |told: &&Told| told.name == name;
        self.told.iter().filter(is_named).map(|told| told.value.as_str()).collect()
    }

    /// That `gate::orders` has found no order of the steps that goes wrong. The program has told what it found as `orders`.
    /// `who` says what each of the processes does, and `asleep` goes behind "sleeps for ever".
    ///
    /// # Errors
    /// [`Code::LostWakeup`], [`Code::BusyWait`] or [`Code::WrongAnswer`], with the steps.
    pub fn orders(&self, who: &str, asleep: &str) -> Verdict {
        let says = self.values("orders").concat();
        let mut parts = says.splitn(3, '\n');
        let mut part = || parts.next().unwrap_or_default();
        let (kind, why, steps) = (part(), part(), part());
        let found = match kind {
            "right" => return Ok(()),
            "asleep" => Code::LostWakeup.because(format!(
                "there is an order of the steps in which a process sleeps for ever{asleep}"
            )),
            "busy" => Code::BusyWait.because(
                "there is an order of the steps in which a process looks again and again",
            ),
            _ => Code::WrongAnswer
                .because(format!("there is an order of the steps that is wrong: {why}")),
        };
        Err(found.evidence(who).evidence(steps))
    }

    /// That the program printed exactly this.
    ///
    /// # Errors
    /// [`Code::WrongAnswer`] with both texts.
    pub fn stdout_is(&self, expected: &str) -> Verdict {
        same("the program's output", expected, &self.stdout)
    }

    /// That exactly this was reported under a name, once.
    ///
    /// # Errors
    /// [`Code::WrongAnswer`] with both texts.
    pub fn value_is(&self, name: &str, expected: &str) -> Verdict {
        same(&format!("\"{name}\""), expected, &self.values(name).join("\n"))
    }
}

/// That two texts are the same.
///
/// # Errors
/// [`Code::WrongAnswer`] with both, and the first line that differs.
pub fn same(what: &str, expected: &str, found: &str) -> Verdict {
    if expected == found {
        return Ok(());
    }
    let line = 1 + expected.lines().zip(found.lines()).take_while(|(a, b)| a == b).count();
    Err(Code::WrongAnswer
        .because(format!("{what} is not what it should be, from line {line} on"))
        .evidence(format!("expected: {:?}", shown(expected)))
        .evidence(format!("found:    {:?}", shown(found))))
}

/// The beginning of a text.
pub(crate) fn shown(text: &str) -> String {
    let mut cut = text.len().min(SHOWN_LEN_MAX);
    while !text.is_char_boundary(cut) {
        cut -= 1;
    }
    if cut == text.len() { text.to_owned() } else { format!("{} ...", &text[..cut]) }
}
