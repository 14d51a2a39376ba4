//! The flags of the three births, from the record of a watched run.

use crate::actor::ACTOR;
use anyhow::{Context, Result};
use std::time::Duration;
use timeline::{Birth, Timeline};
use tracer::{Options, Output};

/// The flags that the kernel was given, without `CLONE_`, and the signal for the maker at the end.
#[derive(Debug, Clone)]
pub(crate) struct Births {
    pub(crate) thread: Vec<String>,
    pub(crate) fork: Vec<String>,
    pub(crate) command: Vec<String>,
}

/// Lets a copy of this program act, and watches it.
pub(crate) fn record() -> Result<Births> {
    let program = std::env::current_exe().context("this program does not know its own file")?;
    let options = Options {
        deadline: Duration::from_secs(30),
        output: Output::Null,
        ..Options::default()
    };
    let timeline = tracer::record(&program, &[ACTOR.into()], options)?;
    of(&timeline).context("the record lacks one of the three births")
}

fn of(timeline: &Timeline) -> Option<Births> {
    let lanes = || timeline.lanes.iter().skip(1);
    let thread = lanes().find(|lane| lane.born.by == Birth::Thread)?;
    let fork = lanes().find(|lane| lane.born.by == Birth::Fork && lane.execs.is_empty())?;
    // Whether the standard library uses vfork or fork, it ends in an exec.
    let command = lanes().find(|lane| !lane.execs.is_empty())?;
    Some(Births {
        thread: thread.born.flags.clone(),
        fork: fork.born.flags.clone(),
        command: command.born.flags.clone(),
    })
}
