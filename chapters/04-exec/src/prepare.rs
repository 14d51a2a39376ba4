//! Everything that the child will need, laid out before there is a child.
//!
//! Invariant: every source lies above every target and no two are the same, so the child can
//! copy them in any order.
//!
//! The source is man 3 exec, "execvp"; man 2 fcntl, "F_DUPFD_CLOEXEC".

use crate::descriptors::Range;
use crate::{Command, ExecError};
use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit};
use std::ffi::{CString, OsStr, OsString, c_char};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// Where names without a slash are looked for if `PATH` is not set, as in `execvp`.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// A command in the form that system calls take.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// Files to try, in this order.
    pub(crate) files: Vec<CString>,
    pub(crate) argv: StringArray,
    pub(crate) envp: StringArray,
    /// Descriptors to hand over. Each source lies above every target, so no `dup2` can
    /// overwrite a later source.
    pub(crate) fds: Vec<(OwnedFd, RawFd)>,
    /// Ranges of descriptor numbers that the program must not see.
    pub(crate) closed: Vec<Range>,
    /// Above every number that this process may open now.
    pub(crate) fd_limit: u32,
    /// The first number above every target.
    pub(crate) above: RawFd,
    /// What to call the program in an error.
    pub(crate) path: PathBuf,
}

impl Prepared {
    pub(crate) fn new(command: Command) -> Result<Self, ExecError> {
        let path = PathBuf::from(&command.program);
        let files = candidates(&command)?;
        let argv = StringArray::new(command.args, "an argument")?;
        let pairs = command.env.into_iter().map(|(key, value)| pair(key, value));
        let envp =
            StringArray::new(pairs.collect::<Result<Vec<_>, _>>()?, "an environment variable")?;

        let targets: Vec<RawFd> = command.fds.keys().copied().collect();
        if let Some(number) = targets.iter().find(|number| **number < 0) {
            let value = OsString::from(number.to_string());
            return Err(ExecError::Invalid { what: "a descriptor number", value });
        }
        let above = targets.last().map_or(0, |last| last.saturating_add(1));
        let fds = command
            .fds
            .into_iter()
            .map(|(target, source)| Ok((move_above(source, above)?, target)))
            .collect::<Result<Vec<_>, ExecError>>()?;
        let (soft, _) = getrlimit(Resource::RLIMIT_NOFILE)
            .map_err(|errno| ExecError::new("getrlimit(RLIMIT_NOFILE)", errno))?;
        let fd_limit = u32::try_from(soft).unwrap_or(u32::MAX);
        Ok(Prepared { files, argv, envp, fds, closed: gaps(&targets), fd_limit, above, path })
    }
}

// ANCHOR: move_above
/// The same open file under a number of `above` or higher, with close-on-exec.
pub(crate) fn move_above(descriptor: OwnedFd, above: RawFd) -> Result<OwnedFd, ExecError> {
    if descriptor.as_raw_fd() >= above {
        return Ok(descriptor);
    }
    // SAFETY: the descriptor is open, and the call touches no memory of this process.
    let moved = unsafe { libc::fcntl(descriptor.as_raw_fd(), libc::F_DUPFD_CLOEXEC, above) };
    let moved = Errno::result(moved).map_err(|errno| match errno {
        // Not "invalid argument": the number is above the limit on descriptors.
        Errno::EINVAL => ExecError::new("fcntl(F_DUPFD_CLOEXEC)", Errno::EMFILE),
        errno => ExecError::new("fcntl(F_DUPFD_CLOEXEC)", errno),
    })?;
    // SAFETY: the kernel just made this descriptor, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(moved) })
}
// ANCHOR_END: move_above

/// The ranges between the numbers that stay open: 0, 1, 2 and `targets`, which are sorted.
fn gaps(targets: &[RawFd]) -> Vec<Range> {
    let mut next = libc::STDERR_FILENO as u32 + 1;
    let mut gaps = Vec::new();
    for target in targets.iter().filter_map(|target| u32::try_from(*target).ok()) {
        if target > next {
            gaps.push((next, target - 1));
        }
        next = next.max(target + 1);
    }
    gaps.push((next, u32::MAX));
    gaps
}

/// The files that `execvp` would try for this program, found here because the child may not
/// allocate. As there, an empty entry of `PATH` is the current folder.
fn candidates(command: &Command) -> Result<Vec<CString>, ExecError> {
    let program = command.program.as_bytes();
    if program.is_empty() || program.contains(&b'/') {
        return Ok(vec![c_string(command.program.clone(), "the path of a program")?]);
    }
    let path = command.env.get(OsStr::new("PATH"));
    let path = path.map_or(OsStr::new(DEFAULT_PATH), |path| path.as_os_str());
    std::env::split_paths(path)
        .map(|folder| {
            c_string(folder.join(&command.program).into_os_string(), "the path of a program")
        })
        .collect()
}

