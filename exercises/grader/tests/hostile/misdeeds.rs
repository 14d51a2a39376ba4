//! What the programs do. Each is the whole life of one program.

use std::fs::File;
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::IntoRawFd;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Barrier, Mutex};

/// The misdeed with this name.
pub(crate) fn of_name(name: &str) -> Option<fn()> {
    let misdeeds: &[(&str, fn())] = &[
        ("fork-bomb", fork_bomb),
        ("daemon-bomb", daemon_bomb),
        ("endless-loop", || {
            loop {
                std::hint::spin_loop();
            }
        }),
        ("endless-output", endless_output),
        ("daemon", daemon),
        ("daemon-and-death", || {
            daemon();
            std::process::abort();
        }),
        ("kill-group", || signal(0, libc::SIGKILL)),
        // Signal 0 only asks whether there is such a process: without the filter nobody is harmed.
        ("kill-all", || signal(-1, 0)),
        ("kill-parent", || {
            signal(std::os::unix::process::parent_id() as i32, libc::SIGKILL);
            sleep_for_ever();
        }),
        ("stop-parent", || {
            signal(std::os::unix::process::parent_id() as i32, libc::SIGSTOP);
            sleep_for_ever();
        }),
        ("memory", || memory(1 << 40)),
        ("memory-of-all", memory_of_all),
        ("file", file),
        ("descriptors", descriptors),
        ("stop-self", || signal(std::process::id() as i32, libc::SIGSTOP)),
        ("sleep", || {
            std::thread::sleep(std::time::Duration::from_secs(3600));
        }),
        ("panic-in-child", || {
            let child = fork(|| panic!("nobody hears this"));
            wait(child);
        }),
        ("todo", {
            #[expect(clippy::todo, reason = "what a starter does")]
            let todo: fn() = || todo!();
            todo
        }),
        ("leak-all", leak_all),
        ("exit-inside", || {
            gate::pass("start");
            std::process::exit(0);
        }),
        ("double-fork", double_fork),
        ("timer", timer),
        ("leader-exits", leader_exits),
        ("stop-parent-late", stop_parent_late),
        ("ask", ask),
        ("exit-3", || std::process::exit(3)),
        ("spin-in-thread", || {
            std::thread::spawn(|| {
                loop {
                    std::hint::spin_loop();
                }
            });
            gate::pass("here");
            sleep_for_ever();
        }),
        ("tell-start", tell_start),
        ("orphan-and-wait", orphan_and_wait),
        ("self-held", self_held),
        ("other-held", other_held),
        ("full-pipes", full_pipes),
        ("wait-before-reading", wait_before_reading),
        ("wait-cycle", wait_cycle),
        ("lock-without-owner", lock_without_owner),
        ("private-futex", || sleep_on_shared_word(libc::FUTEX_PRIVATE_FLAG, true)),
        ("lost-wake-up", || sleep_on_shared_word(0, true)),
        ("never-changed", || sleep_on_shared_word(0, false)),
        ("poll-held", poll_held),
        ("undumpable", || {
            // SAFETY: prctl changes a flag of this process only.
            unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0) };
            self_held();
        }),
        ("child-in-parents-code", || {
            gate::pass("start");
            let _ = raw_fork();
            gate::pass("end");
        }),
        ("leak-descriptor", || {
            gate::pass("start");
            let _ = File::open("/dev/null").expect("there is /dev/null").into_raw_fd();
            gate::pass("end");
        }),
        ("leave-zombie", || {
            gate::pass("start");
            fork(|| ());
            gate::pass("end");
        }),
        ("leave-orphan", || {
            gate::pass("start");
            fork(sleep_for_ever);
            gate::pass("end");
        }),
        ("close-too-much", || {
            gate::pass("start");
            // SAFETY: nothing here uses standard input.
            unsafe { libc::close(0) };
            gate::pass("end");
        }),
    ];
    misdeeds.iter().find(|(known, _)| *known == name).map(|(_, misdeed)| *misdeed)
}

fn raw_fork() -> i32 {
    // SAFETY: these programs have one thread when they fork, or show what happens if not.
    unsafe { libc::fork() }
}

/// A child that does `work` and ends.
fn fork(work: impl FnOnce()) -> i32 {
    match raw_fork() {
        0 => {
            struct Leave;
            impl Drop for Leave {
                fn drop(&mut self) {
                    // SAFETY: _exit ends the process at once.
                    unsafe { libc::_exit(if std::thread::panicking() { 101 } else { 0 }) }
                }
            }
            let _leave = Leave;
            work();
            drop(_leave);
            unreachable!("the child has left")
        }
        pid => pid,
    }
}

fn wait(child: i32) {
    // SAFETY: without a place for the status, waitpid writes nothing.
    unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
}

