//! The cases, and the roles of the processes that they look at.

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{Pid, geteuid, getppid, gettid};
use process::{Descriptor, Memory, Snapshot, SnapshotError, State, Target, cpus};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// All cases, by name.
pub(crate) const ALL: &[(&str, fn())] = &[
    ("this_is_the_caller", this_is_the_caller),
    ("own_descriptors_without_the_readers", own_descriptors_without_the_readers),
    ("own_descriptors_while_others_open_some", own_descriptors_while_others_open_some),
    ("many_descriptors", many_descriptors),
    ("many_threads", many_threads),
    ("the_id_of_a_thread_is_no_pid", the_id_of_a_thread_is_no_pid),
    ("a_childs_pipe_and_parent", a_childs_pipe_and_parent),
    ("a_zombie_holds_nothing", a_zombie_holds_nothing),
    ("a_process_that_ends_is_whole_or_empty", a_process_that_ends_is_whole_or_empty),
    ("a_process_that_is_reaped_is_not_found", a_process_that_is_reaped_is_not_found),
    ("no_process_is_not_found", no_process_is_not_found),
    ("anothers_process_is_denied", anothers_process_is_denied),
    ("a_kernel_thread_has_no_memory", a_kernel_thread_has_no_memory),
    ("a_full_descriptor_table_is_said", a_full_descriptor_table_is_said),
    ("one_processor_is_one_worker", one_processor_is_one_worker),
];

/// The first argument of a process that plays a role in a case.
const ROLE: &str = "--play-role";

/// Plays the role that the arguments ask for, if they do: what a started process does.
pub(crate) fn play() -> Option<ExitCode> {
    let mut args = std::env::args().skip(1);
    if args.next().as_deref() != Some(ROLE) {
        return None;
    }
    match args.next()?.as_str() {
        "end" => {}
        "end with threads" => {
            for _ in 0..4 {
                thread::spawn(|| thread::sleep(Duration::from_secs(60)));
            }
        }
        // Ends with its input, and so with the process that started it.
        "hold" => {
            io::stdin().read_to_end(&mut Vec::new()).expect("read until the end");
        }
        other => panic!("unknown role {other}"),
    }
    Some(ExitCode::SUCCESS)
}

fn start(role: &str) -> Child {
    Command::new("/proc/self/exe")
        .args([ROLE, role])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("start a child")
}

fn pid(child: &Child) -> i32 {
    i32::try_from(child.id()).expect("a pid fits an i32")
}

/// Counted without the part under test. The listing's own descriptor is closed before the numbers are looked at.
fn own_descriptors() -> BTreeSet<i32> {
    let listed: Vec<i32> = fs::read_dir("/proc/self/fd")
        .expect("list the descriptors")
        .map(|entry| {
            entry.expect("an entry").file_name().to_string_lossy().parse().expect("a number")
        })
        .collect();
    let is_open = |fd: &i32| fs::symlink_metadata(format!("/proc/self/fd/{fd}")).is_ok();
    listed.into_iter().filter(is_open).collect()
}

fn numbers(snapshot: &Snapshot) -> BTreeSet<i32> {
    snapshot.descriptors.iter().map(|descriptor| descriptor.fd).collect()
}

fn this() -> Snapshot {
    Snapshot::this().expect("a snapshot of this process")
}

fn this_is_the_caller() {
    let snapshot = this();
    assert_eq!(snapshot.pid, Pid::this().as_raw());
    assert_eq!(snapshot.parent, getppid().as_raw());
    assert_eq!(snapshot.state, State::Running);
    assert_eq!(snapshot.threads.len(), 1);
    assert_eq!(snapshot.threads[0].tid, snapshot.pid);
    let Memory { rss_bytes, pss_bytes, uss_bytes, .. } = snapshot.memory;
    assert!(0 < uss_bytes && uss_bytes <= pss_bytes && pss_bytes <= rss_bytes, "{snapshot:?}");
}

fn own_descriptors_without_the_readers() {
    let expected = own_descriptors();
    assert_eq!(numbers(&this()), expected);
    assert_eq!(numbers(&Snapshot::of(Pid::this().as_raw()).expect("a snapshot")), expected);

    // A gap in the numbers is where the reader's own descriptors go.
    let files: Vec<File> = (0..8).map(|_| File::open("/dev/null").expect("open")).collect();
    let kept: Vec<File> = files.into_iter().skip(3).collect();
    let snapshot = this();
    assert_eq!(numbers(&snapshot), own_descriptors());
    for file in &kept {
        let descriptor = snapshot.descriptor(file.as_raw_fd()).expect("the descriptor");
        assert_eq!(descriptor.target, Target::File("/dev/null".into()));
        assert_eq!(descriptor.cloexec, Some(true));
    }
}

