//! Shows that a program can start itself again although its file was replaced.
//! Minutes: 4
//!
//! Run it with `cargo run --example exec_self`.
//! A copy of the program puts another file in its own place. Look at who answers when it is started by its name, and
//! who answers when it is started through `/proc/self/exe`.

mod temporary;

use exec::Command;
use std::error::Error;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::id;

/// The name of the copy.
const COPY: &str = "program";

fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => make_copy(),
        [role] if role == "--copy" => replace_and_start(),
        [role] if role == "--again" => say("started through /proc/self/exe"),
        _ => Err("give no arguments; the program passes itself the ones that it needs".into()),
    }
}

fn make_copy() -> Result<(), Box<dyn Error>> {
    let folder = temporary::folder()?;
    let copy = folder.path().join(COPY);
    fs::copy(std::env::current_exe()?, &copy)?;
    end(Command::new(copy).arg("--copy"))
}

fn replace_and_start() -> Result<(), Box<dyn Error>> {
    let path = fs::read_link("/proc/self/exe")?;
    if !path.ends_with(COPY) {
        return Err("only a copy of the program may replace its file".into());
    }
    say("started as a copy")?;
    let new = path.with_extension("new");
    fs::write(&new, "#!/bin/sh\necho \"process $$: a script, and no longer the program\"\n")?;
    fs::set_permissions(&new, Permissions::from_mode(0o755))?;
    // As an update does it: the old file loses its name and lives on as long as somebody uses
    // it.
    fs::rename(&new, &path)?;
    say("replaced its file by a script")?;
    end(Command::new(path))?;
    end(Command::this_program().arg("--again"))
}

fn say(what: &str) -> Result<(), Box<dyn Error>> {
    let exe = fs::read_link("/proc/self/exe")?;
    let file = exe.file_name().unwrap_or_default().display();
    println!("process {}: {what}; /proc/self/exe is {file}", id());
    Ok(())
}

/// Starts the program and waits for its end.
fn end(command: Command) -> Result<(), Box<dyn Error>> {
    let status = command.spawn()?.wait()?;
    if status.success() { Ok(()) } else { Err(status.to_string().into()) }
}
