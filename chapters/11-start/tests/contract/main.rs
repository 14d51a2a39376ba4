//! What `start` promises, case by case, each over every start method.
//!
//! The crate `contract` runs each case in a process of its own, and looks at what it leaves behind.

mod begin;
mod deaths;
mod descriptors;
mod limits;
mod play;
mod program;
mod threads;

use contract::Case;
use start::{Launcher, StartMethod};
use std::process::ExitCode;

const CASES: &[Case] = &[
    ("a_worker_gets_its_kit", begin::kit),
    ("a_worker_begins_clean", begin::clean),
    ("a_worker_has_the_programs_environment", begin::environment),
    ("the_end_of_a_worker_arrives", begin::endings),
    ("exit_handlers_of_the_program_do_not_run", begin::exit_handlers),
    ("the_c_library_knows_the_new_thread", begin::thread_record),
    ("a_worker_may_start_workers", begin::nested),
    ("a_worker_of_a_forkserver_is_small", begin::memory),
    ("nothing_of_the_program_is_open", descriptors::nothing_of_the_program),
    ("fork_keeps_what_was_open_then", descriptors::fork_keeps_what_was_open),
    ("templates_know_no_other_launcher", descriptors::templates_know_no_other_launcher),
    ("nothing_piles_up", descriptors::nothing_piles_up),
    ("standard_descriptors_may_be_closed", descriptors::standard_ones_closed),
    ("a_template_that_died_is_told", deaths::template_died),
    ("a_template_killed_at_any_instant", deaths::template_killed_at_any_instant),
    ("a_worker_killed_at_any_instant", deaths::worker_killed_at_any_instant),
    ("a_program_killed_at_any_instant", deaths::program_killed_at_any_instant),
    ("a_stopped_template_that_is_killed", deaths::stopped_template),
    ("a_stopped_template_and_a_time_limit", deaths::stopped_template_and_a_time_limit),
    ("workers_outlive_the_launcher", deaths::workers_outlive_the_launcher),
    ("ignored_sigchld", deaths::ignored_sigchld),
    ("fork_with_threads_is_refused", threads::fork_is_refused),
    ("the_others_do_not_mind_threads", threads::others_do_not_mind),
    ("a_worker_dies_with_the_thread_that_started_it", threads::thread_that_started),
    ("a_launcher_may_move_to_another_thread", threads::launcher_may_move),
    ("without_init_nobody_is_started", program::without_init),
    ("a_mark_of_somebody_else_is_ignored", program::strange_mark),
    ("what_no_worker_can_be_given", limits::invalid),
    ("no_descriptor_left", limits::no_descriptor_left),
    ("no_process_left", limits::no_process_left),
];

fn main() -> ExitCode {
    if !program::is_the_one_without_init() {
        start::init(play::worker);
    }
    program::play().unwrap_or_else(|| contract::run(CASES))
}

const METHODS: [StartMethod; 3] =
    [StartMethod::Fork, StartMethod::Spawn, StartMethod::Forkserver];

/// A launcher whose workers do what their note says.
fn launcher(method: StartMethod) -> Launcher {
    match method {
        StartMethod::Fork => Launcher::fork("worker", play::worker),
        StartMethod::Spawn => Launcher::spawn("worker"),
        StartMethod::Forkserver => Launcher::forkserver("worker"),
    }
    .unwrap_or_else(|error| panic!("{method}: {error}"))
}

/// Runs `body` with a launcher of each method; after each nothing may be left.
fn with_each_method(body: impl Fn(&mut Launcher)) {
    for method in METHODS {
        contract::leaving_nothing(|| {
            println!("with {method}");
            body(&mut launcher(method));
        });
    }
}
