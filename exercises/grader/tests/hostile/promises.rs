//! What the grader promises to those who write a grade, and to programs that are right.

use grader::{Code, Program, Rest, Run, Signal};

use crate::cases::{diagnosis, gets, program};

fn start(program: &Program) -> Run {
    program.start().unwrap_or_else(|found| panic!("{found}"))
}

fn passes(program: &Program) -> grader::Ended {
    program.run().unwrap_or_else(|found| panic!("{found}"))
}

/// Whoever started the grader may have left SIGCHLD ignored, and children of its own.
pub(crate) fn odd_inheritance() {
    // SAFETY: SIG_IGN is no function of ours.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    // SAFETY: this process has one thread.
    let stranger = unsafe { libc::fork() };
    if stranger == 0 {
        loop {
            // SAFETY: pause waits for a signal.
            unsafe { libc::pause() };
        }
    }
    passes(&program("tell-start"));
    gets(&program("leave-orphan"), Code::Orphan);
    assert!(grader::is_alive(stranger), "the grader has ended a process that is not its own");
    // SAFETY: a child of this process that nobody has waited for.
    unsafe { libc::kill(stranger, libc::SIGKILL) };
    // SAFETY: without a place for the status, waitpid writes nothing.
    unsafe { libc::waitpid(stranger, std::ptr::null_mut(), 0) };
}

pub(crate) fn timers_are_no_deadlock() {
    passes(&program("timer"));
}

pub(crate) fn a_first_thread_may_end() {
    passes(&program("leader-exits"));
}

pub(crate) fn a_grandchild_is_no_zombie_of_the_program() {
    passes(&program("double-fork"));
}

pub(crate) fn a_full_table_is_a_leak() {
    let text = gets(&program("leak-all").descriptors_max(30), Code::LeakedFd);
    assert!(text.contains("all 30 that it may have are open"), "{text}");
}

pub(crate) fn a_function_returns() {
    let text = gets(&program("exit-inside"), Code::WrongAnswer);
    assert!(text.contains("has never returned"), "{text}");
}

pub(crate) fn exit_codes_are_compared() {
    let text = gets(&program("exit-3"), Code::WrongAnswer);
    assert!(text.contains("exit status 3 instead of 0"), "{text}");
    passes(&program("exit-3").exit_code(3));
}

/// The shield is stopped as soon as it goes on.
pub(crate) fn a_shield_may_be_stopped_at_any_time() {
    let mut run = start(&program("stop-parent-late"));
    let stopper = run.at("ready").unwrap_or_else(|found| panic!("{found}"));
    let pid = stopper.pid;
    stopper.go();
    drop(run);
    assert!(!grader::is_alive(pid), "{pid} runs on");
}

pub(crate) fn questions_are_answered() {
    let mut run = start(&program("ask").env("WORD", "two words"));
    let stop = run.at("question").unwrap_or_else(|found| panic!("{found}"));
    assert_eq!(stop.pid, run.main());
    stop.answer("forty-two");
    let end = run.finish().unwrap_or_else(|found| panic!("{found}"));
    end.value_is("answer", "forty-two").unwrap_or_else(|found| panic!("{found}"));
    end.value_is("variable", "two words").unwrap_or_else(|found| panic!("{found}"));
    assert!(end.value_is("answer", "something else").is_err());
    assert_eq!(end.told().len(), 2);
}

pub(crate) fn nobody_comes() {
    let text = gets_at(&program("self-held"), "nowhere");
    assert_eq!(text, Code::SelfHeldWriteEnd);
    assert_eq!(gets_at(&program("exit-3").exit_code(3), "nowhere"), Code::WrongAnswer);
    let mut run = start(&program("self-held"));
    assert!(run.try_at("nowhere").is_ok_and(|stop| stop.is_none()));
}

fn gets_at(program: &Program, gate: &str) -> Code {
    start(program).at(gate).expect_err("nobody comes").code()
}

pub(crate) fn rest_is_told() {
    let mut run = start(&program("self-held"));
    let main = run.main();
    let rest = run.until_asleep(main).unwrap_or_else(|found| panic!("{found}"));
    assert!(matches!(rest, Rest::Asleep(grader::Blocked::Read { .. })), "{rest:?}");
    run.kill(main, Signal::SIGKILL);
    let rest = run.until_asleep(main).unwrap_or_else(|found| panic!("{found}"));
    assert_eq!(rest, Rest::Ended);
    drop(run);

    // The first thread sleeps, another does not.
    let mut run = start(&program("spin-in-thread"));
    run.at("here").unwrap_or_else(|found| panic!("{found}")).go();
    let main = run.main();
    let rest = run.until_asleep(main).unwrap_or_else(|found| panic!("{found}"));
    assert!(matches!(rest, Rest::Busy { .. }), "{rest:?}");
}

pub(crate) fn a_grader_that_fails_blames_nobody() {
    assert!(diagnosis(&Program::new("/no/such/program")).is_graders());
    assert!(!diagnosis(&program("exit-3")).is_graders());
}

pub(crate) fn an_unwritable_folder_is_named() {
    // SAFETY: this process has one thread.
    unsafe { std::env::set_var("TMPDIR", "/no/such/folder") };
    let found = diagnosis(&program("tell-start"));
    assert!(found.is_graders(), "{found}");
    assert!(found.to_string().contains("/no/such/folder"), "{found}");
}
