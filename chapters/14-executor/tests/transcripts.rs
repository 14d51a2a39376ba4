//! Every output that the page shows is the output of a run.

#[test]
fn promise() {
    transcript::example("promise").check();
}

#[test]
fn block_on() {
    transcript::example("block_on").check();
}

#[test]
fn same_program() {
    transcript::example("same_program").measured(&["ms"]).check();
}

#[test]
fn one_crash() {
    transcript::example("one_crash").check();
}
