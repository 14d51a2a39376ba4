//! The pool's heart: the state behind its lock, and who waits for the workers.
//!
//! Workers answer into their own rings and then ring one bell. At most one thread sleeps on the bell: the *server*.
//! A thread that joins is the server itself if nobody else is, so its result takes no detour through another thread;
//! while it waits it takes everybody's answers. Others sleep until theirs is there. When nobody joins, the background
//! thread serves, so that rings are emptied and filled although the program does something else. It does not take over
//! at once: it looks every millisecond while there is work, so that a program that submits and joins never meets it.
//!
//! # References
//! The roles are the leader/followers pattern: Schmidt et al., "Leader/Followers", PLoP 2000.

use crate::callbacks::Callbacks;
use crate::layout::BELL_BYTES;
use crate::origin::{FOREIGN, Origin};
use crate::patience::{ANNOUNCED, Patience};
use crate::state::{Server, Standing, State};
use shared::Segment;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};
use wake::Doorbell;

/// How often the background thread looks whether somebody serves, while there is work.
const TICK: Duration = Duration::from_millis(1);
/// How long it goes on looking after the last work.
const TICKS_IDLE_MAX: u32 = 20;
/// How long the server sleeps at most when many short tasks are under way: it is rung only when half are done.
const BATCH_SLEEP: Duration = Duration::from_micros(200);
/// How long the server sleeps at most when tasks are stuck behind others while a lane has nothing to do.
const UNEVEN_SLEEP: Duration = Duration::from_millis(1);
/// The server looks at the lanes at least so often: a worker can spoil the bell's word by a wild write.
const SLEEP_MAX: Duration = Duration::from_millis(100);
/// How many flights make a lane busy enough to be woken for by halves.
const BATCH_FLIGHTS: usize = 8;

/// See the module.
#[derive(Debug)]
pub(crate) struct Core {
    origin: Origin,
    state: Mutex<State>,
    /// What a copy of the program sees in its place: a pool that is broken and has no workers.
    foreign: OnceLock<Mutex<State>>,
    bell: Segment,
    /// Submitters wait here for room in the queue.
    room: Condvar,
    pub(crate) queue_limit: usize,
    next_id: AtomicU64,
    /// How many processors the program may use.
    processors: usize,
    /// The background thread, and what it does: see [`Nap`].
    background: Mutex<Option<Thread>>,
    nap: AtomicU64,
    patience: Patience,
    pub(crate) callbacks: Callbacks,
    /// Gone when the pool has ended: a handle may be kept for ever, and keeps no descriptor.
    ends: Mutex<Option<Arc<Ends>>>,
}

/// The descriptors of a pool.
#[derive(Debug)]
pub(crate) struct Ends {
    /// To be given to each worker.
    pub(crate) bell: Segment,
    pub(crate) supervisor: signal::Waker,
}

/// How the background thread sleeps.
mod nap {
    /// It looks again within a tick.
    pub(super) const TICKING: u64 = 0;
    /// It sleeps until somebody wakes it.
    pub(super) const DEEP: u64 = 1;
}

/// When the server has to look again, and how long it may look before it sleeps.
struct Plan {
    may_look: bool,
    timeout: Option<Duration>,
}

impl Core {
    /// `bell` and the one of `ends` are the same memory.
    pub(crate) fn new(
        bell: Segment,
        ends: Ends,
        queue_limit: usize,
        processors: usize,
    ) -> Core {
        debug_assert!(bell.len_bytes() >= BELL_BYTES);
        Core {
            origin: Origin::here(),
            state: Mutex::new(State::new(processors)),
            foreign: OnceLock::new(),
            bell,
            room: Condvar::new(),
            queue_limit,
            next_id: AtomicU64::new(1),
            processors,
            background: Mutex::new(None),
            nap: AtomicU64::new(nap::TICKING),
            patience: Patience::default(),
            callbacks: Callbacks::default(),
            ends: Mutex::new(Some(Arc::new(ends))),
        }
    }

    pub(crate) fn bell(&self) -> &Doorbell {
        self.bell.at(0).expect("the first word")
    }

    /// Wakes the server whatever the bell's word says. A worker that was killed while it rang has cleared the word and
    /// woken nobody.
    pub(crate) fn rouse_server(&self) {
        let word: &AtomicU32 = self.bell.at(0).expect("the first word");
        word.store(0, Ordering::SeqCst);
        wake::futex::wake(word, u32::MAX);
    }

    /// The pool's descriptors, until it has ended.
    pub(crate) fn ends(&self) -> Option<Arc<Ends>> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn wake_supervisor(&self) {
        if let Some(ends) = self.ends() {
            ends.supervisor.wake();
        }
    }

