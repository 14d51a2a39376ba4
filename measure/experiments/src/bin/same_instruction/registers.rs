//! Stops a parent and its child where fork returns, and compares their registers.
//!
//! The parent is itself a child of this process, which watches it. The two are stopped by the kernel before either has run
//! one more instruction: the parent at the exit of the call, the child where it begins.
//!
//! Source: man 2 ptrace, PTRACE_O_TRACEFORK.

use anyhow::{Context, Result, bail};
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::os::fd::AsRawFd;

/// What the comparison found.
#[derive(Debug, Clone)]
pub(crate) struct Registers {
    pub(crate) all: usize,
    pub(crate) equal: usize,
    /// The names of the others with both values.
    pub(crate) differing: String,
    /// The instruction that the child begins with.
    pub(crate) instruction: u64,
    pub(crate) same_instruction: bool,
    pub(crate) same_stack: bool,
    /// The only register that differs is the one for the result of the call, if any.
    pub(crate) only_the_result: bool,
}

/// Lets a process fork, and compares.
pub(crate) fn compare() -> Result<Registers> {
    let (gate, opener) = nix::unistd::pipe().context("pipe failed")?;
    let own_opener = opener.as_raw_fd();
    let parent = fork::fork(|| {
        let _ = nix::unistd::close(own_opener);
        if nix::unistd::read(&gate, &mut [0]) != Ok(1) {
            return 0;
        }
        match fork::fork(|| 0) {
            Ok(child) => i32::from(waitpid(child, None).is_err()),
            Err(_) => 1,
        }
    })
    .context("fork failed")?;
    let watched = watch(parent, &opener);
    // Whatever has happened, nobody is left: the watched ones die with their options, the parent by this.
    let _ = kill(parent, Signal::SIGKILL);
    drop(opener);
    while let Ok(status) = waitpid(parent, Some(WaitPidFlag::__WALL)) {
        if matches!(status, WaitStatus::Exited(..) | WaitStatus::Signaled(..)) {
            break;
        }
        let _ = ptrace::cont(parent, None);
    }
    watched
}

fn watch(parent: Pid, opener: &impl std::os::fd::AsFd) -> Result<Registers> {
    let options = Options::PTRACE_O_TRACEFORK
        | Options::PTRACE_O_TRACESYSGOOD
        | Options::PTRACE_O_EXITKILL;
    ptrace::seize(parent, options)
        .context("the kernel does not let this process watch its child (ptrace)")?;
    nix::unistd::write(opener, &[1]).context("write failed")?;

    let child = loop {
        match waitpid(parent, Some(WaitPidFlag::__WALL)).context("waitpid failed")? {
            WaitStatus::PtraceEvent(_, _, event)
                if event == ptrace::Event::PTRACE_EVENT_FORK as i32 =>
            {
                break Pid::from_raw(
                    ptrace::getevent(parent).context("PTRACE_GETEVENTMSG failed")? as i32,
                );
            }
            WaitStatus::Stopped(_, signal) => ptrace::cont(parent, signal)?,
            WaitStatus::PtraceEvent(..) | WaitStatus::PtraceSyscall(_) => {
                ptrace::cont(parent, None)?
            }
            other => bail!("the parent did not fork: {other:?}"),
        }
    };
    let of_child = stopped_registers(child);
    let of_parent = ptrace::syscall(parent, None)
        .map_err(anyhow::Error::from)
        .and_then(|()| stopped_registers(parent));
    let _ = kill(child, Signal::SIGKILL);
    while let Ok(status) = waitpid(child, Some(WaitPidFlag::__WALL)) {
        if matches!(status, WaitStatus::Exited(..) | WaitStatus::Signaled(..)) {
            break;
        }
    }
    Ok(difference(&of_parent?, &of_child?))
}

/// The registers of a thread, once it has stopped.
fn stopped_registers(pid: Pid) -> Result<Vec<(String, u64)>> {
    match waitpid(pid, Some(WaitPidFlag::__WALL)).context("waitpid failed")? {
        WaitStatus::PtraceEvent(..)
        | WaitStatus::PtraceSyscall(_)
        | WaitStatus::Stopped(..) => {}
        other => bail!("it did not stop: {other:?}"),
    }
    named(pid).context("PTRACE_GETREGSET failed")
}

