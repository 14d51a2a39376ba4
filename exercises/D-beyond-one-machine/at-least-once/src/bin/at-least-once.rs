//! The program of `at-least-once`: an engine of messages that repeats, reorders and loses what you say, and the ledger.
//!
//! By hand: `cargo run -p at-least-once -- task task 1.1 idle 0.2 0.1`. `task` submits a task, `0.2` has the result of the second
//! sending of task 0 arrive, `idle` says that the engine has nothing. `restart` starts the caller anew: its first life is 7,
//! the second one 3. `7:0.2` is a result of life 7, and `8:0.1` of another caller. A result that never arrives is lost.
//! After the last word the engine is idle, and from then on whatever is sent is answered. `/` begins another history.
//!
//! `seeds 60` draws 60 histories, each from its seed. `flow 4000 8` has 4000 tasks, at most 8 numbers apart.

use std::collections::BTreeSet;
use std::error::Error;
use std::mem;

use at_least_once::{Action, Event, Ledger, Name, SENDS_MAX};

/// The lives of this caller, one after the other. What is drawn at random has no order.
const LIVES: [u64; 3] = [7, 3, 9];

/// Another caller.
const SOMEBODY_ELSE: u64 = 8;

/// A drawn history has so many tasks in a life at most.
const DRAWN_TASKS_MAX: u64 = 5;

/// How many tasks are finished from one measurement to the next.
const MEASURED_EVERY: u64 = 100;

type Failure = Box<dyn Error>;

/// Plays what the words say.
pub(crate) fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match &words[..] {
        [word, count] if word == "seeds" => {
            for seed in 0..count.parse()? {
                let (words, steps) = drawn(seed)?;
                println!("seed {seed}:");
                show(&words, &steps);
            }
        }
        [word, count, window] if word == "flow" => flow(count.parse()?, window.parse()?)?,
        _ => {
            for words in words.split(|word| word == "/") {
                let mut play = Play::new();
                words.iter().try_for_each(|word| play.step(word))?;
                show(words, &play.finish());
            }
        }
    }
    Ok(())
}

fn show(words: &[String], steps: &str) {
    println!("{steps}");
    gate::tell("history", format_args!("{}\n{steps}", words.join(" ")));
}

/// A caller, and what the engine knows.
struct Play {
    lives: usize,
    ledger: Ledger,
    submitted: u64,
    outcomes: BTreeSet<u64>,
    /// The sendings of all lives.
    seen: BTreeSet<Name>,
    /// Those that nobody has run yet.
    waiting: BTreeSet<Name>,
    /// How many results have arrived. The value of each is its place in this count: no two are the same.
    arrived: u64,
    steps: String,
}

impl Play {
    fn new() -> Play {
        let mut play = Play {
            lives: 0,
            ledger: Ledger::new(LIVES[0]),
            submitted: 0,
            outcomes: BTreeSet::new(),
            seen: BTreeSet::new(),
            waiting: BTreeSet::new(),
            arrived: 0,
            steps: String::new(),
        };
        play.begin();
        play
    }

    fn life(&self) -> u64 {
        LIVES[self.lives - 1]
    }

    fn say(&mut self, step: &str) {
        self.steps.push_str(step);
        self.steps.push('\n');
    }

    fn begin(&mut self) {
        self.lives += 1;
        self.ledger = Ledger::new(self.life());
        self.submitted = 0;
        self.outcomes.clear();
        self.say(&format!("life {}", self.life()));
    }

    fn step(&mut self, word: &str) -> Result<(), Failure> {
        match word {
            "task" => {
                self.say(&format!("task {}", self.submitted));
                self.submitted += 1;
                self.apply(Event::Submitted);
            }
            "idle" => {
                self.say("idle");
                self.apply(Event::Idle);
            }
            "restart" if self.lives < LIVES.len() => {
                self.count();
                self.begin();
            }
            _ => {
                let name = parsed(word, self.life()).ok_or_else(|| {
                    format!("{word} is none of: task, idle, restart, 0.1, 7:0.1")
                })?;
                self.arrive(name);
            }
        }
        Ok(())
    }

    /// A result arrives. Nobody can have run a sending of this caller that there never was.
    fn arrive(&mut self, name: Name) {
        let is_submitted = name.life == self.life() && name.number < self.submitted;
        if is_submitted && !self.seen.contains(&name) {
            self.say(&format!("nothing was sent as {}", shown(name)));
            return;
        }
        self.arrived += 1;
        self.say(&format!("result {} = {}", shown(name), self.arrived));
        self.apply(Event::Result { name, value: self.arrived });
    }

