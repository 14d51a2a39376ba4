//! 1,000,000 submits, then all joins; and what a task costs while it waits.

use crate::call::same;
use crate::heap;
use crate::memory;
use crate::table::{Bound, Unit, median, plain, seconds};
use procpool::{JoinHandle, Pool};
use std::io::Read;
use std::os::fd::AsRawFd;

const TASKS: usize = 1_000_000;
const ROUNDS: usize = 5;

pub(crate) fn row() {
    let pool = Pool::builder().workers(2).build().expect("a pool");
    let mut handles: Vec<JoinHandle<u64>> = Vec::with_capacity(TASKS);
    let mut round = || {
        let took = seconds(|| {
            handles.extend((0..TASKS as u64).map(|x| pool.submit(same, x)));
            for (x, handle) in (0..).zip(handles.drain(..)) {
                assert_eq!(handle.join().expect("a result"), x);
            }
        });
        TASKS as f64 / took
    };
    round();
    let rate = median((0..ROUNDS).map(|_| round()).collect());
    plain("submit, then join: tasks a second", rate, Unit::Rate, Bound::AtLeast(1e6));
    what_waiting_costs(&pool);
}

/// Reads the program's pipe to its end: the worker is busy until the program closes it.
fn read_to_end(path: String) -> usize {
    let mut pipe = std::fs::File::open(path).expect("a pipe of the program");
    pipe.read_to_end(&mut Vec::new()).expect("a pipe")
}

fn what_waiting_costs(pool: &Pool) {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let path = format!("/proc/{}/fd/{}", std::process::id(), reader.as_raw_fd());
    let busy = [(); 2].map(|()| pool.submit(read_to_end, path.clone()));
    while !busy.iter().all(JoinHandle::is_running) {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let mut handles: Vec<JoinHandle<u64>> = Vec::with_capacity(TASKS);
    // The vector's own pages are there already, so that only what the pool takes is counted.
    let spare = handles.spare_capacity_mut().len();
    let (descriptors, resident) = (memory::descriptors(), memory::own().rss_bytes);
    let (held, ()) = heap::held_by(|| {
        // One byte when it is encoded.
        handles.extend((0..TASKS as u64).map(|x| pool.submit(same, x % 100)));
    });
    let more = memory::own().rss_bytes.saturating_sub(resident) as f64 / TASKS as f64;
    let more_descriptors = memory::descriptors() - descriptors;
    assert_eq!(spare, TASKS);
    let each = held as f64 / TASKS as f64 + size_of::<JoinHandle<u64>>() as f64;
    plain("a waiting task and its handle, heap", each, Unit::Bytes, Bound::AtMost(200.0));
    plain("a waiting task and its handle, resident", more, Unit::Bytes, Bound::AtMost(200.0));
    let for_tasks = more_descriptors as f64;
    plain("descriptors for 1,000,000 tasks", for_tasks, Unit::Count, Bound::AtMost(0.0));
    drop((reader, writer));
    for handle in handles {
        handle.join().expect("a result");
    }
    for handle in busy {
        handle.join().expect("the pipe is closed");
    }
}
