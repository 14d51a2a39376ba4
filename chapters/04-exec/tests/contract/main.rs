//! What `exec::Command` promises, case by case.
//!
//! The crate `contract` runs each in a process of its own with one thread, and looks at what it leaves behind.

mod descriptors;
mod failures;
mod program;
mod sandbox;
mod signals;
mod strings;
mod threads;

use contract::Case;
use std::process::ExitCode;

const CASES: &[Case] = &[
    ("strings_arrive_as_they_are", strings::arrive_as_they_are),
    ("the_environment_is_the_one_given", strings::environment),
    ("an_odd_environment_is_passed_on", strings::odd_environment),
    ("the_exit_code_arrives", strings::exit_code),
    ("names_are_found_in_path", strings::found_in_path),
    ("this_program_needs_no_name", strings::this_program_needs_no_name),
    ("only_what_was_handed_over_is_open", descriptors::only_what_was_handed_over),
    ("descriptors_can_swap_numbers", descriptors::swapped),
    ("a_descriptor_can_keep_its_number", descriptors::same_number),
    ("numbers_up_to_the_limit", descriptors::up_to_the_limit),
    ("standard_descriptors_may_be_closed", descriptors::standard_ones_closed),
    ("a_kernel_without_close_range", descriptors::without_close_range),
    ("a_kernel_without_close_range_or_listing", descriptors::without_listing),
    ("both_ends_can_move_to_standard_numbers", descriptors::standard_numbers_swapped),
    ("signals_begin_clean", signals::begin_clean),
    ("masks_and_handlers_of_the_caller_stay", signals::caller_keeps_its_own),
    ("handlers_never_run_in_the_child", signals::storm),
    ("ignored_sigchld", signals::ignored_sigchld),
    ("each_exec_failure_has_its_errno", failures::each_errno),
    ("an_error_pipe_in_the_way_moves", failures::error_pipe_in_the_way),
    ("a_file_open_for_writing", failures::open_for_writing),
    ("too_many_arguments", failures::too_many_arguments),
    ("no_descriptor_left_at_any_step", failures::no_descriptor_left),
    ("no_process_left", failures::no_process_left),
    ("no_memory_left", failures::no_memory_left),
    ("a_program_is_owned_from_its_first_moment", failures::no_second_look_by_number),
    ("no_exit_handler_runs_in_the_child", failures::no_exit_handler),
    ("no_mapping_left", failures::no_mapping_left),
    ("strings_that_no_program_can_have", failures::impossible_strings),
    ("many_threads_at_once", threads::many_at_once),
    ("a_fork_elsewhere_delays_nothing", threads::fork_elsewhere),
];

fn main() -> ExitCode {
    program::play().unwrap_or_else(|| contract::run(CASES))
}
