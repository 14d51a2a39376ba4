//! Shows how the part reports a program that cannot be started.
//! Minutes: 3
//!
//! Run it with `cargo run --example exec_failures`.
//! Look at the third error: the file is there, and the kernel says that it is not.

use exec::Command;
use nix::sys::statvfs::{FsFlags, statvfs};
use std::error::Error;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = folder()?;
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

/// A folder for files that are to be executed, which a file system can forbid.
fn folder() -> Result<TempDir, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    if statvfs(folder.path())?.flags().contains(FsFlags::ST_NOEXEC) {
        let path = std::env::temp_dir();
        return Err(format!(
            "no program can be run from {}, which is mounted noexec: set TMPDIR to another folder",
            path.display()
        )
        .into());
    }
    Ok(folder)
}

fn file(name: &str, mode: u32, text: &str) -> std::io::Result<()> {
    fs::write(name, text)?;
    fs::set_permissions(name, Permissions::from_mode(mode))
}
