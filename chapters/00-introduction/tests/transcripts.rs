//! What the introduction shows is what its programs print.

/// Six short texts that the page counts; the numbers in the page are theirs.
const TEXTS: &str = "examples/texts";

#[test]
fn first_pool() {
    transcript::example("first_pool").args([TEXTS]).check();
}

#[test]
fn first_pool_killed() {
    transcript::example("first_pool")
        .args([TEXTS, "--kill-one"])
        .named("first_pool_killed")
        .check();
}

#[test]
fn green_and_wrong() {
    transcript::example("green_and_wrong").check();
}

#[test]
fn folk_notes() {
    transcript::example("folk_notes").measured(&["regions"]).check();
}
