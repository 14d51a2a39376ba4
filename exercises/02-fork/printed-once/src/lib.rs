//! A report in sections. Each text comes from a process of its own, so that a failure costs one section only.

use std::io::{self, BufWriter, Write};

use nix::sys::wait::{WaitStatus, waitpid};

/// Writes the text of a section.
pub type Section = fn(name: &str, out: &mut dyn Write) -> io::Result<()>;

/// Writes a section for each name: the line `== name ==` by the calling process, then the text by a child.
///
/// A section whose child has failed gets the line `(failed)` instead of the text. The sections are in the order of the
/// names. When this returns, everything is written and nothing is left in `out`.
///
/// # Errors
/// If a process cannot be made, or `out` takes no more.
pub fn report<W: Write>(
    out: &mut BufWriter<W>,
    names: &[String],
    section: Section,
) -> io::Result<()> {
    for name in names {
        writeln!(out, "== {name} ==")?;
        let child = fork::fork(|| {
            let written = section(name, out).and_then(|()| out.flush());
            i32::from(written.is_err())
        })
        .map_err(io::Error::other)?;
        if waitpid(child, None)? != WaitStatus::Exited(child, 0) {
            writeln!(out, "(failed)")?;
        }
    }
    out.flush()
}
