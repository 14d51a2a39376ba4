//! Births and ends.

use crate::{code, record};
use timeline::{Birth, What};

pub(crate) fn a_fork_is_a_lane() {
    let timeline = record("fork");
    let [program, child] = &timeline.lanes[..] else { panic!("{timeline:#?}") };
    assert_eq!((program.pid, program.born.by, program.born.from), (4001, Birth::Program, None));
    assert_eq!((child.pid, child.born.by), (4002, Birth::Fork));
    assert_eq!((child.born.from, child.born.parent), (Some(0), Some(0)));
    assert!(child.born.flags.iter().any(|flag| flag == "SIGCHLD"), "{child:?}");
    assert!(!child.born.flags.iter().any(|flag| flag == "VM"), "{child:?}");
    let end = child.end.as_ref().expect("it ended");
    assert_eq!((end.code, end.signal.as_deref()), (Some(7), None));
    assert!(end.reaped_us >= Some(end.at_us) && end.at_us >= child.born.at_us, "{end:?}");
    assert!(program.execs.is_empty() && timeline.duration_us >= end.at_us);
    assert_eq!(timeline.arguments, ["--play", "fork"]);
}

pub(crate) fn two_hundred_forks() {
    let timeline = record("many");
    assert_eq!(timeline.lanes.len(), 201);
    for child in &timeline.lanes[1..] {
        let end = child.end.as_ref().expect("it ended");
        assert_eq!(
            (end.code, end.reaped_us.is_some(), child.born.from),
            (Some(3), true, Some(0))
        );
    }
}

pub(crate) fn a_command_is_a_vfork_and_an_exec() {
    let timeline = record("command");
    let [program, child] = &timeline.lanes[..] else { panic!("{timeline:#?}") };
    assert_eq!(child.execs.len(), 1, "{child:?}");
    assert_eq!(child.execs[0].program, timeline.name);
    if child.born.by == Birth::Vfork {
        let wait =
            program.waits.iter().find(|wait| wait.what == What::Vfork).expect("it waits");
        let cause = wait.ended_by.as_ref().map(|cause| (cause.lane, cause.did.as_str()));
        assert_eq!(cause, Some((1, "executed")), "{timeline:#?}");
    }
}

pub(crate) fn a_thread_may_execute() {
    let timeline = record("thread-exec");
    let [program, thread] = &timeline.lanes[..] else { panic!("{timeline:#?}") };
    assert_eq!(program.execs.len(), 1, "{program:?}");
    assert_eq!(code(&timeline, 0), Some(0));
    assert_eq!(thread.born.by, Birth::Thread);
    assert_eq!(thread.end.as_ref().map(|end| end.at_us), Some(program.execs[0].at_us));
}

pub(crate) fn a_stopped_process_stays_stopped() {
    let timeline = record("stop");
    assert_eq!(code(&timeline, 1), Some(3), "{timeline:#?}");
}

pub(crate) fn threads_are_lanes() {
    let timeline = record("threads");
    let names: Vec<&str> = timeline.lanes[1..].iter().map(|lane| lane.name.as_str()).collect();
    assert_eq!(names, ["worker 0", "worker 1", "worker 2"]);
    for thread in &timeline.lanes[1..] {
        assert_eq!((thread.born.by, thread.born.parent), (Birth::Thread, Some(0)));
        assert!(thread.born.flags.iter().any(|flag| flag == "THREAD"), "{thread:?}");
    }
}
