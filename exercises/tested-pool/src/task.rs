//! The tasks of the suite: what a worker does, by the first word of the task.
//!
//! | task | what it does |
//! |---|---|
//! | `square N` | answers N * N |
//! | `large N` | carries N bytes, answers N bytes |
//! | `pid -` | answers the number of its process |
//! | `note TEXT` | reports TEXT to the suite |
//! | `hold TEXT` | reports that it has begun, and waits until the suite lets it go on; `die` and `exit` end its process |
//! | `fail TEXT` | returns an error |
//! | `panic TEXT` | panics |

use nix::sys::signal::{Signal, raise};

/// The bytes of a task.
pub(crate) fn task(kind: &str, argument: &str) -> Vec<u8> {
    let mut task = format!("{kind} {argument}").into_bytes();
    if kind == "large" {
        task.resize(argument.parse().unwrap_or(0), b' ');
    }
    task
}

/// What a worker does with a task.
///
/// # Errors
/// If the task is to fail, or is none of the suite's.
///
/// # Panics
/// If the task is to panic.
pub fn work(task: &[u8]) -> Result<Vec<u8>, String> {
    let text = std::str::from_utf8(task).map_err(|error| error.to_string())?.trim_end();
    let (kind, argument) = text.split_once(' ').ok_or("a task has two words")?;
    let number = || argument.parse::<u64>().map_err(|error| error.to_string());
    let answer = match kind {
        "square" => number()?.pow(2).to_string(),
        "large" if number()? != task.len() as u64 => return Err("bytes are missing".into()),
        "large" => return Ok(vec![b'.'; task.len()]),
        "pid" => std::process::id().to_string(),
        "note" => {
            gate::tell("note", argument);
            argument.to_owned()
        }
        "hold" => {
            gate::tell("begins", argument);
            match gate::ask("here").as_deref() {
                Some("die") => {
                    // The process is gone before it can answer.
                    let _ = raise(Signal::SIGKILL);
                }
                Some("exit") => std::process::exit(0),
                _ => {}
            }
            argument.to_owned()
        }
        "fail" => return Err(argument.to_owned()),
        "panic" => panic!("{argument}"),
        _ => return Err(format!("{kind} is no task")),
    };
    Ok(answer.into_bytes())
}
