//! Pools of Python's `multiprocessing`, for comparison.
//!
//! Invariant: an interpreter that was started here ends when its standard input does, so also when this program is killed,
//! and after 30 seconds at the latest; and with it its workers.

use crate::memory::{self, Sheet};
use anyhow::{Context, Result, bail, ensure};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};
use wait::{Child, Pid};

/// The start methods of `multiprocessing`.
pub(crate) const METHODS: [&str; 3] = ["fork", "forkserver", "spawn"];

/// Says `ready` before it has a pool and `up` with the ids of the workers when each of them runs and has had a task. A pool
/// of which only a part could be started can hang, so neither the interpreter nor a worker waits for ever.
const SCRIPT: &str = r#"
import multiprocessing, signal, sys, time
if __name__ == "__main__":
    signal.alarm(30)
    method, workers = sys.argv[1], int(sys.argv[2])
    context = multiprocessing.get_context(method)
    print("ready", flush=True)
    sys.stdin.readline()
    all_run = context.Barrier(workers + 1, timeout=20)
    with context.Pool(workers, all_run.wait) as pool:
        all_run.wait()
        pool.map(time.sleep, [0.01] * workers, 1)
        children = multiprocessing.active_children()
        print("up", *[child.pid for child in children], flush=True)
        sys.stdin.read()
"#;

/// How long Python may take for a step.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether there is a Python with `multiprocessing`, and which; otherwise why not, with the way out.
pub(crate) fn version() -> Result<String, String> {
    let print = "import multiprocessing, platform; print(platform.python_version())";
    let output =
        Command::new("python3").args(["-I", "-c", print]).stdin(Stdio::null()).output();
    match output {
        Ok(output) if output.status.success() => {
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        }
        Ok(_) => {
            Err("Python's workers are not measured: python3 has no module `multiprocessing`. \
                      `python3 -c 'import multiprocessing'` says what is missing."
                .into())
        }
        Err(error) => Err(format!(
            "Python's workers are not measured: python3 cannot be started ({error}). Install it to compare."
        )),
    }
}

/// The memory of a pool of so many workers: what it added to that of the interpreter, and a worker's own.
pub(crate) fn processes(method: &str, workers: usize) -> Result<(f64, Sheet)> {
    let mut python = Python::start(method, workers)?;
    ensure!(python.line()? == "ready", "Python has not become ready");
    let root = python.owned.pid().as_raw();
    let before = memory::of_family(root)?;
    python.input.as_mut().context("its input is closed")?.write_all(b"\n")?;
    let line = python.line()?;
    let pids = line.strip_prefix("up ").with_context(|| format!("Python said `{line}`"))?;
    let sheets: Result<Vec<Sheet>> =
        pids.split(' ').map(|pid| memory::sheet(pid.parse()?)).collect();
    let sheets = sheets?;
    ensure!(sheets.len() == workers, "Python has {} workers and not {workers}", sheets.len());
    let added = memory::of_family(root)? - before;
    Ok((added, memory::median(&sheets).context("Python has no workers")?))
}

struct Python {
    owned: Child,
    input: Option<ChildStdin>,
    output: ChildStdout,
}

impl Python {
    fn start(method: &str, workers: usize) -> Result<Python> {
        let mut started = Command::new("python3")
            .args(["-I", "-c", SCRIPT, method, &workers.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("python3 cannot be started")?;
        let (input, output) = (started.stdin.take(), started.stdout.take());
        let owned = Child::adopt(Pid::from_raw(started.id() as i32))?;
        Ok(Python { owned, input, output: output.context("a pipe is missing")? })
    }

    /// The next line that it says.
    fn line(&mut self) -> Result<String> {
        let until = Instant::now() + PATIENCE;
        let mut line = Vec::new();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
            match poll(&mut [PollFd::new(self.output.as_fd(), PollFlags::POLLIN)], timeout) {
                Ok(0) => bail!("Python has said nothing for {PATIENCE:?}"),
                Ok(_) => {}
                Err(Errno::EINTR) => continue,
                Err(errno) => return Err(io::Error::from(errno).into()),
            }
            let mut byte = [0];
            match pipe::read_full(&mut self.output.by_ref(), &mut byte)? {
                0 => bail!("Python has ended too early"),
                _ if byte == *b"\n" => return Ok(String::from_utf8(line)?),
                _ => line.extend(byte),
            }
        }
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        drop(self.input.take());
        if !matches!(self.owned.wait_timeout(PATIENCE), Ok(Some(_))) {
            // It is not reaped yet, so its number, which is that of the group, is still its own.
            let _ = killpg(self.owned.pid(), Signal::SIGKILL);
        }
    }
}
