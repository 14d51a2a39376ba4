//! Fault injection: `kill -9` of the calling process at a named point of the protocol, or what a test has [`instead`].
//!
//! A worker passes these points in every life. In a debug build a test arms one of them, and the process that passes
//! it dies there as if somebody had sent it SIGKILL at that instant: no destructor, no message, no flush. In a release
//! build [`fault_point!`](crate::fault_point) is checked by the compiler and leaves no instruction behind.
//!
//! Invariant: a point that is not armed costs a debug build one load, and changes nothing.
//!
//! # References
//! man 2 kill; man 7 signal, "SIGKILL"; Candea and Fox, "Crash-Only Software" (HotOS 2003).

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Once, OnceLock};

/// The variable that arms points in every process that has it: `AfterClaim`, or `AfterClaim:3` to survive three
/// passes first, or `AfterClaim:3:FILE` for only one death in all processes together: that of whoever removes the
/// file. Several are separated by commas.
pub const VARIABLE: &str = "SUPERVISE_FAULT";

/// A point in the life of a worker, in the order in which it passes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Point {
    /// The process exists and has done nothing.
    AfterStart,
    /// The initializer has returned; nobody was told.
    BeforeHandshake,
    /// The program can know that the worker is ready.
    AfterHandshake,
    /// The task is marked as begun, and not one instruction of it has run.
    AfterClaim,
    /// Inside the task.
    InTask,
    /// The task has returned; its answer is nowhere yet.
    AfterTask,
    /// The answer is written and cannot be seen yet.
    BeforePublish,
    /// The answer can be seen; the program was not woken.
    AfterPublish,
    /// Right before the program is woken.
    BeforeRing,
    /// The answer is out; the room of the task in the ring is not given back.
    BeforeRelease,
    /// It was asked to leave, and runs its finalizer.
    WhileLeaving,
}

impl Point {
    /// Every point, in the order of a worker's life.
    pub const ALL: [Point; 11] = [
        Point::AfterStart,
        Point::BeforeHandshake,
        Point::AfterHandshake,
        Point::AfterClaim,
        Point::InTask,
        Point::AfterTask,
        Point::BeforePublish,
        Point::AfterPublish,
        Point::BeforeRing,
        Point::BeforeRelease,
        Point::WhileLeaving,
    ];
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{self:?}"))
    }
}

/// The name of no point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownPoint(String);

impl fmt::Display for UnknownPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no fault point `{}`; there are", self.0)?;
        Point::ALL.iter().try_for_each(|point| write!(f, " {point}"))
    }
}

impl std::error::Error for UnknownPoint {}

impl FromStr for Point {
    type Err = UnknownPoint;

    fn from_str(name: &str) -> Result<Self, UnknownPoint> {
        let found = Point::ALL.into_iter().find(|point| point.to_string() == name);
        found.ok_or_else(|| UnknownPoint(name.to_owned()))
    }
}

// ANCHOR: macro
/// Here the process dies if this [`Point`](crate::fault::Point) is armed. Debug builds only.
#[cfg(debug_assertions)]
#[macro_export]
macro_rules! fault_point {
    ($point:expr) => {
        $crate::fault::pass($point)
    };
}

/// Here the process dies if this [`Point`](crate::fault::Point) is armed. Debug builds only: this is a release build,
/// and what is left is a constant that nobody reads.
#[cfg(not(debug_assertions))]
#[macro_export]
macro_rules! fault_point {
    ($point:expr) => {{
        const _: $crate::fault::Point = $point;
    }};
}
// ANCHOR_END: macro

/// Whether [`fault_point!`](crate::fault_point) does anything: only in a debug build of this crate.
pub const IS_ACTIVE: bool = cfg!(debug_assertions);

/// What is left of each point's passes; [`UNARMED`] if it is not armed.
static PASSES: [AtomicU32; Point::ALL.len()] =
    [const { AtomicU32::new(UNARMED) }; Point::ALL.len()];

const UNARMED: u32 = u32::MAX;

/// Makes this process, and those that it forks from now on, die at `point` after it has survived `after_passes`
/// passes: with 0, at the first. A forked process goes on counting where its parent was.
pub fn arm(point: Point, after_passes: u32) {
    read_environment();
    PASSES[point as usize].store(after_passes.min(UNARMED - 1), Ordering::Relaxed);
}

