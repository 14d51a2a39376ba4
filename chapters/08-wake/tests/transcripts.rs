//! What the page shows is what the examples print.

#[test]
fn shared_counter() {
    transcript::example("shared_counter").measured(&["additions"]).check();
}

#[test]
fn busy_waiting() {
    transcript::example("busy_waiting").measured(&["ms", "us"]).check();
}

#[test]
fn lost_wake_up() {
    // Which of them is the first to be lost is up to the scheduler.
    transcript::example("lost_wake_up").varying(r"at ring \d+").check();
}

#[test]
fn price_of_a_ring() {
    transcript::example("price_of_a_ring").measured(&["ns"]).check();
}

#[test]
fn std_mutex() {
    // Not every system tells which system call a process is in.
    transcript::example("std_mutex").varying(r"sleeps(, in a futex call, \w+)?").check();
}

#[test]
fn dead_owner() {
    let transcript = transcript::example("dead_owner");
    // Other C libraries have the word elsewhere, so those lines are not printed.
    if cfg!(target_env = "gnu") {
        transcript.check();
    } else {
        transcript.varying(r"the word of the lock: .*\n").check();
    }
}

#[test]
fn rings() {
    transcript::example("rings").args(["20000"]).measured(&["armed", "s"]).check();
}
