//! Misdeeds against the machine and the grader.

use std::time::{Duration, Instant};

use grader::{Code, Diagnosis, Program, Run, is_alive};

/// This test, as the program `misdeed`.
pub(crate) fn program(misdeed: &str) -> Program {
    Program::new("/proc/self/exe").arg(misdeed)
}

/// The diagnosis of a program that must not pass.
pub(crate) fn diagnosis(program: &Program) -> Diagnosis {
    match program.run() {
        Ok(end) => panic!("it passes, with output {:?} {:?}", end.stdout(), end.stderr()),
        Err(found) => found,
    }
}

pub(crate) fn gets(program: &Program, code: Code) -> String {
    let found = diagnosis(program);
    assert_eq!(found.code(), code, "{found}");
    found.to_string()
}

pub(crate) fn fork_bomb() {
    gets(&program("fork-bomb"), Code::TooManyProcesses);
}

pub(crate) fn daemon_bomb() {
    gets(&program("daemon-bomb"), Code::TooManyProcesses);
}

pub(crate) fn endless_loop() {
    let text = gets(&program("endless-loop").cpu_max_ms(500), Code::TooSlow);
    assert!(text.contains("kept processors busy"), "{text}");
}

pub(crate) fn endless_output() {
    gets(&program("endless-output"), Code::TooMuchOutput);
}

/// The pid that the daemon has told.
fn daemon_of(run: &mut Run) -> i32 {
    let stop = run.at("daemon").unwrap_or_else(|found| panic!("{found}"));
    stop.value.as_ref().and_then(|pid| pid.parse().ok()).expect("it tells its pid")
}

pub(crate) fn daemon() {
    let mut run = program("daemon").start().unwrap_or_else(|found| panic!("{found}"));
    let daemon = daemon_of(&mut run);
    assert!(is_alive(daemon));
    let found = run.finish().expect_err("a daemon is left");
    assert_eq!(found.code(), Code::EscapedDaemon, "{found}");
    assert!(found.to_string().contains(&daemon.to_string()), "{found}");
    assert!(!is_alive(daemon), "{daemon} runs on");
}

pub(crate) fn daemon_of_a_dead_program() {
    let mut run = program("daemon-and-death").start().unwrap_or_else(|found| panic!("{found}"));
    let daemon = daemon_of(&mut run);
    let found = run.finish().expect_err("the program aborts");
    assert_eq!(found.code(), Code::UnexpectedSignal, "{found}");
    assert!(!is_alive(daemon), "{daemon} runs on");
}

pub(crate) fn kills_its_group() {
    let text = gets(&program("kill-group"), Code::UnexpectedSignal);
    assert!(text.contains("SIGKILL"), "{text}");
}

pub(crate) fn kills_all() {
    let text = gets(&program("kill-all"), Code::UnexpectedSignal);
    assert!(text.contains("every process that you may signal"), "{text}");
}

pub(crate) fn kills_its_parent() {
    let text = gets(&program("kill-parent"), Code::KilledParent);
    assert!(text.contains("signal: 9"), "{text}");
}

pub(crate) fn stops_its_parent() {
    gets(&program("stop-parent"), Code::KilledParent);
}

pub(crate) fn memory() {
    gets(&program("memory").memory_max_bytes(64 << 20), Code::TooMuchMemory);
}

pub(crate) fn memory_of_all() {
    gets(&program("memory-of-all").memory_max_bytes(128 << 20), Code::TooMuchMemory);
}

pub(crate) fn file() {
    let text = gets(&program("file"), Code::TooMuchOutput);
    assert!(text.contains("SIGXFSZ"), "{text}");
}

pub(crate) fn descriptors() {
    let end = program("descriptors").descriptors_max(40).run();
    let end = end.unwrap_or_else(|found| panic!("{found}"));
    end.stdout_is("40\n").unwrap_or_else(|found| panic!("{found}"));
}

pub(crate) fn stops_itself() {
    gets(&program("stop-self"), Code::Stuck);
}

pub(crate) fn sleeps() {
    let text = gets(&program("sleep").deadline_s(1), Code::TooSlow);
    assert!(text.contains("sleeps for a time"), "{text}");
}

pub(crate) fn panic_in_a_child() {
    let text = gets(&program("panic-in-child"), Code::Panic);
    assert!(text.contains("nobody hears this"), "{text}");
    let allowed = program("panic-in-child").allow(Code::Panic).run();
    allowed.unwrap_or_else(|found| panic!("{found}"));
}

pub(crate) fn todo() {
    let text = gets(&program("todo"), Code::TodoLeft);
    assert!(text.contains("misdeeds.rs:"), "{text}");
}

pub(crate) fn no_program() {
    let text = diagnosis(&Program::new("/no/such/program")).to_string();
    assert!(text.contains("/no/such/program") && text.contains("No such file"), "{text}");
}

pub(crate) fn clean_start() {
    // A descriptor that whoever started the grader has left open, and a signal that it ignores.
    let file = std::fs::File::open("/dev/null").expect("there is /dev/null");
    // SAFETY: the flag of a descriptor that is open.
    unsafe { libc::fcntl(std::os::fd::AsRawFd::as_raw_fd(&file), libc::F_SETFD, 0) };
    // SAFETY: SIG_IGN is no function of ours.
    unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) };
    let end = program("tell-start").args(["a b", ""]).stdin("words\n").run();
    let expected = "descriptors [0, 1, 2]\nblocked 0000000000000000\nown session true\n\
                    arguments [\"a b\", \"\"]\ninput \"words\\n\"\n";
    let end = end.unwrap_or_else(|found| panic!("{found}"));
    end.stdout_is(expected).unwrap_or_else(|found| panic!("{found}"));
}

/// A grader is killed while its program runs. What it was grading must not outlive it.
pub(crate) fn killed_grader() {
    use std::io::Read;

    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    // SAFETY: this process has one thread.
    let grader = unsafe { libc::fork() };
    if grader == 0 {
        let mut run = program("orphan-and-wait").start().expect("it starts");
        let working = std::fs::read_link(format!("/proc/{}/cwd", run.main()));
        let working = working.expect("its own child's folder");
        let text = format!("{} {} {}", daemon_of(&mut run), run.main(), working.display());
        std::io::Write::write_all(&mut &writer, text.as_bytes()).expect("the test reads");
        drop(writer);
        loop {
            // SAFETY: pause waits for a signal.
            unsafe { libc::pause() };
        }
    }
    drop(writer);
    let mut text = String::new();
    reader.read_to_string(&mut text).expect("the grader writes text");
    let words: Vec<&str> = text.splitn(3, ' ').collect();
    let pids = [words[0], words[1]].map(|pid| pid.parse::<i32>().expect("a pid"));
    let working = std::path::Path::new(words[2]);
    assert!(working.is_dir(), "{words:?}");
    // SAFETY: a child of this process that nobody has waited for.
    unsafe { libc::kill(grader, libc::SIGKILL) };
    // SAFETY: without a place for the status, waitpid writes nothing.
    unsafe { libc::waitpid(grader, std::ptr::null_mut(), 0) };
    let ends_at = Instant::now() + Duration::from_secs(60);
    while pids.iter().any(|pid| is_alive(*pid)) || working.exists() {
        assert!(Instant::now() < ends_at, "{pids:?} or {working:?} outlive their grader");
        std::thread::yield_now();
    }
}
