//! Who ended a wait.

use crate::record;
use timeline::{Lane, Timeline, What};

/// The wait of the first lane that the second one has ended by that deed.
fn ended(timeline: &Timeline, is: impl Fn(&What) -> bool, did: &str) -> bool {
    let by = |wait: &timeline::Wait| {
        wait.ended_by.as_ref().is_some_and(|cause| {
            assert!((wait.from_us..=wait.to_us).contains(&cause.at_us), "{wait:?}");
            cause.lane == 1 && cause.did == did
        })
    };
    timeline.lanes[0].waits.iter().any(|wait| is(&wait.what) && by(wait))
}

fn assert_ended(program: &str, is: impl Fn(&What) -> bool, did: &str) {
    let timeline = record(program);
    assert!(ended(&timeline, is, did), "{timeline:#?}");
    timeline.lanes.iter().for_each(assert_no_overlap);
}

fn assert_no_overlap(lane: &Lane) {
    assert!(lane.waits.is_sorted_by(|one, next| one.to_us <= next.from_us), "{lane:#?}");
}

fn is_read(what: &What) -> bool {
    matches!(what, What::Read { .. })
}

pub(crate) fn a_child_ends_a_wait() {
    assert_ended("child", |what| *what == What::Child, "ended");
}

pub(crate) fn a_writer_ends_a_read() {
    assert_ended("read", is_read, "wrote");
}

pub(crate) fn the_last_holder_ends_a_read() {
    assert_ended("end", is_read, "ended");
}

pub(crate) fn a_killed_holder_ends_a_read() {
    assert_ended("killed", is_read, "ended");
}

pub(crate) fn a_closed_end_ends_a_read() {
    assert_ended("close", is_read, "closed");
}

pub(crate) fn a_reader_ends_a_write() {
    assert_ended("write", |what| matches!(what, What::Write { .. }), "read");
}

pub(crate) fn the_other_end_ends_a_read() {
    assert_ended("socket", is_read, "wrote");
}

pub(crate) fn a_writer_ends_a_poll() {
    assert_ended("poll", |what| *what == What::Poll, "wrote");
}

pub(crate) fn a_thread_ends_a_join() {
    assert_ended("join", |what| matches!(what, What::Futex { .. }), "ended");
}

pub(crate) fn a_thread_wakes_a_thread() {
    assert_ended("unpark", |what| matches!(what, What::Futex { .. }), "woke");
}

pub(crate) fn a_signal_ends_a_pause() {
    assert_ended("pause", |what| *what == What::Signal, "signalled");
}
