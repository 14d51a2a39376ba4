//! What the page shows is what the examples print.

#[test]
fn pointer_elsewhere() {
    transcript::example("pointer_elsewhere").check();
}

#[test]
fn private_or_shared() {
    transcript::example("private_or_shared").check();
}

#[test]
fn made_shorter() {
    transcript::example("made_shorter").check();
}

#[test]
fn descriptor_travels() {
    // Which numbers are free depends on what started the test.
    transcript::example("descriptor_travels").varying(r"descriptor \d+").check();
}

#[test]
fn first_touch() {
    // How many pages a fault for reading maps is the kernel's choice, and there are other sizes of pages.
    transcript::example("first_touch")
        .measured(&["ns", "faults"])
        .varying(r"in pages of \d+")
        .check();
}

#[test]
fn hundred_million() {
    transcript::example("hundred_million").measured(&["KiB", "ms"]).check();
}
