//! The two processes: the child sends and takes the times, the parent receives, compares and answers.
//!
//! Who owns it: the parent owns the child, and kills it when it goes itself. Each drops the other's half of every way, so
//! that most ways say at once when the other is gone. Shared memory and message queues do not: there an alarm ends the
//! wait, with the program.

use crate::places::{Places, Side};
use crate::plan::{Kind, Plan, Step};
use crate::ways::{Receiver, Sender, Way};
use anyhow::{Context, Result, ensure};
use claims::shape::median;
use experiments::Trial;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::alarm;
use pipe::{ReadEnd, WriteEnd, frame};
use std::hint::black_box;
use std::io::{Read, Write};
use std::time::Instant;
use wait::Child;

/// How long a single step may take before the program is ended, in seconds. Even a slow machine needs one at most.
const STEP_MAX_S: u32 = 60;

/// The sender begins the step, or leaves it out.
const GO: u8 = 1;
const SKIP: u8 = 0;

/// What the two have seen.
pub(crate) struct Seen {
    /// Of each step the time per message; NaN if it was left out.
    pub(crate) times_s: Vec<f64>,
    pub(crate) compared: usize,
    /// How long reading the longest message took: in the receiver's own buffer, and in memory that a descriptor brought.
    pub(crate) reading_s: Option<[f64; 2]>,
    pub(crate) notes: Vec<String>,
}

/// Runs the whole plan.
pub(crate) fn run(trial: &Trial, plan: &Plan, ways: Vec<Way>) -> Result<Seen> {
    let size_max = plan.sizes.last().copied().unwrap_or(0);
    let message = pattern(size_max);
    let buffer = vec![0; size_max];
    let (mut senders, mut receivers): (Vec<_>, Vec<_>) =
        ways.into_iter().map(|way| (way.sender, way.receiver)).unzip();
    let (go_reader, go_writer) = pipe::pipe()?;
    let (result_reader, result_writer) = pipe::pipe()?;
    let mut parents = Some((go_writer, result_reader, std::mem::take(&mut receivers)));
    let mut childs = Some((go_reader, result_writer, std::mem::take(&mut senders)));
    // Each process takes its copy of these two: of the message most pages stay shared.
    let mut memory = Some((message, buffer));

    let mut child = Child::fork(|| {
        drop(parents.take());
        let (Some((go, results, senders)), Some((message, buffer))) =
            (childs.take(), memory.take())
        else {
            return 1;
        };
        match send_all(plan, go, results, senders, message, buffer) {
            Ok(()) => 0,
            Err(error) => {
                eprintln!("bytes: the sender: {error:#}");
                1
            }
        }
    })?;
    drop(childs);
    let (message, buffer) = memory.context("the parent has its memory")?;
    let (go, results, receivers) = parents.context("the parent has its half")?;
    let receiving = Receiving { trial, plan, child: child.pid(), message, buffer };
    let seen = receiving.run(go, results, receivers)?;
    alarm::cancel();
    let status = child.wait()?;
    ensure!(status.success(), "the sender ended with {status}");
    Ok(seen)
}

fn send_all(
    plan: &Plan,
    mut go: ReadEnd,
    mut results: WriteEnd,
    mut senders: Vec<Box<dyn Sender>>,
    mut message: Vec<u8>,
    mut buffer: Vec<u8>,
) -> Result<()> {
    // A parent that died before this is seen at the first read.
    set_pdeathsig(Signal::SIGKILL)?;
    let places = Places::here();
    let mut times = Vec::new();
    for (nth, step) in plan.steps.iter().enumerate() {
        let mut word = [SKIP];
        go.read_exact(&mut word).context("the receiver is gone")?;
        let time_s = if word == [SKIP] {
            f64::NAN
        } else {
            stamp(&mut message, nth);
            places.take(Side::Sender, step.kind, &plan.ways[step.way]);
            let bytes = &message[..step.size];
            match senders.get_mut(step.way) {
                Some(sender) => send(step, plan.ways[step.way].lends, sender.as_mut(), bytes)?,
                None => copy(step, bytes, &mut buffer[..step.size]),
            }
        };
        times.extend_from_slice(&time_s.to_le_bytes());
    }
    frame::write(&mut results, &times, u64::MAX).context("the times cannot be sent")
}

/// Seconds per message.
fn send(step: &Step, lends: bool, sender: &mut dyn Sender, message: &[u8]) -> Result<f64> {
    sender.prepare(message)?;
    // The one that is compared; it also touches every page that the way uses.
    sender.send(message)?;
    sender.answered()?;
    let begun = Instant::now();
    for nth in 1..=step.messages {
        sender.send(message)?;
        if has_answer(step, lends, nth) {
            sender.answered()?;
        }
    }
    Ok(begun.elapsed().as_secs_f64() / step.messages as f64)
}

