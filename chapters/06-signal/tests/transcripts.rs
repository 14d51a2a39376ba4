//! What the page shows is what the examples print.
#![forbid(unsafe_code)]

#[test]
fn one_sigchld() {
    // Any of the children may be the first to end.
    transcript::example("one_sigchld").varying(r"names child \d").check();
}

#[test]
fn deaf_child() {
    transcript::example("deaf_child").check();
}

#[test]
fn ctrl_c() {
    transcript::example("ctrl_c").check();
}

#[test]
fn lock_in_a_handler() {
    transcript::example("lock_in_a_handler").check();
}

#[test]
fn still_watched() {
    transcript::example("still_watched").check();
}

#[test]
fn term_then_kill() {
    transcript::example("term_then_kill").measured(&["ms"]).check();
}

#[test]
fn pool_v2() {
    transcript::example("pool_v2")
        .current_dir("../..")
        .args(["-j", "2", "chapters/05-pipe/examples/poems"])
        .measured(&["s"])
        .check();
}
