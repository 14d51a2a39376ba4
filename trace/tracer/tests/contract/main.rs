//! What the tracer promises, on programs that are written for it: births, ends, waits and who ended them, and that
//! nothing is left, however the run ends.
//!
//! The programs are in `play.rs`: this very file, with `--play` as its first argument.

#[cfg(target_os = "linux")]
mod causes;
#[cfg(target_os = "linux")]
mod ends;
#[cfg(target_os = "linux")]
mod families;
#[cfg(target_os = "linux")]
mod play;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    if let Some(code) = play::play() {
        return code;
    }
    contract::run(&[
        ("a_fork_is_a_lane", families::a_fork_is_a_lane),
        ("two_hundred_forks", families::two_hundred_forks),
        ("a_command_is_a_vfork_and_an_exec", families::a_command_is_a_vfork_and_an_exec),
        ("a_thread_may_execute", families::a_thread_may_execute),
        ("a_stopped_process_stays_stopped", families::a_stopped_process_stays_stopped),
        ("threads_are_lanes", families::threads_are_lanes),
        ("a_child_ends_a_wait", causes::a_child_ends_a_wait),
        ("a_writer_ends_a_read", causes::a_writer_ends_a_read),
        ("the_last_holder_ends_a_read", causes::the_last_holder_ends_a_read),
        ("a_killed_holder_ends_a_read", causes::a_killed_holder_ends_a_read),
        ("a_closed_end_ends_a_read", causes::a_closed_end_ends_a_read),
        ("a_reader_ends_a_write", causes::a_reader_ends_a_write),
        ("the_other_end_ends_a_read", causes::the_other_end_ends_a_read),
        ("a_writer_ends_a_poll", causes::a_writer_ends_a_poll),
        ("a_thread_ends_a_join", causes::a_thread_ends_a_join),
        ("a_thread_wakes_a_thread", causes::a_thread_wakes_a_thread),
        ("a_signal_ends_a_pause", causes::a_signal_ends_a_pause),
        ("a_deadline_kills_all", ends::a_deadline_kills_all),
        ("a_missing_program_is_an_error", ends::a_missing_program_is_an_error),
        ("nobody_is_watched_by_two", ends::nobody_is_watched_by_two),
        ("a_full_record_keeps_births", ends::a_full_record_keeps_births),
        ("the_exit_code_is_the_programs", ends::the_exit_code_is_the_programs),
        ("a_killed_tracer_leaves_nobody", ends::a_killed_tracer_leaves_nobody),
        ("an_interrupt_still_writes_the_record", ends::an_interrupt_still_writes_the_record),
    ])
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    ExitCode::SUCCESS
}

/// Records one of the programs with every wait, however short.
#[cfg(target_os = "linux")]
fn record(name: &str) -> timeline::Timeline {
    let timeline = record_with(name, options());
    assert_eq!(code(&timeline, 0), Some(0), "{name} says what is wrong: {timeline:#?}");
    assert!(timeline.notes.is_empty(), "{:?}", timeline.notes);
    assert!(timeline.lanes.iter().all(|lane| lane.end.is_some()), "{timeline:#?}");
    timeline
}

#[cfg(target_os = "linux")]
fn options() -> tracer::Options {
    tracer::Options { threshold: std::time::Duration::ZERO, ..tracer::Options::default() }
}

#[cfg(target_os = "linux")]
fn record_with(name: &str, options: tracer::Options) -> timeline::Timeline {
    let program = std::env::current_exe().expect("this program has a file");
    tracer::record(&program, &[play::PLAY.into(), name.into()], options)
        .expect("it can be recorded")
}

#[cfg(target_os = "linux")]
fn code(timeline: &timeline::Timeline, lane: usize) -> Option<i32> {
    timeline.lanes[lane].end.as_ref().and_then(|end| end.code)
}
