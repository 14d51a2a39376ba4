//! Shows what a value is in memory, what of it can be sent, and what happens to damaged bytes.
//! Minutes: 6
//!
//! Run it with `cargo run --example what_travels`.
//! Look for the letters of the name, and for how much memory a lying length gets.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Debug;
use task::{decode, encode};

#[derive(Debug, Serialize, Deserialize)]
struct Photo {
    name: String,
    width: u32,
    taken: Option<u64>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let photo = Photo { name: "sea.jpg".to_owned(), width: 300, taken: None };
    let inside = std::ptr::from_ref(&photo).addr()
        ..std::ptr::from_ref(&photo).addr() + size_of::<Photo>();
    let is_inside = inside.contains(&photo.name.as_ptr().addr());
    println!(
        "a Photo is {} bytes in memory; are the letters of its name there? {is_inside}",
        size_of::<Photo>()
    );
    let mut bytes = Vec::new();
    encode(&photo, &mut bytes)?;
    println!("encoded, it is {} bytes: {}", bytes.len(), hex(&bytes));
    println!("decoded, it is {:?}\n", decode::<Photo>(&bytes)?);

    show("7_u64", &7_u64)?;
    show("-7_i64", &-7_i64)?;
    show("1_000_000_u64", &1_000_000_u64)?;
    show("Some(0.5_f32)", &Some(0.5_f32))?;
    show("(1, \"ab\")", &(1_u8, "ab".to_owned()))?;
    show("a map", &BTreeMap::from([(1_u8, true), (2, false)]))?;
    show("[1, 2] as u8", &vec![1_u8, 2])?;
    show("[1, 2] as u32", &vec![1_u32, 2])?;
    println!();

    refuse::<Photo>("half of the photo", &bytes[..5]);
    refuse::<Photo>("one byte more", &[&bytes[..], &[0]].concat());
    refuse::<bool>("a bool of 2", &[2]);
    refuse::<String>("letters that are none", &[1, 0xff]);
    // A length of 2^62, and nothing behind it.
    let promise = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40];
    refuse::<Vec<u64>>("4.6e18 numbers promised", &promise);
    refuse::<Vec<String>>("4.6e18 texts promised", &promise);
    Ok(())
}

fn show<T: Serialize + 'static>(name: &str, value: &T) -> Result<(), Box<dyn Error>> {
    let mut bytes = Vec::new();
    encode(value, &mut bytes)?;
    println!("{name:<14} is {}", hex(&bytes));
    Ok(())
}

fn refuse<T: DeserializeOwned + Debug + 'static>(name: &str, bytes: &[u8]) {
    let peak_before = peak_kib();
    match decode::<T>(bytes) {
        Ok(value) => println!("{name}: taken for {value:?}"),
        Err(error) => println!("{name}: {}", error.message),
    }
    if peak_kib().saturating_sub(peak_before) > 16 << 10 {
        println!("   that took more than 16 MiB of memory");
    }
}

/// The largest amount of memory that this process ever had, in KiB; 0 if `/proc` does not say.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}
