//! Prints the life of a worker as a table: every state, every event, and what is to be done.
//! Minutes: 6
//!
//! `cargo run --example life_table`
//! Look at the rows of `Killed`: nothing leads back to life. Pairs that are not shown change nothing.

use supervise::AfterDeath;
use supervise::life::{Actions, Event, Policy, State, step};

/// Too few workers would be left, and no task is run again: the other answers differ in one word each.
const POLICY: Policy = Policy { after_death: AfterDeath::Fail, replace: true };

/// These three are as `Killed(TimedOut)`, but deliver an answer that comes before the end.
const LEFT_OUT: [&str; 3] = ["Killed(Died)", "Killed(OverMemory)", "Killed(Corrupt)"];

fn main() {
    let mut shown = 0;
    for state in State::ALL {
        if LEFT_OUT.contains(&state.to_string().as_str()) {
            continue;
        }
        println!("{state}");
        for (events, next, actions) in rows(state) {
            let events = events.replace("Ended(clean), Ended(unclean)", "Ended");
            let actions: Vec<String> = actions.iter().map(|it| format!("{it:?}")).collect();
            let colon = if actions.is_empty() { "" } else { ": " };
            println!("  {events} -> {next}{colon}{}", actions.join(", "));
            shown += 1;
        }
    }
    let pairs = State::ALL.len() * Event::ALL.len();
    println!("{shown} rows for {pairs} pairs of a state and an event");
}

/// What happens in `state`, events with the same answer together.
fn rows(state: State) -> Vec<(String, State, Actions)> {
    let mut rows: Vec<(String, State, Actions)> = Vec::new();
    for event in Event::ALL {
        let (next, actions) = step(state, event, &POLICY);
        if next == state && actions.is_empty() {
            continue;
        }
        match rows.iter_mut().find(|row| (row.1, row.2) == (next, actions)) {
            Some(row) => row.0 += &format!(", {event}"),
            None => rows.push((event.to_string(), next, actions)),
        }
    }
    rows
}
