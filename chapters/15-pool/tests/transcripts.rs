//! Every output that the page shows is the output of a run.

/// It ends with 1, because some of its images are broken.
#[test]
fn thumbs() {
    transcript::example("thumbs").code(1).check();
}

#[test]
fn thumbs_killed() {
    transcript::example("thumbs")
        .args(["--kill-workers"])
        .named("thumbs_killed")
        .code(1)
        .check();
}

#[test]
fn wordcount() {
    transcript::example("wordcount").args(["--check"]).check();
}

#[test]
fn in_tokio() {
    transcript::example("in_tokio").check();
}

#[test]
fn nested() {
    transcript::example("nested").check();
}

#[test]
fn traced() {
    transcript::example("traced").check();
}

#[test]
fn one_task() {
    transcript::example("one_task").check();
}

/// A release build has no fault points; the example says so.
#[test]
fn killed_mid_task() {
    if supervise::fault::IS_ACTIVE {
        transcript::example("killed_mid_task").check();
    }
}

#[test]
fn generations() {
    transcript::example("generations").measured(&["lines", "tasks/s", "times"]).check();
}

#[test]
fn from_pool() {
    transcript::example("from_pool").check();
}

#[test]
fn from_futures() {
    transcript::example("from_futures").check();
}
