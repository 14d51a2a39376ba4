//! What the cases start: this program again, in a role.

use exec::Command;
use std::fs::File;
use std::io::{PipeReader, Read, pipe};
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::process::ExitCode;
use tempfile::TempDir;

const ROLE: &str = "--role";

/// Up to which number the role `report` looks for descriptors.
const FD_MAX: RawFd = 255;

/// This program in the role `role`.
pub(crate) fn program(role: &str) -> Command {
    Command::this_program().arg(ROLE).arg(role)
}

/// A folder for files that are executed. Unlike `/tmp` on some systems, programs can be run from it.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder")
}

/// A copy of this program in `folder`.
pub(crate) fn copy_in(folder: &TempDir) -> PathBuf {
    let copy = folder.path().join("copy");
    std::fs::copy("/proc/self/exe", &copy).expect("copy this program");
    copy
}

/// Plays the role that the arguments ask for, if they do.
pub(crate) fn play() -> Option<ExitCode> {
    // Before anything here opens a descriptor of its own.
    let fds: Vec<RawFd> = (0..=FD_MAX).filter(|fd| is_open(*fd)).collect();
    let args: Vec<_> = std::env::args_os().collect();
    if args.get(1).is_none_or(|arg| arg != ROLE) {
        return None;
    }
    match args.get(2)?.to_str()? {
        "report" => {
            println!("args {:?}", &args[3..]);
            println!("name {:?}", args[0]);
            println!("env {:?}", std::env::vars_os().collect::<Vec<_>>());
            println!("fds {fds:?}");
        }
        // What can be read from descriptors 3 and 4.
        "read" => println!("{:?} {:?}", text(3), text(4)),
        // Ends when descriptor 3 does.
        "hold" => drop(text(3)),
        "nothing" => {}
        "seven" => return Some(ExitCode::from(7)),
        role => panic!("no role {role}"),
    }
    Some(ExitCode::SUCCESS)
}

fn is_open(fd: RawFd) -> bool {
    // SAFETY: two numbers; the call touches no memory.
    unsafe { libc::fcntl(fd, libc::F_GETFD) != -1 }
}

fn text(fd: RawFd) -> String {
    // SAFETY: in its role this program was given the number, and nothing else here owns it.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    let mut text = String::new();
    File::from(fd).read_to_string(&mut text).expect("readable");
    text
}

/// What `command` prints; it must end well.
pub(crate) fn output(command: Command) -> String {
    let (reader, writer) = pipe().expect("pipe");
    let mut child = command.fd(1, writer).spawn().unwrap_or_else(|error| panic!("{error}"));
    let text = std::io::read_to_string(reader).expect("text");
    let status = child.wait().expect("wait");
    assert!(status.success(), "{status}, after {text}");
    text
}

/// The line of a report that begins with `word`, without it.
pub(crate) fn line<'a>(report: &'a str, word: &str) -> &'a str {
    let found = report.lines().find_map(|line| line.strip_prefix(word)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("no line `{word}` in {report}"))
}

/// A pipe that holds `text` and has no write end any more.
pub(crate) fn filled(text: &str) -> PipeReader {
    let (reader, mut writer) = pipe().expect("pipe");
    std::io::Write::write_all(&mut writer, text.as_bytes()).expect("room in the pipe");
    reader
}
