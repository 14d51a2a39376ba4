//! Programs that hang, lie, multiply, hide or strike back, and the verdict that each must get.
//!
//! The programs are this test itself, started with the name of a misdeed as its first argument. Each case runs in a
//! process of its own, with root's rights also as an ordinary user, and must leave no process and no descriptor.

mod cases;
mod deadlocks;
mod misdeeds;
mod promises;

use std::process::ExitCode;

use cases as c;
use deadlocks as d;
use promises as p;

fn main() -> ExitCode {
    if let Some(status) = grader::shield_if_asked() {
        return status;
    }
    if let Some(name) = std::env::args().nth(1)
        && let Some(misdeed) = misdeeds::of_name(&name)
    {
        misdeed();
        return ExitCode::SUCCESS;
    }
    contract::run_also_as_nobody(&[
        ("a_fork_bomb_is_counted_and_ended", c::fork_bomb),
        ("a_bomb_of_daemons_is_ended", c::daemon_bomb),
        ("an_endless_loop_is_ended", c::endless_loop),
        ("endless_output_is_cut", c::endless_output),
        ("a_daemon_is_found", c::daemon),
        ("a_daemon_is_found_after_a_death", c::daemon_of_a_dead_program),
        ("a_program_may_kill_its_own_group", c::kills_its_group),
        ("a_program_cannot_signal_everybody", c::kills_all),
        ("a_program_that_kills_its_parent_is_judged", c::kills_its_parent),
        ("a_program_that_stops_its_parent_is_judged", c::stops_its_parent),
        ("memory_is_bounded", c::memory),
        ("memory_of_all_is_bounded", c::memory_of_all),
        ("files_are_bounded", c::file),
        ("descriptors_are_bounded", c::descriptors),
        ("a_program_that_stops_itself_is_stuck", c::stops_itself),
        ("a_program_that_sleeps_is_too_slow", c::sleeps),
        ("a_panic_in_a_child_is_seen", c::panic_in_a_child),
        ("a_todo_is_told_from_a_panic", c::todo),
        ("a_program_that_cannot_start_is_named", c::no_program),
        ("a_program_starts_with_nothing_but_its_limits", c::clean_start),
        ("a_killed_grader_leaves_nothing", c::killed_grader),
        ("a_reader_that_holds_the_end", d::self_held),
        ("an_end_held_by_another", d::other_held),
        ("two_full_pipes", d::full_pipes),
        ("a_wait_before_the_reading", d::wait_before_reading),
        ("two_that_wait_for_each_other", d::wait_cycle),
        ("a_lock_without_its_owner", d::lock_without_owner),
        ("a_private_futex_in_shared_memory", d::private_futex),
        ("a_word_that_changed_without_a_wake_up", d::lost_wake_up),
        ("a_word_that_did_not_change_is_waited_for", d::nobody_changes_the_word),
        ("poll_is_a_way_to_wait", d::poll_on_held_end),
        ("evidence_that_may_not_be_read_is_named", d::undumpable),
        ("many_graders_at_once", d::many_at_once),
        ("a_child_in_the_parents_code", d::child_in_parents_code),
        ("nothing_is_left_between_start_and_end", d::leftovers_at_the_end),
        ("what_the_grader_inherits_does_no_harm", p::odd_inheritance),
        ("a_timer_is_no_deadlock", p::timers_are_no_deadlock),
        ("a_first_thread_may_end", p::a_first_thread_may_end),
        (
            "a_grandchild_is_no_zombie_of_the_program",
            p::a_grandchild_is_no_zombie_of_the_program,
        ),
        ("a_full_table_of_descriptors_is_a_leak", p::a_full_table_is_a_leak),
        ("a_function_returns", p::a_function_returns),
        ("exit_codes_are_compared", p::exit_codes_are_compared),
        ("a_shield_may_be_stopped_at_any_time", p::a_shield_may_be_stopped_at_any_time),
        ("questions_are_answered", p::questions_are_answered),
        ("a_gate_to_which_nobody_comes", p::nobody_comes),
        ("a_process_that_is_left_alone", p::rest_is_told),
        ("a_grader_that_fails_blames_nobody", p::a_grader_that_fails_blames_nobody),
        ("an_unwritable_folder_is_named", p::an_unwritable_folder_is_named),
    ])
}
