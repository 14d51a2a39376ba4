//! Shows any process as its folder in /proc describes it.
//! Minutes: 5
//!
//! Run it: `cargo run --example look -- PID`; without a PID it looks at itself.
//!
//! Look at your shell (`$$`), at process 1, and at a process that does not exist.

use process::{Snapshot, SnapshotError};
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    match look() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("look: {error}");
            ExitCode::FAILURE
        }
    }
}

fn look() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let snapshot = match (args.next(), args.next()) {
        (None, _) => Snapshot::this()?,
        (Some(pid), None) => {
            let number =
                pid.parse().map_err(|_| format!("{pid:?} is not a pid: give one number"))?;
            Snapshot::of(number).map_err(explained)?
        }
        (Some(_), Some(_)) => {
            return Err("give one pid, or none to look at this program".into());
        }
    };
    // In one piece, so that a reader such as `head` may go away early.
    io::stdout().write_all(description(&snapshot).as_bytes())?;
    Ok(())
}

/// Adds what to do here to what the part says.
fn explained(error: SnapshotError) -> Box<dyn Error> {
    match error {
        SnapshotError::NotFound { .. } => {
            format!("{error}\nlook: `ps -e` lists what there is").into()
        }
        other => other.into(),
    }
}

fn description(snapshot: &Snapshot) -> String {
    let Snapshot { pid, parent, state, memory, .. } = snapshot;
    let mut lines = vec![
        format!("process {pid} ({})", snapshot.name.escape_debug()),
        format!("    parent:  {parent}"),
        format!("    state:   {state}"),
    ];
    for (name, bytes) in
        [("RSS", memory.rss_bytes), ("PSS", memory.pss_bytes), ("USS", memory.uss_bytes)]
    {
        lines.push(format!("    {name}:     {} KiB", bytes >> 10));
    }
    for thread in &snapshot.threads {
        let name = thread.name.escape_debug();
        lines.push(format!("    thread {}: {name}, {}", thread.tid, thread.state));
    }
    for descriptor in &snapshot.descriptors {
        let exec = match descriptor.cloexec {
            Some(true) => ", closed by exec",
            Some(false) => ", kept by exec",
            None => "",
        };
        lines.push(format!("    descriptor {}: {}{exec}", descriptor.fd, descriptor.target));
    }
    lines.join("\n") + "\n"
}
