//! Closures that the workers of a `Fork` pool have inherited.

use crate::observe::{builder, kill_9, pool, worker_pids};
use procpool::{PoolError, StartMethod, TaskError};
use std::cell::Cell;
use std::rc::Rc;

pub(crate) const CASES: &[contract::Case] = &[
    ("fork_closures_capture", closures_capture),
    ("fork_a_closure_is_mapped", a_closure_is_mapped),
    ("fork_replacements_have_inherited_too", replacements_have_inherited_too),
    ("fork_a_stranger's_closure_is_refused", a_strangers_closure_is_refused),
    ("fork_the_programs_own_copy_is_dropped", the_programs_own_copy_is_dropped),
    ("only_fork_inherits", only_fork_inherits),
];

fn closures_capture() {
    let words = ["process".to_owned(), "pool".to_owned()];
    let mut builder = builder(StartMethod::Fork);
    let word = builder.inherit(move |index: usize| words.get(index).cloned());
    let factor = 3;
    let times = builder.inherit(move |number: u64| number * factor);
    let pool = builder.build().expect("a pool");
    assert_eq!(pool.submit_inherited(word, 1).join().expect("a word").as_deref(), Some("pool"));
    assert_eq!(pool.submit_inherited(word, 9).join().expect("no word"), None);
    assert_eq!(pool.submit_inherited(times, 14).join().expect("a number"), 42);
}

fn a_closure_is_mapped() {
    let table: Vec<u64> = (0..1000).map(|number| number * number).collect();
    let mut builder = builder(StartMethod::Fork);
    let square = builder.inherit(move |number: usize| table[number]);
    let pool = builder.build().expect("a pool");
    let squares = pool.map_inherited(square, 0..1000_usize);
    assert_eq!(squares.len(), 1000);
    for (number, result) in squares.enumerate() {
        assert_eq!(result.expect("a number"), (number * number) as u64);
    }
    // A panic in a closure is its task's.
    let failed = pool.submit_inherited(square, 1000).join();
    assert!(matches!(failed, Err(TaskError::Panicked { .. })), "{failed:?}");
}

fn replacements_have_inherited_too() {
    let secret = String::from("inherited");
    let mut builder = builder(StartMethod::Fork);
    let tell = builder.inherit(move |()| secret.clone());
    let pool = builder.build().expect("a pool");
    for pid in worker_pids(&pool, 2) {
        kill_9(pid);
    }
    for result in pool.map_inherited(tell, [(); 20]) {
        assert_eq!(result.expect("a word"), "inherited");
    }
}

fn a_strangers_closure_is_refused() {
    let mut own = builder(StartMethod::Fork);
    let mine = own.inherit(|number: u32| number + 1);
    let own = own.build().expect("a pool");
    assert_eq!(own.submit_inherited(mine, 1).join().expect("a number"), 2);
    drop(own);
    let stranger = pool(StartMethod::Fork);
    match stranger.submit_inherited(mine, 1).join() {
        Err(TaskError::Panicked { message, .. }) => {
            assert!(message.contains("have not inherited"), "{message}");
        }
        other => panic!("{other:?}"),
    }
}

fn the_programs_own_copy_is_dropped() {
    struct Counts(Rc<Cell<u32>>);
    impl Drop for Counts {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    let dropped = Rc::new(Cell::new(0));
    let counts = Counts(Rc::clone(&dropped));
    let mut builder = builder(StartMethod::Fork);
    let zero = builder.inherit(move |()| counts.0.get());
    let pool = builder.build().expect("a pool");
    assert_eq!(dropped.get(), 1, "the program's copy");
    assert_eq!(
        pool.submit_inherited(zero, ()).join().expect("a count"),
        0,
        "the workers' copy"
    );
}

fn only_fork_inherits() {
    for method in [StartMethod::Spawn, StartMethod::Forkserver] {
        let mut builder = builder(method);
        let _ = builder.inherit(|()| ());
        match builder.build() {
            Err(PoolError::Invalid { option: "inherit", .. }) => {}
            other => panic!("{other:?}"),
        }
    }
}
