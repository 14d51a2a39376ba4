//! The life of one worker, as a table: what it may be, what may happen to it, and what is to be done then.
//!
//! [`step`] is pure. The loop of the pool owns the processes; it hands in what it has seen and performs the actions in
//! their order. Every pair of a state and an event has an answer, because every pair happens: a signal, an answer and
//! the end of a process are on their way at the same time, and nobody decides which is seen first.
//!
//! Invariant: a task that was begun is settled exactly once, by [`Action::Deliver`], [`Action::Fail`] or
//! [`Action::RunAgain`], at the latest in the step to [`State::Dead`]; a task that waits in the worker's queue is taken
//! back before anything happens that would keep it from being run.
//!
//! A pool need not step through the table for each task. [`State::Idle`] and [`State::Running`] differ only in what
//! later events mean, so it is enough to hand in what the rings say ([`Event::TaskStarted`], [`Event::TaskFinished`])
//! right before an event of another kind.
//!
//! # References
//! Erlang/OTP, "Supervision Principles"; Harel, "Statecharts: a visual formalism for complex systems" (1987).

use crate::AfterDeath;
use std::fmt;
use std::ops::Deref;

// ANCHOR: state
/// Where a worker is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Its process was asked for, and has not yet said that it is ready. This is the first state.
    Starting,
    /// It waits for a task.
    Idle,
    /// It runs a task.
    Running,
    /// It was asked to leave. It takes no task from now on, but finishes the one that it has begun.
    Leaving {
        /// Whether it runs one.
        task: bool,
    },
    /// SIGKILL is on its way to it.
    Killed {
        /// If it was running a task: how that task will end.
        task: Option<Cause>,
    },
    /// The process is gone and reaped. This is the last state.
    Dead,
}

/// Why the worker of a task ended before the task did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Nobody knows: a crash, an `exit` in the task, a `kill -9` from outside.
    Died,
    /// The pool killed it, because the task ran past its deadline.
    TimedOut,
    /// The pool killed it, because the caller or the shutdown of the pool wanted the task ended.
    Aborted,
    /// The pool killed it, because it had more than twice the memory that it may have.
    OverMemory,
    /// The pool killed it, because it broke the protocol: memory was overwritten.
    Corrupt,
}
// ANCHOR_END: state

// ANCHOR: event
/// What may happen to a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// It has shaken hands, and its initializer has returned.
    Ready,
    /// It has taken a task out of its queue and begun it.
    TaskStarted,
    /// It has published the answer to the task that it was running.
    TaskFinished,
    /// The time is over that [`State::limit`] sets.
    DeadlinePassed,
    /// The caller of the task that it runs wants the task ended.
    Abort,
    /// It has more than twice the memory that it may have.
    OverMemory,
    /// What it wrote cannot be: a wrong handshake, a damaged record, an answer that nobody asked for.
    Corrupt,
    /// It is due to be replaced, or there are more workers than wanted, or the pool shuts down.
    Leave,
    /// The pool shuts down at once.
    Kill,
    /// Its process has ended, all that it had published was handed in as events before, and it was reaped; or there
    /// never was a process, because the kernel refused it.
    Ended {
        /// Whether with exit code 0.
        clean: bool,
    },
}
// ANCHOR_END: event

/// What the pool has to do, in the order given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Give the answer to the caller.
    Deliver,
    /// Put the task that it was running back into the queue of the pool.
    RunAgain,
    /// Tell the caller that there is no answer, and why.
    Fail(Cause),
    /// Take back the tasks that wait in its queue and that it has not begun. After that it can begin none.
    TakeBack,
    /// Ask it to leave.
    AskToLeave,
    /// Send SIGKILL to its process group.
    Kill,
    /// Give back what the pool held for it: descriptors, memory, its deadline.
    Release,
    /// Count a death that nobody wanted: [`Intensity::record`](crate::Intensity::record). If that says to give up, the
    /// pool is broken and starts nobody any more.
    CountDeath,
    /// Start a worker in its place.
    Replace,
}