/// The names of the registers with what is special: next instruction, stack, result.
#[cfg(target_arch = "x86_64")]
const SPECIAL: [&str; 3] = ["rip", "rsp", "rax"];

#[cfg(target_arch = "x86_64")]
fn named(pid: Pid) -> nix::Result<Vec<(String, u64)>> {
    let r = ptrace::getregset::<ptrace::regset::NT_PRSTATUS>(pid)?;
    let all = [
        ("rip", r.rip),
        ("rsp", r.rsp),
        ("rax", r.rax),
        ("rbx", r.rbx),
        ("rcx", r.rcx),
        ("rdx", r.rdx),
        ("rsi", r.rsi),
        ("rdi", r.rdi),
        ("rbp", r.rbp),
        ("r8", r.r8),
        ("r9", r.r9),
        ("r10", r.r10),
        ("r11", r.r11),
        ("r12", r.r12),
        ("r13", r.r13),
        ("r14", r.r14),
        ("r15", r.r15),
        ("eflags", r.eflags),
        ("fs_base", r.fs_base),
        ("gs_base", r.gs_base),
        ("cs", r.cs),
        ("ss", r.ss),
        ("ds", r.ds),
        ("es", r.es),
        ("fs", r.fs),
        ("gs", r.gs),
    ];
    Ok(all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// The names of the registers with what is special: next instruction, stack, result.
#[cfg(target_arch = "aarch64")]
const SPECIAL: [&str; 3] = ["pc", "sp", "x0"];

#[cfg(target_arch = "aarch64")]
fn named(pid: Pid) -> nix::Result<Vec<(String, u64)>> {
    let r = ptrace::getregset::<ptrace::regset::NT_PRSTATUS>(pid)?;
    let mut all =
        vec![("pc".to_owned(), r.pc), ("sp".to_owned(), r.sp), ("pstate".to_owned(), r.pstate)];
    all.extend(r.regs.iter().enumerate().map(|(index, value)| (format!("x{index}"), *value)));
    Ok(all)
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const SPECIAL: [&str; 3] = ["", "", ""];

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn named(_pid: Pid) -> nix::Result<Vec<(String, u64)>> {
    Err(nix::errno::Errno::ENOSYS)
}

fn difference(parent: &[(String, u64)], child: &[(String, u64)]) -> Registers {
    let [instruction, stack, result] = SPECIAL;
    let differing: Vec<_> =
        parent.iter().zip(child).filter(|(ours, its)| ours.1 != its.1).collect();
    let differs = |name| differing.iter().any(|(ours, _)| ours.0 == name);
    let value =
        |name| child.iter().find(|(other, _)| other == name).map_or(0, |(_, value)| *value);
    let words: Vec<String> = differing
        .iter()
        .map(|((name, _), (_, its))| {
            let what =
                if name == result { "the result: the child's pid in the parent, " } else { "" };
            format!("{name} ({what}{its} in the child)")
        })
        .collect();
    Registers {
        all: parent.len(),
        equal: parent.len() - differing.len(),
        differing: if words.is_empty() { "none".to_owned() } else { words.join(", ") },
        instruction: value(instruction),
        same_instruction: !differs(instruction),
        same_stack: !differs(stack),
        only_the_result: differing.len() == 1 && differs(result),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(values: [u64; 4]) -> Vec<(String, u64)> {
        let names = [SPECIAL[0], SPECIAL[1], SPECIAL[2], "other"];
        names.iter().zip(values).map(|(name, value)| ((*name).to_owned(), value)).collect()
    }

    #[test]
    fn only_the_result_may_differ() {
        let parent = set([0x10, 0x20, 4001, 7]);
        let same = difference(&parent, &set([0x10, 0x20, 0, 7]));
        assert!(same.only_the_result && same.same_instruction && same.same_stack);
        assert_eq!((same.equal, same.all, same.instruction), (3, 4, 0x10));
        let elsewhere = difference(&parent, &set([0x11, 0x20, 0, 7]));
        assert!(!elsewhere.only_the_result && !elsewhere.same_instruction);
        let other = difference(&parent, &set([0x10, 0x20, 0, 8]));
        assert!(!other.only_the_result && other.same_instruction);
    }
}
