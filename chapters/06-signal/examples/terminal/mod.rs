//! A terminal without a screen: the experiment holds its keyboard.
//!
//! # References
//! man 7 pty; man 3 tcgetpgrp; man 4 tty_ioctl, "Controlling terminal".

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::stat::Mode;
use nix::unistd::setsid;
use std::io::{self, Write};
use std::os::fd::OwnedFd;

/// The end of the keyboard and the screen.
pub(crate) struct Terminal(PtyMaster);

impl Terminal {
    pub(crate) fn open() -> Result<Terminal, Errno> {
        let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        Ok(Terminal(master))
    }

    /// Begins a session, as a login does. The first terminal that its leader opens is the session's, and the leader's
    /// group is the one in the foreground.
    pub(crate) fn begin_session(&self) -> Result<OwnedFd, Errno> {
        setsid()?;
        let name = ptsname_r(&self.0)?;
        open(name.as_str(), OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())
    }

    /// Ctrl-C is the byte 3. The terminal takes it out and signals the group in the foreground.
    pub(crate) fn type_ctrl_c(&mut self) -> io::Result<()> {
        self.0.write_all(b"\x03")
    }
}