/// What the pool wants at the moment of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// What [`Retry::after_death`](crate::Retry::after_death) says of the task that the worker runs. If it runs none,
    /// it does not matter.
    pub after_death: AfterDeath,
    /// Whether too few workers would be left without this one.
    pub replace: bool,
}

/// Which limit of time holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limit {
    /// From the start of the process to [`Event::Ready`].
    Start,
    /// From [`Event::TaskStarted`] to [`Event::TaskFinished`], for this task.
    Task,
    /// From the moment that it was asked to leave and ran no task (any more) to its end.
    Leave,
}

impl State {
    /// Which limit holds in this state. When a step changes it, the pool sets another deadline or takes it back.
    pub fn limit(self) -> Option<Limit> {
        match self {
            State::Starting => Some(Limit::Start),
            State::Running | State::Leaving { task: true } => Some(Limit::Task),
            State::Leaving { task: false } => Some(Limit::Leave),
            State::Idle | State::Killed { .. } | State::Dead => None,
        }
    }

    /// Whether the pool may send it tasks. A worker that is starting finds them when it is ready.
    pub fn takes_tasks(self) -> bool {
        matches!(self, State::Starting | State::Idle | State::Running)
    }

    /// Whether there may be a process.
    pub fn is_alive(self) -> bool {
        self != State::Dead
    }
}

/// What becomes of a worker in `state` when `event` happens, and what is to be done.
///
/// An event that means nothing (any more) changes nothing: a deadline that passes while the answer arrives, an abort
/// of a task that is finished.
pub fn step(state: State, event: Event, policy: &Policy) -> (State, Actions) {
    match state {
        State::Starting => starting(event, policy),
        State::Idle => idle(event, policy),
        State::Running => running(event, policy),
        State::Leaving { task: false } => leaving(event, policy),
        State::Leaving { task: true } => leaving_with_task(event, policy),
        State::Killed { task: None } => killed(event, policy),
        State::Killed { task: Some(cause) } => killed_with_task(cause, event, policy),
        State::Dead => (State::Dead, Actions::none()),
    }
}

fn starting(event: Event, policy: &Policy) -> (State, Actions) {
    use Action::{AskToLeave, CountDeath, Kill, Release, TakeBack};
    use State::{Dead, Idle, Killed, Leaving, Starting};

    match event {
        Event::Ready => to(Idle, []),
        Event::Leave => to(Leaving { task: false }, [TakeBack, AskToLeave]),
        Event::Kill => to(Killed { task: None }, [TakeBack, Kill]),
        // If these did not count, a pool whose workers never get ready would start workers for ever.
        Event::DeadlinePassed
        | Event::OverMemory
        | Event::Corrupt
        | Event::TaskStarted
        | Event::TaskFinished => to(Killed { task: None }, [CountDeath, TakeBack, Kill]),
        Event::Ended { .. } => gone(Dead, [TakeBack, Release, CountDeath], policy),
        Event::Abort => to(Starting, []),
    }
}

fn idle(event: Event, policy: &Policy) -> (State, Actions) {
    use Action::{AskToLeave, CountDeath, Kill, Release, TakeBack};
    use State::{Dead, Idle, Killed, Leaving, Running};

    match event {
        Event::TaskStarted => to(Running, []),
        // No task is in danger, so it may leave in good order.
        Event::Leave | Event::OverMemory => to(Leaving { task: false }, [TakeBack, AskToLeave]),
        Event::Kill => to(Killed { task: None }, [TakeBack, Kill]),
        Event::Corrupt | Event::Ready | Event::TaskFinished => {
            to(Killed { task: None }, [CountDeath, TakeBack, Kill])
        }
        Event::Ended { .. } => gone(Dead, [TakeBack, Release, CountDeath], policy),
        Event::DeadlinePassed | Event::Abort => to(Idle, []),
    }
}

