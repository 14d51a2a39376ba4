//! The fault happens before a worker has shaken hands: at once, or in the initializer.
//!
//! At `build` it makes that there is no pool. In a worker that replaces another it costs one more worker and no task.

use crate::expect::Cost;
use crate::fault::Fault;
use crate::observe::kill_9;
use crate::scene::{
    START_TIMEOUT, build_in_time, builder, expect_all, goes_on, neighbours, until_replaced,
};
use procpool::{Builder, Pool, PoolError, StartMethod};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use supervise::fault::{self as points, Point, VARIABLE};

/// What says to a process that starts what it has to do, and by which file it knows that it is the one.
const STRIKE: &str = "PROCPOOL_MATRIX_STRIKE";

/// Whether the fault happens in the initializer or before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Start(Point),
    Initializer,
}

/// Registers what happens at a fault point. A worker that is executed anew has to do so before its `main`.
extern "C" fn register() {
    points::instead(strike_at_start);
}

// SAFETY: the section holds functions without arguments that the loader calls once, before `main`.
#[used]
#[unsafe(link_section = ".init_array")]
static REGISTER: extern "C" fn() = register;

fn strike_at_start() {
    // Another case arms points for what happens there by itself.
    let Ok(value) = std::env::var(STRIKE) else { return Fault::Kill.strike() };
    let (fault, token) = value.split_once(' ').expect("a fault and a file");
    strike_if_meant((fault.parse().expect("a number"), token.into()));
}

/// Also the initializer.
fn strike_if_meant((fault, token): (usize, PathBuf)) {
    let fault = Fault::ALL[fault];
    let meant = match fault {
        Fault::KillAgain => token.exists(),
        // The kernel lets one of all processes remove the name.
        _ => fs::remove_file(token).is_ok(),
    };
    if meant {
        fault.strike();
    }
}

/// # Panics
/// If this process has a second thread, which could look at the environment meanwhile.
pub(crate) fn set_variable(name: &str, value: &str) {
    let threads = fs::read_dir("/proc/self/task").expect("/proc").count();
    assert_eq!(threads, 1, "the pool before has left a thread");
    // SAFETY: no other thread reads the environment.
    unsafe { std::env::set_var(name, value) };
}

/// Where workers look whether one of them is meant, and what they do then.
pub(crate) struct Trap {
    fault: Fault,
    place: Place,
    method: StartMethod,
    folder: tempfile::TempDir,
}

impl Trap {
    pub(crate) fn new(fault: Fault, place: Place, method: StartMethod) -> Trap {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let trap = Trap { fault, place, method, folder };
        if let Place::Start(point) = place {
            let fault = fault as usize;
            set_variable(STRIKE, &format!("{fault} {}", trap.token().display()));
            set_variable(VARIABLE, &point.to_string());
        }
        trap
    }

    fn token(&self) -> PathBuf {
        self.folder.path().join("token")
    }

    pub(crate) fn set(&self) {
        fs::write(self.token(), "").expect("a file");
    }

    pub(crate) fn is_set(&self) -> bool {
        Path::new(&self.token()).exists()
    }

    /// The options of a pool whose workers pass by here.
    pub(crate) fn builder(&self) -> Builder {
        let builder = builder(self.fault, self.method);
        let builder = match self.place {
            Place::Start(_) => builder,
            Place::Initializer => {
                builder.initializer(strike_if_meant, (self.fault as usize, self.token()))
            }
        };
        match self.fault.cost() {
            // Each worker that a loaded machine starts too late counts.
            Cost::Hangs => builder
                .start_timeout(START_TIMEOUT)
                .restart_limit(1_000, Duration::from_secs(1)),
            _ => builder,
        }
    }
}

pub(crate) fn starting(fault: Fault, method: StartMethod) -> String {
    // At the very first there is no ring yet.
    let first = match fault {
        Fault::Garbage => Point::BeforeHandshake,
        _ => Point::AfterStart,
    };
    let outcome = at_build(&Trap::new(fault, Place::Start(first), method));
    in_a_replacement(&Trap::new(fault, Place::Start(Point::BeforeHandshake), method));
    outcome
}

