//! Every output that the page shows is the output of a run.

use transcript::example;

/// Numbers of descriptors: a program whose caller left descriptors open begins above 3.
const NEW_DESCRIPTOR: &str = r"new descriptor \d+";

#[test]
fn whoami_really() {
    example("whoami_really").varying(NEW_DESCRIPTOR).check();
}

#[test]
fn two_of_me() {
    // Without address space layout randomization (`setarch -R`) the two addresses are equal.
    example("two_of_me").varying(r"my counter is at 0x\w+").check();
}

#[test]
fn memory_counted() {
    example("memory_counted").measured(&["MiB"]).check();
}

#[test]
fn same_pages() {
    example("same_pages").measured(&["MiB"]).check();
}

#[test]
fn threads_are_inside() {
    example("threads_are_inside").check();
}

#[test]
fn how_many_cpus() {
    // What this machine has is its own; that one processor is left afterwards is not.
    let before = r"as I was started:\n(.*\n){4}";
    let machine = r"switched on: \d+";
    let quota = r"quota allows: .*";
    example("how_many_cpus").varying(before).varying(machine).varying(quota).check();
}

#[test]
fn look() {
    // Behind descriptor 2 follow those that the caller left open.
    example("look").measured(&["KiB"]).varying(r"(?s)    descriptor 2: .*").check();
}

#[test]
fn look_none() {
    // Above the largest pid that Linux ever gives, 4,194,304.
    example("look").args(["4194305"]).named("look_none").code(1).check();
}

#[test]
fn look_zero() {
    example("look").args(["0"]).named("look_zero").code(1).check();
}

#[test]
fn look_word() {
    example("look").args(["bash"]).named("look_word").code(1).check();
}
