//! A process of the lab, which ends with it.

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::env;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Where programs for administrators are; an ordinary user's search path often lacks it.
const MORE_PATH: &str = "/usr/local/sbin:/usr/sbin:/sbin";

/// A program of the system, wherever Debian puts it.
pub(super) fn system_program(name: &str) -> Command {
    let mut path = env::var_os("PATH").unwrap_or_default();
    path.push(":");
    path.push(MORE_PATH);
    let mut command = Command::new(name);
    // It is looked for in the path that it gets.
    command.env("PATH", path);
    command
}

/// A child, and whatever it starts.
pub(super) struct Process(Child);

impl Process {
    /// Starts it; what it prints is added to a file.
    pub(super) fn start(mut command: Command, log: &Path) -> io::Result<Process> {
        let log = OpenOptions::new().create(true).append(true).open(log)?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        Process::spawn(command)
    }

    /// Starts it with the standard streams that the command has.
    pub(super) fn spawn(mut command: Command) -> io::Result<Process> {
        ends_with_this_thread(&mut command);
        // Not in the group of the terminal: Ctrl-C is the program's affair, whose end ends this one.
        command.process_group(0).spawn().map(Process)
    }

    pub(super) fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    pub(super) fn pid(&self) -> u32 {
        self.0.id()
    }

    pub(super) fn has_ended(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(Some(_)))
    }

    pub(super) fn wait(&mut self) -> Option<i32> {
        self.0.wait().ok().and_then(|status| status.code())
    }

    /// Stops it and all that it has started.
    pub(super) fn stop(&self) {
        self.signal_all(Signal::SIGSTOP);
    }

    pub(super) fn go_on(&self) {
        self.signal_all(Signal::SIGCONT);
    }

    fn signal_all(&self, signal: Signal) {
        // From the top: what is stopped starts nothing more.
        let mut found = vec![self.pid()];
        let mut at = 0;
        while let Some(pid) = found.get(at).copied() {
            let _ = kill(Pid::from_raw(pid.cast_signed()), signal);
            found.extend(children(pid));
            at += 1;
        }
    }
}

fn children(pid: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let lists =
        threads.flatten().map(|thread| fs::read_to_string(thread.path().join("children")));
    let lists: Vec<String> = lists.flatten().collect();
    lists.iter().flat_map(|list| list.split_whitespace()).flat_map(str::parse).collect()
}

impl Drop for Process {
    fn drop(&mut self) {
        // All at once, as a machine that loses its power.
        self.signal_all(Signal::SIGKILL);
        let _ = self.0.wait();
    }
}

/// Has the kernel kill the process when the thread ends that starts it: the lab's program may be killed itself.
fn ends_with_this_thread(command: &mut Command) {
    // SAFETY: between fork and exec only `prctl` is called, a system call, which neither allocates nor locks.
    unsafe {
        command.pre_exec(|| set_pdeathsig(Signal::SIGKILL).map_err(io::Error::from));
    }
}
