//! Runs a program and writes its timeline as JSON.
//!
//! ```sh
//! tracer --out record.json -- PROGRAM ARGUMENTS...
//! ```
//!
//! The program has standard input, output and error for itself. The exit code is the program's own, 128 and the signal's
//! number if one killed it, and 125 if nothing could be recorded.

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!("tracer needs Linux: it watches programs with ptrace");
    ExitCode::FAILURE
}

#[cfg(target_os = "linux")]
mod linux {
    use anyhow::{Context, Result};
    use clap::Parser;
    use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
    use std::ffi::OsString;
    use std::path::PathBuf;
    use std::process::ExitCode;
    use std::time::Duration;
    use std::{fs, io};
    use timeline::Timeline;

    /// The exit code of a failure that is not the program's.
    const OWN_FAILURE: u8 = 125;

    #[derive(Parser)]
    #[command(about = "Runs a program and records its timeline")]
    struct Arguments {
        /// The file for the record, as JSON.
        #[arg(long, short)]
        out: Option<PathBuf>,
        /// Write the record to standard output, after what the program wrote.
        #[arg(long)]
        json: bool,
        /// Leave out waits that are shorter, in microseconds.
        #[arg(long, default_value_t = 100)]
        threshold_us: u64,
        /// Kill the program after so many seconds.
        #[arg(long, default_value_t = 60)]
        deadline_s: u64,
        /// The program and its arguments.
        #[arg(last = true, required = true)]
        program: Vec<OsString>,
    }

    pub(super) fn main() -> ExitCode {
        match run(&Arguments::parse()) {
            Ok(code) => ExitCode::from(code),
            Err(error) => {
                eprintln!("tracer: {error:#}");
                ExitCode::from(OWN_FAILURE)
            }
        }
    }

    extern "C" fn nothing(_signal: i32) {}

    fn run(arguments: &Arguments) -> Result<u8> {
        // A handler, because a program would inherit a signal that is ignored. The record is still to be written when
        // Ctrl-C has ended the program.
        let handler =
            SigAction::new(SigHandler::Handler(nothing), SaFlags::SA_RESTART, SigSet::empty());
        // SAFETY: the handler does nothing.
        unsafe { sigaction(Signal::SIGINT, &handler) }.context("sigaction failed")?;
        let options = tracer::Options {
            threshold: Duration::from_micros(arguments.threshold_us),
            deadline: Duration::from_secs(arguments.deadline_s),
            ..tracer::Options::default()
        };
        let (program, rest) = arguments.program.split_first().context("no program")?;
        let timeline = tracer::record(program.as_ref(), rest, options)?;
        if let Some(out) = &arguments.out {
            let json =
                serde_json::to_vec(&timeline).context("cannot write the record as JSON")?;
            fs::write(out, json).with_context(|| format!("cannot write {}", out.display()))?;
        }
        if arguments.json {
            serde_json::to_writer(io::stdout().lock(), &timeline)
                .context("cannot write to standard output")?;
            println!();
        }
        Ok(exit_code(&timeline))
    }

    fn exit_code(timeline: &Timeline) -> u8 {
        let Some(end) = timeline.lanes.first().and_then(|lane| lane.end.as_ref()) else {
            return OWN_FAILURE;
        };
        let killed = end.signal.as_deref().and_then(|name| name.parse::<Signal>().ok());
        match killed {
            Some(signal) => 128_u8.saturating_add(signal as u8),
            None => end.code.and_then(|code| u8::try_from(code).ok()).unwrap_or(OWN_FAILURE),
        }
    }
}
