//! Pool v2 from outside: its output against that of `sha256sum`, whoever is killed, and who is left when it ends.
#![forbid(unsafe_code)]

use nix::pty::openpty;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, getpgid};
use process::{PipeEnd, Snapshot, Target};
use signal::SignalSets;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What takes longer has failed. Only a machine under heavy load comes near it.
const DEADLINE: Duration = Duration::from_secs(120);

/// Longer than any test takes: 64 GiB.
const ENDLESS: u64 = 64 << 30;

/// A fraction of a second of work.
const SHORT: u64 = 4 << 20;

fn pool(folder: &Path) -> Command {
    let mut command = Command::new(transcript::built_example("pool_v2"));
    command.current_dir(folder).stdin(Stdio::null()).env_remove("RUST_BACKTRACE");
    command
}

fn output(command: &mut Command) -> Output {
    command.output().expect("start the pool")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What `sha256sum` prints for every regular file below `.`, in no order.
fn sha256sum(folder: &Path) -> Vec<Vec<u8>> {
    let output = Command::new("find")
        .args([".", "-type", "f", "-exec", "sha256sum", "{}", "+"])
        .current_dir(folder)
        .env("LC_ALL", "C")
        .output()
        .expect("find and sha256sum are installed");
    assert!(output.status.success(), "{}", text(&output.stderr));
    sorted(&output.stdout)
}

fn sorted(lines: &[u8]) -> Vec<Vec<u8>> {
    let mut lines: Vec<_> =
        lines.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    lines.sort();
    lines
}

#[test]
fn its_output_is_that_of_sha256sum() {
    let names: [&[u8]; 6] = [
        b"empty",
        b"-dash",
        b"line\nfeed",
        b"back\\slash",
        b"not utf-8 \xff\xfe",
        b"deep/er/file",
    ];
    let root = tempfile::tempdir().expect("a temporary folder");
    for (len, name) in names.into_iter().enumerate() {
        let path = root.path().join(OsStr::from_bytes(name));
        fs::create_dir_all(path.parent().expect("in a folder")).expect("create the folder");
        fs::write(path, vec![b'x'; len * 70_001]).expect("write the file");
    }
    for number in 0..600 {
        fs::write(root.path().join(number.to_string()), number.to_string()).expect("write");
    }
    let expected = sha256sum(root.path());
    let mut first = None;
    for workers in ["1", "2", "7"] {
        let output = output(pool(root.path()).args(["-j", workers, "."]));
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert!(sorted(&output.stdout) == expected, "-j {workers} differs");
        assert_eq!(*first.get_or_insert(output.stdout.clone()), output.stdout, "another order");
        assert!(text(&output.stderr).starts_with("606 files; "), "{}", text(&output.stderr));
    }
}

#[test]
fn no_files_are_no_error_and_missing_ones_are_one() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let none = output(pool(root.path()).args(["-j", "3", "."]));
    assert!(none.status.success() && none.stdout.is_empty(), "{}", text(&none.stderr));

    fs::write(root.path().join("a"), "a").expect("write");
    // The first pages of a process's memory are never there, for root neither.
    let output = output(pool(root.path()).args(["/proc/self/mem", "missing", "."]));
    assert_eq!(output.status.code(), Some(1));
    assert!(sorted(&output.stdout) == sha256sum(root.path()));
    let said = text(&output.stderr);
    assert!(said.contains("pool_v2: \"/proc/self/mem\": Input/output error"), "{said}");
    assert!(said.contains("missing: No such file"), "{said}");
}

#[test]
fn too_few_descriptors_are_an_error_that_names_the_way_out() {
    let root = tempfile::tempdir().expect("a temporary folder");
    (0..6).for_each(|name| fs::write(root.path().join(name.to_string()), "x").expect("write"));
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -n 16; exec \"$0\" -j 6 ."])
        .arg(transcript::built_example("pool_v2"));
    let output = output(command.current_dir(root.path()).stdin(Stdio::null()));
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let said = text(&output.stderr);
    assert!(said.contains("lower -j") && said.contains("Too many open files"), "{said}");
}

