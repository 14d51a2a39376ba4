//! A pool of two workers, from `build` to its first result, beside two bare starts of the same kind; and again with a heap
//! of 1 GiB, which only a fork may feel.
//!
//! Each figure comes from a process of its own that does it once: a second pool in a process would find a warm allocator.

use crate::bare::{self, SAY, VARIABLE};
use crate::call::same;
use crate::table::{Bound, Unit, in_turns, line};
use procpool::{Pool, StartMethod};
use std::hint::black_box;
use std::io::Write;
use std::process::{Command, ExitCode};
use std::time::Instant;

/// The first argument of a process that builds once. The start method and the heap's MiB follow.
const ONCE: &str = "--once";
const ROUNDS: usize = 11;
const ROUNDS_WITH_HEAP: usize = 7;
const HEAP_MEBIBYTES: usize = 1_024;

const METHODS: [StartMethod; 3] =
    [StartMethod::Fork, StartMethod::Spawn, StartMethod::Forkserver];

/// What the arguments ask for: one start, or the one byte of a bare execution.
pub(crate) fn run_if_asked(words: &[String]) -> Option<ExitCode> {
    match words {
        [first, ..] if first == SAY => {
            std::io::stdout().write_all(b".").ok()?;
            std::io::stdout().flush().ok()?;
            Some(ExitCode::SUCCESS)
        }
        [first, method, mebibytes, ..] if first == ONCE => {
            let method = METHODS.into_iter().find(|known| format!("{known:?}") == *method)?;
            let heap = vec![1_u8; mebibytes.parse::<usize>().ok()? << 20];
            black_box(&heap);
            let took = if bare::is_asked_for() {
                bare::two_starts(method)
            } else {
                to_first_result(method)
            };
            println!("{took}");
            Some(ExitCode::SUCCESS)
        }
        _ => None,
    }
}

fn to_first_result(method: StartMethod) -> f64 {
    let begun = Instant::now();
    let pool = Pool::builder().workers(2).start_method(method).build().expect("a pool");
    assert_eq!(pool.call(same, 7).expect("a result"), 7);
    begun.elapsed().as_secs_f64()
}

/// Lets a new process do it once.
fn once(method: StartMethod, mebibytes: usize, is_bare: bool) -> f64 {
    let mut command = Command::new("/proc/self/exe");
    command.args([ONCE, &format!("{method:?}"), &mebibytes.to_string()]);
    if is_bare {
        command.env(VARIABLE, "1");
    }
    let output = command.output().expect("this program");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let why = String::from_utf8_lossy(&output.stderr).into_owned();
    said.trim().parse().unwrap_or_else(|_| panic!("no figure: {said}{why}"))
}

pub(crate) fn row() {
    for method in METHODS {
        let [own, floor] =
            in_turns(ROUNDS, [&mut || once(method, 0, false), &mut || once(method, 0, true)]);
        let beside = ("two bare starts", floor, Unit::Time);
        line(&format!("build by {method:?}"), (own, Unit::Time), beside, Bound::AtMost(1.5));
    }
    for method in METHODS {
        let [with_heap, without, floor] = in_turns(
            ROUNDS_WITH_HEAP,
            [
                &mut || once(method, HEAP_MEBIBYTES, false),
                &mut || once(method, 0, false),
                &mut || once(method, HEAP_MEBIBYTES, true),
            ],
        );
        let what = format!("build by {method:?}, heap of 1 GiB");
        // A fork copies the page tables of the heap, so it is measured against one that does the same.
        let beside = match method {
            StartMethod::Fork => ("two bare starts with that heap", floor, Unit::Time),
            _ => ("without it", without, Unit::Time),
        };
        line(&what, (with_heap, Unit::Time), beside, Bound::AtMost(1.5));
    }
}
