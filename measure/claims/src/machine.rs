//! The machine that figures belong to.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What one has to know of a machine to compare its figures with another one's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's name as the kernel gives it, or the architecture.
    pub processor: String,
    /// Processors that are switched on.
    pub processors: usize,
    /// Those that the run was allowed to use, by its affinity and its cgroup's quota.
    pub usable: usize,
    /// Memory of the machine, in bytes.
    pub memory_bytes: u64,
    /// Bytes of a page of memory.
    pub page_bytes: u64,
    /// The kernel's release.
    pub kernel: String,
    /// Whether a hypervisor runs below the kernel, as far as the processor says so.
    pub hypervisor: bool,
    /// Signs of a container, as half a sentence each.
    pub container: Vec<String>,
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { processor, usable, processors, kernel, .. } = self;
        if usable == processors {
            write!(f, "{processors} × {processor}")?;
        } else {
            write!(f, "{usable} of {processors} × {processor}")?;
        }
        if self.hypervisor {
            f.write_str(" under a hypervisor")?;
        }
        write!(f, ", Linux {kernel}")
    }
}
