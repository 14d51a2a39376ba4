//! What the page shows is what the examples print.

use std::process::Command;

#[test]
fn same_pointer() {
    transcript::example("same_pointer").check();
}

#[test]
fn pointer_moves() {
    // How far a function is from the load address depends on the compiler and the profile.
    transcript::example("pointer_moves").varying(r"distance of \d+ bytes").check();
}

#[test]
fn what_a_closure_is() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().expect("the version of rustc");
    if String::from_utf8_lossy(&version.stdout).starts_with("rustc 1.95.") {
        transcript::example("what_a_closure_is").check();
        return;
    }
    // Another version may choose other words around the two that matter.
    let output = Command::new(transcript::built_example("what_a_closure_is"))
        .output()
        .expect("its output");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("error[E0308]") && text.contains("capture"), "{text}");
}

#[test]
fn what_travels() {
    transcript::example("what_travels").check();
}

#[test]
fn ship_a_call() {
    transcript::example("ship_a_call").check();
}

#[test]
fn call_by_name() {
    transcript::example("call_by_name").check();
}

#[test]
fn cost_of_a_call() {
    transcript::example("cost_of_a_call").measured(&["ns", "µs"]).check();
}
