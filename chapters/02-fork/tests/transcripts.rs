//! What the page shows is what the examples print.

#[test]
fn two_returns() {
    transcript::example("two_returns").check();
}

#[test]
fn copy_on_write() {
    transcript::example("copy_on_write").measured(&["MiB", "KiB", "pages"]).check();
}

#[test]
fn shared_offset() {
    transcript::example("shared_offset").check();
}

#[test]
fn printed_twice() {
    transcript::example("printed_twice").check();
}

#[test]
fn cost_of_fork() {
    // On a machine with little free memory the heaps are smaller, and a line before the table says so.
    transcript::example("cost_of_fork")
        .measured(&["ms", "µs", "MiB"])
        .varying(r"\A\s*(?:only half of the free memory is used: .*\n)?heap ")
        .check();
}

#[test]
fn fork_with_threads() {
    transcript::example("fork_with_threads").check();
}
