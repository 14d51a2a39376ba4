//! Shows that exec moves a function, and that its distance from the load address stays.
//! Minutes: 6
//!
//! Run it with `cargo run --example pointer_moves`.
//! The program starts itself again. Look at what is the same in each process, and at what a pointer from another one
//! does.

use exec::Command;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::error::Error;
use std::process::id;
use std::ptr::with_exposed_provenance;
use task::{Call, Image, Outcome};

fn triple(number: u64) -> u64 {
    3 * number
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => compare(),
        ["--look"] => look(),
        ["--pointer", address] => call_pointer(address.parse()?),
        ["--call", bits] => run_call(bits.parse()?),
        _ => Err("give no arguments; the program passes itself the ones that it needs".into()),
    }
}

fn compare() -> Result<(), Box<dyn Error>> {
    look()?;
    start(&["--look"])?;
    start(&["--look"])?;
    let random = std::fs::read_to_string("/proc/sys/kernel/randomize_va_space");
    if random.is_ok_and(|random| random.trim() == "0") {
        println!(
            "here the kernel gives every start the same addresses (ASLR is off), so pointers work by chance"
        );
        return Ok(());
    }
    let pointer = (triple as fn(u64) -> u64 as usize).to_string();
    println!("process {}: sends the pointer to a new process", id());
    start(&["--pointer", &pointer])?;
    let bits = Call::of(triple)?.to_bits().to_string();
    println!("process {}: sends the distances to a new process", id());
    start(&["--call", &bits])
}

fn look() -> Result<(), Box<dyn Error>> {
    let (base, pointer) = (Image::current().base(), triple as fn(u64) -> u64 as usize);
    println!("process {}: loaded at {base:#x}", id());
    println!("   triple is at {pointer:#x}, at a distance of {} bytes", pointer - base);
    Ok(())
}

fn call_pointer(address: usize) -> Result<(), Box<dyn Error>> {
    no_core_file()?;
    println!("process {}: calls {address:#x}", id());
    let function = with_exposed_provenance::<()>(address);
    // SAFETY: none. Nothing of this process is there: that is the experiment, and the kernel ends it.
    let function = unsafe { std::mem::transmute::<*const (), fn(u64) -> u64>(function) };
    println!("process {}: triple(14) is {}", id(), function(14));
    Ok(())
}

fn run_call(bits: u64) -> Result<(), Box<dyn Error>> {
    // SAFETY: the bits are from a process that was started from the same file.
    let call = unsafe { Call::from_bits(bits)? };
    let (mut argument, mut result) = (Vec::new(), Vec::new());
    task::encode(&14_u64, &mut argument)?;
    match call.run(&argument, &mut result) {
        Outcome::Returned => {
            println!("process {}: triple(14) is {}", id(), task::decode::<u64>(&result)?);
            Ok(())
        }
        other => Err(format!("the call ended as {other:?}").into()),
    }
}

/// Starts this program again, waits, and says how it ended if not well.
fn start(arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    let end = Command::this_program().args(arguments.iter().copied()).spawn()?.wait()?;
    if !end.success() {
        println!("   it ended with {end}");
    }
    Ok(())
}

/// The process that is killed here is no accident to be examined.
fn no_core_file() -> nix::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_CORE)?;
    setrlimit(Resource::RLIMIT_CORE, 0, hard)
}
