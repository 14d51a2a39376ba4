//! Pool v3 from outside: its output against that of `sha256sum`, and who is left when it ends in each way.

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use process::{Snapshot, Target};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Read, Seek};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What takes longer has failed. Only a machine under heavy load comes near it.
const DEADLINE: Duration = Duration::from_secs(120);

fn run(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(transcript::built_example("pool_v3"));
    command.current_dir(folder).stdin(Stdio::null()).env_remove("RUST_BACKTRACE");
    command.args(args).output().expect("start the pool")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn write_file(root: &Path, name: &[u8], len: usize) {
    let path = root.join(OsStr::from_bytes(name));
    fs::create_dir_all(path.parent().expect("in a folder")).expect("create the folder");
    let content: Vec<u8> = (0..len).map(|place| (place % 251) as u8).collect();
    fs::write(path, content).expect("write the file");
}

/// What `sha256sum` prints for every regular file below `.`, sorted.
fn sha256sum(folder: &Path) -> Vec<String> {
    let mut find = Command::new("find");
    find.args([".", "-type", "f", "-exec", "sha256sum", "{}", "+"]).env("LC_ALL", "C");
    let output = find.current_dir(folder).output().expect("find and sha256sum are installed");
    assert!(output.status.success(), "{}", text(&output.stderr));
    sorted(&output.stdout)
}

fn sorted(lines: &[u8]) -> Vec<String> {
    let mut lines: Vec<_> = lines.split_inclusive(|byte| *byte == b'\n').map(text).collect();
    lines.sort();
    lines
}

#[test]
fn its_output_is_that_of_sha256sum() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let names: [(&[u8], usize); 7] = [
        (b"empty", 0),
        (b" spaces  in front and behind ", 300),
        (b"--", 5),
        (b"line\nfeed", 8),
        (b"back\\slash", 9),
        (b"not utf-8 \xff\xfe", 11),
        (b"deep/er/est/file", 3_000_000),
    ];
    names.iter().for_each(|(name, len)| write_file(root.path(), name, *len));
    for number in 0..700 {
        write_file(root.path(), format!("many/{}/{number}", number % 7).as_bytes(), number * 9);
    }
    let expected = sha256sum(root.path());
    assert_eq!(expected.len(), 707);
    let mut first = None;
    for workers in ["1", "2", "7"] {
        let output = run(root.path(), &["-j", workers, "."]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert!(sorted(&output.stdout) == expected, "-j {workers} differs");
        assert_eq!(*first.get_or_insert(output.stdout.clone()), output.stdout, "another order");
        assert!(text(&output.stderr).starts_with("707 files; "), "{}", text(&output.stderr));
    }
}

/// A task of sixteen names, each as long as the kernel takes them.
#[test]
fn the_longest_names_fit_into_a_ring() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let names: Vec<Vec<u8>> = (0..16)
        .map(|number| {
            let folder = [b"f".repeat(200), vec![b'/']].concat().repeat(18);
            [folder, format!("{number:02}").into_bytes(), b"n".repeat(200)].concat()
        })
        .collect();
    names.iter().for_each(|name| write_file(root.path(), name, 10));
    let output = run(root.path(), &["-j", "1", "."]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(sorted(&output.stdout), sha256sum(root.path()));
}

#[test]
fn no_files_are_no_error() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let output = run(root.path(), &["-j", "3", "."]);
    assert!(output.status.success() && output.stdout.is_empty(), "{}", text(&output.stderr));
}

