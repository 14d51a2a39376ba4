//! The program of `restart-storm`: workers that are real processes, and a clock that is not.
//!
//! By hand: `cargo run -p restart-storm -- 5/60 0:3*9`. The first word allows 5 deaths within 60 seconds. Each further word
//! is a worker: how many seconds it lives, and its exit code, or `k` if SIGKILL ends it; `*9` makes nine of them. `no` is a
//! worker that cannot be started. Who comes after the last one leaves with code 0. The seconds of a worker and of a pause
//! only move the hands of the clock, so that nobody has to wait.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::time::Duration;

use nix::sys::signal::{Signal, raise};
use restart_storm::{Limits, Machine, keep_one};
use wait::{Child, ExitStatus};

/// More starts than any right answer needs. Then the program ends.
const STARTS_MAX: usize = 40;

/// A worker of the command line.
#[derive(Clone)]
struct Life {
    time: Duration,
    /// The exit code, `k` or `no`.
    end: String,
}

/// The machine: real processes, and a clock of its own.
struct Toy {
    lives: Vec<Life>,
    starts: usize,
    now: Duration,
    worker: Option<(Child, Duration)>,
}

/// Runs the loop, and prints what it has done.
pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let limit = args.next().unwrap_or_default();
    let (deaths, period) =
        limit.split_once('/').ok_or("usage: restart-storm 5/60 [LIFE]...")?;
    let limits = Limits {
        deaths_max: deaths.parse()?,
        period: Duration::from_secs(period.parse()?),
        pause: Duration::from_millis(100),
        pause_max: Duration::from_secs(5),
    };
    let mut lives = Vec::new();
    for word in args {
        let (life, times) = word.split_once('*').unwrap_or((&word, "1"));
        let (seconds, end) = life.split_once(':').unwrap_or(("0", life));
        let life =
            Life { time: Duration::try_from_secs_f64(seconds.parse()?)?, end: end.to_owned() };
        lives.extend(std::iter::repeat_n(life, times.parse()?));
    }
    let mut toy = Toy { lives, starts: 0, now: Duration::ZERO, worker: None };
    let outcome = match keep_one(&mut toy, &limits) {
        Ok(outcome) => format!("{outcome:?}"),
        Err(error) => format!("error: {error}"),
    };
    toy.say("result", &outcome);
    Ok(())
}

impl Toy {
    fn say(&self, what: &str, value: &str) {
        let now = self.now.as_millis();
        println!("{now:>7} ms  {what}: {value}");
        gate::tell(what, format_args!("{now} {value}"));
    }
}

impl Machine for Toy {
    fn start(&mut self) -> io::Result<()> {
        self.starts += 1;
        if self.starts > STARTS_MAX {
            self.say("storm", &format!("{STARTS_MAX} starts, and one more"));
            // Nothing that is left here needs to be cleaned up: each worker has ended by itself.
            std::process::exit(0);
        }
        let leaves = Life { time: Duration::from_secs(1), end: "0".to_owned() };
        let life = self.lives.get(self.starts - 1).cloned().unwrap_or(leaves);
        if life.end == "no" {
            self.say("starts", "refused");
            return Err(io::Error::from_raw_os_error(nix::libc::EAGAIN));
        }
        let worker = Child::fork(|| match life.end.parse() {
            Ok(code) => code,
            Err(_) => raise(Signal::SIGKILL).map_or(1, |()| 1),
        });
        self.say("starts", &self.starts.to_string());
        self.worker = Some((worker.map_err(io::Error::other)?, life.time));
        Ok(())
    }

    fn wait(&mut self) -> io::Result<ExitStatus> {
        let Some((mut worker, life)) = self.worker.take() else {
            return Err(io::Error::new(ErrorKind::NotFound, "no worker was started"));
        };
        let end = worker.wait().map_err(io::Error::other)?;
        self.now += life;
        self.say("ends", &end.to_string());
        Ok(end)
    }

    fn sleep(&mut self, time: Duration) {
        self.say("pause", &time.as_millis().to_string());
        self.now += time;
    }

    fn now(&self) -> Duration {
        self.now
    }
}
