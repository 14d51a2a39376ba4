//! Shows calls by name, as for another program or machine, and what a name does not say.
//! Minutes: 4
//!
//! Run it with `cargo run --example call_by_name`.
//! Two tables stand for two versions of a program. Look at which calls are refused, and which answer is wrong.

use std::any::type_name_of_val;
use std::collections::BTreeMap;
use std::error::Error;
use task::{Call, Outcome, PanicReport, decode, encode};

/// How wide a picture is, in percent of its height.
fn ratio((width, height): (u32, u32)) -> u32 {
    100 * width / height
}

fn area((width, height): (u32, u32)) -> u32 {
    width * height
}

mod new {
    /// The new version takes the height first.
    pub(super) fn ratio((height, width): (u32, u32)) -> u32 {
        100 * width / height
    }

    /// The new version wants to know the border too.
    pub(super) fn area((width, height, border): (u32, u32, u32)) -> u32 {
        (width - border) * (height - border)
    }
}

// ANCHOR: table
type Table = BTreeMap<&'static str, Call>;

/// What another machine gets: a name and bytes.
fn answer(table: &Table, name: &str, argument: &[u8]) -> Result<u32, Box<dyn Error>> {
    let call = table.get(name).ok_or_else(|| format!("there is no function `{name}`"))?;
    let mut out = Vec::new();
    match call.run(argument, &mut out) {
        Outcome::Returned => Ok(decode(&out)?),
        _ => Err(PanicReport::decode(&out)?.to_string().into()),
    }
}
// ANCHOR_END: table

fn main() -> Result<(), Box<dyn Error>> {
    println!(
        "the compiler calls them {} and {}",
        type_name_of_val(&area),
        type_name_of_val(&new::area)
    );
    let old = Table::from([("ratio", Call::of(ratio)?), ("area", Call::of(area)?)]);
    let new = Table::from([("ratio", Call::of(new::ratio)?), ("area", Call::of(new::area)?)]);
    let mut argument = Vec::new();
    encode(&(300_u32, 200_u32), &mut argument)?;
    for (version, table) in [("old", &old), ("new", &new)] {
        for name in ["ratio", "area", "size"] {
            match answer(table, name, &argument) {
                Ok(number) => println!("{version} {name:<5} of 300 x 200: {number}"),
                Err(error) => println!("{version} {name:<5} of 300 x 200: {error}"),
            }
        }
    }
    Ok(())
}
