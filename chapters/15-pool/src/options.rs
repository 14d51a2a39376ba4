//! What a pool is built from, checked before any process exists.

use crate::task_cell::Terms;
use executor::PoolError;
use shared::Segment;
use start::StartMethod;
use std::path::PathBuf;
use std::time::Duration;
use supervise::Recycling;
use task::{Call, Message};

/// A call with its encoded argument, run in each worker before its first task.
#[derive(Debug)]
pub(crate) struct Initializer {
    pub(crate) call: u64,
    pub(crate) argument_len: u64,
    /// The argument; every worker maps it.
    pub(crate) argument: Segment,
}

/// See [`crate::Builder`] for what each means.
#[derive(Debug)]
pub(crate) struct Options {
    /// As many as suit work that computes, if the program does not say.
    pub(crate) workers: Option<usize>,
    pub(crate) method: StartMethod,
    pub(crate) initializer: Option<Initializer>,
    /// The finalizer's address less that of the image.
    pub(crate) finalizer: Option<u64>,
    /// What a task is given that asks for nothing else.
    pub(crate) terms: Terms,
    /// When a worker is replaced although it works.
    pub(crate) recycling: Recycling,
    pub(crate) restart_limit: (u32, Duration),
    pub(crate) queue_limit: usize,
    pub(crate) start_timeout: Duration,
    pub(crate) nice: Option<i32>,
    pub(crate) pin: bool,
    pub(crate) name: String,
    /// Where the trace goes.
    pub(crate) trace: Option<PathBuf>,
    /// The first option that makes no sense; `build` says so.
    pub(crate) invalid: Option<PoolError>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            workers: None,
            method: StartMethod::default(),
            initializer: None,
            finalizer: None,
            terms: Terms::default(),
            recycling: Recycling::default(),
            restart_limit: (16, Duration::from_secs(5)),
            queue_limit: 1 << 20,
            start_timeout: Duration::from_secs(60),
            nice: None,
            pin: false,
            name: "procpool".into(),
            trace: None,
            invalid: None,
        }
    }
}

impl Options {
    /// Remembers the first option that makes no sense.
    pub(crate) fn refuse(&mut self, option: &'static str, message: impl Into<String>) {
        self.invalid.get_or_insert(PoolError::Invalid { option, message: message.into() });
    }

    pub(crate) fn initializer<A: Message>(&mut self, function: fn(A), argument: &A) {
        match initializer(function, argument) {
            Ok(initializer) => self.initializer = Some(initializer),
            Err(message) => self.refuse("initializer", message),
        }
    }

    pub(crate) fn finalizer(&mut self, function: fn()) {
        match task::distance_of(function) {
            Ok(offset) => self.finalizer = Some(offset),
            Err(error) => self.refuse("finalizer", error.to_string()),
        }
    }
}

fn initializer<A: Message>(function: fn(A), argument: &A) -> Result<Initializer, String> {
    let call = Call::of(function).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    task::encode(argument, &mut bytes).map_err(|error| error.message)?;
    let segment = Segment::create("procpool-initializer", bytes.len().max(1))
        .map_err(|error| error.to_string())?;
    // SAFETY: the segment has room for the bytes, and nobody else has it yet.
    unsafe { segment.as_ptr().as_ptr().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
    Ok(Initializer {
        call: call.to_bits(),
        argument_len: bytes.len() as u64,
        argument: segment,
    })
}
