//! The program of `name-with-a-parenthesis`: starts a process with a name of your choice and looks at it.
//!
//! By hand: `cargo run -p name-with-a-parenthesis -- 'tar (old) S 1'`. Not more than 15 bytes of a name are kept; `\n`
//! stands for a line feed, `\xNN` for any byte. `--nobody` looks at a process that is not there.

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::process::{Child, Command, id};

use name_with_a_parenthesis::Stat;
use nix::sys::prctl::set_name;
use nix::sys::signal::{Signal, raise};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::{Pid, setpgid};

/// A number that no process can have.
const NOBODY: i32 = i32::MAX;

/// Looks at a process by the reader's function, and prints what it says.
pub(crate) fn main() -> io::Result<()> {
    let mut args = std::env::args_os().skip(1);
    let name = args.next().unwrap_or_default();
    if name == "--worker" {
        return stop_as(args.next().unwrap_or_default().into_vec());
    }
    let mut child = (name != "--nobody").then(|| start(name.as_bytes())).transpose()?;
    let pid = child.as_ref().map_or(NOBODY, |child| child.id() as i32);
    if child.is_some() {
        let line = std::fs::read(format!("/proc/{pid}/stat"))?;
        gate::tell("line", String::from_utf8_lossy(&line).trim_end());
    }

    gate::pass("start");
    let stat = name_with_a_parenthesis::stat(pid);
    if let Some(child) = &mut child {
        child.kill()?;
        child.wait()?;
    }
    gate::pass("end");

    match stat {
        Ok(Stat { name, state, parent, group }) => {
            let who = |number: i32| match number {
                _ if number == pid => "the process itself".to_owned(),
                _ if number == id() as i32 => "the program that started it".to_owned(),
                _ => format!("process {number}"),
            };
            for (what, value) in [
                ("name", format!("{name:?}")),
                ("state", state.to_string()),
                ("parent", who(parent)),
                ("group", who(group)),
            ] {
                println!("{what}: {value}");
                gate::tell(what, value);
            }
        }
        Err(error) => {
            println!("error: {error}");
            gate::tell("error", error);
        }
    }
    Ok(())
}

/// Starts a process with this name, and waits until it stands still.
fn start(name: &[u8]) -> io::Result<Child> {
    let child = Command::new("/proc/self/exe")
        .arg("--worker")
        .arg(std::ffi::OsString::from_vec(unescape(name)))
        .spawn()?;
    waitpid(Pid::from_raw(child.id() as i32), Some(WaitPidFlag::WUNTRACED))?;
    Ok(child)
}

/// Takes the name and a process group of its own, and stops, so that its state is `T` for as long as anybody looks.
fn stop_as(name: Vec<u8>) -> io::Result<()> {
    set_name(&CString::new(name)?)?;
    setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
    raise(Signal::SIGSTOP)?;
    Ok(())
}

/// Replaces `\n` and `\xNN`.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        let hex = |digits: &[u8]| u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok();
        let (byte, len) = match tail {
            [b'n', ..] if *first == b'\\' => (b'\n', 2),
            [b'x', a, b, ..] if *first == b'\\' => (hex(&[*a, *b]).unwrap_or(b'?'), 4),
            _ => (*first, 1),
        };
        bytes.push(byte);
        rest = &rest[len..];
    }
    bytes
}
