//! How a program has ended: by itself, by a signal, by a panic, and with which last words.

use crate::check::leftovers;
use crate::ended::shown;
use crate::run::signal_name;
use crate::shield::Status;
use crate::{Code, Diagnosis, Run, Verdict};

/// Everything that is checked when the program has ended.
pub(crate) fn end(run: &mut Run) -> Verdict {
    run.settled()?;
    run.stdout.take();
    run.stderr.take();
    if let Some(found) = panic(run) {
        return Err(found);
    }
    let main = run.main;
    match run.status {
        Some(Status::Exited(code)) if code == run.program.exit_code => has_returned(run)?,
        Some(Status::Exited(code)) => {
            let found = Code::WrongAnswer.because(format!(
                "the program has ended with exit status {code} instead of {}",
                run.program.exit_code
            ));
            return Err(with_errors(found, run));
        }
        Some(Status::Signaled(number)) => return Err(death(run, number)),
        None => {}
    }
    let mut look = run.look();
    look.processes.retain(|process| process.pid != main);
    leftovers(run, &look, false)
}

/// That a program that has passed `start` has also come to its `end`.
fn has_returned(run: &Run) -> Verdict {
    if run.at_start.is_none() || run.at_end.is_some() {
        return Ok(());
    }
    Err(Code::WrongAnswer
        .because(
            "the program has ended while it was in your function, which has never returned",
        )
        .idea(
            "exit ends the whole program. A function that its caller needs back has to return.",
        ))
}

/// A program that a signal has ended.
fn death(run: &Run, number: i32) -> Diagnosis {
    let name = signal_name(number);
    let main = run.main;
    let errors = run.stderr.text();
    let found = match number {
        libc::SIGPIPE => Code::SigpipeDeath.because(format!(
            "process {main} has written to a pipe that nobody could read any more, and SIGPIPE has ended it"
        )),
        libc::SIGABRT if errors.lines().any(|line| line.contains(gate::NO_DESCRIPTOR)) => Code::LeakedFd
            .because(format!(
                "process {main} has no descriptor left: all {} that it may have are open",
                run.program.limits.descriptors
            )),
        libc::SIGABRT if errors.lines().any(is_refused_memory) => Code::TooMuchMemory.because(format!(
            "process {main} was refused memory, at {} bytes in all, and has ended itself",
            run.program.limits.memory_bytes
        )),
        libc::SIGXFSZ => Code::TooMuchOutput
            .because(format!("process {main} has written a file beyond its limit, and {name} has ended it")),
        libc::SIGSYS => Code::UnexpectedSignal
            .because(format!(
                "process {main} has called kill with pid -1, which means every process that you may signal; the grader does not let it, and {name} has ended the program"
            ))
            .idea("fork returns -1 if it fails. Look at what it returns before you use it as a pid."),
        _ => Code::UnexpectedSignal.because(format!("{name} has ended process {main}, the program")),
    };
    with_errors(found, run)
}

/// What the standard library says before it ends a program that got no memory.
fn is_refused_memory(line: &str) -> bool {
    line.starts_with("memory allocation of ") && line.ends_with(" bytes failed")
}

/// What the program said on its error stream, if anything.
fn with_errors(found: Diagnosis, run: &Run) -> Diagnosis {
    match last_words(&run.stderr.text()) {
        "" => found,
        last => found.evidence(format!("its last words: {}", shown(last))),
    }
}

/// The last line that is not empty.
fn last_words(errors: &str) -> &str {
    errors.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default()
}

/// A panic in any of the processes: each prints a message, whoever waits for it.
pub(crate) fn panic(run: &Run) -> Option<Diagnosis> {
    let errors = run.stderr.text();
    let lines: Vec<&str> = errors.lines().collect();
    let at = lines.iter().position(|line| is_panic(line))?;
    let message: Vec<&str> = lines[at..].iter().take(4).copied().collect();
    let is_todo = message.get(1).is_some_and(|line| line.starts_with("not yet implemented"));
    if is_todo {
        let place = message[0].split(" panicked at ").nth(1).unwrap_or_default();
        return Some(Code::TodoLeft.because(format!(
            "the program has come to a todo!() at {}",
            place.trim_end_matches(':')
        )));
    }
    if run.program.allows(Code::Panic) {
        return None;
    }
    let found = Code::Panic.because("a process has panicked");
    Some(
        message
            .iter()
            .take_while(|line| !line.starts_with("note:"))
            .fold(found, |found, line| found.evidence(*line)),
    )
}

/// Whether a line begins a panic's message: `thread 'NAME' (TID) panicked at FILE:LINE:COLUMN:`.
fn is_panic(line: &str) -> bool {
    let is_number =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some((thread, place)) = line.rsplit_once(") panicked at ") else { return false };
    let Some((name, tid)) = thread.rsplit_once("' (") else { return false };
    let mut parts = place.rsplitn(4, ':');
    name.starts_with("thread '")
        && is_number(tid)
        && parts.next() == Some("")
        && parts.next().is_some_and(is_number)
        && parts.next().is_some_and(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_by_the_form_of_its_first_line() {
        assert!(is_panic("thread 'main' (4217) panicked at src/lib.rs:12:5:"));
        assert!(is_panic("thread 'it's (1) panicked at' (7) panicked at /a b/c:d.rs:1:2:"));
        for other in [
            "thread 'main' panicked at src/lib.rs:12:5:",
            "thread 'main' (x) panicked at src/lib.rs:12:5:",
            "thread 'main' (1) panicked at nothing",
            "thread 'main' (1) panicked at a:1:2",
            "a thread 'main' (1) panicked at a:1:2:",
            "",
        ] {
            assert!(!is_panic(other), "{other}");
        }
    }

    #[test]
    fn the_last_words_are_the_last_line_that_says_something() {
        assert_eq!(last_words("a\nb\n\n  \n"), "b");
        assert_eq!(last_words(""), "");
        assert!(is_refused_memory("memory allocation of 7 bytes failed"));
        assert!(!is_refused_memory("the memory allocation of 7 bytes failed"));
    }
}
