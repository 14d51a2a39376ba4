//! Shows how a parent learns whether the exec in its child worked: a pipe that the exec closes.
//! Minutes: 5
//!
//! Run it with `cargo run --example error_pipe`.
//! Look at what fork returned in each case, and at what came through the pipe.

use nix::errno::Errno;
use nix::unistd::execv;
use std::error::Error;
use std::ffi::{CStr, CString};
use std::io::{PipeWriter, Read, Write, pipe};
use std::process::id;
use wait::Child;

fn main() -> Result<(), Box<dyn Error>> {
    let shell = c"/bin/sh";
    for (file, args) in [
        (shell, &[shell, c"-c", c"exit 0"][..]),
        (shell, &[shell, c"-c", c"exit 127"]),
        (c"/bin/no-such-program", &[c"/bin/no-such-program"]),
        (c"/proc", &[c"/proc"]),
    ] {
        start(file, args)?;
    }
    Ok(())
}

// ANCHOR: start
fn start(file: &CStr, args: &[&CStr]) -> Result<(), Box<dyn Error>> {
    let words: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
    println!("parent {}: {}", id(), words.join(" "));
    let args: Vec<CString> = args.iter().map(|arg| CString::from(*arg)).collect();

    // Both ends have close-on-exec. The write end is moved to the child, so the parent does not
    // hold it.
    let (mut reader, writer) = pipe()?;
    let mut child = Child::fork(move || become_program(file, &args, writer))?;
    println!("  fork returned: child {}", child.pid());

    let mut report = Vec::new();
    reader.read_to_end(&mut report)?;
    match <[u8; 4]>::try_from(report) {
        Ok(bytes) => {
            let errno = Errno::from_raw(i32::from_ne_bytes(bytes));
            println!("  the pipe brought an errno, so there was no exec: {errno}");
        }
        Err(report) => println!("  the pipe ended after {} bytes: exec happened", report.len()),
    }
    println!("  child {} ended with {}", child.pid(), child.wait()?);
    Ok(())
}

/// Returns only if the exec failed: what was this program's code is gone otherwise, and the
/// pipe with it.
fn become_program(file: &CStr, args: &[CString], mut writer: PipeWriter) -> i32 {
    let Err(errno) = execv(file, args);
    let _ = writer.write_all(&(errno as i32).to_ne_bytes());
    127
}
// ANCHOR_END: start
