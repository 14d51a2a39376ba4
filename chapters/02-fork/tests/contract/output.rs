//! What was printed is there once, whatever standard output is.

use crate::observe::{Bomb, code_of, output_of};
use fork::{ForkError, PANIC_CODE, fork};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::{self, dup2_stdout};
use std::io::{ErrorKind, Read, Write, pipe, stdout};
use std::panic::panic_any;

/// Forks when it is formatted, so while somebody is writing.
struct Formatted;

impl std::fmt::Display for Formatted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "code {}", code_of(fork(prints)))
    }
}

fn prints() -> i32 {
    print!("child, ");
    0
}

pub(crate) fn it_can_be_called_while_stdout_is_locked() {
    let text = output_of(|| {
        let mut locked = stdout().lock();
        write!(locked, "before, {Formatted}").expect("write");
        locked.flush().expect("flush");
    });
    assert_eq!(text, "before, child, code 0");
}

pub(crate) fn text_is_printed_once() {
    let text = output_of(|| {
        print!("before, ");
        let pid = fork(|| {
            print!("child, ");
            0
        });
        assert_eq!(code_of(pid), 0);
        print!("panics, ");
        let pid = fork(|| {
            print!("child again, ");
            panic_any(Bomb)
        });
        assert_eq!(code_of(pid), PANIC_CODE);
        println!("after");
    });
    assert_eq!(text, "before, child, panics, child again, after\n");
}

pub(crate) fn a_closed_stdout_is_no_obstacle() {
    let saved = unistd::dup(stdout()).expect("dup");
    // Standard output is put back under the same number below, so nobody else gets it.
    unistd::close(1).expect("close");
    print!("to nobody");
    let code = code_of(fork(|| {
        println!("to nobody either");
        9
    }));
    dup2_stdout(&saved).expect("put standard output back");
    assert_eq!(code, 9);
}

pub(crate) fn a_stdout_without_reader_is_no_obstacle() {
    let (reader, writer) = pipe().expect("pipe");
    let saved = unistd::dup(stdout()).expect("dup");
    dup2_stdout(&writer).expect("redirect");
    drop((reader, writer));
    print!("to nobody");
    let code = code_of(fork(|| 9));
    // An empty pipe with a reader takes what the buffer still holds.
    let (_reader, writer) = pipe().expect("pipe");
    dup2_stdout(&writer).expect("redirect");
    stdout().flush().expect("flush");
    dup2_stdout(&saved).expect("put standard output back");
    assert_eq!(code, 9);
}

pub(crate) fn a_full_stdout_refuses() {
    let (mut reader, mut writer) = pipe().expect("pipe");
    fcntl(&writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).expect("O_NONBLOCK");
    let mut filled = 0;
    loop {
        match writer.write(&[b'.'; 512]) {
            Ok(len) => filled += len,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    let saved = unistd::dup(stdout()).expect("dup");
    dup2_stdout(&writer).expect("redirect");
    drop(writer);
    print!("once");
    let refused = fork(|| 0);
    let mut dots = vec![0; filled];
    reader.read_exact(&mut dots).expect("empty the pipe");
    let accepted = fork(|| 0);
    dup2_stdout(&saved).expect("put standard output back");

    match refused {
        Err(ForkError::Os { source, .. }) => assert_eq!(source.kind(), ErrorKind::WouldBlock),
        other => panic!("{other:?}"),
    }
    assert_eq!(code_of(accepted), 0);
    let mut text = String::new();
    reader.read_to_string(&mut text).expect("read to the end");
    assert_eq!(text, "once");
}