    fn apply(&mut self, event: Event) {
        for action in self.ledger.on(event) {
            match action {
                Action::Send(name) if self.seen.insert(name) => {
                    self.waiting.insert(name);
                    self.say(&format!("  send {}", shown(name)));
                }
                Action::Send(name) => {
                    self.say(&format!("  send {}, which the engine drops", shown(name)));
                }
                Action::Deliver { number, value } => {
                    self.outcomes.insert(number);
                    self.say(&format!("  deliver {number} = {value}"));
                }
                Action::Fail { number, sent } => {
                    self.outcomes.insert(number);
                    self.say(&format!("  fail {number} after {sent}"));
                }
            }
        }
    }

    fn count(&mut self) {
        let dropped = self.ledger.dropped();
        self.say(&format!("dropped {} late, {} foreign", dropped.late, dropped.foreign));
    }

    /// The engine is idle until every task has its outcome, or nothing will bring one. What is sent now is answered.
    fn finish(mut self) -> String {
        for _ in 0..=SENDS_MAX {
            if self.outcomes.len() as u64 >= self.submitted {
                break;
            }
            self.waiting.clear();
            self.say("idle");
            self.apply(Event::Idle);
            mem::take(&mut self.waiting).into_iter().for_each(|name| self.arrive(name));
        }
        self.count();
        self.steps
    }

    /// One more word, of those that make sense now.
    fn draw(&self, dice: &mut Dice) -> String {
        let kind = dice.below(20);
        let near = dice.below(2);
        let seen = dice.below(self.seen.len() as u64) as usize;
        let name = match kind {
            0..=6 if self.submitted < DRAWN_TASKS_MAX => return "task".to_owned(),
            7..=9 => return "idle".to_owned(),
            10 if self.lives < LIVES.len() => return "restart".to_owned(),
            11 => Some(Name { life: SOMEBODY_ELSE, number: near, attempt: 1 }),
            12 => {
                let number = self.submitted + near;
                Some(Name { life: self.life(), number, attempt: 1 })
            }
            _ => self.seen.iter().nth(seen).copied(),
        };
        match name {
            Some(Name { life, number, attempt }) if life == self.life() => {
                format!("{number}.{attempt}")
            }
            Some(name) => shown(name),
            None => "task".to_owned(),
        }
    }
}

/// The words of a history, and what they have led to. It is the longer the greater its seed.
fn drawn(seed: u64) -> Result<(Vec<String>, String), Failure> {
    let mut dice = Dice(seed);
    let mut play = Play::new();
    let mut words = Vec::new();
    for _ in 0..4 + seed / 2 {
        let word = play.draw(&mut dice);
        play.step(&word)?;
        words.push(word);
    }
    Ok((words, play.finish()))
}

/// Many tasks that run well. Each result comes, in some order, and then one of a task that was finished some time before.
fn flow(count: u64, window: u64) -> Result<(), Failure> {
    let mut dice = Dice(count);
    let mut ledger = Ledger::new(LIVES[0]);
    let mut owed = BTreeSet::new();
    let mut submitted = 0;
    let mut delivered = 0;
    let mut first = None;
    for finished in 1..=count {
        while submitted < count && owed.first().is_none_or(|oldest| submitted < oldest + window)
        {
            ledger.on(Event::Submitted);
            owed.insert(submitted);
            submitted += 1;
        }
        let nth = dice.below(owed.len() as u64) as usize;
        let number = owed.iter().nth(nth).copied().ok_or("nothing is owed")?;
        owed.remove(&number);
        let mut result = |number| {
            let name = Name { life: LIVES[0], number, attempt: 1 };
            ledger.on(Event::Result { name, value: number }).len()
        };
        delivered += result(number);
        let before = dice.below(submitted);
        if !owed.contains(&before) {
            let again = result(before);
            delivered += again;
            if again > 0 && first.is_none() {
                first = Some(format!("task {before}, when {finished} tasks were finished"));
            }
        }
        if finished % MEASURED_EVERY == 0 {
            let remembered = format!("{ledger:?}").len();
            println!("{finished} tasks finished: the ledger is {remembered} bytes of text");
            gate::tell("remembered", remembered);
        }
    }
    println!("{count} tasks, {delivered} outcomes");
    gate::tell("delivered", delivered);
    if let Some(first) = first {
        println!("the first that was delivered again: {first}");
        gate::tell("delivered again", first);
    }
    Ok(())
}

/// Numbers that look like chance, the same ones for a seed: SplitMix64.
struct Dice(u64);

impl Dice {
    /// A number below `limit`; 0 if there is none.
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit.max(1)
    }
}

fn shown(Name { life, number, attempt }: Name) -> String {
    format!("{life}:{number}.{attempt}")
}

/// `3:0.2`, or `0.2` of this life.
fn parsed(word: &str, life: u64) -> Option<Name> {
    let (life, task) = match word.split_once(':') {
        Some((life, task)) => (life.parse().ok()?, task),
        None => (life, word),
    };
    let (number, attempt) = task.split_once('.')?;
    Some(Name { life, number: number.parse().ok()?, attempt: attempt.parse().ok()? })
}
