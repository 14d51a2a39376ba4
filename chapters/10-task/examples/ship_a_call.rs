//! Shows a worker in a program of its own that runs whatever function it is sent, and outlives its panics.
//! Minutes: 8
//!
//! Run it with `cargo run --example ship_a_call`.
//! Look at what is sent for each task, and at what is known of a panic in another process.

use exec::Command;
use pipe::{ReadEnd, WriteEnd, frame, pipe};
use std::collections::BTreeMap;
use std::error::Error;
use std::os::fd::OwnedFd;
use std::process::id;
use task::{Call, Image, Message, Outcome, PanicReport};

const LEN_MAX: u64 = 1 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1).as_deref() {
        None => {}
        Some("--worker") => return worker(),
        Some(_) => {
            return Err(
                "give no arguments; the program passes itself the one that it needs".into()
            );
        }
    }
    let (tasks_in, tasks) = pipe()?;
    let (answers, answers_out) = pipe()?;
    let child = Command::this_program().arg("--worker").fd(3, OwnedFd::from(tasks_in));
    let mut child = child.fd(4, OwnedFd::from(answers_out)).spawn()?;
    let mut link = Link { tasks, answers };
    let theirs = frame::read(&mut link.answers, LEN_MAX)?.ok_or("the worker is gone")?;
    if theirs != Image::current().fingerprint() {
        return Err("the worker runs another program".into());
    }
    println!("parent {}: worker {} runs the same program", id(), child.pid());

    println!("   {:?}", link.call(count_words, "to be or not to be".to_owned())?);
    println!(
        "   {:?}",
        link.call(|numbers: Vec<f64>| numbers.iter().sum::<f64>(), vec![0.5; 5])?
    );
    println!("   {:?}", link.call(|()| id() != std::os::unix::process::parent_id(), ())?);
    if let Err(report) = link.call(mean, vec![])? {
        println!("   message:  {}", report.message);
        println!("   place:    {}", report.location.as_deref().unwrap_or("unknown"));
        let backtrace = report.backtrace();
        let functions = backtrace.lines().filter(|line| !line.trim_start().starts_with("at "));
        functions.take(3).for_each(|function| println!("   stack: {function}"));
    }
    println!("   {:?}", link.call(mean, vec![1.0, 2.0])?);
    drop(link);
    println!("parent {}: the worker ended with {}", id(), child.wait()?);
    Ok(())
}

fn count_words(text: String) -> BTreeMap<String, u32> {
    text.split_whitespace().fold(BTreeMap::new(), |mut counts, word| {
        *counts.entry(word.to_owned()).or_default() += 1;
        counts
    })
}

fn mean(numbers: Vec<f64>) -> f64 {
    numbers.iter().sum::<f64>() / count(&numbers)
}

#[inline(never)]
fn count(numbers: &[f64]) -> f64 {
    assert!(!numbers.is_empty(), "no numbers, so they have no mean");
    numbers.len() as f64
}

struct Link {
    tasks: WriteEnd,
    answers: ReadEnd,
}

// ANCHOR: link
impl Link {
    /// Runs `f` in the worker.
    fn call<A: Message, R: Message>(
        &mut self,
        f: fn(A) -> R,
        argument: A,
    ) -> Result<Result<R, PanicReport>, Box<dyn Error>> {
        let mut bytes = Call::of(f)?.to_bits().to_le_bytes().to_vec();
        task::encode(&argument, &mut bytes)?;
        println!("parent {}: a task of {} bytes", id(), bytes.len());
        frame::write(&mut self.tasks, &bytes, LEN_MAX)?;
        let answer = frame::read(&mut self.answers, LEN_MAX)?.ok_or("the worker is gone")?;
        let (outcome, bytes) = answer.split_first().ok_or("an empty answer")?;
        match Outcome::try_from(*outcome).map_err(|number| format!("outcome {number}"))? {
            Outcome::Returned => Ok(Ok(task::decode(bytes)?)),
            _ => Ok(Err(PanicReport::decode(bytes)?)),
        }
    }
}

fn worker() -> Result<(), Box<dyn Error>> {
    task::catch_panics();
    let (mut tasks, mut answers) = ends()?;
    frame::write(&mut answers, &Image::current().fingerprint(), LEN_MAX)?;
    while let Some(task) = frame::read(&mut tasks, LEN_MAX)? {
        let (bits, argument) = task.split_first_chunk().ok_or("a task without a call")?;
        // SAFETY: the parent has compared the fingerprints before it sent the first task.
        let call = unsafe { Call::from_bits(u64::from_le_bytes(*bits))? };
        let mut answer = vec![0];
        answer[0] = call.run(argument, &mut answer) as u8;
        frame::write(&mut answers, &answer, LEN_MAX)?;
    }
    Ok(())
}
// ANCHOR_END: link

/// The ends that the parent handed over, as the numbers 3 and 4.
fn ends() -> Result<(ReadEnd, WriteEnd), Box<dyn Error>> {
    use std::os::fd::FromRawFd;
    // SAFETY: the parent started this process with these two, and nothing else here knows their numbers.
    let tasks = unsafe { OwnedFd::from_raw_fd(3) };
    // SAFETY: as above.
    let answers = unsafe { OwnedFd::from_raw_fd(4) };
    Ok((ReadEnd::from(tasks), WriteEnd::from(answers)))
}
