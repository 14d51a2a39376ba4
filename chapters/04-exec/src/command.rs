//! What a new program is to get.
//!
//! Invariant: a `Command` owns the descriptors that it will hand over, so they are closed here
//! whether or not the program is started.
//!
//! The source is man 2 execve; man 3 exec for the search in `PATH`.

use crate::{ExecError, prepare::Prepared, spawn};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::fd::{OwnedFd, RawFd};
use wait::Child;

// ANCHOR: command
/// A program to start: its file, arguments, environment and descriptors.
///
/// ```no_run
/// let (reader, writer) = std::io::pipe()?;
/// let mut child = exec::Command::new("ls").arg("-l").fd(1, writer).spawn()?;
/// println!("{}", std::io::read_to_string(reader)?);
/// assert!(child.wait()?.success());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Command {
    pub(crate) program: OsString,
    pub(crate) args: Vec<OsString>,
    pub(crate) env: BTreeMap<OsString, OsString>,
    pub(crate) fds: BTreeMap<RawFd, OwnedFd>,
}
// ANCHOR_END: command

impl Command {
    /// The program in the file `program`, with its name as the only argument and this process's
    /// environment.
    ///
    /// A name without a slash is looked for in the folders of `PATH`, as the program will see
    /// it; without a `PATH`, in `/bin` and `/usr/bin`. A file that is neither a program nor a
    /// script with `#!` is an error and not given to a shell.
    pub fn new(program: impl Into<OsString>) -> Self {
        let program = program.into();
        Command {
            args: vec![program.clone()],
            program,
            env: std::env::vars_os().collect(),
            fds: BTreeMap::new(),
        }
    }

    /// The program that is running now, from the very file that it was started from, even if
    /// that file has been replaced or deleted since.
    ///
    /// It needs a mounted `/proc`. The new process is named `exe` in `ps` and `/proc/PID/comm`,
    /// after the link that it was started by.
    ///
    /// # References
    /// man 5 proc_pid_exe.
    pub fn this_program() -> Self {
        let command = Command::new("/proc/self/exe");
        match std::env::args_os().next() {
            Some(name) => command.arg0(name),
            None => command,
        }
    }

    /// Sets the program's own name for itself, `argv[0]`; it is the name of the file if not
    /// set.
    pub fn arg0(mut self, name: impl Into<OsString>) -> Self {
        self.args[0] = name.into();
        self
    }

    /// Appends an argument.
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Appends arguments.
    pub fn args<I: IntoIterator<Item = S>, S: Into<OsString>>(mut self, args: I) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable; the others are those that this process had at
    /// [`Command::new`].
    pub fn env(mut self, key: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.insert(key.into(), value.into());
        self
    }

    /// Removes an environment variable.
    pub fn env_remove(mut self, key: impl AsRef<OsStr>) -> Self {
        self.env.remove(key.as_ref());
        self
    }

    /// Removes all environment variables.
    pub fn env_clear(mut self) -> Self {
        self.env.clear();
        self
    }

    /// Hands over a descriptor: the program will know it by `number`. This process's own is
    /// closed by `spawn`.
    ///
    /// Numbers 0, 1 and 2 are inherited if nothing is handed over for them. Every other
    /// descriptor of this process is closed in the program, whether or not it has
    /// close-on-exec. A second descriptor for one number replaces the first.
    ///
    /// The limit on descriptors (`ulimit -n`) must leave room above the highest `number`: one
    /// for each descriptor that is handed over and one more.
    pub fn fd(mut self, number: RawFd, descriptor: impl Into<OwnedFd>) -> Self {
        self.fds.insert(number, descriptor.into());
        self
    }

    /// Starts the program. Returns once the new process has become the program.
    ///
    /// Neither the size of this process nor its number of threads matters: its memory is lent
    /// to the child until the exec, not copied, and only the calling thread waits. Any thread
    /// may call it at any time, except a child of `fork` in a program with threads, because it
    /// allocates.
    ///
    /// A child that a signal ends before the exec (SIGKILL, or Ctrl-C in that moment) looks
    /// like a program that the signal ended: the `Child` says so when it is waited for.
    ///
    /// # Errors
    /// In each case no process is left.
    /// - [`ExecError::Exec`] with the errno and the path if the program could not be executed;
    /// - [`ExecError::Limit`] if a limit leaves no room for a process or a descriptor;
    /// - [`ExecError::Invalid`] for a string or number that no program can be given;
    /// - [`ExecError::Os`] for anything else, also if the program ran but somebody else took its exit status before it
    ///   could be owned: a `waitpid(-1)` elsewhere, or the kernel because SIGCHLD is ignored.
    ///
    /// # References
    /// man 2 execve; man 2 clone, "CLONE_VFORK".
    pub fn spawn(self) -> Result<Child, ExecError> {
        spawn::spawn(&Prepared::new(self)?)
    }
}
