//! Waits for the reader to have had enough: Ctrl-C, or SIGTERM.
//!
//! From the first call on the two signals no longer end this program, so that it can first end
//! what it has started.

use std::io;

/// Returns when the program is to end, with the exit status that a shell gives to one that the
/// same signal has killed.
#[cfg(unix)]
pub(crate) async fn demanded() -> io::Result<u8> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => Ok(130),
        _ = terminate.recv() => Ok(143),
    }
}

/// Returns when the program is to end, with the exit status of a shell's interrupted program.
#[cfg(not(unix))]
pub(crate) async fn demanded() -> io::Result<u8> {
    tokio::signal::ctrl_c().await.map(|()| 130)
}
