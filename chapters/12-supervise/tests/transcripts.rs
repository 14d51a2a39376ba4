//! Every output that the page shows is the output of a run.

#[test]
fn deaths() {
    transcript::example("deaths").check();
}

#[test]
fn cancel_a_task() {
    transcript::example("cancel_a_task").check();
}

#[test]
fn life_table() {
    transcript::example("life_table").check();
}

#[test]
fn supervised() {
    transcript::example("supervised").measured(&["kills", "tasks begun again"]).check();
}

#[test]
fn killer_task() {
    transcript::example("killer_task").check();
}

#[test]
fn recycled() {
    transcript::example("recycled").measured(&["processes", "MiB", "ms"]).check();
}