#[test]
fn a_reader_that_leaves_is_no_panic() {
    let root = tempfile::tempdir().expect("a temporary folder");
    fs::write(root.path().join("a"), "a").expect("write");
    let (reader, writer) = std::io::pipe().expect("pipe");
    drop(reader);
    let left = output(pool(root.path()).arg(".").stdout(writer));
    assert_eq!((left.status.code(), text(&left.stderr)), (Some(141), String::new()));
}

/// Then the kernel reaps the workers, and the pool cannot ask how they ended.
#[test]
fn with_sigchld_ignored_the_lines_come_before_the_error() {
    let root = tempfile::tempdir().expect("a temporary folder");
    (0..4).for_each(|name| fs::write(root.path().join(name.to_string()), "x").expect("write"));
    let mut command = Command::new("env");
    command
        .arg("--ignore-signal=CHLD")
        .arg(transcript::built_example("pool_v2"))
        .args(["-j", "2", "."]);
    let output = output(command.current_dir(root.path()).stdin(Stdio::null()));
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(sorted(&output.stdout) == sha256sum(root.path()));
    assert!(text(&output.stderr).contains("is SIGCHLD ignored?"), "{}", text(&output.stderr));
}

/// The pool at work, with standard streams that are no pipes. Its processes are known by their current folder, which
/// nobody else has.
struct AtWork {
    parent: Child,
    pid: Pid,
    workers: Vec<Pid>,
    out: File,
    said: File,
    files: TempDir,
}

impl AtWork {
    /// `count` workers on files that are one hole each and so take no room, in the order of their lengths in bytes.
    fn start(count: usize, lens: &[u64]) -> AtWork {
        // A background job of a shell script ignores Ctrl-C, and all that it starts with it: also this test. env gives
        // the signal its meaning back, and becomes the pool.
        AtWork::start_by(&["env", "--default-signal=INT,TERM,HUP"], Stdio::null(), count, lens)
    }

    fn start_by(by: &[&str], stdin: Stdio, count: usize, lens: &[u64]) -> AtWork {
        let files = tempfile::tempdir().expect("a temporary folder");
        for (number, len) in lens.iter().enumerate() {
            let file = File::create(files.path().join(format!("{number:04}"))).expect("create");
            file.set_len(*len).expect("a hole");
        }
        let [out, said] = [(); 2].map(|()| tempfile::tempfile().expect("a temporary file"));
        let parent = Command::new(by[0])
            .args(&by[1..])
            .arg(transcript::built_example("pool_v2"))
            .args(["-j", &count.to_string(), "."])
            .current_dir(files.path())
            .stdin(stdin)
            .stdout(out.try_clone().expect("dup"))
            .stderr(said.try_clone().expect("dup"))
            .process_group(if by[0] == "env" {
                0
            } else {
                getpgid(None).expect("own").as_raw()
            })
            .spawn()
            .expect("start the pool");
        let pid = Pid::from_raw(i32::try_from(parent.id()).expect("a pid fits an i32"));
        let mut at_work = AtWork { parent, pid, workers: Vec::new(), out, said, files };
        at_work.until_at_work(count);
        at_work
    }

    /// Waits until `count` workers have each a file open.
    fn until_at_work(&mut self, count: usize) {
        self.until("the workers have begun", |at_work| {
            at_work.workers = at_work.alive();
            at_work.workers.retain(|pid| *pid != at_work.pid);
            at_work.workers.len() == count
                && at_work.workers.iter().all(|pid| has_begun(*pid, at_work.files.path()))
        });
    }

