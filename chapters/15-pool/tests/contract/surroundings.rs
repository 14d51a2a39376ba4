//! Programs whose surroundings are not what a pool likes: standard descriptors that are closed, an executable that is
//! gone, a user who may have no more processes, folders in memory that are full.
//!
//! The case starts this test program again as such a program, which ends with 0 if all is well there.

use crate::gate;
use crate::observe::{builder, children, descriptors, kill_9, pool, worker_pids};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{Resource, getrlimit};
use nix::unistd::{Uid, geteuid, getgid, getuid};
use procpool::{Pool, PoolError, SharedSlice, StartMethod};
use std::fs::{self, File};
use std::io::Write;
use std::os::fd::BorrowedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

crate::over_each_start_method![
    standard_descriptors_closed_in_the_program,
    standard_descriptors_closed_in_the_workers,
    the_executable_is_replaced,
    the_executable_is_deleted,
    no_process_left_for_this_user,
    folders_in_memory_are_full,
];

/// The first argument of such a program. What it is to meet, its start method and a detail follow.
const ARGUMENT: &str = "--surroundings";

/// Becomes the program that the arguments ask for.
pub(crate) fn run_if_asked() -> Option<ExitCode> {
    let mut words = std::env::args().skip(1);
    if words.next().as_deref() != Some(ARGUMENT) {
        return None;
    }
    let mut word = || words.next().expect("three words");
    let (what, method, detail) = (word(), word(), word());
    let method = match method.as_str() {
        "Fork" => StartMethod::Fork,
        "Spawn" => StartMethod::Spawn,
        _ => StartMethod::Forkserver,
    };
    match what.as_str() {
        "closed" => with_standard_closed(method, &detail),
        "changed" => with_changed_executable(method, &detail),
        "processes" => without_processes(method),
        _ => with_full_folders(method),
    }
    Some(ExitCode::SUCCESS)
}

fn program(what: &str, method: StartMethod, detail: &str) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.args([ARGUMENT, what, &format!("{method:?}"), detail]).stdin(Stdio::null());
    command
}

#[track_caller]
fn expect_success(mut command: Command) {
    let status = command.status().expect("this program");
    assert!(status.success(), "{command:?}: {status}");
}

fn echo(bytes: Vec<u8>) -> Vec<u8> {
    bytes
}

fn sum(slice: SharedSlice<u32>) -> SharedSlice<u32> {
    SharedSlice::from_slice(&[slice.iter().sum::<u32>()]).expect("shared memory")
}

/// Everything that goes through a descriptor of the pool's, with words on the standard ones in between.
fn all_is_well(pool: &Pool) {
    for n in 0..6 {
        // Where nobody has them open, nothing happens.
        print!("{}", "words ".repeat(100));
        let _ = std::io::stdout().flush();
        eprintln!("more words");
        assert_eq!(pool.call(echo, vec![n; 10]).expect("a result"), [n; 10]);
        assert!(pool.call(echo, vec![n; 1 << 20]).expect("a result") == vec![n; 1 << 20]);
        let slice = SharedSlice::from_slice(&[u32::from(n); 5_000]).expect("shared memory");
        let total = pool.call(sum, slice).expect("a result");
        assert_eq!(total.as_slice(), [u32::from(n) * 5_000]);
    }
}

// --- standard descriptors ---

fn standard_descriptors_closed_in_the_program(method: StartMethod) {
    for numbers in ["0", "1", "2", "01", "12", "012"] {
        expect_success(program("closed", method, numbers));
    }
}

fn with_standard_closed(method: StartMethod, numbers: &str) {
    // What is wrong is told on a copy, with a number that nobody minds.
    let said = nix::fcntl::fcntl(std::io::stderr(), nix::fcntl::FcntlArg::F_DUPFD_CLOEXEC(10));
    let said = said.expect("room for a descriptor");
    std::panic::set_hook(Box::new(move |info| {
        let text = format!("{info}\n");
        // SAFETY: nobody closes this descriptor before the program ends.
        let said = unsafe { BorrowedFd::borrow_raw(said) };
        let _ = nix::unistd::write(said, text.as_bytes());
    }));
    let closed: Vec<i32> = numbers.chars().map(|digit| digit as i32 - '0' as i32).collect();
    for number in &closed {
        nix::unistd::close(*number).expect("it was open");
    }
    // The pool puts `/dev/null` there, as Rust's runtime does at the start, so that nothing of its own gets the numbers.
    let in_their_place = || {
        let all = descriptors(std::process::id()).into_iter();
        let own: Vec<_> = all.filter(|(number, ..)| closed.contains(number)).collect();
        assert_eq!(own.len(), closed.len(), "{own:?}");
        assert!(own.iter().all(|(_, target, _)| target == "/dev/null"), "{own:?}");
    };
    let pool = pool(method);
    in_their_place();
    for pid in worker_pids(&pool, 2) {
        let list = descriptors(pid);
        let standard: Vec<_> = list.iter().take(3).map(|(number, ..)| *number).collect();
        assert_eq!(standard, [0, 1, 2], "{list:?}");
        for (number, target, _) in list.iter().take(3) {
            let expected = match number {
                0 => target == "/dev/null",
                1 => target == "/dev/null" || !closed.contains(number),
                // What it writes there the pool keeps, as evidence.
                _ => target.starts_with("pipe:"),
            };
            assert!(expected, "{list:?}");
        }
    }
    all_is_well(&pool);
    for pid in worker_pids(&pool, 2) {
        kill_9(pid);
        all_is_well(&pool);
    }
    pool.scale_to(3).expect("one more");
    worker_pids(&pool, 3);
    all_is_well(&pool);
    in_their_place();
    drop(pool);
    in_their_place();
}

