//! The program of `storm-of-signals`: copies what a child writes to a child that reads, and counts signals meanwhile.
//!
//! By hand: `cargo run -p storm-of-signals`. Nobody sends a signal then.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::unistd::{SysconfVar, sysconf};
use pipe::{ReadEnd, WriteEnd};
use wait::Child;

/// How many signals have come.
static SIGNALS: AtomicU32 = AtomicU32::new(0);

/// The handler: it counts.
extern "C" fn count(_: i32) {
    SIGNALS.fetch_add(1, Ordering::Relaxed);
}

/// Copies, and reports what the reader's function says.
pub(crate) fn main() -> ExitCode {
    match talk() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn talk() -> io::Result<()> {
    // Without SA_RESTART a call that waits is not made again by the kernel.
    let action = SigAction::new(SigHandler::Handler(count), SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler adds to an atomic number, which a signal handler may do.
    unsafe { sigaction(Signal::SIGUSR1, &action) }?;

    let page = sysconf(SysconfVar::PAGE_SIZE)?.and_then(|len| usize::try_from(len).ok());
    let page = page.unwrap_or(4096);
    // Fits into the first pipe. The second one gets room for a single page.
    let bytes: Vec<u8> = (0..4 * page + 1234).map(pattern).collect();
    let (source, mut from_source) = pipe::pipe()?;
    let (sink, to_sink) = pipe::pipe()?;
    fcntl(&to_sink, FcntlArg::F_SETPIPE_SZ(i32::try_from(page).map_err(io::Error::other)?))?;

    let (mut source, mut to_sink) = (Some(source), Some(to_sink));
    let mut writer = Child::fork(|| {
        drop((source.take(), to_sink.take()));
        gate::tell("source", "");
        gate::pass("child");
        i32::from(from_source.write_all(&bytes).is_err())
    })
    .map_err(io::Error::other)?;
    drop(from_source);
    let mut sink = Some(sink);
    let mut reader = Child::fork(|| {
        drop((source.take(), to_sink.take()));
        gate::pass("child");
        sink.take().map_or(1, |sink| i32::from(verify(sink, &bytes).is_err()))
    })
    .map_err(io::Error::other)?;
    drop(sink);

    if let (Some(source), Some(sink)) = (&source, &to_sink) {
        report(source, sink);
    }
    drop((source, to_sink));
    writer.wait().map_err(io::Error::other)?;
    reader.wait().map_err(io::Error::other)?;
    gate::tell("signals", SIGNALS.load(Ordering::Relaxed));
    Ok(())
}

/// Calls the reader's function.
fn report(source: &ReadEnd, sink: &WriteEnd) {
    let copied = match storm_of_signals::copy(source.as_fd(), sink.as_fd()) {
        Ok(len) => format!("{len} bytes"),
        Err(Errno::EINTR) => "EINTR".to_owned(),
        Err(errno) => errno.to_string(),
    };
    println!("copy says: {copied}");
    gate::tell("copied", copied);
}

/// The byte at a place of the stream. The pattern does not fit into a page a whole number of times.
fn pattern(at: usize) -> u8 {
    u8::try_from(at % 251).unwrap_or(0)
}

/// The child that reads: compares with what was sent.
fn verify(mut sink: ReadEnd, sent: &[u8]) -> io::Result<()> {
    let mut got = Vec::new();
    sink.read_to_end(&mut got)?;
    let same = sent.iter().zip(&got).take_while(|(left, right)| left == right).count();
    println!(
        "{} bytes were sent, {} have arrived, the first {same} right",
        sent.len(),
        got.len()
    );
    gate::tell("sent", sent.len());
    gate::tell("got", got.len());
    gate::tell("same", same);
    Ok(())
}