    fn until(&mut self, what: &str, mut is_so: impl FnMut(&mut AtWork) -> bool) {
        let ends_at = Instant::now() + DEADLINE;
        while !is_so(self) {
            assert!(Instant::now() < ends_at, "not within {DEADLINE:?}: {what}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The pool's processes that have not ended. A zombie has no folder.
    fn alive(&self) -> Vec<Pid> {
        let entries = fs::read_dir("/proc").expect("/proc is mounted").flatten();
        let here = entries.filter(|entry| {
            fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == self.files.path())
        });
        let names = here.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        names.map(Pid::from_raw).collect()
    }

    fn cut_files(&self, len: u64) {
        for entry in fs::read_dir(self.files.path()).expect("the folder") {
            let file = File::options().write(true).open(entry.expect("an entry").path());
            file.expect("a file").set_len(len).expect("cut it");
        }
    }

    /// How the parent ends, within the deadline; nobody else is left then. Its output, sorted, and what it said.
    fn ends(mut self) -> (ExitStatus, Vec<Vec<u8>>, String) {
        let mut status = None;
        self.until("the parent has ended", |at_work| {
            status = at_work.parent.try_wait().expect("wait for the pool");
            status.is_some()
        });
        let left = self.alive();
        assert!(left.is_empty(), "still there after the parent: {left:?}");
        let (out, said) = (read(&mut self.out), read(&mut self.said));
        (status.expect("it has ended"), sorted(&out), text(&said))
    }
}

fn read(file: &mut File) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.rewind().expect("rewind");
    file.read_to_end(&mut bytes).expect("read");
    bytes
}

impl Drop for AtWork {
    fn drop(&mut self) {
        for pid in self.alive() {
            let _ = kill(pid, Signal::SIGKILL);
        }
        let _ = self.parent.wait();
    }
}

/// Whether a worker has one of the files open, so that it is at a task.
fn has_begun(pid: Pid, files: &Path) -> bool {
    let Ok(snapshot) = Snapshot::of(pid.as_raw()) else { return false };
    let mut targets = snapshot.descriptors.iter().map(|descriptor| &descriptor.target);
    targets.any(|target| matches!(target, Target::File(path) if path.starts_with(files)))
}

#[test]
fn each_worker_leads_a_group_hears_signals_and_has_its_own_two_ends() {
    let at_work = AtWork::start(3, &[ENDLESS; 3]);
    let ends_of = |pid: Pid| {
        let own = Snapshot::this().expect("/proc is mounted").descriptors;
        let mut theirs = Snapshot::of(pid.as_raw()).expect("it is at work").descriptors;
        theirs.retain(|it| own.iter().all(|own| own.target != it.target));
        let ends = theirs.into_iter().filter_map(|it| match it.target {
            Target::Pipe { end, .. } => Some(end),
            _ => None,
        });
        ends.collect::<Vec<_>>()
    };
    for worker in &at_work.workers {
        assert_eq!(getpgid(Some(*worker)), Ok(*worker));
        assert!(SignalSets::of(*worker).expect("it is at work").blocked.is_empty());
        let ends = ends_of(*worker);
        assert!(ends.len() == 2 && ends.contains(&PipeEnd::Read), "{ends:?}");
        assert!(ends.contains(&PipeEnd::Write), "{ends:?}");
    }
    assert_eq!(ends_of(at_work.pid).len(), 6);
}

#[test]
fn it_outlives_the_death_of_every_worker() {
    for count in [1, 3] {
        let at_work = AtWork::start(count, &[ENDLESS; 30]);
        let killed = at_work.workers.clone();
        // A worker that is stopped does not finish its task, however short the files become.
        killed.iter().for_each(|worker| kill(*worker, Signal::SIGSTOP).expect("stop"));
        at_work.cut_files(SHORT);
        let expected = sha256sum(at_work.files.path());
        killed.iter().for_each(|worker| kill(*worker, Signal::SIGKILL).expect("kill"));
        let (status, out, said) = at_work.ends();
        assert!(status.success(), "{said}");
        assert!(out == expected, "{said}");
        for worker in &killed {
            let death = format!(
                "pool_v2: worker {worker} died: signal 9 (SIGKILL); its task runs again"
            );
            assert!(said.contains(&death), "{said}");
        }
        assert_eq!(said.matches(" died: ").count(), count, "{said}");
    }
}

/// Its neighbours in other tasks are hashed.
#[test]
fn a_task_that_kills_two_workers_is_given_up() {
    let mut at_work = AtWork::start(1, &[ENDLESS, SHORT, SHORT, SHORT]);
    let first = at_work.workers[0];
    kill(first, Signal::SIGKILL).expect("kill the worker");
    at_work.until("another worker", |at_work| at_work.alive().iter().all(|pid| *pid != first));
    at_work.until_at_work(1);
    let second = at_work.workers[0];
    kill(second, Signal::SIGKILL).expect("kill the worker");
    fs::remove_file(at_work.files.path().join("0000")).expect("remove");
    let expected = sha256sum(at_work.files.path());
    let (status, out, said) = at_work.ends();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(out == expected, "{said}");
    let died = |pid| format!("worker {pid} died: signal 9 (SIGKILL); its task ");
    assert!(said.contains(&(died(first) + "runs again")), "{said}");
    assert!(said.contains(&(died(second) + "had killed one before")), "{said}");
    assert!(said.contains("pool_v2: \"./0000\": each worker that read it died"), "{said}");
}

#[test]
fn a_signal_ends_it_and_its_workers_and_is_its_status() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let at_work = AtWork::start(3, &[ENDLESS; 3]);
        kill(at_work.pid, signal).expect("signal the parent");
        let (status, out, said) = at_work.ends();
        assert_eq!(status.signal(), Some(signal as i32), "{said}");
        assert!(out.is_empty() && said.is_empty(), "{said}");
    }
}

