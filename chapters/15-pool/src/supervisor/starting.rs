//! Starting workers: how many, of which process, and what they say first.
//!
//! Invariant: a worker that was started is in `workers`, its lane is in the pool's state, or neither is: nothing here
//! returns early in between.

use super::{Due, Key, START_AGAIN, Supervisor, Worker};
use crate::lane::{Lane, Phase};
use crate::layout::{Header, LANE_BYTES};
use crate::limit::{os, refused, start_error};
use crate::tether::Tether;
use crate::trace::row_of;
use crate::worker::{Note, hello};
use executor::PoolError;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use shared::{Segment, passing};
use start::{Launcher, StartError, StartMethod, keep_standard_numbers};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Instant;
use supervise::Verdict;
use task::{Image, PanicReport};

/// What a worker says first is no longer than this, in bytes.
const HELLO_BYTES_MAX: usize = 64 << 10;

impl Supervisor {
    /// Starts as many workers as are missing.
    pub(super) fn start_missing(&mut self) -> Result<(), PoolError> {
        while !self.ending && self.staying() < self.target {
            self.start_one()?;
        }
        Ok(())
    }

    /// Workers that are not on their way out.
    pub(super) fn staying(&self) -> usize {
        let state = self.core.lock();
        let goes = |number: &u32| {
            state.lanes.get(number).is_some_and(|lane| matches!(lane.phase, Phase::Leaving))
        };
        self.workers.keys().filter(|number| !goes(number)).count()
    }

