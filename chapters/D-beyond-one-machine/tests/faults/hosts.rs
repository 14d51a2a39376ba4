//! Hosts that die, hang and are cut off, and tasks that end what runs them.

use crate::caller::{Poison, Work};
use crate::rounds::Case;
use crate::scene::{HOSTS, Scene, last, start_agent, work_for};
use cluster::lab::At;

pub(crate) const CASES: &[Case] = &[
    ("host_killed", host_killed),
    ("host_stopped_for_8_s", host_stopped),
    ("host_cut_off_for_12_s", host_cut_off),
    ("a_task_that_ends_its_worker", ends_its_worker),
    ("a_task_that_ends_its_host", ends_its_host),
    ("three_tasks_that_end_their_hosts", three_end_their_hosts),
];

fn host_killed() -> String {
    let work = work_for(6);
    let mut scene = Scene::start(1, &work);
    scene.wait_for(200);
    scene.lab.kill(0);
    scene.all_right(&work)
}

fn host_stopped() -> String {
    let work = work_for(12);
    let mut scene = Scene::start(1, &work);
    scene.wait_for(200);
    scene.lab.stop(0);
    last(8);
    scene.lab.go_on(0);
    scene.all_right(&work)
}

fn host_cut_off() -> String {
    let work = work_for(14);
    let mut scene = Scene::start(1, &work);
    scene.wait_for(200);
    scene.lab.cut(At::Host(0)).expect("a cable can be pulled");
    last(12);
    scene.lab.mend(At::Host(0)).expect("and plugged in again");
    scene.all_right(&work)
}

/// It costs its own task and no other.
fn ends_its_worker() -> String {
    let poison = vec![(300, Poison::EndsItsWorker)];
    let work = Work { poison, task_ms: 1, ..work_for(2) };
    let found = Scene::start(1, &work).found(&work);
    let [(300, said)] = &found.failed[..] else { panic!("{found:?}") };
    assert!(said.contains("SIGABRT") && said.contains("on host host-"), "{said}");
    found.in_words()
}

/// It travels with others and ends five hosts, then it goes alone, ends five more, and fails.
fn ends_its_host() -> String {
    let poison = vec![(300, Poison::EndsItsHost)];
    only_the_guilty_fail(&Work { poison, task_ms: 1, ..work_for(4) })
}

/// Two in the same chunk and one far from them, and little patience: hosts die so often that most of the tasks beside
/// those three are suspected too.
fn three_end_their_hosts() -> String {
    let poison = [300, 301, 700].map(|guilty| (guilty, Poison::EndsItsHost)).to_vec();
    only_the_guilty_fail(&Work { poison, task_ms: 1, max_deliver: 2, ..work_for(4) })
}

fn only_the_guilty_fail(work: &Work) -> String {
    let scene = Scene::start(1, work);
    // As systemd would.
    let found = scene.found_while(work, |lab| {
        for host in 0..HOSTS {
            if lab.agent_has_ended(host) {
                start_agent(lab, host);
            }
        }
    });
    let mut failed: Vec<u64> = found.failed.iter().map(|(number, _)| *number).collect();
    failed.sort_unstable();
    let guilty: Vec<u64> = work.poison.iter().map(|(number, _)| *number).collect();
    assert_eq!(failed, guilty, "{found:?}");
    assert_eq!(found.hosts_lost, guilty.len() as u64, "{found:?}");
    found.in_words()
}
