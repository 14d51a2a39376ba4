//! Standard output, as all commands write to it.
//!
//! Colours reach a terminal only. A reader who has seen enough and closes the pipe, as in
//! `list | head`, is no failure: the text is dropped, and the command hears that nobody reads.

use std::io::{self, ErrorKind, IsTerminal, Write};

/// Writes `text` to standard output, and says whether somebody still reads it.
///
/// # Errors
///
/// When it cannot be written for another reason, such as a full disk.
pub fn print(text: &str) -> io::Result<bool> {
    written(anstream::stdout().lock().write_all(text.as_bytes()))
}

/// How many characters fit a line of the terminal that standard output is; `None` if it is none.
pub fn width() -> Option<usize> {
    #[cfg(target_os = "linux")]
    if io::stdout().is_terminal()
        && let Ok(size) = rustix::termios::tcgetwinsize(io::stdout())
        && size.ws_col > 0
    {
        return Some(usize::from(size.ws_col));
    }
    None
}

fn written(result: io::Result<()>) -> io::Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_pipe_is_told_of_and_another_error_is_one() {
        let (reader, mut pipe) = io::pipe().expect("a pipe");
        assert!(written(pipe.write_all(b"a")).expect("it was written"));
        drop(reader);
        assert!(!written(pipe.write_all(b"a")).expect("nobody reads"));
        assert!(written(Err(ErrorKind::StorageFull.into())).is_err());
    }
}