    fn start_one(&mut self) -> Result<(), PoolError> {
        let number = self.next_lane;
        keep_standard_numbers();
        let segment = Segment::create("procpool-lane", LANE_BYTES)
            .map_err(|error| refused("memfd_create", error))?;
        let (own, theirs) = passing::socket_pair().map_err(os("socketpair"))?;
        let shown = segment.descriptor().map(|it| it.try_clone_to_owned()).transpose();
        let shown = shown.map_err(os("fcntl"))?;
        // Descriptors come and go under the pool's lock: a full socket is no reason to wait there.
        nix::fcntl::fcntl(&own, nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::O_NONBLOCK))
            .map_err(|errno| os("fcntl")(errno.into()))?;
        let socket = Arc::new(own);
        // Before its worker exists: afterwards nobody knows what stands in the rings.
        let header = Header::new(Arc::new(segment.into_mapping()))?;
        let mut lane = Lane::new(header, Arc::clone(&socket), self.options.recycling)?;
        if self.options.trace.is_some() {
            lane.trace(row_of(number));
        }
        let processor = self.options.pin.then(|| self.free_processor()).flatten();
        let note = Note {
            initializer: self.options.initializer.as_ref().map(|it| (it.call, it.argument_len)),
            finalizer: self.options.finalizer,
            nice: self.options.nice,
            processor,
            fingerprint: Image::current().fingerprint(),
        };
        let mut bytes = Vec::new();
        task::encode(&note, &mut bytes).map_err(|error| PoolError::Invalid {
            option: "initializer",
            message: error.message,
        })?;
        let mut descriptors: Vec<BorrowedFd<'_>> = vec![theirs.as_fd()];
        descriptors.extend(shown.as_ref().map(AsFd::as_fd));
        descriptors.extend(self.ends.bell.descriptor());
        let (tether, tied) = Tether::new()?;
        descriptors.push(tied.as_fd());
        let (last_words, stderr) = self.stderr.open()?;
        descriptors.push(stderr.as_fd());
        descriptors
            .extend(self.options.initializer.as_ref().and_then(|it| it.argument.descriptor()));
        let limit = self.options.start_timeout;
        let child = match self.launcher.start_within(&descriptors, &bytes, limit) {
            Err(StartError::TemplateDied { .. } | StartError::Timeout { .. })
                if self.options.method == StartMethod::Forkserver =>
            {
                self.launcher =
                    Launcher::forkserver(&self.options.name).map_err(start_error)?;
                self.launcher.start_within(&descriptors, &bytes, limit)
            }
            started => started,
        }
        .map_err(start_error)?;
        drop((theirs, shown, stderr));
        self.next_lane += 1;
        lane.pid = child.pid().as_raw() as u32;
        let process_token =
            self.events.add(&child, Key::Process(number)).map_err(os("epoll_ctl"))?;
        let socket_token =
            self.events.add(&*socket, Key::Socket(number)).map_err(os("epoll_ctl"))?;
        let due = self.epoch.elapsed().saturating_add(self.options.start_timeout);
        self.due.insert(due, Due::Greeting(number));
        let worker = Worker {
            child,
            process_token,
            socket,
            socket_token: Some(socket_token),
            greeting: true,
            verdict: None,
            processor,
            last_words,
            _tether: tether,
        };
        self.workers.insert(number, worker);
        self.core.lock().add_lane(number, Box::new(lane));
        Ok(())
    }

    /// The allowed processor that has the fewest workers.
    fn free_processor(&self) -> Option<u32> {
        let allowed = nix::sched::sched_getaffinity(nix::unistd::Pid::from_raw(0)).ok()?;
        (0..nix::sched::CpuSet::count() as u32)
            .filter(|number| allowed.is_set(*number as usize).unwrap_or(false))
            .min_by_key(|number| {
                self.workers.values().filter(|worker| worker.processor == Some(*number)).count()
            })
    }

    /// A worker has said something: that it is ready, or why it is not.
    pub(super) fn greeted(&mut self, number: u32) {
        let Some(worker) = self.workers.get_mut(&number) else { return };
        let Some(token) = worker.socket_token.take() else { return };
        let _ = self.events.remove(token, &*worker.socket);
        let mut buffer = vec![0; HELLO_BYTES_MAX];
        let said = passing::receive(worker.socket.as_fd(), &mut buffer);
        // Its end says more, and is on its way: until then it has not shaken hands.
        if said.as_ref().is_ok_and(|said| said.len == 0) {
            return;
        }
        worker.greeting = false;
        self.due.cancel(Due::Greeting(number));
        let failure = match said.as_ref().map(|said| &buffer[..said.len]) {
            Ok([hello::READY]) => {
                let mut state = self.core.lock();
                state.ready(number);
                state.turn();
                self.core.leave(state);
                if self.workers.values().all(|worker| !worker.greeting)
                    && !self.due.is_set(Due::StartAgain)
                    && let Some(scaling) = self.scaling.take()
                {
                    let _ = scaling.answer.send(Ok(()));
                }
                return;
            }
            Ok([hello::INITIALIZER_FAILED, outcome, report @ ..]) => {
                PoolError::InitializerFailed { message: initializer_failure(*outcome, report) }
            }
            Ok([hello::STRANGER]) => PoolError::Handshake {
                message: "it runs another executable than this program; was the file replaced?"
                    .into(),
            },
            Ok(_) => PoolError::Handshake { message: "it said what no worker says".into() },
            Err(error) => PoolError::Handshake { message: format!("its socket: {error}") },
        };
        self.condemn(number, failure.to_string());
        self.scaling_failed(number, failure);
    }

    /// The worker has had its time to shake hands.
    pub(super) fn greeting_is_late(&mut self, number: u32) {
        if let Some(worker) = self.workers.get_mut(&number) {
            worker.greeting = false;
            if let Some(token) = worker.socket_token.take() {
                let _ = self.events.remove(token, &*worker.socket);
            }
        }
        let error = PoolError::StartTimeout { after: self.options.start_timeout };
        self.condemn(number, error.to_string());
        self.scaling_failed(number, error);
    }

    /// Starts what is missing; if that fails now, tries again later.
    pub(super) fn replace(&mut self) {
        let Err(error) = self.start_missing() else {
            self.short_since = None;
            return;
        };
        let waits = match &error {
            // What the system has no room for now it may have later. That is nobody's fault while somebody works, and for
            // as long as a worker may take to start.
            PoolError::Limit { .. } => {
                let since = self.short_since.filter(|_| self.workers.is_empty());
                let since = *self.short_since.insert(since.unwrap_or_else(Instant::now));
                since.elapsed() < self.options.start_timeout
            }
            _ => matches!(self.intensity.record(self.epoch.elapsed()), Verdict::Restart),
        };
        if waits && (self.options.method != StartMethod::Fork || self.template_lives()) {
            self.due.insert(self.epoch.elapsed() + START_AGAIN, Due::StartAgain);
        } else {
            self.break_down(format!("a worker could not be replaced: {error}"));
        }
    }

    fn template_lives(&self) -> bool {
        let Some(template) = self.launcher.template() else { return true };
        let mut look = [PollFd::new(template, PollFlags::POLLIN)];
        poll(&mut look, PollTimeout::ZERO) == Ok(0)
    }
}

fn initializer_failure(outcome: u8, report: &[u8]) -> String {
    match PanicReport::decode(report) {
        Ok(report) if outcome == task::Outcome::Panicked as u8 => match &report.location {
            Some(location) => format!("it panicked at {location}: {}", report.message),
            None => format!("it panicked: {}", report.message),
        },
        _ => "its argument could not be decoded in the worker".into(),
    }
}
