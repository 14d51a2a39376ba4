//! Everything that can fail, and that nothing is left when it does.

use crate::program::{copy_in, folder, program};
use crate::sandbox::refuse;
use contract::leaving_nothing;
use exec::{Command, ExecError};
use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{Gid, SysconfVar, Uid, geteuid, setresgid, setresuid, sysconf};
use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::atomic::{AtomicU32, Ordering};
use wait::Child;

/// That `command` cannot be executed because of `errno`, with its name in the error and nothing
/// left.
fn assert_refused(command: Command, name: &str, errno: Errno) {
    let error = leaving_nothing(|| command.spawn().expect_err(name));
    let ExecError::Exec { path, source } = &error else { panic!("{name}: {error:?}") };
    assert_eq!(path.to_str(), Some(name));
    assert_eq!(source.raw_os_error(), Some(errno as i32), "{name}: {error}");
}

pub(crate) fn each_errno() {
    let folder = folder();
    let file = |name: &str, mode: u32, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("write a file");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("set its mode");
        path.into_os_string().into_string().expect("UTF-8")
    };
    let absent = folder.path().join("absent").into_os_string().into_string().expect("UTF-8");
    let around = folder.path().join("around").into_os_string().into_string().expect("UTF-8");
    symlink(&around, &around).expect("a link to itself");
    let long = format!("/{}", "a".repeat(300));
    let plain = file("plain", 0o644, "#!/bin/sh\n");
    let beneath = format!("{plain}/beneath");
    for (name, errno) in [
        (absent.as_str(), Errno::ENOENT),
        ("", Errno::ENOENT),
        ("/", Errno::EACCES),
        (&plain, Errno::EACCES),
        (&beneath, Errno::ENOTDIR),
        (&file("script", 0o755, "#!/nonexistent/interpreter\n"), Errno::ENOENT),
        (&file("text", 0o755, "echo this is no program\n"), Errno::ENOEXEC),
        (&file("empty", 0o755, ""), Errno::ENOEXEC),
        (&around, Errno::ELOOP),
        (&long, Errno::ENAMETOOLONG),
    ] {
        assert_refused(Command::new(name), name, errno);
    }
}

/// The lowest free numbers are where the error pipe is made, and here each of them is some
/// descriptor's new number.
pub(crate) fn error_pipe_in_the_way() {
    let error = leaving_nothing(|| {
        let command = (3..20).fold(Command::new("/nonexistent"), |command, number| {
            command.fd(number, File::open("/dev/null").expect("/dev/null"))
        });
        command.spawn().expect_err("absent")
    });
    assert!(matches!(error, ExecError::Exec { .. }), "{error}");
}

pub(crate) fn open_for_writing() {
    let folder = folder();
    let path = copy_in(&folder);
    let start = || Command::new(&path).args(["--role", "nothing"]).spawn();
    let succeeds = |mut child: Child| child.wait().expect("wait").success();
    let writer = File::options().write(true).open(&path).expect("open it for writing");
    leaving_nothing(|| match start() {
        Err(ExecError::Exec { source, .. }) => {
            assert_eq!(source.raw_os_error(), Some(Errno::ETXTBSY as i32));
        }
        // Linux 6.11 and 6.12 allow it.
        result => assert!(succeeds(result.expect("spawn"))),
    });
    drop(writer);
    assert!(succeeds(start().expect("spawn")));
}

pub(crate) fn too_many_arguments() {
    // A single one may have 32 pages with the null at its end; all of them together at most
    // 6 MiB, whatever the stack's limit.
    let page_len = sysconf(SysconfVar::PAGE_SIZE).expect("sysconf").expect("a page has a size");
    let len_max = 32 * usize::try_from(page_len).expect("a length") - 1;
    let longest = program("nothing").env_clear().arg("a".repeat(len_max)).spawn();
    assert!(longest.expect("spawn").wait().expect("wait").success());
    for len in [len_max + 1, len_max + 2] {
        let command = Command::new("/bin/true").arg("a".repeat(len));
        assert_refused(command, "/bin/true", Errno::E2BIG);
        let command = Command::new("/bin/true").env("A", "a".repeat(len));
        assert_refused(command, "/bin/true", Errno::E2BIG);
    }
    let many = vec!["a".repeat(1000); 8000];
    assert_refused(Command::new("/bin/true").args(many), "/bin/true", Errno::E2BIG);
}

/// Opens descriptors until all but `free` of the limit are taken.
fn take_all_but(free: usize) -> Vec<OwnedFd> {
    let mut taken: Vec<OwnedFd> = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        taken.push(file.into());
    }
    taken.truncate(taken.len() - free);
    taken
}

