//! The program of an exercise and how to run it: arguments, limits, expectations.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::limits::Limits;
use crate::{Code, Diagnosis, Ended, Run};

/// A program and how to run it. Each verb returns a changed copy.
#[derive(Debug, Clone)]
pub struct Program {
    pub(crate) path: PathBuf,
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) stdin: Vec<u8>,
    pub(crate) exit_code: i32,
    pub(crate) limits: Limits,
    pub(crate) allowed: HashSet<Code>,
}

impl Program {
    /// The program in the file `path`.
    pub fn new(path: impl AsRef<Path>) -> Program {
        Program {
            path: path.as_ref().to_path_buf(),
            args: Vec::new(),
            env: Vec::new(),
            stdin: Vec::new(),
            exit_code: 0,
            limits: Limits::default(),
            allowed: HashSet::new(),
        }
    }

    fn with(&self, change: impl FnOnce(&mut Program)) -> Program {
        let mut program = self.clone();
        change(&mut program);
        program
    }

    /// With one more argument.
    pub fn arg(&self, arg: impl ToString) -> Program {
        self.with(|program| program.args.push(arg.to_string()))
    }

    /// With more arguments.
    pub fn args<T: ToString>(&self, args: impl IntoIterator<Item = T>) -> Program {
        self.with(|program| program.args.extend(args.into_iter().map(|arg| arg.to_string())))
    }

    /// With a variable of the environment.
    pub fn env(&self, name: &str, value: &str) -> Program {
        self.with(|program| program.env.push((name.to_owned(), value.to_owned())))
    }

    /// With these bytes to read from standard input, instead of none.
    pub fn stdin(&self, bytes: impl AsRef<[u8]>) -> Program {
        self.with(|program| program.stdin = bytes.as_ref().to_vec())
    }

    /// The exit status that is right, instead of 0.
    pub fn exit_code(&self, code: i32) -> Program {
        self.with(|program| program.exit_code = code)
    }

    /// How many seconds a run may take, instead of 10.
    pub fn deadline_s(&self, seconds: u64) -> Program {
        self.with(|program| program.limits.deadline_s = seconds)
    }

    /// How many milliseconds its processes may have on processors, together, instead of 3000.
    pub fn cpu_max_ms(&self, ms: u64) -> Program {
        self.with(|program| program.limits.cpu_ms = ms)
    }

    /// How many processes it may be at a time, zombies counted, instead of 32.
    pub fn processes_max(&self, count: u64) -> Program {
        self.with(|program| program.limits.processes = count)
    }

    /// How many descriptors each process may have open, instead of 256.
    pub fn descriptors_max(&self, count: u64) -> Program {
        self.with(|program| program.limits.descriptors = count)
    }

    /// How many bytes of memory it may have, instead of 1 GiB.
    pub fn memory_max_bytes(&self, bytes: u64) -> Program {
        self.with(|program| program.limits.memory_bytes = bytes)
    }

    /// How many bytes it may print, instead of 1 MiB.
    pub fn output_max_bytes(&self, bytes: u64) -> Program {
        self.with(|program| program.limits.output_bytes = bytes)
    }

    /// Without the automatic check that finds this.
    pub fn allow(&self, code: Code) -> Program {
        self.with(|program| {
            program.allowed.insert(code);
        })
    }

    pub(crate) fn allows(&self, code: Code) -> bool {
        self.allowed.contains(&code)
    }

    /// Starts it. It runs until its first gate.
    ///
    /// # Errors
    /// If it could not be started: the diagnosis names the reason.
    pub fn start(&self) -> Result<Run, Diagnosis> {
        Run::start(self.clone())
    }

    /// Starts it, lets it through all gates, and waits for its end.
    ///
    /// # Errors
    /// What the general checks find.
    pub fn run(&self) -> Result<Ended, Diagnosis> {
        self.start()?.finish()
    }
}