pub(crate) fn initializer(fault: Fault, method: StartMethod) -> String {
    let trap = Trap::new(fault, Place::Initializer, method);
    let outcome = at_build(&trap);
    in_a_replacement(&trap);
    outcome
}

/// What ends a worker before it is ready, in words; `None` if nothing does.
fn expected_end(trap: &Trap) -> Option<&'static str> {
    match (trap.fault.cost(), trap.place) {
        // Nobody has yet made sure that there is a stack for the handler that would say more.
        (_, Place::Start(_)) if trap.fault == Fault::StackOverflow => Some("SIGSEGV"),
        (Cost::Death(how), _) => Some(how),
        // Nothing of the program's runs there that could be reported: it is a panic of `main`.
        (Cost::Unwinds(_), Place::Start(_)) => Some("exit 101"),
        (Cost::Unwinds(what), Place::Initializer) => Some(what),
        (Cost::Hangs, _) => Some("not ready"),
        // It finds no descriptors; and in a debug build, where alone this is played, std aborts when it drops one of its
        // own that somebody else has closed.
        (_, Place::Start(Point::AfterStart)) if trap.fault == Fault::CloseAll => {
            Some("SIGABRT")
        }
        // It can tell nobody that it is ready.
        (_, _) if trap.fault == Fault::CloseAll => Some("exit 4"),
        // Nothing was in the ring that it wrote over, and memory is looked at when tasks have run.
        (Cost::Breach | Cost::TooLarge | Cost::Nothing, _) => None,
    }
}

fn at_build(trap: &Trap) -> String {
    trap.set();
    let built = trap.builder().build();
    assert!(!trap.is_set(), "no worker came by");
    let Some(how) = expected_end(trap) else {
        let pool = built.expect("a pool");
        if trap.fault == Fault::Memory {
            return replaced_when_it_has_worked(&pool);
        }
        goes_on(&pool);
        return "goes on".into();
    };
    let error = built.expect_err("a worker failed");
    let line = error.to_string();
    // As `ExitStatus` prints it.
    assert!(
        line.contains(&how.replace("exit ", "exit code ")),
        "`{line}` does not say `{how}`"
    );
    assert!(!line.contains('\n'), "{line:?} is not one line");
    match (error, trap.place) {
        (PoolError::StartTimeout { after }, _) => {
            assert!(after >= START_TIMEOUT);
            "StartTimeout".into()
        }
        (PoolError::Handshake { .. }, Place::Start(_)) => format!("Handshake ({how})"),
        (PoolError::InitializerFailed { .. }, Place::Initializer) => match trap.fault.cost() {
            Cost::Unwinds(_) => "InitializerFailed (panic)".into(),
            _ => format!("InitializerFailed ({how})"),
        },
        (other, _) => panic!("{other:?}"),
    }
}

/// One of the workers has grown too much, which is no failure: it leaves in good order.
fn replaced_when_it_has_worked(pool: &Pool) -> String {
    let pids = || pool.stats().workers.into_iter().map(|worker| worker.pid);
    let before: BTreeSet<u32> = pids().collect();
    crate::observe::until("one is replaced, and only one", || {
        assert!(!goes_on(pool).is_disjoint(&before), "both were replaced");
        pids().any(|pid| !before.contains(&pid))
    });
    "replaced after a task".into()
}

fn in_a_replacement(trap: &Trap) {
    let pool = build_in_time(|| trap.builder());
    let first = goes_on(&pool).into_iter().next().expect("two workers");
    trap.set();
    kill_9(first);
    expect_all(neighbours(&pool));
    crate::observe::until("a worker came by", || !trap.is_set());
    expect_all(neighbours(&pool));
    until_replaced(&pool, first);
    goes_on(&pool);
    check_restarts(&pool, expected_end(trap).is_some());
}

fn check_restarts(pool: &Pool, one_more: bool) {
    let stats = pool.stats();
    assert!(stats.restarts > u64::from(one_more), "{stats:?}");
    assert_eq!((stats.died, stats.panicked, stats.failed), (0, 0, 0), "{stats:?}");
}
