//! Arguments, environment, and which file is executed.

use crate::program::{copy_in, folder, line, output, program};
use exec::Command;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

pub(crate) fn arrive_as_they_are() {
    let args: Vec<OsString> = ["", " a  b ", "c\nd", "$HOME *", "\u{e4}"]
        .map(OsString::from)
        .into_iter()
        .chain([OsString::from_vec(vec![0xff, b'x'])])
        .collect();
    let report = output(program("report").arg0("another name").args(args.clone()));
    assert_eq!(line(&report, "args"), format!("{args:?}"));
    assert_eq!(line(&report, "name"), "\"another name\"");
}

pub(crate) fn environment() {
    let report = output(program("report").env_clear().env("B", "2=3").env("A", ""));
    assert_eq!(line(&report, "env"), r#"[("A", ""), ("B", "2=3")]"#);
    let inherited = std::env::var("PATH").expect("cargo sets a PATH");
    let report = output(program("report").env("ADDED", "1"));
    assert!(line(&report, "env").contains(&format!("(\"PATH\", {inherited:?})")), "{report}");
    assert!(line(&report, "env").contains("(\"ADDED\", \"1\")"), "{report}");
    let report = output(program("report").env_remove("PATH"));
    assert!(!line(&report, "env").contains("(\"PATH\""), "{report}");
}

/// A name that begins with `=` cannot be set by most programs, but a process can be given it.
pub(crate) fn odd_environment() {
    let report = output(program("report").env_clear().env("=A", "1"));
    assert_eq!(line(&report, "env"), r#"[("=A", "1")]"#);
}

pub(crate) fn exit_code() {
    let status = program("seven").spawn().expect("spawn").wait().expect("wait");
    assert_eq!(status.code(), Some(7));
}

fn executable(path: &Path, text: &str) {
    fs::write(path, text).expect("write a script");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("make it executable");
}

fn path(folders: &[&Path]) -> OsString {
    std::env::join_paths(folders).expect("no colon in the folders")
}

pub(crate) fn found_in_path() {
    let (first, second) = (folder(), folder());
    let (first, second) = (first.path(), second.path());
    executable(&second.join("speak"), "#!/bin/sh\necho second\n");
    let both = path(&[first, second]);
    assert_eq!(output(Command::new("speak").env("PATH", &both)), "second\n");

    // A file in the way that may not be executed is passed over, and named if there is no
    // other.
    fs::write(first.join("speak"), "no program").expect("write a file");
    assert_eq!(output(Command::new("speak").env("PATH", &both)), "second\n");
    let error = Command::new("speak").env("PATH", path(&[first])).spawn().expect_err("no x");
    assert!(error.to_string().contains("Permission denied"), "{error}");

    // A folder that is not there, or is a file, is passed over.
    let odd = [Path::new("/nonexistent"), &first.join("speak"), second];
    assert_eq!(output(Command::new("speak").env("PATH", path(&odd))), "second\n");

    // An empty entry is the current folder, and a name with a slash is looked for there alone.
    std::env::set_current_dir(second).expect("enter the folder");
    assert_eq!(output(Command::new("speak").env("PATH", "")), "second\n");
    assert_eq!(output(Command::new("./speak").env("PATH", "/nonexistent")), "second\n");
    let error = Command::new("speak").env("PATH", "/nonexistent").spawn().expect_err("absent");
    assert!(error.to_string().contains("no folder of PATH"), "{error}");
    std::env::set_current_dir("/").expect("leave the folder");
}

pub(crate) fn this_program_needs_no_name() {
    let folder = folder();
    let copy = copy_in(&folder);
    let name = OsStr::from_bytes(b"name");
    let report = output(Command::new(&copy).arg0(name).args(["--role", "report", "x"]));
    assert_eq!(line(&report, "args"), r#"["x"]"#);
    fs::remove_file(&copy).expect("remove the copy");
    assert!(Command::new(&copy).spawn().is_err(), "the name leads nowhere any more");
    assert_eq!(line(&output(program("report")), "fds"), "[0, 1, 2]");
}