#[test]
fn what_cannot_be_read_is_an_error_and_the_rest_is_done() {
    let root = tempfile::tempdir().expect("a temporary folder");
    write_file(root.path(), b"a", 5);
    // The first pages of a process's memory are never there, for root neither.
    let output = run(root.path(), &["/proc/self/mem", "missing", "."]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(sorted(&output.stdout), sha256sum(root.path()));
    let said = text(&output.stderr);
    assert!(said.contains("pool_v3: \"/proc/self/mem\": Input/output error"), "{said}");
    assert!(said.lines().any(|line| line.contains("missing: No such file")), "{said}");
}

#[test]
fn wrong_arguments_are_code_2() {
    let root = tempfile::tempdir().expect("a temporary folder");
    for args in [&["-j", "many"][..], &["-j"], &["--nonsense"], &["-j", "0"]] {
        let output = run(root.path(), args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{args:?}");
    }
}

/// The pool at work in a process group of its own, with standard streams that are no pipes.
struct AtWork {
    parent: Child,
    group: Pid,
    workers: Vec<Pid>,
    said: File,
    files: TempDir,
    /// How the parent ended, once that was asked. From then on the number of the group may be somebody else's.
    status: Option<ExitStatus>,
}

impl AtWork {
    /// Two workers on four files of 64 GiB that are one hole each: more than any test has time for.
    fn start() -> AtWork {
        let files = tempfile::tempdir().expect("a temporary folder");
        for number in 0..4 {
            let file = File::create(files.path().join(number.to_string())).expect("create");
            file.set_len(64 << 30).expect("a hole");
        }
        let said = tempfile::tempfile().expect("a temporary file");
        // A background job of a shell script ignores Ctrl-C, and so would the pool.
        let parent = Command::new("env")
            .arg("--default-signal=INT")
            .arg(transcript::built_example("pool_v3"))
            .args(["-j", "2", "."])
            .current_dir(files.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(said.try_clone().expect("dup"))
            .process_group(0)
            .spawn()
            .expect("start the pool");
        let group = Pid::from_raw(parent.id().cast_signed());
        let mut it = AtWork { parent, group, workers: Vec::new(), said, files, status: None };
        it.until("the workers have begun", |it| {
            it.workers = it.alive().into_iter().filter(|pid| *pid != group).collect();
            it.workers.len() == 2 && it.workers.iter().all(|pid| it.has_begun(*pid))
        });
        it
    }

    fn until(&mut self, what: &str, mut is_so: impl FnMut(&mut AtWork) -> bool) {
        let ends_at = Instant::now() + DEADLINE;
        while !is_so(self) {
            assert!(Instant::now() < ends_at, "not within {DEADLINE:?}: {what}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The members of the group that have not ended.
    fn alive(&self) -> Vec<Pid> {
        let entries = fs::read_dir("/proc").expect("/proc is mounted").flatten();
        let stats =
            entries.filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
        stats.filter_map(|stat| member(&stat, self.group)).collect()
    }

    /// Whether a worker has one of the files open, so that it is at a task.
    fn has_begun(&self, pid: Pid) -> bool {
        let Ok(snapshot) = Snapshot::of(pid.as_raw()) else { return false };
        let mut targets = snapshot.descriptors.iter().map(|descriptor| &descriptor.target);
        let folder = self.files.path();
        let in_folder =
            |target: &Target| matches!(target, Target::File(path) if path.starts_with(folder));
        targets.any(in_folder)
    }

    /// How the parent ends, within the deadline; nobody else is left then, or soon after.
    fn ends(mut self) -> (ExitStatus, String) {
        let group = self.group;
        self.until("the parent has ended", |it| !it.alive().contains(&group));
        self.until("the workers have ended", |it| it.alive().is_empty());
        let status = self.parent.wait().expect("wait for the pool");
        self.status = Some(status);
        let mut said = String::new();
        self.said.rewind().expect("rewind");
        self.said.read_to_string(&mut said).expect("read what it said");
        (status, said)
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        if self.status.is_none() {
            let _ = killpg(self.group, Signal::SIGKILL);
            let _ = self.parent.wait();
        }
    }
}

/// The pid in a line of `/proc/PID/stat` if the process is of this group and no zombie.
fn member(stat: &str, group: Pid) -> Option<Pid> {
    let (who, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let is_member = fields.get(2)?.parse() == Ok(group.as_raw());
    let has_ended = matches!(fields.first(), Some(&"Z" | &"X"));
    let pid = who.split_once(' ')?.0.parse().ok()?;
    (is_member && !has_ended).then_some(Pid::from_raw(pid))
}

/// What a process has open, but for what this test was started with and hands on.
fn opened(pid: Pid) -> Vec<Target> {
    let handed_on = Snapshot::this().expect("/proc is mounted").descriptors;
    let theirs = Snapshot::of(pid.as_raw()).expect("it is at work").descriptors;
    let targets = theirs.into_iter().map(|it| it.target);
    targets.filter(|target| handed_on.iter().all(|it| it.target != *target)).collect()
}

#[test]
fn a_worker_has_no_descriptor_of_the_pool() {
    let at_work = AtWork::start();
    for worker in &at_work.workers {
        let opened = opened(*worker);
        let is_the_pools = |target: &&Target| {
            matches!(target, Target::Pipe { .. }) || format!("{target:?}").contains("memfd")
        };
        assert_eq!(opened.iter().find(is_the_pools), None, "{opened:?}");
    }
}

#[test]
fn a_killed_worker_is_named_and_nobody_is_left() {
    for victim in 0..2 {
        let at_work = AtWork::start();
        let worker = at_work.workers[victim];
        kill(worker, Signal::SIGKILL).expect("kill the worker");
        let (status, said) = at_work.ends();
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(said.contains(&format!("worker {worker} died: signal 9 (SIGKILL)")), "{said}");
    }
}

#[test]
fn ctrl_c_leaves_nobody() {
    let at_work = AtWork::start();
    killpg(at_work.group, Signal::SIGINT).expect("signal the group");
    assert_eq!(at_work.ends().0.signal(), Some(Signal::SIGINT as i32));
}

#[test]
fn a_parent_that_dies_alone_leaves_nobody() {
    for signal in [Signal::SIGINT, Signal::SIGKILL] {
        let at_work = AtWork::start();
        kill(at_work.group, signal).expect("signal the parent");
        assert_eq!(at_work.ends().0.signal(), Some(signal as i32));
    }
}
