//! What the cases observe of a fork: how the child ended, what was printed, what was dropped where.

use fork::ForkError;
use nix::errno::Errno;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{self, Pid, dup2_stdout};
use std::io::{PipeWriter, Read, Seek, Write, pipe, stdout};

/// Waits for the end of this child.
pub(crate) fn reap(child: Pid) -> WaitStatus {
    loop {
        match waitpid(child, None) {
            Err(Errno::EINTR) => {}
            status => return status.expect("waitpid"),
        }
    }
}

/// How the forked child ended.
pub(crate) fn ended(forked: Result<Pid, ForkError>) -> WaitStatus {
    reap(forked.expect("fork"))
}

/// The code that the forked child ended with.
pub(crate) fn code_of(forked: Result<Pid, ForkError>) -> i32 {
    match ended(forked) {
        WaitStatus::Exited(_, code) => code,
        other => panic!("not an exit: {other:?}"),
    }
}

/// A case that aborts on purpose leaves no core file.
pub(crate) fn without_core_files() {
    setrlimit(Resource::RLIMIT_CORE, 0, 0).expect("setrlimit");
}

/// What this process and its children write to standard output during `run`.
pub(crate) fn output_of(run: impl FnOnce()) -> String {
    let mut file = tempfile::tempfile().expect("a temporary file");
    stdout().flush().expect("flush");
    let saved = unistd::dup(stdout()).expect("dup");
    dup2_stdout(&file).expect("redirect");
    run();
    stdout().flush().expect("flush");
    dup2_stdout(&saved).expect("put standard output back");
    file.rewind().expect("rewind");
    let mut text = String::new();
    file.read_to_string(&mut text).expect("read what was written");
    text
}

/// Says on a pipe that it was dropped, and in which process.
pub(crate) struct Witness<'a>(pub(crate) &'a PipeWriter);

impl Drop for Witness<'_> {
    fn drop(&mut self) {
        let pid = Pid::this().as_raw();
        self.0.write_all(&pid.to_ne_bytes()).expect("write to the pipe");
    }
}

/// The processes in which a witness was dropped during `run`.
pub(crate) fn drops(run: impl FnOnce(&PipeWriter)) -> Vec<i32> {
    let (mut reader, writer) = pipe().expect("pipe");
    run(&writer);
    drop(writer);
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).expect("read the pipe");
    bytes.chunks(4).map(|pid| i32::from_ne_bytes(pid.try_into().expect("4 bytes"))).collect()
}

/// Panics when it is dropped.
pub(crate) struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped");
    }
}