    /// The pool has ended.
    pub(crate) fn close(&self) {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    pub(crate) fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// The state. Only bugs of the pool panic under this lock, and they must not take the program's other tasks along.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        let state = if self.is_here() { &self.state } else { self.foreign() };
        state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the calling process is the one that built the pool; see [`crate::origin`].
    #[inline]
    pub(crate) fn is_here(&self) -> bool {
        self.origin.is_here()
    }

    #[cold]
    fn foreign(&self) -> &Mutex<State> {
        self.foreign.get_or_init(|| {
            let mut state = State::new(self.processors);
            state.standing = Standing::Broken(FOREIGN.into());
            Mutex::new(state)
        })
    }

    /// Ends a visit to the state: lets go of the lock, then tells everybody who is concerned.
    pub(crate) fn leave(&self, mut state: MutexGuard<'_, State>) {
        if !state.has_work()
            && let Some(thread) = state.drained.take()
        {
            thread.unpark();
            state.roused = true;
        }
        let wakers = std::mem::take(&mut state.wakers);
        let to_tell = std::mem::take(&mut state.to_tell);
        // Tasks have come to be behind others since the server made its plan: it has to make another one.
        let uneven =
            !state.watches_uneven && state.server != Server::Nobody && state.is_uneven();
        let roused = std::mem::take(&mut state.roused) || uneven;
        let supervise = !state.requests.is_empty();
        let room = state.blocked > 0 && state.queue.len() < self.queue_limit;
        let unserved = state.server == Server::Nobody && state.has_work();
        drop(state);
        if room {
            self.room.notify_all();
        }
        if supervise {
            self.wake_supervisor();
        }
        for waker in wakers {
            // It is the executor's code, and this may be a thread of the pool: a panic there harms nobody here.
            let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        }
        for cell in to_tell {
            self.callbacks.run(cell);
        }
        // The server may be the one whose answer came by another hand.
        if roused {
            self.bell().ring();
        }
        if unserved && self.nap.load(Ordering::SeqCst) == nap::DEEP {
            self.wake_background();
        }
    }

    /// Waits until the queue has room for one more task.
    pub(crate) fn wait_for_room<'s>(
        &'s self,
        mut state: MutexGuard<'s, State>,
    ) -> MutexGuard<'s, State> {
        while state.queue.len() >= self.queue_limit && state.standing.refusal().is_none() {
            state.turn();
            if state.queue.len() < self.queue_limit {
                break;
            }
            state.blocked += 1;
            if state.server == Server::Nobody {
                self.wake_background();
            }
            // Wakers and requests of the turn above must not wait for room.
            self.leave(state);
            state = self.lock();
            if state.queue.len() >= self.queue_limit && state.standing.refusal().is_none() {
                let (again, _) =
                    self.room.wait_timeout(state, TICK).unwrap_or_else(PoisonError::into_inner);
                state = again;
            }
            state.blocked -= 1;
        }
        state
    }

    /// Everybody who waits for room looks again: the pool takes no more tasks.
    pub(crate) fn room_for_all(&self) {
        self.room.notify_all();
    }

    // --- waiting ---

    // ANCHOR: wait
    /// Sleeps until `done` says so, serving meanwhile if nobody else does. `listen` is asked to remember the thread
    /// that is to be unparked. False: the deadline passed first.
    pub(crate) fn wait(
        &self,
        deadline: Option<Instant>,
        mut done: impl FnMut(&mut State) -> bool,
        mut listen: impl FnMut(&mut State, Option<Thread>),
    ) -> bool {
        if !self.is_here() {
            // What is not done here never will be.
            let mut state = self.lock();
            let is_done = done(&mut state);
            self.leave(state);
            return is_done;
        }
        loop {
            let mut state = self.lock();
            state.turn();
            if done(&mut state) {
                forget_own(&mut state);
                self.leave(state);
                return true;
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                listen(&mut state, None);
                forget_own(&mut state);
                self.leave(state);
                return false;
            }
            listen(&mut state, Some(std::thread::current()));
            if state.server == Server::Nobody {
                state.server = Server::Joiner;
                self.leave(state);
                let answered = self.serve(deadline, |state| done(state).then_some(()));
                self.stop_serving(|state| listen(state, None));
                return answered.is_some();
            }
            let own = std::thread::current();
            if state.sleepers.iter().all(|sleeper| sleeper.id() != own.id()) {
                state.sleepers.push_back(own);
            }
            let background = state.server == Server::Background;
            self.leave(state);
            if background {
                // It sees that somebody waits, and makes room for one of them.
                self.bell().ring();
            }
            park(deadline);
        }
    }
    // ANCHOR_END: wait

    /// Serves until `over` has something, or until the deadline.
    fn serve<T>(
        &self,
        deadline: Option<Instant>,
        mut over: impl FnMut(&mut State) -> Option<T>,
    ) -> Option<T> {
        loop {
            let mut state = self.lock();
            state.turn();
            let result = over(&mut state);
            let late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
            if result.is_some() || late {
                self.leave(state);
                return result;
            }
            if state.relieve_stalled() {
                self.leave(state);
                continue;
            }
            let plan = self.plan(&mut state);
            self.leave(state);
            if plan.may_look && self.patience.look(|| self.lock().has_answers()) {
                continue;
            }
            self.bell().arm();
            // Whatever came before the arming rang for nobody: look once more.
            let mut state = self.lock();
            let result = over(&mut state);
            let answers = state.has_answers();
            drop(state);
            if result.is_some() || answers {
                self.bell().disarm();
                if result.is_some() {
                    return result;
                }
                continue;
            }
            let left =
                deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let timeout = [plan.timeout, left].into_iter().flatten().min();
            self.bell().sleep(Some(timeout.unwrap_or(SLEEP_MAX).min(SLEEP_MAX)));
            let rung = !self.bell().is_armed();
            self.bell().disarm();
            // A worker rings before it copies a large result, so that this thread wakes up meanwhile.
            if rung && plan.may_look && !self.lock().has_answers() {
                wake::spin(ANNOUNCED, || self.lock().has_answers());
            }
        }
    }

    /// Gives the role away: to a thread that sleeps, if there is one.
    fn stop_serving(&self, forget: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        forget(&mut state);
        state.server = Server::Nobody;
        promote(&mut state);
        self.leave(state);
    }

    /// Says each lane when to ring, and how the server is to wait.
    fn plan(&self, state: &mut State) -> Plan {
        let mut busy = 0;
        let mut batches = false;
        for lane in state.lanes.values_mut() {
            if lane.flights.is_empty() {
                lane.header().wanted().store(lane.answered + 1, Ordering::Relaxed);
                continue;
            }
            busy += 1;
            // A worker that runs out of tasks rings in any case.
            let half = lane.flights.len() / 2;
            let many = half >= BATCH_FLIGHTS / 2;
            batches |= many;
            let wanted = lane.answered + if many { half as u64 } else { 1 };
            lane.header().wanted().store(wanted, Ordering::Relaxed);
        }
        // With a core to spare, looking is faster than to be woken.
        let may_look = busy > 0 && busy < self.processors;
        state.watches_uneven = state.is_uneven();
        let timeout = if batches {
            Some(BATCH_SLEEP)
        } else if state.watches_uneven {
            Some(UNEVEN_SLEEP)
        } else {
            None
        };
        Plan { may_look, timeout }
    }

    // --- the background thread ---

    /// What the background thread runs.
    pub(crate) fn background(&self, stop: impl Fn() -> bool) {
        *self.background.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(std::thread::current());
        let mut idle_ticks = 0;
        let mut turns_before = 0;
        while !stop() {
            let mut state = self.lock();
            state.turn();
            let work = state.has_work();
            let free = state.server == Server::Nobody;
            idle_ticks = if work && free { 0 } else { idle_ticks + 1 };
            // One turn is this thread's own: more, and the program looks after its tasks itself.
            let attended = state.turns > turns_before + 1;
            turns_before = state.turns;
            if work && free && !attended && state.sleepers.is_empty() {
                state.server = Server::Background;
                self.leave(state);
                self.serve(None, |state| {
                    (stop() || !state.has_work() || !state.sleepers.is_empty()).then_some(())
                });
                self.stop_serving(|_| ());
                continue;
            }
            if free {
                promote(&mut state);
            }
            self.leave(state);
            if idle_ticks < TICKS_IDLE_MAX {
                std::thread::park_timeout(TICK);
                continue;
            }
            // Whoever makes work after this store sees it, and wakes this thread.
            self.nap.store(nap::DEEP, Ordering::SeqCst);
            let state = self.lock();
            let unserved = state.has_work() && state.server == Server::Nobody;
            drop(state);
            if !unserved && !stop() {
                std::thread::park();
            }
            self.nap.store(nap::TICKING, Ordering::SeqCst);
            idle_ticks = 0;
        }
    }

    pub(crate) fn wake_background(&self) {
        let background = self.background.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = &*background {
            thread.unpark();
        }
    }
}

/// This thread no longer sleeps. If it was woken to serve, another one has to.
fn forget_own(state: &mut State) {
    let own = std::thread::current().id();
    state.sleepers.retain(|sleeper| sleeper.id() != own);
    if state.server == Server::Nobody {
        promote(state);
    }
}

/// Wakes one of the threads that sleep: it will serve.
fn promote(state: &mut State) {
    if let Some(sleeper) = state.sleepers.pop_front() {
        sleeper.unpark();
    }
}

fn park(deadline: Option<Instant>) {
    match deadline {
        None => std::thread::park(),
        Some(deadline) => {
            std::thread::park_timeout(deadline.saturating_duration_since(Instant::now()));
        }
    }
}
