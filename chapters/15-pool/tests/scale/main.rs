//! Many tasks, many workers, large payloads, long runs: what they cost, and that they all come out right.
//!
//! `cargo test` runs it with small sizes. With those that a pool should bear, and for as long as wanted:
//!
//! ```sh
//! cargo test --release -p procpool --test scale -- --full
//! cargo test --release -p procpool --test scale -- --soak 600
//! cargo test --release -p procpool --test scale -- --soak 600 --method Spawn
//! ```

#[path = "../contract/gate.rs"]
#[allow(dead_code, reason = "the cases of the contract use the rest")]
mod gate;
#[path = "../contract/observe.rs"]
#[allow(dead_code, reason = "the cases of the contract use the rest")]
mod observe;
mod shared_use;
mod sizes;
mod soak;
mod tally;

use procpool::StartMethod;
use std::process::{Command, ExitCode};
use std::time::Duration;

const METHODS: [StartMethod; 3] =
    [StartMethod::Fork, StartMethod::Spawn, StartMethod::Forkserver];

/// The first argument of a process that runs one of the full sizes. The second is its name.
const SIZE: &str = "--size";

/// Each size has a process of its own: the most memory that it has had is not that of another, and what is forked is small.
fn run_apart(name: &str) -> bool {
    let status = Command::new("/proc/self/exe").args([SIZE, name]).status();
    status.expect("this program can be started").success()
}

fn main() -> ExitCode {
    procpool::init();
    let words: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let at = words.iter().position(|word| word == name)?;
        Some(words.get(at + 1).unwrap_or_else(|| panic!("{name} needs a value")).as_str())
    };
    if let Some(seconds) = value("--soak") {
        let time = Duration::from_secs(seconds.parse().expect("a number of seconds"));
        for method in METHODS {
            let name = format!("{method:?}");
            if value("--method").is_none_or(|only| only.eq_ignore_ascii_case(&name)) {
                println!("{name}: {}", soak::run(method, time, std::process::id().into()));
            }
        }
        return ExitCode::SUCCESS;
    }
    if let Some(only) = value(SIZE) {
        let (name, run) = sizes::FULL.iter().find(|(name, _)| *name == only).expect("a size");
        println!("{name}: {}", run());
        return ExitCode::SUCCESS;
    }
    if words.iter().any(|word| word == "--full") {
        let all_well = sizes::FULL.iter().fold(true, |well, (name, _)| run_apart(name) && well);
        return if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    contract::run(&[sizes::CASES, soak::CASES].concat())
}
