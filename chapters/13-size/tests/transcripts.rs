//! Every output that the page shows is the output of a run.

#[test]
fn knee() {
    transcript::example("knee").measured(&["processors", "workers", "tasks/ms"]).check();
}

#[test]
fn cost_sheet() {
    transcript::example("cost_sheet").measured(&["KiB"]).check();
}

#[test]
fn fork_refused() {
    let run = transcript::example("fork_refused");
    // An ordinary user's other programs come and go meanwhile; root runs it as a user who has no others.
    match nix::unistd::Uid::effective().is_root() {
        true => run.check(),
        false => run.measured(&["processes"]).check(),
    };
}

#[test]
fn room_here() {
    // The limits are those of the machine: what is compared is that each of them has its line.
    transcript::example("room_here")
        .varying(r" +(\d+( MiB)?|none|unknown) +(\d+( MiB)?|-|unknown) +(\d+|any)")
        .varying(r"room for \d+ more workers; first comes: .*")
        .varying(r"to raise it: .*")
        .check();
}
