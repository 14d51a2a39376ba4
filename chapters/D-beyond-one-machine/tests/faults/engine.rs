//! Servers that die and come back, and a caller that is cut off from them.

use crate::caller::Work;
use crate::rounds::Case;
use crate::scene::{Scene, last, work_for};
use cluster::lab::At;

pub(crate) const CASES: &[Case] = &[
    ("server_killed_with_tasks_in_memory", || server_killed(false)),
    ("server_killed_with_tasks_in_files", || server_killed(true)),
    ("leader_of_three_servers_killed", leader_killed),
    ("caller_cut_off_for_8_s", caller_cut_off),
    ("server_away_for_too_long", away_for_too_long),
];

fn server_killed(in_files: bool) -> String {
    let work = Work { in_files, ..work_for(6) };
    let mut scene = Scene::start(1, &work);
    scene.wait_for(200);
    scene.lab.kill_server(0);
    last(1);
    scene.lab.start_server(0).expect("it can be started again");
    scene.all_right(&work)
}

fn leader_killed() -> String {
    let work = Work { replicas: 3, ..work_for(6) };
    let mut scene = Scene::start(3, &work);
    scene.wait_for(200);
    scene.lab.kill_server(scene.leader.expect("three servers elect one"));
    scene.all_right(&work)
}

fn caller_cut_off() -> String {
    let work = work_for(12);
    let mut scene = Scene::start(1, &work);
    scene.wait_for(200);
    scene.lab.cut(At::Caller).expect("a cable can be pulled");
    last(8);
    scene.lab.mend(At::Caller).expect("and plugged in again");
    scene.all_right(&work)
}

/// What is owed then fails, and is not waited for any longer.
fn away_for_too_long() -> String {
    let work = Work { away_max_ms: 3_000, tasks: 1_000, ..work_for(0) };
    let mut scene = Scene::start(1, &work);
    scene.wait_for(200);
    scene.lab.kill_server(0);
    let found = scene.found(&work);
    assert!(found.right >= 200 && !found.failed.is_empty(), "{found:?}");
    assert_eq!(found.engine_away, found.failed.len() as u64, "{found:?}");
    found.in_words()
}
