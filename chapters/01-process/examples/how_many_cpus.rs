//! Shows how many processors the machine has, and how many of them this process may use.
//! Minutes: 4
//!
//! Run it: `cargo run --example how_many_cpus`, and again as `taskset -c 0 cargo run --example how_many_cpus`
//!
//! Look at which of the three numbers decides. The program then takes itself all processors but one.

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use process::{Cpus, cpus};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    report("as I was started", cpus());
    keep_one_processor()?;
    report("after I kept one processor", cpus());
    Ok(())
}

fn report(when: &str, cpus: Cpus) {
    let quota = match cpus.quota {
        Some(cpus) => format!("time of {cpus:.2} processors"),
        None => "no limit".to_owned(),
    };
    println!("{when}:");
    println!("    the machine has switched on: {}", cpus.machine);
    println!("    the affinity mask allows:    {}", cpus.allowed);
    println!("    the cgroup quota allows:     {quota}");
    println!("    workers to start:            {}", cpus.recommended);
}

/// Narrows the affinity mask of this thread to the first processor that is in it.
fn keep_one_processor() -> Result<(), Box<dyn Error>> {
    let this_thread = Pid::from_raw(0);
    let allowed = sched_getaffinity(this_thread)?;
    let first = (0..CpuSet::count())
        .find(|cpu| allowed.is_set(*cpu) == Ok(true))
        .ok_or("the affinity mask is empty")?;
    let mut one = CpuSet::new();
    one.set(first)?;
    sched_setaffinity(this_thread, &one)?;
    Ok(())
}
