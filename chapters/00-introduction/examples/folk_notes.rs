//! Three sentences about processes that are often repeated, each held against what the kernel says.
//! Minutes: 2
//!
//! `cargo run --example folk_notes`. Each answer is computed, none is printed from memory.

use std::error::Error;
use std::fs::File;
use std::process::{Command, id};

// ANCHOR: notes
fn main() -> Result<(), Box<dyn Error>> {
    println!("1. \"A thread is made by fork, like a process.\"");
    let thread = std::thread::spawn(id).join().map_err(|_| "the thread panicked")?;
    println!("   the program has pid {}, its thread has pid {thread}", id());
    println!(
        "   {}",
        if thread == id() { "false: one process" } else { "true: two processes" }
    );

    println!("2. \"A process is a copy of the program file.\"");
    let maps = std::fs::read_to_string("/proc/self/maps")?;
    let program = std::fs::read_link("/proc/self/exe")?;
    let of_the_file =
        maps.lines().filter(|line| line.ends_with(&*program.to_string_lossy())).count();
    let others = maps.lines().count() - of_the_file;
    println!(
        "   of its memory regions, {of_the_file} regions show that file and {others} regions do not"
    );
    println!(
        "   {}",
        if others > 0 { "false: the file is one of several sources" } else { "true" }
    );

    println!("3. \"A spawned program inherits only what it needs.\"");
    let note = nix::unistd::dup(File::open("/proc/self/comm")?)?;
    let seen = Command::new("ls").arg("/proc/self/fd").output()?.stdout;
    let number = std::os::fd::AsRawFd::as_raw_fd(&note).to_string();
    let inherited = String::from_utf8_lossy(&seen).lines().any(|line| line == number);
    println!("   ls was given nothing, and {} a file that the parent has open", has(inherited));
    println!("   {}", if inherited { "false: it inherits what nobody closed" } else { "true" });
    Ok(())
}
// ANCHOR_END: notes

fn has(inherited: bool) -> &'static str {
    if inherited { "has" } else { "does not have" }
}