fn signal(pid: i32, number: i32) {
    // SAFETY: kill touches no memory of this process.
    unsafe { libc::kill(pid, number) };
}

fn sleep_for_ever() {
    loop {
        // SAFETY: pause waits for a signal.
        unsafe { libc::pause() };
    }
}

fn fork_bomb() {
    loop {
        raw_fork();
    }
}

/// Every process of it makes a session of its own, so that no group holds them together.
fn daemon_bomb() {
    loop {
        if raw_fork() == 0 {
            // SAFETY: setsid touches no memory.
            unsafe { libc::setsid() };
        }
    }
}

fn endless_output() {
    let block = [b'x'; 1 << 16];
    let mut written: u64 = 0;
    while written < 10_000_000_000 {
        std::io::stdout().write_all(&block).expect("somebody reads");
        written += block.len() as u64;
    }
}

/// Leaves its session, its parent and its standard streams, and tells who it is.
fn daemon() {
    let (has_told, tells) = pipe().expect("a pipe");
    let mut tells = Some(tells);
    let child = fork(|| {
        // SAFETY: setsid touches no memory.
        unsafe { libc::setsid() };
        fork(|| {
            gate::tell("daemon", std::process::id());
            tells = None;
            for fd in 0..3 {
                // SAFETY: nothing here uses the standard streams.
                unsafe { libc::close(fd) };
            }
            sleep_for_ever();
        });
    });
    wait(child);
    drop(tells);
    read_all(has_told);
}

fn memory(bytes: usize) {
    let mut blocks: Vec<Vec<u8>> = Vec::new();
    let mut len = 0;
    while len < bytes {
        blocks.push(vec![1; 1 << 20]);
        len += 1 << 20;
    }
    sleep_for_ever();
}

/// No process of it has too much.
fn memory_of_all() {
    for _ in 0..8 {
        fork(|| memory(48 << 20));
    }
    sleep_for_ever();
}

fn file() {
    let mut file = File::create("large").expect("the working folder is the program's own");
    let block = vec![0; 1 << 20];
    for _ in 0..4096 {
        file.write_all(&block).expect("a signal comes before an error");
    }
}

fn descriptors() {
    let mut files = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        files.push(file);
    }
    println!("{}", files.len() + 3);
}

/// What a program finds when it starts.
fn tell_start() {
    let mut fds: Vec<i32> = std::fs::read_dir("/proc/self/fd")
        .expect("there is /proc")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    fds.sort_unstable();
    // The highest is that of the listing itself.
    fds.pop();
    let status = std::fs::read_to_string("/proc/self/status").expect("there is /proc");
    let field = |name: &str| {
        status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    // SAFETY: both calls take a pid and touch no memory.
    let session = unsafe { libc::getsid(0) };
    println!("descriptors {fds:?}");
    println!("blocked {}", field("SigBlk:"));
    println!("own session {}", session == std::process::id() as i32);
    println!("arguments {:?}", std::env::args().skip(2).collect::<Vec<_>>());
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input).expect("standard input is text");
    println!("input {input:?}");
}

/// Opens descriptors until there are none, so that no gate can be reached.
fn leak_all() {
    gate::pass("start");
    while let Ok(file) = File::open("/dev/null") {
        let _ = file.into_raw_fd();
    }
    gate::pass("end");
}

/// A grandchild ends when its parent has ended already. Only the subreaper can wait for it.
fn double_fork() {
    gate::pass("start");
    let (has_ended, ends) = pipe().expect("a pipe");
    let mut ends = Some((has_ended, ends));
    let child = fork(|| {
        fork(|| {
            let (_, ends) = ends.take().expect("it is there");
            gate::pass("grandchild");
            drop(ends);
        });
    });
    wait(child);
    let (has_ended, writer) = ends.take().expect("it is there");
    drop(writer);
    read_all(has_ended);
    gate::pass("end");
}

/// Sleeps in a read that a timer ends.
fn timer() {
    // SAFETY: the call takes numbers and touches no memory.
    let fd = unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_CLOEXEC) };
    let zero = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    let time = libc::itimerspec {
        it_interval: zero,
        it_value: libc::timespec { tv_sec: 1, tv_nsec: 500_000_000 },
    };
    // SAFETY: the time is read from a local variable, and the old one is not asked for.
    unsafe { libc::timerfd_settime(fd, 0, &time, std::ptr::null_mut()) };
    let mut count = [0_u8; 8];
    // SAFETY: the kernel writes at most eight bytes into the array of that size.
    unsafe { libc::read(fd, count.as_mut_ptr().cast(), count.len()) };
    // SAFETY: this descriptor is this function's own.
    unsafe { libc::close(fd) };
}

