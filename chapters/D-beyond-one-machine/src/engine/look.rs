//! Idle but owing: looks at the server for what was sent and may be lost.
//!
//! A server that crashes forgets what it has not written, even what it has confirmed (it syncs every two minutes by
//! default), and an answer that is published while the line breaks is lost though its chunk is acknowledged. Both show in
//! the same way: a chunk is owed, and the server does not have it.

use super::{Engine, Finished};
use crate::error::ConnectError;
use crate::stream::{self, Ensured, Found};
use std::time::{Duration, Instant};

/// How soon after a look comes the next one; the pause doubles while nothing is missed.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(8);

/// A look at the server, when it began and what it found.
pub(super) struct Look {
    asked_at: Instant,
    found: Result<Found, ConnectError>,
}

/// What is known of the looks.
pub(super) struct Looking {
    /// Changes when the stream is made anew.
    stream_made_at: i128,
    is_looking: bool,
    is_ensuring: bool,
    pause: Duration,
    next_at: Instant,
}

impl Looking {
    pub(super) fn new(stream_made_at: i128) -> Looking {
        Looking {
            stream_made_at,
            is_looking: false,
            is_ensuring: false,
            pause: PAUSE_MIN,
            next_at: Instant::now(),
        }
    }

    fn again(&mut self, now: Instant, is_urgent: bool) {
        self.pause = if is_urgent { PAUSE_MIN } else { PAUSE_MAX.min(self.pause * 2) };
        self.next_at = now + self.pause;
    }
}

impl Engine {
    /// Looks, if something may be missed and it is time.
    pub(super) fn look_soon(&mut self, now: Instant) {
        let looking = &mut self.looking;
        let is_due = self.is_connected && !looking.is_looking && now >= looking.next_at;
        if !is_due || !self.ledger.may_miss(now) {
            return;
        }
        looking.is_looking = true;
        let (jetstream, names, caller) =
            (self.jetstream.clone(), self.names.clone(), self.caller);
        self.beside.spawn(async move {
            let found = stream::look(&jetstream, &names, caller).await;
            Finished::Looked(Look { asked_at: now, found })
        });
    }

    pub(super) fn take_look(&mut self, look: Look) {
        self.looking.is_looking = false;
        let now = Instant::now();
        match look.found {
            Ok(Found::Chunks(chunks)) => {
                self.engine_seen = now;
                let missed = self.ledger.looked(&chunks, look.asked_at);
                self.looking.again(now, missed > 0 || self.ledger.misses_some());
            }
            Ok(Found::NoStream) => {
                self.looking.again(now, true);
                self.ensure_soon();
            }
            Err(error) => {
                self.trouble = error.to_string();
                self.looking.again(now, true);
            }
        }
    }

    /// Makes sure that there is a stream, unless that is being done.
    pub(super) fn ensure_soon(&mut self) {
        if std::mem::replace(&mut self.looking.is_ensuring, true) {
            return;
        }
        self.looking.again(Instant::now(), true);
        let (jetstream, names) = (self.jetstream.clone(), self.names.clone());
        let (options, build) = (self.options.clone(), self.build.clone());
        self.beside.spawn(async move {
            Finished::Ensured(stream::ensure(&jetstream, &names, &options, &build).await)
        });
    }

    pub(super) fn take_ensured(&mut self, ensured: Result<Ensured, ConnectError>) {
        self.looking.is_ensuring = false;
        match ensured {
            Ok(Ensured { made_at }) => {
                self.engine_seen = Instant::now();
                if std::mem::replace(&mut self.looking.stream_made_at, made_at) != made_at {
                    self.ledger.lost_all();
                }
            }
            Err(error) => self.trouble = error.to_string(),
        }
    }
}