/// Takes back what [`arm`] and the environment said of `point`.
pub fn disarm(point: Point) {
    read_environment();
    PASSES[point as usize].store(UNARMED, Ordering::Relaxed);
}

/// What an armed point does in place of dying.
static ACTION: OnceLock<fn()> = OnceLock::new();

/// From now on an armed point calls `action` and does not die: for a test that needs another fault at that instant. If
/// `action` returns, the process goes on. Only the first call counts.
///
/// It is for this process and those that it forks. One that is executed anew needs a call of its own, before it passes
/// the point: from `.init_array`, for example.
pub fn instead(action: fn()) {
    let _ = ACTION.set(action);
}

/// Passes `point`, and dies there if its time has come. Call it through [`fault_point!`](crate::fault_point), so that
/// a release build has nothing of it.
pub fn pass(point: Point) {
    read_environment();
    let passes = &PASSES[point as usize];
    let count_down = |left: u32| if left == UNARMED { None } else { left.checked_sub(1) };
    if passes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, count_down) == Err(0)
        && takes_token(point)
    {
        if let Some(action) = ACTION.get() {
            return action();
        }
        let _ = kill(Pid::this(), Signal::SIGKILL);
        // Only the first process of a container is spared by its own signal.
        std::process::abort();
    }
}

/// The files of points that kill only one process of all.
static TOKENS: std::sync::Mutex<Vec<(Point, String)>> = std::sync::Mutex::new(Vec::new());

/// Whether this process is the one that dies, if only one may.
fn takes_token(point: Point) -> bool {
    let tokens = TOKENS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    match tokens.iter().find(|(armed, _)| *armed == point) {
        // The kernel lets one of all processes remove the name.
        Some((_, file)) => std::fs::remove_file(file).is_ok(),
        None => true,
    }
}

fn read_environment() {
    static READ: Once = Once::new();
    READ.call_once(|| {
        let said = std::env::var(VARIABLE).unwrap_or_default();
        for part in said.split(',').filter(|part| !part.is_empty()) {
            arm_as_said(part);
        }
    });
}

/// A test that misspells a point would test nothing, so that is the end.
fn arm_as_said(part: &str) {
    let mut fields = part.splitn(3, ':');
    let point = fields.next().unwrap_or_default().parse::<Point>();
    let passes = fields.next().unwrap_or("0").parse::<u32>();
    let (Ok(point), Ok(passes)) = (point, passes) else {
        panic!("{VARIABLE}: `{part}` is not POINT, POINT:PASSES or POINT:PASSES:FILE");
    };
    PASSES[point as usize].store(passes.min(UNARMED - 1), Ordering::Relaxed);
    if let Some(file) = fields.next() {
        let mut tokens = TOKENS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        tokens.push((point, file.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_point_has_its_own_name_and_place() {
        for (index, point) in Point::ALL.into_iter().enumerate() {
            assert_eq!((point as usize, point.to_string().parse()), (index, Ok(point)));
        }
        let error = "BeforeLunch".parse::<Point>().expect_err("no such point");
        assert!(
            error
                .to_string()
                .starts_with("there is no fault point `BeforeLunch`; there are AfterStart ")
        );
    }

    #[test]
    fn an_armed_point_does_what_it_is_told_instead() {
        static TIMES: AtomicU32 = AtomicU32::new(0);
        instead(|| {
            TIMES.fetch_add(1, Ordering::Relaxed);
        });
        // No other test of this process arms this one.
        arm(Point::WhileLeaving, 1);
        (0..3).for_each(|_| pass(Point::WhileLeaving));
        disarm(Point::WhileLeaving);
        pass(Point::WhileLeaving);
        assert_eq!(TIMES.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_point_that_is_not_armed_or_has_passes_left_is_survived() {
        pass(Point::InTask);
        arm(Point::InTask, 3);
        (0..3).for_each(|_| pass(Point::InTask));
        disarm(Point::InTask);
        pass(Point::InTask);
        crate::fault_point!(Point::InTask);
    }
}