/// A task that leaves its worker without any of the three.
fn close_standard(gate: String) {
    gate::pass(gate);
    for number in 0..3 {
        nix::unistd::close(number).expect("it was open");
    }
}

/// A task that prints, and says what got it.
fn write_words(_: ()) -> Vec<String> {
    print!("{}", "words ".repeat(1_000));
    let _ = std::io::stdout().flush();
    eprintln!("{}", "words ".repeat(1_000));
    let all = descriptors(std::process::id()).into_iter();
    all.filter(|(number, ..)| *number < 3).map(|(_, target, _)| target).collect()
}

fn standard_descriptors_closed_in_the_workers(method: StartMethod) {
    let pool = pool(method);
    let pids = worker_pids(&pool, 2);
    let gate = gate::Gate::new();
    let closing: Vec<_> = (0..2).map(|_| pool.submit(close_standard, gate.name())).collect();
    let arrivals = [gate.arrival(), gate.arrival()];
    drop(arrivals);
    for handle in closing {
        handle.join().expect("no number is forbidden");
    }
    for _ in 0..3 {
        all_is_well(&pool);
        for result in pool.map(write_words, [(); 50]) {
            let targets = result.expect("a result");
            // Or the pool has put it there.
            let nowhere = targets.iter().all(|target| target == "/dev/null");
            assert!(nowhere, "printed into {targets:?}");
        }
        let large = pool.map(echo, (0..8).map(|n| vec![n; 1 << 20]));
        for (n, result) in (0..8).zip(large) {
            assert!(result.expect("a result") == vec![n; 1 << 20], "{n}");
        }
    }
    assert_eq!(worker_pids(&pool, 2), pids);
}

// --- the executable ---

fn the_executable_is_replaced(method: StartMethod) {
    with_a_copy_of_this_program(method, "replaced");
}

fn the_executable_is_deleted(method: StartMethod) {
    with_a_copy_of_this_program(method, "deleted");
}

fn with_a_copy_of_this_program(method: StartMethod, how: &str) {
    let folder = tempfile::tempdir().expect("a folder for a moment");
    let path = folder.path().join("program");
    fs::copy("/proc/self/exe", &path).expect("this program can be read");
    let mut command = Command::new(&path);
    let detail = format!("{how}:{}", path.display());
    command.args([ARGUMENT, "changed", &format!("{method:?}"), &detail]).stdin(Stdio::null());
    expect_success(command);
}

/// Another executable under this one's name, or none.
fn change(how: &str, path: &Path) {
    if how == "deleted" {
        fs::remove_file(path).expect("it is there");
        return;
    }
    let other = path.with_extension("new");
    fs::copy("/bin/true", &other).or_else(|_| fs::copy("/usr/bin/true", &other)).expect("true");
    fs::rename(other, path).expect("both are in one folder");
}

fn with_changed_executable(method: StartMethod, detail: &str) {
    let (how, path) = detail.split_once(':').expect("how and where");
    // Before one is built, and while one works.
    for first in [false, true] {
        let before = pool(method);
        if !first {
            change(how, Path::new(path));
        }
        let pids = worker_pids(&before, 2);
        all_is_well(&before);
        for pid in &pids {
            kill_9(*pid);
        }
        assert!(worker_pids(&before, 2).is_disjoint(&pids), "they were replaced");
        before.scale_to(3).expect("one more");
        let workers = worker_pids(&before, 3);
        let starter = children().difference(&workers).next().copied();
        if let Some(starter) = starter.filter(|_| method == StartMethod::Forkserver) {
            // It is this program, executed anew, so the next one has to be.
            kill_9(starter);
            before.scale_to(4).expect("by a new forkserver");
            worker_pids(&before, 4);
        }
        all_is_well(&before);
    }
}

