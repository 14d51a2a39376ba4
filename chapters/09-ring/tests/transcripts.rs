//! What the page shows is what the examples print.

use std::process::Command;
use std::time::Duration;

/// Longer than any of them takes, even on a processor that is busy with something else.
const DEADLINE: Duration = Duration::from_secs(60);

#[test]
fn no_protocol() {
    transcript::example("no_protocol").varying(r" *\d+").deadline(DEADLINE).check();
}

#[test]
fn inside_a_ring() {
    transcript::example("inside_a_ring").check();
}

/// With one processor the example says that there is nothing to see. Two that are the two hardware threads of one core
/// share their caches, and then the line does not travel.
#[test]
fn false_sharing() {
    let example = transcript::example("false_sharing").deadline(DEADLINE);
    match process::cpus().allowed {
        1 => {
            let output = Command::new(transcript::built_example("false_sharing")).output();
            let said = String::from_utf8(output.expect("start it").stdout).expect("text");
            assert!(said.ends_with("there is nothing to see here\n"), "{said}");
        }
        _ => example.varying(r": +[\d.]+ ns").varying("more|less").check(),
    }
}

#[test]
fn orderings() {
    transcript::example("orderings").deadline(DEADLINE).check();
}

#[test]
fn hostile_ring() {
    transcript::example("hostile_ring").varying(r"\d+ records").deadline(DEADLINE).check();
}

#[test]
fn three_transports() {
    transcript::example("three_transports")
        .varying(r" +\d+ tasks/s")
        .deadline(DEADLINE)
        .check();
}

#[test]
fn ring_speed() {
    transcript::example("ring_speed").varying(r": +[\d.]+ million").deadline(DEADLINE).check();
}

#[test]
fn pool_v3() {
    transcript::example("pool_v3")
        .current_dir("../..")
        .args(["-j", "2", "chapters/05-pipe/examples/poems"])
        .measured(&["s"])
        .check();
}