pub(crate) fn no_descriptor_left() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    setrlimit(Resource::RLIMIT_NOFILE, 128, hard).expect("lower the limit");
    let mut outcomes = Vec::new();
    for free in 0..8 {
        outcomes.push(leaving_nothing(|| {
            // The file that is handed over is one of those that are open already.
            let taken = take_all_but(free + 1);
            let result = File::open("/dev/null")
                .map(|file| program("nothing").fd(1, file).spawn())
                .expect("one descriptor was left free for it");
            drop(taken);
            match result {
                Ok(mut child) => {
                    assert!(child.wait().expect("wait").success());
                    true
                }
                Err(ExecError::Limit { source, .. }) => {
                    assert_eq!(source.raw_os_error(), Some(Errno::EMFILE as i32));
                    false
                }
                Err(error) => panic!("{free} free: {error}"),
            }
        }));
    }
    let enough = outcomes.iter().position(|done| *done).expect("eight are enough");
    assert!(enough > 0, "none free is not enough");
    assert!(outcomes[enough..].iter().all(|done| *done), "{outcomes:?}");
}

pub(crate) fn no_process_left() {
    let nobody = 65_534;
    if geteuid().is_root() {
        // Root may have more processes than the limit. A user namespace may have nobody else.
        let (group, user) = (Gid::from_raw(nobody), Uid::from_raw(nobody));
        let changed = setresgid(group, group, group).and_then(|()| setresuid(user, user, user));
        if changed == Err(Errno::EINVAL) || changed == Err(Errno::EPERM) {
            println!("not tried: root here cannot become another user");
            return;
        }
        changed.expect("become nobody");
        // After a change of user /proc/self is root's until the next exec, and the harness
        // wants to look.
        nix::sys::prctl::set_dumpable(true).expect("become readable again");
    }
    setrlimit(Resource::RLIMIT_NPROC, 0, 0).expect("lower the limit");
    let error = leaving_nothing(|| Command::new("true").spawn().expect_err("the limit"));
    assert!(matches!(error, ExecError::Limit { call: "clone", .. }), "{error}");
    assert!(error.to_string().contains("ulimit -u"), "{error}");
}

pub(crate) fn no_memory_left() {
    let (soft, hard) = getrlimit(Resource::RLIMIT_AS).expect("a limit");
    // A large environment would need memory of its own.
    let command = Command::new("true").env_clear();
    // The allocator keeps this, so that it needs no more memory below.
    drop(vec![1_u8; 64 << 10]);
    setrlimit(Resource::RLIMIT_AS, 1 << 20, hard).expect("lower the limit");
    let result = command.spawn();
    setrlimit(Resource::RLIMIT_AS, soft, hard).expect("lift the limit");
    let error = result.expect_err("no room for a stack");
    assert!(matches!(error, ExecError::Limit { call: "mmap", .. }), "{error}");
}

/// The clone itself gives the pidfd, so there is no moment at which a program runs and nobody can own it.
pub(crate) fn no_second_look_by_number() {
    refuse(libc::SYS_pidfd_open, Errno::EMFILE);
    let status = program("nothing").spawn().expect("spawn").wait().expect("wait");
    assert!(status.success(), "{status}");
}

static EXITS: AtomicU32 = AtomicU32::new(0);

extern "C" fn at_exit() {
    EXITS.fetch_add(1, Ordering::Relaxed);
}

/// A child that gives up leaves by `_exit`: the handlers are this program's, in this program's
/// memory.
pub(crate) fn no_exit_handler() {
    // SAFETY: the handler only touches an atomic.
    assert_eq!(unsafe { libc::atexit(at_exit) }, 0);
    Command::new("/nonexistent").spawn().expect_err("absent");
    assert_eq!(EXITS.load(Ordering::Relaxed), 0);
}

/// Each start borrows a stack, and gives it back whether or not it worked.
pub(crate) fn no_mapping_left() {
    let mappings =
        || std::fs::read_to_string("/proc/self/maps").expect("/proc").lines().count();
    let start = || {
        program("nothing").spawn().expect("spawn").wait().expect("wait");
        Command::new("/nonexistent").spawn().expect_err("absent");
    };
    start();
    let before = mappings();
    (0..50).for_each(|_| start());
    // The allocator may take some more, but not one for each start.
    assert!(mappings() < before + 10, "{} mappings, {before} before", mappings());
}

pub(crate) fn impossible_strings() {
    let nul = OsString::from_vec(vec![b'a', 0, b'b']);
    for command in [
        Command::new(nul.clone()),
        Command::new("true").arg(&nul),
        Command::new("true").arg0(&nul),
        Command::new("true").env("KEY", &nul),
        Command::new("true").env(&nul, "value"),
        Command::new("true").env("A=B", "value"),
        Command::new("true").env("", "value"),
        Command::new("true").env("PATH", &nul),
    ] {
        let error = leaving_nothing(|| {
            let shown = format!("{command:?}");
            let handed_over = File::open("/dev/null").expect("/dev/null");
            command.fd(9, handed_over).spawn().expect_err(&shown)
        });
        assert!(matches!(error, ExecError::Invalid { .. }), "{error}");
    }
}
