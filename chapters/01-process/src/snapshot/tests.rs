//! Snapshots of processes that are made of files, so that states which last microseconds can be looked at.

use super::*;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

const PID: i32 = 77;

/// A `/proc/77` in a temporary folder.
struct Made(tempfile::TempDir);

impl Made {
    /// With the threads `(tid, name, state letter, flags)`; none of them holds anything.
    fn with(tasks: &[(i32, &[u8], char, u32)]) -> Self {
        let made = Made(tempfile::tempdir().expect("a temporary folder"));
        made.write("status", format!("Name:\tTgid:\\n\nTgid:\t{PID}\n").as_bytes());
        fs::create_dir(made.path().join("task")).expect("create the folder");
        for (tid, name, letter, flags) in tasks {
            let mut stat = format!("{tid} (").into_bytes();
            stat.extend_from_slice(name);
            stat.extend_from_slice(
                format!(
                    ") {letter} 1 77 77 0 -1 {flags} {}{} {}\n",
                    "0 ".repeat(10),
                    tasks.len(),
                    "0 ".repeat(32)
                )
                .as_bytes(),
            );
            made.write(&format!("task/{tid}/stat"), &stat);
        }
        made
    }

    /// Lets the thread whose files begin with `base` hold one descriptor and 8 KiB.
    fn holding(self, base: &str) -> Self {
        let folder = self.path().join(base);
        fs::create_dir_all(folder.join("fd")).expect("create the folder");
        symlink("pipe:[99]", folder.join("fd/3")).expect("create the link");
        self.write(&format!("{base}fdinfo/3"), b"pos:\t0\nflags:\t02000000\n");
        self.write(
            &format!("{base}smaps_rollup"),
            b"55e0c0000000-7ffe0000 ---p 00000000 00:00 0 [rollup]\nRss: 8 kB\n",
        );
        self
    }

    fn write(&self, path: &str, content: &[u8]) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("create the folder");
        fs::write(path, content).expect("write the file");
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn snapshot(&self) -> Result<Snapshot, SnapshotError> {
        read(&Folder::at(self.path(), PID, false)?)
    }
}

/// What the kernel sets in the flags of a thread that is ending.
const EXITING: u32 = 4;
const KERNEL_THREAD: u32 = 0x0020_0000;

#[test]
fn an_ordinary_process_is_read_through_its_first_thread() {
    let made = Made::with(&[(PID, b"a) b (c", 'S', 0), (70, b"early", 'R', 0)]).holding("");
    let snapshot = made.snapshot().expect("a snapshot");
    assert_eq!((snapshot.pid, snapshot.parent, snapshot.state), (PID, 1, State::Sleeping));
    assert_eq!(snapshot.name, "a) b (c");
    let tids: Vec<i32> = snapshot.threads.iter().map(|thread| thread.tid).collect();
    assert_eq!(tids, [PID, 70]);
    assert_eq!(snapshot.memory.rss_bytes, 8 << 10);
    assert_eq!(snapshot.descriptor(3).and_then(|descriptor| descriptor.cloexec), Some(true));
    assert!(snapshot.descriptor(4).is_none());
}

#[test]
fn a_name_need_not_be_utf8() {
    let made = Made::with(&[(PID, b"\xff)\n(", 'S', 0)]).holding("");
    assert_eq!(made.snapshot().expect("a snapshot").name, "\u{fffd})\n(");
}

#[test]
fn a_process_outlives_its_first_thread() {
    let made = Made::with(&[(PID, b"a", 'Z', EXITING), (78, b"b", 'R', 0)]).holding("task/78/");
    let snapshot = made.snapshot().expect("a snapshot");
    assert_eq!(snapshot.state, State::Running);
    assert_eq!(snapshot.threads[0].state, State::Zombie);
    assert_eq!(snapshot.descriptors.len(), 1);
    assert_eq!(snapshot.memory.rss_bytes, 8 << 10);
}

#[test]
fn a_zombie_holds_nothing() {
    let made = Made::with(&[(PID, b"a", 'Z', EXITING)]);
    let snapshot = made.snapshot().expect("a snapshot");
    assert_eq!(snapshot.state, State::Zombie);
    assert!(snapshot.descriptors.is_empty());
    assert_eq!(snapshot.memory, Memory::default());
}

#[test]
fn what_is_just_ending_is_no_zombie_yet() {
    let ending = Made::with(&[(PID, b"a", 'R', EXITING)]);
    assert_eq!(ending.snapshot().expect("a snapshot").state, State::Other);
    let last_thread = Made::with(&[(PID, b"a", 'Z', EXITING), (78, b"b", 'R', EXITING)]);
    assert_eq!(last_thread.snapshot().expect("a snapshot").state, State::Other);
}

#[test]
fn a_list_of_threads_that_stopped_early_makes_no_zombie() {
    let made = Made::with(&[(PID, b"a", 'Z', EXITING), (78, b"b", 'R', EXITING)]);
    fs::remove_dir_all(made.path().join("task/78")).expect("remove it from the list");
    assert_eq!(made.snapshot().expect("a snapshot").state, State::Other);
}

#[test]
fn a_kernel_thread_has_no_memory_of_its_own() {
    let made = Made::with(&[(PID, b"kthreadd", 'I', KERNEL_THREAD)]);
    fs::create_dir(made.path().join("fd")).expect("create the folder");
    let snapshot = made.snapshot().expect("a snapshot");
    assert_eq!((snapshot.state, snapshot.memory), (State::Idle, Memory::default()));
}

#[test]
fn the_id_of_a_thread_is_no_pid() {
    let made = Made::with(&[(PID, b"a", 'S', 0)]).holding("");
    made.write("status", b"Name:\ta\nTgid:\t70\n");
    assert!(matches!(made.snapshot(), Err(SnapshotError::NotFound { pid: PID })));
}

#[test]
fn a_process_that_vanished_midway_is_not_found() {
    let made = Made::with(&[(PID, b"a", 'S', 0)]);
    let folder = Folder::at(made.path(), PID, false).expect("the folder");
    fs::remove_dir_all(made.path()).expect("remove it");
    assert!(matches!(read(&folder), Err(SnapshotError::NotFound { pid: PID })));
    assert!(matches!(Folder::at(made.path(), PID, false), Err(SnapshotError::NotFound { .. })));
}

#[test]
fn a_kernel_that_counts_no_memory_is_not_a_missing_process() {
    let made = Made::with(&[(PID, b"a", 'S', 0)]).holding("");
    fs::remove_file(made.path().join("smaps_rollup")).expect("remove the file");
    match made.snapshot() {
        Err(SnapshotError::Unreadable { pid: PID, file: "smaps_rollup", source }) => {
            assert_eq!(source.kind(), io::ErrorKind::NotFound);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn nonsense_is_an_error_and_no_panic() {
    for stat in [&b""[..], b"77", b"77 (a", b"77 (a) S 1", b"x (a) S 1 1 1", b"\xff"] {
        let made = Made::with(&[]);
        made.write("task/77/stat", stat);
        assert!(matches!(made.snapshot(), Err(SnapshotError::Unreadable { .. })), "{stat:?}");
    }
}