// ANCHOR: running
fn running(event: Event, policy: &Policy) -> (State, Actions) {
    use Action::{AskToLeave, CountDeath, Deliver, Kill, Release, TakeBack};
    use State::{Dead, Idle, Leaving};

    match event {
        Event::TaskFinished => to(Idle, [Deliver]),
        Event::Leave => to(Leaving { task: true }, [TakeBack, AskToLeave]),
        Event::DeadlinePassed => to(killed_by(Cause::TimedOut), [TakeBack, Kill]),
        Event::Abort | Event::Kill => to(killed_by(Cause::Aborted), [TakeBack, Kill]),
        Event::OverMemory => to(killed_by(Cause::OverMemory), [TakeBack, Kill]),
        Event::Corrupt | Event::Ready | Event::TaskStarted => {
            to(killed_by(Cause::Corrupt), [CountDeath, TakeBack, Kill])
        }
        Event::Ended { .. } => {
            let task = settled(Cause::Died, policy);
            gone(Dead, [task, TakeBack, Release, CountDeath], policy)
        }
    }
}
// ANCHOR_END: running

fn leaving(event: Event, policy: &Policy) -> (State, Actions) {
    use Action::{CountDeath, Kill, Release};
    use State::{Dead, Killed, Leaving};

    match event {
        // It had taken the task before its queue was taken back.
        Event::TaskStarted => to(Leaving { task: true }, []),
        Event::Kill => to(Killed { task: None }, [Kill]),
        Event::DeadlinePassed | Event::Corrupt | Event::TaskFinished => {
            to(Killed { task: None }, [CountDeath, Kill])
        }
        Event::Ended { clean: true } => gone(Dead, [Release], policy),
        Event::Ended { clean: false } => gone(Dead, [Release, CountDeath], policy),
        // It may have been asked before it was ready.
        Event::Ready | Event::Leave | Event::OverMemory | Event::Abort => {
            to(Leaving { task: false }, [])
        }
    }
}

fn leaving_with_task(event: Event, policy: &Policy) -> (State, Actions) {
    use Action::{CountDeath, Deliver, Kill, Release};
    use State::{Dead, Leaving};

    match event {
        Event::TaskFinished => to(Leaving { task: false }, [Deliver]),
        Event::DeadlinePassed => to(killed_by(Cause::TimedOut), [Kill]),
        Event::Abort | Event::Kill => to(killed_by(Cause::Aborted), [Kill]),
        Event::OverMemory => to(killed_by(Cause::OverMemory), [Kill]),
        Event::Corrupt | Event::Ready | Event::TaskStarted => {
            to(killed_by(Cause::Corrupt), [CountDeath, Kill])
        }
        Event::Ended { .. } => {
            gone(Dead, [settled(Cause::Died, policy), Release, CountDeath], policy)
        }
        Event::Leave => to(Leaving { task: true }, []),
    }
}

// ANCHOR: killed
fn killed(event: Event, policy: &Policy) -> (State, Actions) {
    match event {
        // The signal comes to a task that has done no wrong.
        Event::TaskStarted => to(killed_by(Cause::Died), []),
        Event::Ended { .. } => gone(State::Dead, [Action::Release], policy),
        _ => to(State::Killed { task: None }, []),
    }
}

fn killed_with_task(cause: Cause, event: Event, policy: &Policy) -> (State, Actions) {
    match event {
        // The answer was faster than the signal. What was decided and told stays so.
        Event::TaskFinished if cause.is_final() => {
            to(State::Killed { task: None }, [Action::Fail(cause)])
        }
        Event::TaskFinished => to(State::Killed { task: None }, [Action::Deliver]),
        Event::Abort => to(killed_by(Cause::Aborted), []),
        Event::Ended { .. } => {
            gone(State::Dead, [settled(cause, policy), Action::Release], policy)
        }
        _ => to(killed_by(cause), []),
    }
}
// ANCHOR_END: killed

// ANCHOR: settled
/// What becomes of the task that a worker was running when it ended.
fn settled(cause: Cause, policy: &Policy) -> Action {
    match policy.after_death {
        AfterDeath::RunAgain if !cause.is_final() => Action::RunAgain,
        _ => Action::Fail(cause),
    }
}