fn own_descriptors_while_others_open_some() {
    let at_rest = own_descriptors();
    let (reader, _writer) = io::pipe().expect("a pipe");
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    drop(File::open("/dev/zero").expect("open"));
                }
            });
        }
        let is_expected = |descriptor: &Descriptor| match &descriptor.target {
            Target::File(path) if path == "/dev/zero" => true,
            Target::Pipe { .. } => true,
            _ => at_rest.contains(&descriptor.fd),
        };
        let strange = (0..300).find_map(|_| {
            let snapshot = this();
            let is_whole = snapshot.descriptor(reader.as_raw_fd()).is_some();
            (!is_whole || !snapshot.descriptors.iter().all(is_expected)).then_some(snapshot)
        });
        // Before the check: a thread that nobody stops would keep this process alive.
        stop.store(true, Ordering::Relaxed);
        assert!(strange.is_none(), "{strange:?}");
    });
}

fn many_descriptors() {
    let files: Vec<File> = (0..100).map(|_| File::open("/dev/null").expect("open")).collect();
    assert_eq!(numbers(&this()), own_descriptors());
    drop(files);
}

fn many_threads() {
    thread::scope(|scope| {
        // Each thread waits until its sender is dropped, also by a panic because the next thread was refused.
        let mut senders = Vec::new();
        for _ in 0..40 {
            let (sender, receiver) = mpsc::channel::<()>();
            scope.spawn(move || receiver.recv());
            senders.push(sender);
        }
        let snapshot = this();
        drop(senders);
        assert_eq!(snapshot.threads.len(), 41);
        assert_eq!(snapshot.threads[0].tid, snapshot.pid);
        assert!(snapshot.threads[1..].is_sorted_by_key(|thread| thread.tid));
    });
}

fn the_id_of_a_thread_is_no_pid() {
    let tid = thread::spawn(|| {
        let tid = gettid().as_raw();
        assert!(Path::new(&format!("/proc/{tid}/stat")).exists(), "/proc knows it");
        let error = Snapshot::of(tid).expect_err("a thread is no process");
        assert!(matches!(error, SnapshotError::NotFound { pid } if pid == tid), "{error}");
        tid
    });
    assert_ne!(tid.join().expect("the thread"), Pid::this().as_raw());
}

fn a_childs_pipe_and_parent() {
    let mut child = start("hold");
    let snapshot = Snapshot::of(pid(&child)).expect("a snapshot");
    assert_eq!(snapshot.parent, Pid::this().as_raw());
    let input = child.stdin.as_ref().expect("its input").as_raw_fd();
    let own = this();
    let ours = &own.descriptor(input).expect("our end").target;
    let theirs = &snapshot.descriptor(0).expect("its end").target;
    match (ours, theirs) {
        (Target::Pipe { inode: ours, end: our_end }, Target::Pipe { inode: theirs, end }) => {
            assert_eq!(ours, theirs);
            assert_eq!(our_end.to_string(), "write end");
            assert_eq!(end.to_string(), "read end");
        }
        other => panic!("no pipe: {other:?}"),
    }
    assert!(child.wait().expect("wait").success());
}

/// Takes snapshots of an ending process until it is a zombie.
fn watch_end(pid: i32) -> Snapshot {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let snapshot = Snapshot::of(pid).expect("an unreaped process is found");
        match snapshot.state {
            State::Zombie => return snapshot,
            State::Other => {}
            // std gives every child the descriptors 0, 1 and 2.
            _ => {
                assert!(snapshot.memory.rss_bytes > 0, "{snapshot:?}");
                assert!(snapshot.descriptors.len() >= 3, "{snapshot:?}");
            }
        }
        assert!(Instant::now() < deadline, "still {}", snapshot.state);
    }
}

