//! Every output that the page shows.

use transcript::example;

#[test]
fn close_in_one() {
    example("close_in_one").check();
}

#[test]
fn what_survives() {
    example("what_survives").check();
}

#[test]
fn cloexec_race() {
    example("cloexec_race").check();
}

#[test]
fn error_pipe() {
    example("error_pipe").check();
}

#[test]
fn exec_failures() {
    // A folder of PATH that this user may not search would change what is said of a name that
    // is in none of them.
    example("exec_failures").env("PATH", "/usr/bin:/bin").check();
}

#[test]
fn exec_self() {
    example("exec_self").check();
}

#[test]
fn spawn_from_big_process() {
    // With little free memory the heaps are smaller, and a line above the table says so.
    example("spawn_from_big_process")
        .measured(&["ms", "MiB"])
        .varying("(only half .*\n)?heap ")
        .check();
}
