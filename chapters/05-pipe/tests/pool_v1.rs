//! Pool v1 from outside: its output against that of `sha256sum`, and who is left when it ends in each way.

use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, geteuid, mkfifo};
use process::{PipeEnd, Snapshot, Target};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What takes longer has failed. Only a machine under heavy load comes near it.
const DEADLINE: Duration = Duration::from_secs(120);

fn pool(folder: &Path) -> Command {
    let mut command = Command::new(transcript::built_example("pool_v1"));
    command.current_dir(folder).stdin(Stdio::null()).env_remove("RUST_BACKTRACE");
    command
}

fn output(command: &mut Command) -> Output {
    command.output().expect("start the pool")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn tree(files: &[(&[u8], usize)]) -> TempDir {
    let root = tempfile::tempdir().expect("a temporary folder");
    for (name, len) in files {
        let path = root.path().join(OsStr::from_bytes(name));
        fs::create_dir_all(path.parent().expect("in a folder")).expect("create the folder");
        let content: Vec<u8> = (0..*len).map(|place| (place % 253) as u8).collect();
        fs::write(path, content).expect("write the file");
    }
    root
}

/// What `sha256sum` prints for every regular file below `.`.
fn sha256sum(folder: &Path) -> Vec<u8> {
    let output = Command::new("find")
        .args([".", "-type", "f", "-exec", "sha256sum", "{}", "+"])
        .current_dir(folder)
        .env("LC_ALL", "C")
        .output()
        .expect("find and sha256sum are installed");
    assert!(output.status.success(), "{}", text(&output.stderr));
    output.stdout
}

fn sorted(lines: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = lines.split_inclusive(|byte| *byte == b'\n').collect();
    lines.sort();
    lines
}

#[test]
fn its_output_is_that_of_sha256sum() {
    let names: [(&[u8], usize); 14] = [
        (b"empty", 0),
        (b"one byte", 1),
        (b" spaces  in front and behind ", 300),
        (b"-dash", 5),
        (b"--", 5),
        (b".hidden", 7),
        (b"line\nfeed", 8),
        (b"back\\slash", 9),
        (b"both\\\n\n\\", 9),
        (b"folder\nwith line feed/file", 10),
        (b"not utf-8 \xff\xfe", 11),
        (b"piece", 128 << 10),
        (b"piece and one", (128 << 10) + 1),
        (b"deep/er/est/file", 3_000_000),
    ];
    let root = tree(&names);
    for number in 0..1200 {
        let path = root.path().join(format!("many/{}/{number}", number % 7));
        fs::create_dir_all(path.parent().expect("in a folder")).expect("create the folder");
        fs::write(path, number.to_string().repeat(number)).expect("write the file");
    }
    let expected = sha256sum(root.path());
    let mut first = None;
    for workers in ["1", "2", "7"] {
        let output = output(pool(root.path()).args(["-j", workers, "."]));
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert!(sorted(&output.stdout) == sorted(&expected), "-j {workers} differs");
        assert_eq!(*first.get_or_insert(output.stdout.clone()), output.stdout, "another order");
        assert!(text(&output.stderr).starts_with("1214 files; "), "{}", text(&output.stderr));
    }
}

/// Older versions of `sha256sum` leave the carriage return as it is; 9.0 and later do not.
#[test]
fn a_carriage_return_is_escaped() {
    let root = tree(&[(b"a\rb", 0)]);
    let output = output(pool(root.path()).arg("."));
    let hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(text(&output.stdout), format!("\\{hash}  ./a\\rb\n"));
}

#[test]
fn only_regular_files_count_and_links_are_not_followed() {
    let root = tree(&[(b"file", 5), (b"folder/file", 6)]);
    let at = |name: &str| root.path().join(name);
    mkfifo(&at("fifo"), Mode::S_IRWXU).expect("mkfifo");
    let _socket = UnixListener::bind(at("socket")).expect("bind");
    symlink("file", at("to a file")).expect("symlink");
    symlink("folder", at("to a folder")).expect("symlink");
    symlink("nothing", at("to nothing")).expect("symlink");
    symlink(".", at("folder/circle")).expect("symlink");
    let output = output(pool(root.path()).arg("."));
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(sorted(&output.stdout) == sorted(&sha256sum(root.path())));
    assert_eq!(sorted(&output.stdout).len(), 2);
}

#[test]
fn no_files_are_no_error() {
    let root = tree(&[]);
    let output = output(pool(root.path()).args(["-j", "3", "."]));
    assert!(output.status.success() && output.stdout.is_empty(), "{}", text(&output.stderr));
}

#[test]
fn what_cannot_be_read_is_an_error_and_the_rest_is_done() {
    let root = tree(&[(b"a", 5), (b"closed", 5), (b"z", 6)]);
    // The first pages of a process's memory are never there, for root neither.
    let output = output(pool(root.path()).args(["/proc/self/mem", "missing", "."]));
    assert_eq!(output.status.code(), Some(1));
    assert!(sorted(&output.stdout) == sorted(&sha256sum(root.path())));
    let said = text(&output.stderr);
    assert!(said.contains("\"/proc/self/mem\": Input/output error"), "{said}");
    assert!(said.lines().any(|line| line.contains("missing: No such file")), "{said}");

    if !geteuid().is_root() {
        let closed = root.path().join("closed");
        fs::set_permissions(closed, PermissionsExt::from_mode(0o000)).expect("chmod");
        let output = self::output(pool(root.path()).arg("."));
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(sorted(&output.stdout).len(), 2);
        let said = text(&output.stderr);
        assert!(said.contains("pool_v1: \"./closed\": Permission denied"), "{said}");
    }
}

#[test]
fn without_a_folder_it_reads_the_chapters_of_the_book() {
    let root = tree(&[(b"a", 5)]);
    // Whether all could be read is not asked: somebody may be editing them.
    let output = output(&mut pool(root.path()));
    let chapters = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("in the chapters");
    let said = text(&output.stdout);
    let mut names = said.lines().map(|line| &line[line.len().min(66)..]);
    assert!(names.clone().all(|name| Path::new(name).starts_with(chapters)), "{said}");
    let page = chapters.join("01-process/README.md");
    assert!(names.any(|name| Path::new(name) == page), "{said}");
}

/// Then the kernel reaps the workers, and the pool cannot ask how they ended.
#[test]
fn with_sigchld_ignored_the_lines_come_before_the_error() {
    let root = tree(&[(b"a", 5), (b"b", 6)]);
    let mut command = Command::new("env");
    command
        .arg("--ignore-signal=CHLD")
        .arg(transcript::built_example("pool_v1"))
        .args(["-j", "2", "."]);
    let output = output(command.current_dir(root.path()).stdin(Stdio::null()));
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(sorted(&output.stdout) == sorted(&sha256sum(root.path())));
    assert!(text(&output.stderr).contains("Error: "), "{}", text(&output.stderr));
}

#[test]
fn too_few_descriptors_are_an_error_that_names_the_way_out() {
    let root = tree(&[(b"a", 5), (b"b", 5), (b"c", 5), (b"d", 5), (b"e", 5), (b"f", 5)]);
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -n 16; exec \"$0\" -j 6 ."])
        .arg(transcript::built_example("pool_v1"));
    let output = output(command.current_dir(root.path()).stdin(Stdio::null()));
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let said = text(&output.stderr);
    assert!(said.contains("lower -j") && said.contains("`ulimit -n`"), "{said}");
    assert!(said.contains("Too many open files"), "{said}");
}