/// Seconds per copy, in this process alone.
fn copy(step: &Step, message: &[u8], buffer: &mut [u8]) -> f64 {
    buffer.copy_from_slice(message);
    let begun = Instant::now();
    for _ in 0..step.messages {
        black_box(&mut *buffer).copy_from_slice(black_box(message));
    }
    begun.elapsed().as_secs_f64() / step.messages as f64
}

fn has_answer(step: &Step, lends: bool, nth: usize) -> bool {
    step.kind == Kind::RoundTrip || lends || nth == step.messages
}

struct Receiving<'a> {
    trial: &'a Trial,
    plan: &'a Plan,
    child: nix::unistd::Pid,
    message: Vec<u8>,
    buffer: Vec<u8>,
}

impl Receiving<'_> {
    fn run(
        mut self,
        mut go: WriteEnd,
        mut results: ReadEnd,
        mut receivers: Vec<Box<dyn Receiver>>,
    ) -> Result<Seen> {
        let mut notes = Vec::new();
        let probe = self.message.as_ptr().addr();
        let refused: Vec<bool> = receivers
            .iter_mut()
            .map(|receiver| match receiver.meet(self.child, probe) {
                Ok(()) => false,
                Err(why) => {
                    notes.push(format!("{why:#}"));
                    true
                }
            })
            .collect();
        let plan = self.plan;
        let places = Places::here();
        let size_max = plan.sizes.last().copied();
        let (mut compared, mut old_s, mut new_s) = (0, Vec::new(), Vec::new());
        for (nth, step) in plan.steps.iter().enumerate() {
            alarm::set(STEP_MAX_S);
            let Some(receiver) = receivers.get_mut(step.way) else {
                go.write_all(&[GO])?;
                continue;
            };
            if refused[step.way] {
                go.write_all(&[SKIP])?;
                continue;
            }
            stamp(&mut self.message, nth);
            let brings_memory = receiver.brings_memory();
            places.take(Side::Receiver, step.kind, &plan.ways[step.way]);
            receiver.clear(&mut self.buffer, step.size);
            go.write_all(&[GO])?;
            let reading_s = self.receive(step, receiver.as_mut())?;
            compared += 1;
            if Some(step.size) == size_max {
                let longest = if brings_memory { &mut new_s } else { &mut old_s };
                longest.push(reading_s);
            }
            self.trial.progress(nth as f64 / plan.steps.len() as f64);
        }
        let bytes = frame::read(&mut results, (plan.steps.len() * 8) as u64)?
            .context("the sender ended without its times")?;
        let times_s: Vec<f64> = bytes
            .chunks_exact(8)
            .filter_map(|word| word.try_into().ok().map(f64::from_le_bytes))
            .collect();
        ensure!(times_s.len() == plan.steps.len(), "the sender's times are not complete");
        let reading_s =
            median(&mut old_s).zip(median(&mut new_s)).map(|(old_s, new_s)| [old_s, new_s]);
        Ok(Seen { times_s, compared, reading_s, notes })
    }

    /// All messages of a step. Returns how long it took to read the first one, in seconds.
    fn receive(&mut self, step: &Step, receiver: &mut dyn Receiver) -> Result<f64> {
        let line = self.plan.ways[step.way];
        receiver.receive(&mut self.buffer, step.size)?;
        let begun = Instant::now();
        let sum = checksum(receiver.message(&self.buffer, step.size));
        let reading_s = begun.elapsed().as_secs_f64();
        ensure!(
            sum == checksum(&self.message[..step.size]),
            "a message of {} bytes by {} came with other bytes than it was sent with",
            step.size,
            line.name
        );
        receiver.forget();
        receiver.answer()?;
        for nth in 1..=step.messages {
            receiver.receive(&mut self.buffer, step.size)?;
            if has_answer(step, line.lends, nth) {
                receiver.answer()?;
            }
        }
        Ok(reading_s)
    }
}

/// Bytes that are not the same at any two places that a mistake could mix up.
fn pattern(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// Each step's message is another one, so that the bytes of an earlier one are never taken for it.
fn stamp(message: &mut [u8], nth: usize) {
    message[..8].copy_from_slice(&(nth as u64 + 1).to_le_bytes());
}

/// Depends on every byte and on its place. The length of every message is a multiple of 8.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.chunks_exact(8).fold(0, |sum, word| {
        let word = word.try_into().map_or(0, u64::from_le_bytes);
        sum.rotate_left(1) ^ word
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_sees_bytes_and_places() {
        let whole = pattern(4096);
        let mut other = whole.clone();
        other[4095] ^= 1;
        assert_ne!(checksum(&whole), checksum(&other));
        other = whole.clone();
        other.swap(0, 8);
        assert_ne!(checksum(&whole), checksum(&other));
        other = whole.clone();
        stamp(&mut other, 7);
        assert_ne!(checksum(&whole), checksum(&other));
        assert_eq!(whole.len(), 4096);
    }
}