// --- processes ---

/// A user who has nothing, that no other program on the machine is likely to be, nor another of these cases.
fn somebody() -> u32 {
    61_000 + std::process::id() % 1_000
}

fn no_process_left_for_this_user(method: StartMethod) {
    let mut command = program("processes", method, "none");
    if geteuid().is_root() {
        command.uid(somebody()).gid(somebody()).current_dir("/");
    }
    match command.status() {
        Ok(status) => assert!(status.success(), "{command:?}: {status}"),
        Err(error) => println!("root may not become somebody else here: {error}"),
    }
}

/// Sets the limit of this process and of all its children: a template has one of its own.
fn limit_processes(soft: u64) {
    let (_, hard) = getrlimit(Resource::RLIMIT_NPROC).expect("a limit");
    let new = libc::rlimit { rlim_cur: soft.min(hard), rlim_max: hard };
    for pid in children().into_iter().chain([std::process::id()]) {
        // SAFETY: `new` is valid for a read; no old limit is asked for.
        let done = unsafe {
            libc::prlimit(pid as i32, libc::RLIMIT_NPROC, &raw const new, std::ptr::null_mut())
        };
        assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
    }
}

fn assert_no_process(error: &PoolError, soft: u64) {
    match error {
        PoolError::Limit { resource, soft: told, .. } => {
            assert!(resource.contains("RLIMIT_NPROC"), "{resource}");
            assert_eq!(*told, Some(soft));
        }
        other => panic!("{other:?}"),
    }
}

fn without_processes(method: StartMethod) {
    assert_ne!(getuid(), Uid::from_raw(0), "root has no such limit");
    let (soft, _) = getrlimit(Resource::RLIMIT_NPROC).expect("a limit");
    // This process is one already.
    limit_processes(1);
    assert_no_process(&builder(method).build().expect_err("no process is left"), 1);
    contract::assert_no_children();
    limit_processes(soft);
    let pool = pool(method);
    let pids: Vec<u32> = worker_pids(&pool, 2).into_iter().collect();
    limit_processes(1);
    assert_no_process(&pool.scale_to(3).expect_err("no process is left"), 1);
    assert_eq!(worker_pids(&pool, 2).len(), 2);
    kill_9(pids[0]);
    let alone = |_| std::process::id();
    for result in pool.map(alone, 0..200) {
        assert_eq!(result.expect("the other worker"), pids[1]);
    }
    kill_9(pids[1]);
    let waiting: Vec<_> = (0..20).map(|n| pool.submit(alone, n)).collect();
    std::thread::sleep(std::time::Duration::from_millis(1_200));
    assert!(waiting.iter().all(|handle| !handle.is_finished()), "nobody could run them");
    limit_processes(soft);
    for handle in waiting {
        assert!(!pids.contains(&handle.join().expect("it has waited")));
    }
    pool.scale_to(3).expect("there is room again");
    worker_pids(&pool, 3);
    all_is_well(&pool);
}

// --- memory ---

fn folders_in_memory_are_full(method: StartMethod) {
    expect_success(program("full", method, "none"));
}

/// A `/dev/shm` and a `/tmp` of this program's own, with no room in either. Memory without a name is in neither.
fn with_full_folders(method: StartMethod) {
    let (user, group) = (getuid(), getgid());
    let alone = unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)
        .map_err(std::io::Error::from)
        .and_then(|()| fs::write("/proc/self/setgroups", "deny"))
        .and_then(|()| fs::write("/proc/self/uid_map", format!("0 {user} 1")))
        .and_then(|()| fs::write("/proc/self/gid_map", format!("0 {group} 1")));
    if let Err(error) = alone {
        return println!("no folders of its own here: {error}");
    }
    for folder in ["/dev/shm", "/tmp"] {
        let small = Some("size=64k");
        let mounted = mount(Some("small"), folder, Some("tmpfs"), MsFlags::empty(), small);
        if let Err(errno) = mounted {
            return println!("no folders of its own here: {folder}: {errno}");
        }
        let mut file = File::create(Path::new(folder).join("full")).expect("an empty folder");
        while file.write_all(&[0; 4096]).is_ok() {}
        let full = file.write(&[0]).map_err(|error| error.raw_os_error());
        assert_eq!(full.err(), Some(Some(libc::ENOSPC)));
    }
    let pool = pool(method);
    let pids = worker_pids(&pool, 2);
    all_is_well(&pool);
    kill_9(*pids.first().expect("two"));
    assert_ne!(worker_pids(&pool, 2), pids);
    all_is_well(&pool);
    let more = |_: ()| fs::write("/tmp/more", [0; 4096]).is_ok();
    assert!(!pool.call(more, ()).expect("a result"), "the workers see the same folders");
}
