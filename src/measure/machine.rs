//! The facts of this machine that figures depend on.

use std::fs;

use claims::Machine;

use crate::doctor::facts::field;
use crate::doctor::linux::container_signs;

pub(super) fn read() -> Machine {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cpus = process::cpus();
    Machine {
        processor: processor(&cpuinfo),
        processors: cpus.machine,
        usable: cpus.recommended,
        memory_bytes: total_bytes(&meminfo).unwrap_or(0),
        page_bytes: nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE)
            .ok()
            .flatten()
            .and_then(|bytes| u64::try_from(bytes).ok())
            .unwrap_or(4096),
        kernel: release.trim().to_owned(),
        hypervisor: has_flag(&cpuinfo, "hypervisor"),
        container: container_signs(
            &fs::read_to_string("/proc/self/cgroup").unwrap_or_default(),
        ),
    }
}

/// The name of the first processor without trademarks, or the architecture where the kernel gives none.
fn processor(cpuinfo: &str) -> String {
    let name = value(cpuinfo, "model name").unwrap_or(std::env::consts::ARCH);
    let name = name.replace("(R)", "").replace("(TM)", "");
    name.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn has_flag(cpuinfo: &str, flag: &str) -> bool {
    value(cpuinfo, "flags").is_some_and(|flags| flags.split(' ').any(|it| it == flag))
}

/// The value of the first line `name<tab>: value`.
fn value<'a>(cpuinfo: &'a str, name: &str) -> Option<&'a str> {
    cpuinfo.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim())
    })
}

fn total_bytes(meminfo: &str) -> Option<u64> {
    let kib: u64 = field(meminfo, "MemTotal")?.strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_is_called_by_its_name_or_by_its_architecture() {
        let cpuinfo = "processor\t: 0\nmodel name\t: Intel(R) Xeon(R)  CPU\nflags\t\t: fpu hypervisor sse\n";
        assert_eq!(processor(cpuinfo), "Intel Xeon CPU");
        assert!(has_flag(cpuinfo, "hypervisor") && !has_flag(cpuinfo, "hyper"));
        assert_eq!(processor("BogoMIPS\t: 50.00\n"), std::env::consts::ARCH);
    }

    #[test]
    fn this_machine_has_facts() {
        let machine = read();
        assert!(
            machine.processors >= 1 && machine.memory_bytes > 0 && !machine.kernel.is_empty()
        );
    }
}
