//! The program of `half-a-transfer`: one process for each amount transfers it, and some are killed in the middle.
//!
//! By hand: `cargo run -p half-a-transfer -- 100 10 die:20 1`: the third process kills itself halfway.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use half_a_transfer::Accounts;
use nix::sys::signal::{Signal, raise};
use shared::Segment;
use wait::Child;

/// Asks the reader's functions, and prints what the accounts hold.
pub(crate) fn main() -> ExitCode {
    let amounts: Vec<String> = std::env::args().skip(1).collect();
    gate::pass("start");
    let done = transfer_all(&amounts);
    gate::pass("end");
    match done {
        Ok(says) => {
            println!("{says}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn transfer_all(amounts: &[String]) -> Result<String, Box<dyn Error>> {
    let accounts = Accounts::new(Arc::new(Segment::create("accounts", 4096)?))?;
    let mut children = Vec::new();
    for word in amounts {
        let (dies, amount) = match word.strip_prefix("die:") {
            Some(amount) => (true, amount.parse()?),
            None => (false, word.parse()?),
        };
        children.push(Child::fork(|| transfer(&accounts, amount, dies))?);
    }
    // The last one first: whoever is killed earlier is waited for when the others are done.
    for child in children.iter_mut().rev() {
        child.wait()?;
    }
    Ok(match accounts.balances() {
        Ok([first, second]) => format!("{first} + {second} = {}", first.wrapping_add(second)),
        Err(error) => {
            gate::tell("error", &error);
            format!("nobody may see the accounts: {error}")
        }
    })
}

/// What one process does.
fn transfer(accounts: &Accounts, amount: u64, dies: bool) -> i32 {
    gate::pass("ready");
    let done = accounts.transfer(amount, || {
        gate::pass("halfway");
        if dies {
            // Nothing of this process runs after this.
            let _ = raise(Signal::SIGKILL);
        }
    });
    match done {
        Ok(()) => 0,
        Err(error) => {
            gate::tell("error", &error);
            eprintln!("process {}: {error}", std::process::id());
            1
        }
    }
}