#[test]
fn wrong_arguments_are_code_2() {
    let root = tree(&[]);
    for args in [&["-j", "many"][..], &["-j"], &["--nonsense"], &["-j", "-1"], &["-j", "0"]] {
        let output = output(pool(root.path()).args(args));
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn a_reader_that_leaves_is_no_panic_and_a_full_disk_is_an_error() {
    let root = tree(&[(b"a", 5), (b"b", 5)]);
    let (reader, writer) = std::io::pipe().expect("pipe");
    drop(reader);
    let left = output(pool(root.path()).arg(".").stdout(writer));
    assert_eq!((left.status.code(), text(&left.stderr)), (Some(141), String::new()));

    let full = File::options().write(true).open("/dev/full").expect("/dev/full");
    let full = output(pool(root.path()).arg(".").stdout(full));
    assert_eq!(full.status.code(), Some(1));
    assert!(text(&full.stderr).contains("No space left"), "{}", text(&full.stderr));

    let (reader, writer) = std::io::pipe().expect("pipe");
    drop(reader);
    let mute = output(pool(root.path()).arg(".").stderr(writer));
    assert_eq!((mute.status.code(), sorted(&mute.stdout).len()), (Some(1), 2));
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
    /// `count` workers on files of `len` bytes that are one hole each and so take no room.
    fn start(count: usize, files: usize, len: u64) -> AtWork {
        let root = tempfile::tempdir().expect("a temporary folder");
        for number in 0..files {
            let file = File::create(root.path().join(number.to_string())).expect("create");
            file.set_len(len).expect("a hole");
        }
        let said = tempfile::tempfile().expect("a temporary file");
        // A background job of a shell script ignores Ctrl-C, and all that it starts with it: also this test. env gives
        // the signal its meaning back, and becomes the pool.
        let parent = Command::new("env")
            .arg("--default-signal=INT")
            .arg(transcript::built_example("pool_v1"))
            .args(["-j", &count.to_string(), "."])
            .current_dir(root.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(said.try_clone().expect("dup"))
            .process_group(0)
            .spawn()
            .expect("start the pool");
        let group = Pid::from_raw(i32::try_from(parent.id()).expect("a pid fits an i32"));
        let workers = Vec::new();
        let mut at_work = AtWork { parent, group, workers, said, files: root, status: None };
        at_work.until("the workers have begun", |at_work| {
            at_work.workers = at_work.alive().into_iter().filter(|pid| *pid != group).collect();
            at_work.workers.len() == count
                && at_work.workers.iter().all(|pid| has_begun(*pid, at_work.files.path()))
        });
        at_work
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

    /// How the parent ends, within the deadline; nobody else is left then, or soon after.
    fn ends(mut self) -> (ExitStatus, String) {
        let group = self.group;
        self.until("the parent has ended", |at_work| !at_work.alive().contains(&group));
        self.until("the workers have ended", |at_work| at_work.alive().is_empty());
        let status = self.parent.wait().expect("wait for the pool");
        self.status = Some(status);
        let mut said = String::new();
        std::io::Seek::rewind(&mut self.said).expect("rewind");
        std::io::Read::read_to_string(&mut self.said, &mut said).expect("read what it said");
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

/// The ends of pipes that a process has, but for those that this test was started with and hands on.
fn pipe_ends(pid: Pid) -> Vec<PipeEnd> {
    let inode = |target: &Target| match target {
        Target::Pipe { inode, .. } => Some(*inode),
        _ => None,
    };
    let own = Snapshot::this().expect("/proc is mounted").descriptors;
    let own: Vec<u64> = own.iter().filter_map(|it| inode(&it.target)).collect();
    let theirs = Snapshot::of(pid.as_raw()).expect("it is at work").descriptors;
    let ends = theirs.into_iter().filter_map(|it| match it.target {
        Target::Pipe { inode, end } if !own.contains(&inode) => Some(end),
        _ => None,
    });
    ends.collect()
}

/// Whether a worker has one of the files open, so that it is at a task.
fn has_begun(pid: Pid, files: &Path) -> bool {
    let Ok(snapshot) = Snapshot::of(pid.as_raw()) else { return false };
    let mut targets = snapshot.descriptors.iter().map(|descriptor| &descriptor.target);
    targets.any(|target| matches!(target, Target::File(path) if path.starts_with(files)))
}

/// Longer than any test takes: 64 GiB.
const ENDLESS: u64 = 64 << 30;

/// A fraction of a second of work.
const SHORT: u64 = 16 << 20;

#[test]
fn each_worker_has_two_ends_and_no_sibling_has_them() {
    let at_work = AtWork::start(3, 3, ENDLESS);
    for worker in &at_work.workers {
        let ends = pipe_ends(*worker);
        assert!(ends.len() == 2 && ends.contains(&PipeEnd::Read), "{ends:?}");
        assert!(ends.contains(&PipeEnd::Write), "{ends:?}");
    }
    assert_eq!(pipe_ends(at_work.group).len(), 6);
}

#[test]
fn a_killed_worker_is_named_and_nobody_is_left() {
    for victim in 0..2 {
        let at_work = AtWork::start(2, 4, ENDLESS);
        let worker = at_work.workers[victim];
        kill(worker, Signal::SIGKILL).expect("kill the worker");
        let (status, said) = at_work.ends();
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(said.contains(&format!("worker {worker} died: signal 9 (SIGKILL)")), "{said}");
    }
}

#[test]
fn ctrl_c_leaves_nobody() {
    let at_work = AtWork::start(3, 3, ENDLESS);
    killpg(at_work.group, Signal::SIGINT).expect("signal the group");
    assert_eq!(at_work.ends().0.signal(), Some(Signal::SIGINT as i32));
}

#[test]
fn a_parent_that_dies_alone_leaves_nobody() {
    for signal in [Signal::SIGINT, Signal::SIGKILL] {
        let at_work = AtWork::start(2, 2000, SHORT);
        kill(at_work.group, signal).expect("signal the parent");
        assert_eq!(at_work.ends().0.signal(), Some(signal as i32));
    }
}
