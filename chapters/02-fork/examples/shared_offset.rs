//! Shows that parent and child share the offset in a file that was open at the fork, and nothing else of it.
//! Minutes: 6
//!
//! Run it with `cargo run --example shared_offset`.
//! Look at what the parent reads after the child has read, and after the child has closed the file.

use nix::sys::wait::waitpid;
use std::error::Error;
use std::fs::{File, read_to_string};
use std::io::{self, Read, Seek, Write};
use std::os::fd::AsRawFd;
use std::process::id;

fn main() -> Result<(), Box<dyn Error>> {
    // A file without a name: it is gone when the last process that has it open ends.
    let mut file = tempfile::tempfile()?;
    file.write_all(b"abcdefghijklmnopqrstuvwxyz")?;
    file.rewind()?;
    let mut count = 0;

    say(&format!("reads {}", next_four(&mut file)?));
    count += 1;
    say(&format!("offset {}, count {count}", offset(&file)?));

    let mut open = Some(file);
    let child = fork::fork(|| match read_and_close(&mut open, &mut count) {
        Ok(()) => 0,
        Err(error) => {
            say(&format!("failed: {error}"));
            1
        }
    })?;
    waitpid(child, None)?;

    let mut file = open.ok_or("the parent's descriptor is still open")?;
    say(&format!("offset {}, count {count}: it did not read in between", offset(&file)?));
    say(&format!("reads {}", next_four(&mut file)?));
    Ok(())
}

/// The child's life: it reads from the open file, from the same file opened anew, and closes both.
fn read_and_close(open: &mut Option<File>, count: &mut u32) -> io::Result<()> {
    let Some(mut file) = open.take() else { return Ok(()) };
    say(&format!("reads {}", next_four(&mut file)?));
    *count += 100;
    say(&format!("offset {}, count {count}", offset(&file)?));

    let mut anew = File::open(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
    say(&format!("opens the file itself and reads {}", next_four(&mut anew)?));
    say(&format!("offset {} there, {} here", offset(&anew)?, offset(&file)?));
    drop((file, anew));
    say("closed both");
    Ok(())
}

fn next_four(file: &mut File) -> io::Result<String> {
    let mut bytes = [0; 4];
    file.read_exact(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The offset as the kernel has it, which is not in this process's memory.
fn offset(file: &File) -> io::Result<String> {
    let info = read_to_string(format!("/proc/self/fdinfo/{}", file.as_raw_fd()))?;
    let line = info.lines().find_map(|line| line.strip_prefix("pos:"));
    Ok(line.map_or("unknown", str::trim).to_owned())
}

fn say(what: &str) {
    println!("process {}: {what}", id());
}
