//! The worker's side of arguments that do not come through the ring alone; the program's is in `lane::large`.
//!
//! Invariant: every message that a record announces is taken from the socket, also if its task is not run, so that the
//! next record finds its own. What the worker has no room for costs the task and not the worker.

use crate::layout::{Extra, Header};
use shared::{Growing, SharedError, passing};
use start::keep_standard_numbers;
use std::io::ErrorKind;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::atomic::Ordering;

/// Why an argument is not there.
#[derive(Debug)]
pub(crate) enum Missing {
    /// This process has no descriptor or no addresses left for it: its task fails.
    Refused(String),
    /// The program did not send what it said.
    Broken,
}

/// What comes beside the ring of tasks.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    /// Large ones; the program writes.
    area: Option<Growing>,
}

impl Arguments {
    /// Receives the area and the descriptors that belong to a task.
    pub(crate) fn receive(
        &mut self,
        socket: BorrowedFd<'_>,
        header: &Header,
        extra: &Extra,
    ) -> Result<Vec<OwnedFd>, Missing> {
        let area = if extra.new_area { self.receive_area(socket, header) } else { Ok(()) };
        let descriptors = match extra.descriptors {
            0 => Ok(Vec::new()),
            count => receive(socket, count),
        };
        area.and(descriptors)
    }

    fn receive_area(&mut self, socket: BorrowedFd<'_>, header: &Header) -> Result<(), Missing> {
        let received = receive(socket, 1);
        if let Err(Missing::Refused(_)) = &received {
            // The program believes that it is here.
            self.area = None;
            header.arguments_lost().store(1, Ordering::Release);
        }
        let descriptor = received?.pop().ok_or(Missing::Broken)?;
        self.area = Some(Growing::from_descriptor(descriptor).map_err(|_| Missing::Broken)?);
        Ok(())
    }

    /// The large argument, in the program's own area.
    pub(crate) fn bytes(&mut self, header: &Header, len: u64) -> Result<&[u8], Missing> {
        let Some(area) = &mut self.area else {
            header.arguments_lost().store(1, Ordering::Release);
            return Err(Missing::Refused("its memory did not arrive: see `ulimit -n`".into()));
        };
        let len = usize::try_from(len).map_err(|_| Missing::Broken)?;
        match area.map_at_least(len) {
            Ok(()) => {}
            Err(error @ SharedError::NoRoom { .. }) => {
                return Err(Missing::Refused(error.to_string()));
            }
            Err(_) => return Err(Missing::Broken),
        }
        // SAFETY: so many bytes are mapped, and the program does not write there before this task is answered.
        Ok(unsafe { std::slice::from_raw_parts(area.as_ptr().as_ptr(), len) })
    }
}

/// The descriptors of one message.
fn receive(socket: BorrowedFd<'_>, count: u32) -> Result<Vec<OwnedFd>, Missing> {
    // A task may have closed the standard ones, and what prints must not write into these.
    keep_standard_numbers();
    match passing::receive(socket, &mut [0; 8]) {
        Ok(received) if received.descriptors.len() == count as usize => {
            Ok(received.descriptors)
        }
        Err(error) if error.kind() == ErrorKind::InvalidData => {
            Err(Missing::Refused(error.to_string()))
        }
        _ => Err(Missing::Broken),
    }
}