fn a_zombie_holds_nothing() {
    let mut child = start("end");
    let zombie = watch_end(pid(&child));
    assert_eq!(zombie.parent, Pid::this().as_raw());
    assert_eq!(zombie.memory, Memory::default());
    assert!(zombie.descriptors.is_empty());
    assert_eq!(zombie.threads.len(), 1);
    assert_eq!(zombie.threads[0].state, State::Zombie);
    assert!(child.wait().expect("wait").success());
}

fn a_process_that_ends_is_whole_or_empty() {
    for round in 0..60 {
        let mut child = start(if round % 2 == 0 { "end" } else { "end with threads" });
        watch_end(pid(&child));
        // The snapshot said zombie, so there is nothing left to wait for.
        assert!(child.try_wait().expect("wait").is_some(), "a zombie can be reaped at once");
    }
}

fn a_process_that_is_reaped_is_not_found() {
    for _ in 0..60 {
        let mut child = start("end");
        let pid = pid(&child);
        thread::scope(|scope| {
            scope.spawn(|| child.wait().expect("wait"));
            loop {
                match Snapshot::of(pid) {
                    Ok(_) => {}
                    Err(SnapshotError::NotFound { .. }) => break,
                    Err(other) => panic!("neither found nor gone: {other}"),
                }
            }
        });
    }
}

fn no_process_is_not_found() {
    // Linux gives no pid above 4,194,304.
    for pid in [0, -1, i32::MIN, 4_194_305, i32::MAX] {
        let error = Snapshot::of(pid).expect_err("there is no such process");
        assert!(matches!(error, SnapshotError::NotFound { .. }), "{error}");
        assert!(error.to_string().contains(&pid.to_string()));
    }
}

fn anothers_process_is_denied() {
    // Root is refused nothing that a test could count on.
    let parent = Path::new("/proc").join(getppid().to_string());
    let owner = fs::metadata(&parent).map(|folder| folder.uid());
    if geteuid().is_root() || owner.is_ok_and(|owner| owner == geteuid().as_raw()) {
        return;
    }
    match Snapshot::of(getppid().as_raw()) {
        Err(SnapshotError::Denied { file, .. }) => assert_eq!(file, "smaps_rollup"),
        // With hidepid there is nothing to be refused.
        Err(SnapshotError::NotFound { .. }) => assert!(!parent.join("stat").exists()),
        other => panic!("not refused: {other:?}"),
    }
}

fn a_kernel_thread_has_no_memory() {
    // A container sees none, and an ordinary user may not list its descriptors.
    match Snapshot::of(2) {
        Ok(snapshot) if snapshot.name == "kthreadd" => {
            assert_eq!(snapshot.memory, Memory::default());
            assert!(snapshot.descriptors.is_empty());
            assert_eq!(snapshot.parent, 0);
        }
        Ok(_) | Err(SnapshotError::NotFound { .. }) => {}
        Err(SnapshotError::Denied { file, .. }) => assert_ne!(file, "stat"),
        Err(other) => panic!("{other}"),
    }
}

fn a_full_descriptor_table_is_said() {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("the limit");
    let highest = own_descriptors().last().copied().unwrap_or(0);
    let few = u64::try_from(highest).expect("no descriptor is negative") + 8;
    setrlimit(Resource::RLIMIT_NOFILE, few, hard).expect("lower the limit");
    let mut files: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    // The process's folder needs one, its folder of descriptors another, and a file in it the third.
    for _ in 0..3 {
        let error = Snapshot::this().expect_err("too few descriptors are left");
        assert!(matches!(error, SnapshotError::Unreadable { .. }), "{error:?}");
        assert!(error.to_string().ends_with("raise the limit (ulimit -n)"), "{error}");
        files.pop();
    }
    assert_eq!(numbers(&this()), own_descriptors());
    drop(files);
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard).expect("raise the limit again");
}

fn one_processor_is_one_worker() {
    let before = cpus();
    assert!(before.allowed <= before.machine, "{before:?}");
    assert!((1..=before.allowed).contains(&before.recommended), "{before:?}");
    let this_thread = Pid::from_raw(0);
    let allowed = sched_getaffinity(this_thread).expect("the mask");
    let first = (0..CpuSet::count()).find(|cpu| allowed.is_set(*cpu) == Ok(true));
    let mut one = CpuSet::new();
    one.set(first.expect("a processor")).expect("set");
    sched_setaffinity(this_thread, &one).expect("narrow the mask");
    let after = cpus();
    assert_eq!((after.machine, after.allowed, after.recommended), (before.machine, 1, 1));
}
