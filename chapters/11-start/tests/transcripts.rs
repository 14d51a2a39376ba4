//! Every output that the page shows is the output of a run.

#[test]
fn three_starts() {
    transcript::example("three_starts").check();
}

#[test]
fn fresh_worker() {
    transcript::example("fresh_worker").check();
}

#[test]
fn thread_copies() {
    transcript::example("thread_copies").check();
}

#[test]
fn parent_is_a_thread() {
    transcript::example("parent_is_a_thread").check();
}

#[test]
fn killed_template() {
    transcript::example("killed_template").check();
}

/// The page shows heaps of up to 2 GiB; a quarter of a GiB has the same shape.
#[test]
fn start_cost() {
    transcript::example("start_cost").args(["768"]).measured(&["MiB", "ms", "KiB"]).check();
}

#[test]
fn template_keeps() {
    transcript::example("template_keeps").measured(&["MiB"]).check();
}