impl Cause {
    /// Whether the task ends by this whatever [`Retry`](crate::Retry) says: somebody wanted it to end.
    pub fn is_final(self) -> bool {
        matches!(self, Cause::TimedOut | Cause::Aborted)
    }
}
// ANCHOR_END: settled

fn killed_by(cause: Cause) -> State {
    State::Killed { task: Some(cause) }
}

fn to<const N: usize>(state: State, actions: [Action; N]) -> (State, Actions) {
    (state, Actions::new(&actions))
}

/// The end of a worker: its place is filled again if it is wanted.
fn gone<const N: usize>(
    state: State,
    actions: [Action; N],
    policy: &Policy,
) -> (State, Actions) {
    let mut actions = Actions::new(&actions);
    if policy.replace {
        actions.push(Action::Replace);
    }
    (state, actions)
}

/// The most actions of one step: the end of a running worker has five.
const ACTIONS_MAX: usize = 5;

/// What to do, in this order. Made without an allocation; used as a slice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Actions {
    actions: [Action; ACTIONS_MAX],
    len: usize,
}

impl Actions {
    fn none() -> Self {
        Actions { actions: [Action::Release; ACTIONS_MAX], len: 0 }
    }

    fn new(actions: &[Action]) -> Self {
        let mut all = Actions::none();
        actions.iter().for_each(|action| all.push(*action));
        all
    }

    fn push(&mut self, action: Action) {
        self.actions[self.len] = action;
        self.len += 1;
    }
}

impl Deref for Actions {
    type Target = [Action];

    fn deref(&self) -> &[Action] {
        &self.actions[..self.len]
    }
}

impl IntoIterator for Actions {
    type Item = Action;
    type IntoIter = std::iter::Take<std::array::IntoIter<Action, ACTIONS_MAX>>;

    fn into_iter(self) -> Self::IntoIter {
        self.actions.into_iter().take(self.len)
    }
}

impl fmt::Debug for Actions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Cause {
    /// Every cause.
    pub const ALL: [Cause; 5] =
        [Cause::Died, Cause::TimedOut, Cause::Aborted, Cause::OverMemory, Cause::Corrupt];
}

impl State {
    /// Every state, in the order of life.
    pub const ALL: [State; 12] = [
        State::Starting,
        State::Idle,
        State::Running,
        State::Leaving { task: false },
        State::Leaving { task: true },
        State::Killed { task: None },
        State::Killed { task: Some(Cause::Died) },
        State::Killed { task: Some(Cause::TimedOut) },
        State::Killed { task: Some(Cause::Aborted) },
        State::Killed { task: Some(Cause::OverMemory) },
        State::Killed { task: Some(Cause::Corrupt) },
        State::Dead,
    ];
}

impl Event {
    /// Every event.
    pub const ALL: [Event; 11] = [
        Event::Ready,
        Event::TaskStarted,
        Event::TaskFinished,
        Event::DeadlinePassed,
        Event::Abort,
        Event::OverMemory,
        Event::Corrupt,
        Event::Leave,
        Event::Kill,
        Event::Ended { clean: true },
        Event::Ended { clean: false },
    ];
}

/// As in the table of the chapter: `Leaving+task`, `Killed(TimedOut)`.
impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            State::Leaving { task: true } => f.pad("Leaving+task"),
            State::Leaving { task: false } => f.pad("Leaving"),
            State::Killed { task: Some(cause) } => f.pad(&format!("Killed({cause:?})")),
            State::Killed { task: None } => f.pad("Killed"),
            State::Starting | State::Idle | State::Running | State::Dead => {
                f.pad(&format!("{self:?}"))
            }
        }
    }
}

/// As in the table of the chapter: `TaskStarted`, `Ended(clean)`.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Ended { clean: true } => f.pad("Ended(clean)"),
            Event::Ended { clean: false } => f.pad("Ended(unclean)"),
            _ => f.pad(&format!("{self:?}")),
        }
    }
}