#[test]
fn stopped_workers_and_repeated_signals_do_not_keep_it() {
    let at_work = AtWork::start(3, &[ENDLESS; 3]);
    at_work.workers.iter().for_each(|pid| kill(*pid, Signal::SIGSTOP).expect("stop it"));
    for _ in 0..3 {
        killpg(at_work.pid, Signal::SIGINT).expect("signal the group");
    }
    let (status, _, said) = at_work.ends();
    assert_eq!(status.signal(), Some(Signal::SIGINT as i32), "{said}");
}

#[test]
fn ctrl_c_on_a_terminal_ends_it() {
    let terminal = openpty(None, None).expect("a terminal");
    let stdin: OwnedFd = terminal.slave.try_clone().expect("dup");
    let by = ["setsid", "--ctty", "env", "--default-signal=INT"];
    let at_work = AtWork::start_by(&by, stdin.into(), 2, &[ENDLESS; 2]);
    File::from(terminal.master.as_fd().try_clone_to_owned().expect("dup"))
        .write_all(b"\x03")
        .expect("type Ctrl-C");
    let (status, out, said) = at_work.ends();
    assert_eq!(status.signal(), Some(Signal::SIGINT as i32), "{said}");
    assert!(out.is_empty(), "{said}");
}

#[test]
fn a_signal_that_was_ignored_stays_ignored() {
    let by = ["env", "--ignore-signal=INT", "--default-signal=TERM"];
    let at_work = AtWork::start_by(&by, Stdio::null(), 2, &[ENDLESS; 2]);
    for pid in at_work.workers.iter().chain([&at_work.pid]) {
        kill(*pid, Signal::SIGINT).expect("signal it");
        let sets = SignalSets::of(*pid).expect("it is at work");
        assert!(
            sets.ignored.contains(Signal::SIGINT) && !sets.blocked.contains(Signal::SIGINT)
        );
    }
    kill(at_work.pid, Signal::SIGTERM).expect("signal the parent");
    let (status, _, said) = at_work.ends();
    assert_eq!(status.signal(), Some(Signal::SIGTERM as i32), "{said}");
    assert!(said.is_empty(), "{said}");
}

#[test]
fn workers_of_a_killed_parent_end_after_their_task() {
    let mut at_work = AtWork::start(2, &[SHORT; 200]);
    kill(at_work.pid, Signal::SIGKILL).expect("kill the parent");
    at_work.until("all have ended", |at_work| at_work.alive().is_empty());
    let (status, _, _) = at_work.ends();
    assert_eq!(status.signal(), Some(Signal::SIGKILL as i32));
}