/// The first thread ends, and another does the work.
fn leader_exits() {
    std::thread::spawn(|| {
        let begun = std::time::Instant::now();
        while begun.elapsed() < std::time::Duration::from_millis(1200) {
            std::thread::yield_now();
        }
        std::process::exit(0);
    });
    // SAFETY: ends this thread only. Nothing of it is used any more.
    unsafe { libc::syscall(libc::SYS_exit, 0) };
}

/// Leaves a process that stops the shield whenever it can, also while that ends everything.
fn stop_parent_late() {
    let shield = std::os::unix::process::parent_id() as i32;
    fork(|| {
        // SAFETY: setsid touches no memory.
        unsafe { libc::setsid() };
        gate::pass("ready");
        loop {
            signal(shield, libc::SIGSTOP);
        }
    });
    sleep_for_ever();
}

/// Says what the grader has answered, and what is in its environment.
fn ask() {
    let answer = gate::ask("question").unwrap_or_default();
    gate::tell("answer", answer);
    gate::tell("variable", std::env::var("WORD").unwrap_or_default());
}

/// For the grader that is killed: a process that would outlive everything.
fn orphan_and_wait() {
    daemon();
    sleep_for_ever();
}

fn read_all(mut reader: PipeReader) {
    let mut bytes = Vec::new();
    let _ = reader.read_to_end(&mut bytes);
}

fn self_held() {
    let (reader, writer) = pipe().expect("a pipe");
    read_all(reader);
    drop(writer);
}

fn other_held() {
    let (reader, writer) = pipe().expect("a pipe");
    fork(sleep_for_ever);
    drop(writer);
    read_all(reader);
}

fn fill(mut writer: PipeWriter) {
    let _ = writer.write_all(&vec![0; 4 << 20]);
}

fn full_pipes() {
    let (there_reader, there) = pipe().expect("a pipe");
    let (back_reader, back) = pipe().expect("a pipe");
    let both = Mutex::new(Some((there_reader, back)));
    fork(|| {
        let (mut there_reader, mut back) =
            both.lock().expect("one thread").take().expect("it is there");
        let mut bytes = [0; 4096];
        while let Ok(len @ 1..) = there_reader.read(&mut bytes) {
            let _ = back.write_all(&bytes[..len]);
        }
    });
    drop(both);
    fill(there);
    read_all(back_reader);
}

fn wait_before_reading() {
    let (reader, writer) = pipe().expect("a pipe");
    let mut writer = Some(writer);
    let child = fork(|| fill(writer.take().expect("it is there")));
    drop(writer);
    wait(child);
    read_all(reader);
}

fn wait_cycle() {
    let (there_reader, there) = pipe().expect("a pipe");
    let (back_reader, back) = pipe().expect("a pipe");
    let mut ends = Some((there_reader, back, there, back_reader));
    fork(|| {
        let (there_reader, _back, there, back_reader) = ends.take().expect("they are there");
        drop((there, back_reader));
        read_all(there_reader);
    });
    let (there_reader, back, _there, back_reader) = ends.take().expect("they are there");
    drop((there_reader, back));
    read_all(back_reader);
}

static LOCK: Mutex<()> = Mutex::new(());

fn lock_without_owner() {
    let taken = Barrier::new(2);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _guard = LOCK.lock();
            taken.wait();
            sleep_for_ever();
        });
        taken.wait();
        let child = fork(|| drop(LOCK.lock()));
        wait(child);
        std::process::exit(0);
    });
}

/// A child sleeps on a word, which its parent may change then, and wakes nobody.
fn sleep_on_shared_word(flag: i32, is_changed: bool) {
    // SAFETY: a new mapping, wherever there is room.
    let page = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            4096,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    assert_ne!(page, libc::MAP_FAILED);
    // SAFETY: it is never unmapped, and zeros are an atomic number.
    let word: &AtomicU32 = unsafe { &*page.cast::<AtomicU32>() };
    let child = fork(|| {
        let no_time = std::ptr::null::<libc::timespec>();
        // SAFETY: the kernel reads the word, which stays where it is.
        unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), flag, 0, no_time) };
    });
    while std::fs::read_to_string(format!("/proc/{child}/syscall"))
        .is_ok_and(|call| !call.starts_with(&format!("{} ", libc::SYS_futex)))
    {
        std::thread::yield_now();
    }
    word.store(u32::from(is_changed), Ordering::SeqCst);
    wait(child);
}

fn poll_held() {
    let (reader, _writer) = pipe().expect("a pipe");
    let mut wait = libc::pollfd { fd: reader.into_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: the array has one entry and lives until poll returns.
    unsafe { libc::poll(&mut wait, 1, -1) };
}
