//! Shows how the part reports a program that cannot be started.
//! Minutes: 3
//!
//! Run it with `cargo run --example exec_failures`.
//! Look at the third error: the file is there, and the kernel says that it is not.

mod temporary;

use exec::Command;
use std::error::Error;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = temporary::folder()?;
    std::env::set_current_dir(&folder)?;
    file("script", 0o755, "#!/opt/no/such/python\nprint('hello')\n")?;
    file("plain", 0o644, "#!/bin/sh\necho hello\n")?;
    file("text", 0o755, "echo hello\n")?;

    for program in ["no-such-program", "./missing", "./script", "./plain", "./text", "/"] {
        match Command::new(program).spawn() {
            Ok(child) => println!("{program} runs as process {}", child.pid()),
            Err(error) => println!("{error}"),
        }
    }
    let long = "x".repeat(8 << 20);
    match Command::new("true").arg(long).spawn() {
        Ok(child) => println!("true runs as process {}", child.pid()),
        Err(error) => println!("{error}"),
    }
    println!("children left: {}", wait::children()?.len());
    std::env::set_current_dir("/")?;
    Ok(())
}

fn file(name: &str, mode: u32, text: &str) -> std::io::Result<()> {
    fs::write(name, text)?;
    fs::set_permissions(name, Permissions::from_mode(mode))
}
