//! Compares the registers of parent and child when fork returns, and counts what fork has copied.
//!
//! It is the experiment `same-instruction`: `registers.rs`, `memory.rs` and `threads.rs` take the figures, `judge.rs` makes
//! the verdict from them. Only `threads.rs` has unsafe code: it forks while there are other threads.

#[cfg(target_os = "linux")]
mod judge;
#[cfg(target_os = "linux")]
mod memory;
#[cfg(target_os = "linux")]
mod registers;
#[cfg(target_os = "linux")]
mod threads;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    experiments::run("same-instruction", measure)
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!(
        "same-instruction: what this measures is in Linux only. Run it there, or in a container."
    );
    ExitCode::FAILURE
}

#[cfg(target_os = "linux")]
fn measure(trial: &experiments::Trial) -> anyhow::Result<experiments::Measured> {
    use experiments::{Measured, fact};

    let mut notes = Vec::new();
    let mut facts = Vec::new();
    trial.progress(0.0);
    let registers = match registers::compare() {
        Ok(registers) => Some(registers),
        Err(error) => {
            notes.push(format!(
                "the registers were not compared: {error:#}. In a container, start it with `--cap-add SYS_PTRACE`"
            ));
            None
        }
    };
    if let Some(registers) = &registers {
        facts.push(fact(
            "registers that are equal",
            format!("{} of {}", registers.equal, registers.all),
        ));
        facts.push(fact("registers that differ", &registers.differing));
        facts.push(fact("next instruction, in both", format!("{:#x}", registers.instruction)));
    }
    let local = memory::same_address()?;
    facts.push(fact(
        "a local variable's address and value in the child",
        if local { "the parent's" } else { "others" },
    ));
    let threads = threads::count()?;
    facts.push(fact("threads of the parent", threads.parent));
    facts.push(fact("threads of the child", threads.child));

    trial.progress(0.1);
    let costs = memory::costs(trial)?;
    let (verdict, because) = judge::judge(registers.as_ref(), local, &threads, &costs);
    trial.progress(1.0);
    Ok(Measured { verdict, because, plots: memory::plots(&costs), facts, notes })
}
