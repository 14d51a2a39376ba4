//! The queue and the counts, while tasks are sent and taken back.

use super::*;
use crate::job::Remote;
use executor::{Control, TaskId};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

type Task = Arc<Remote<u32>>;

fn submitted(shared: &Arc<Shared>, tasks: u64) -> Vec<Task> {
    let task = |id| Arc::new(Remote::new(TaskId(id), 0, vec![1].into(), Arc::clone(shared)));
    let tasks: Vec<Task> = (0..tasks).map(task).collect();
    let jobs = tasks.iter().map(|task| Arc::clone(task) as Arc<dyn Job>);
    assert!(shared.submit(jobs, usize::MAX, false));
    tasks
}

fn counts(shared: &Shared) -> (usize, usize, u64) {
    let tasks = shared.stats().tasks;
    (tasks.queued, tasks.running, tasks.cancelled + tasks.aborted)
}

#[test]
fn a_task_that_was_taken_back_does_not_wait() {
    let shared = Arc::new(Shared::default());
    let tasks = submitted(&shared, 1_000);
    assert_eq!(counts(&shared), (1_000, 0, 0));
    for (chunk, task) in tasks.iter().take(300).enumerate() {
        assert!(task.send(chunk as u64, 0).is_some());
    }
    assert_eq!(counts(&shared), (700, 300, 0));
    assert!(tasks[..300].iter().all(|task| !Arc::clone(task).cancel()));
    assert!(tasks[300..600].iter().all(|task| Arc::clone(task).cancel()));
    assert!(tasks[600..900].iter().all(|task| Arc::clone(task).abort()));
    assert_eq!(counts(&shared), (100, 300, 600));
    assert!(tasks[300..900].iter().all(|task| task.send(1, 0).is_none()));
    assert!(tasks[..300].iter().all(|task| Arc::clone(task).abort()));
    assert!(tasks[900..].iter().all(|task| Arc::clone(task).cancel()));
    assert_eq!(counts(&shared), (0, 0, 1_000));
    assert!(shared.wait_for_all(None));
}

#[test]
fn a_task_that_was_taken_back_leaves_the_queue() {
    let shared = Arc::new(Shared::default());
    let kept = submitted(&shared, 50);
    for _ in 0..1_000 {
        for task in submitted(&shared, 10) {
            assert!(task.cancel());
        }
    }
    let places = shared.intake().waiting.len();
    assert!((50..=51).contains(&places), "{places} places for {} tasks", kept.len());
}

#[test]
fn its_place_is_free_for_whoever_waits_for_one() {
    let shared = Arc::new(Shared::default());
    let tasks = submitted(&shared, 3);
    let (enter, entered) = channel();
    thread::scope(|scope| {
        scope.spawn(|| {
            let task =
                Arc::new(Remote::<u32>::new(TaskId(9), 0, vec![1].into(), shared.clone()));
            let accepted = shared.submit([task as Arc<dyn Job>].into_iter(), 3, true);
            enter.send(accepted).expect("the test listens");
        });
        let early = entered.recv_timeout(Duration::from_millis(50));
        assert!(early.is_err(), "there was no place");
        assert!(Arc::clone(&tasks[1]).cancel());
        assert_eq!(entered.recv_timeout(Duration::from_secs(60)), Ok(true));
    });
    assert_eq!(counts(&shared), (3, 0, 1));
}