/// `KEY=VALUE`. The first byte of a key may be a `=`: the standard library reads such keys from
/// an odd environment, and a program that was given one must be able to start others.
fn pair(key: OsString, value: OsString) -> Result<OsString, ExecError> {
    if key.as_bytes().get(1..).is_none_or(|rest| rest.contains(&b'=')) {
        return Err(ExecError::Invalid {
            what: "the name of an environment variable",
            value: key,
        });
    }
    let mut pair = key;
    pair.push("=");
    pair.push(value);
    Ok(pair)
}

fn c_string(value: OsString, what: &'static str) -> Result<CString, ExecError> {
    CString::new(value.into_vec()).map_err(|error| ExecError::Invalid {
        what,
        value: OsString::from_vec(error.into_vec()),
    })
}

/// Strings in the form of `argv`: an array of pointers with a null pointer at its end.
#[derive(Debug)]
pub(crate) struct StringArray {
    /// What the pointers point to. A `CString` keeps its bytes where they are when it is moved.
    _strings: Vec<CString>,
    pointers: Vec<*const c_char>,
}

impl StringArray {
    fn new(strings: Vec<OsString>, what: &'static str) -> Result<Self, ExecError> {
        let strings: Vec<CString> = strings
            .into_iter()
            .map(|string| c_string(string, what))
            .collect::<Result<_, _>>()?;
        let pointers =
            strings.iter().map(|string| string.as_ptr()).chain([std::ptr::null()]).collect();
        Ok(StringArray { _strings: strings, pointers })
    }

    /// Valid as long as `self` is.
    pub(crate) fn as_ptr(&self) -> *const *const c_char {
        self.pointers.as_ptr()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_all_numbers_but_those_kept() {
        assert_eq!(gaps(&[]), [(3, u32::MAX)]);
        assert_eq!(gaps(&[0, 1]), [(3, u32::MAX)]);
        assert_eq!(gaps(&[3]), [(4, u32::MAX)]);
        assert_eq!(gaps(&[1, 5, 6, 9]), [(3, 4), (7, 8), (10, u32::MAX)]);
    }

    #[test]
    fn strings_with_a_nul_are_refused_by_name() {
        let error = Prepared::new(Command::new("ls").arg("a\0b")).expect_err("a NUL");
        assert_eq!(error.to_string(), "\"a\\0b\" cannot be an argument");
        let error = Prepared::new(Command::new("ls").env("A=B", "")).expect_err("an =");
        assert_eq!(error.to_string(), "\"A=B\" cannot be the name of an environment variable");
        let error = Prepared::new(Command::new("ls").env("", "B")).expect_err("an empty name");
        assert_eq!(error.to_string(), "\"\" cannot be the name of an environment variable");
        Prepared::new(Command::new("ls").env("=A", "B")).expect("an odd name that is allowed");
    }

    #[test]
    fn numbers_that_no_descriptor_has_are_refused() {
        let (_reader, writer) = std::io::pipe().expect("a pipe");
        let error = Prepared::new(Command::new("ls").fd(-1, writer)).expect_err("-1");
        assert_eq!(error.to_string(), "\"-1\" cannot be a descriptor number");
        let (_reader, writer) = std::io::pipe().expect("a pipe");
        let error = Prepared::new(Command::new("ls").fd(RawFd::MAX, writer)).expect_err("MAX");
        assert!(matches!(error, ExecError::Limit { .. }), "{error}");
    }

    #[test]
    fn sources_end_above_all_targets() {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let command = Command::new("ls").fd(40, reader).fd(0, writer);
        let prepared = Prepared::new(command).expect("room for two descriptors");
        let numbers: Vec<RawFd> = prepared.fds.iter().map(|(_, target)| *target).collect();
        assert_eq!((numbers, prepared.above), (vec![0, 40], 41));
        assert!(prepared.fds.iter().all(|(source, _)| source.as_raw_fd() >= 41));
    }

    #[test]
    fn names_are_looked_for_in_the_path_that_the_program_gets() {
        let files = |command: Command| candidates(&command).expect("candidates");
        assert_eq!(
            files(Command::new("ls").env("PATH", "/a:/b")),
            [c"/a/ls", c"/b/ls"].map(CString::from)
        );
        assert_eq!(files(Command::new("./ls")), [CString::from(c"./ls")]);
        assert_eq!(
            files(Command::new("ls").env("PATH", ":/b:")),
            [c"ls", c"/b/ls", c"ls"].map(CString::from)
        );
        assert_eq!(files(Command::new("")), [CString::from(c"")]);
        assert_eq!(
            files(Command::new("ls").env_clear()),
            [c"/bin/ls", c"/usr/bin/ls"].map(CString::from)
        );
    }
}
