//! What `fork` promises, case by case.
//!
//! The crate `contract` runs each in a process of its own with one thread, and looks at what it leaves behind.

mod ending;
mod observe;
mod output;
mod refusal;

use contract::Case;
use std::process::ExitCode;

const CASES: &[Case] = &[
    ("exit_codes_lose_all_but_8_bits", ending::exit_codes_lose_all_but_8_bits),
    ("the_child_never_runs_the_callers_code", ending::the_child_never_runs_the_callers_code),
    ("what_is_moved_in_is_dropped_in_both", ending::what_is_moved_in_is_dropped_in_both),
    ("a_panic_is_code_101", ending::a_panic_is_code_101),
    ("a_panic_during_a_panic_ends_by_sigabrt", ending::a_panic_during_a_panic_ends_by_sigabrt),
    ("a_panic_out_of_the_unchecked_fork_goes_nowhere", ending::unchecked_panic_goes_nowhere),
    ("exit_inside_the_child_is_its_end", ending::exit_inside_the_child_is_its_end),
    ("exit_handlers_of_the_caller_do_not_run", ending::exit_handlers_of_the_caller_do_not_run),
    ("a_child_can_fork", ending::a_child_can_fork),
    ("threads_of_the_child_end_with_it", ending::threads_of_the_child_end_with_it),
    ("it_can_be_called_while_unwinding", ending::it_can_be_called_while_unwinding),
    (
        "it_can_be_called_at_the_end_of_a_thread",
        ending::it_can_be_called_at_the_end_of_a_thread,
    ),
    (
        "it_can_be_called_while_stdout_is_locked",
        output::it_can_be_called_while_stdout_is_locked,
    ),
    ("text_is_printed_once", output::text_is_printed_once),
    ("a_closed_stdout_is_no_obstacle", output::a_closed_stdout_is_no_obstacle),
    ("a_stdout_without_reader_is_no_obstacle", output::a_stdout_without_reader_is_no_obstacle),
    ("a_full_stdout_refuses", output::a_full_stdout_refuses),
    ("more_threads_refuse", refusal::more_threads_refuse),
    ("joined_threads_do_not_count", refusal::joined_threads_do_not_count),
    ("signals_do_not_interrupt", refusal::signals_do_not_interrupt),
    ("the_limit_is_reported", refusal::the_limit_is_reported),
    ("missing_memory_is_reported", refusal::missing_memory_is_reported),
];

fn main() -> ExitCode {
    contract::run(CASES)
}
