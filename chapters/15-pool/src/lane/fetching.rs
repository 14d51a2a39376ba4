//! Results that do not come through the ring alone: large ones from the worker's area, descriptors from its socket.
//!
//! Invariant: every message that a result announces is taken from the socket, so that the next one finds its own. What the
//! worker says wrongly is [`Broken`]; what this process has no room for is a lost result, and nothing else is lost.

use super::{Beside, Broken, Freed, Lane, Parked};
use crate::layout::Extra;
use crate::origin::Origin;
use shared::{Growing, SharedError, passing};
use start::keep_standard_numbers;
use std::io::ErrorKind;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Why there is no result.
enum Missing {
    /// This process has no descriptor, no addresses or no memory left for it.
    Lost(String),
    Broken(Broken),
}

impl From<Broken> for Missing {
    fn from(broken: Broken) -> Missing {
        Missing::Broken(broken)
    }
}

impl Lane {
    /// Replaces the `Extra` at `start` by what it stands for.
    pub(super) fn fetch(
        &mut self,
        bytes: &mut Vec<u8>,
        start: usize,
        park: bool,
    ) -> Result<Beside, Broken> {
        let (extra, _) = Extra::split(&bytes[start..])
            .ok_or_else(|| Broken("a result is shorter than its own header".into()))?;
        bytes.drain(start..start + Extra::BYTES);
        let area = if extra.new_area { self.receive_area() } else { Ok(()) };
        let descriptors = match extra.descriptors {
            0 => Ok(Vec::new()),
            count => self.receive(count),
        };
        let payload = area.and_then(|()| match extra.area_len {
            None => Ok(None),
            Some(len) => self.fetch_payload(bytes, start, len, park),
        });
        match (payload, descriptors) {
            (Ok(parked), Ok(descriptors)) => Ok(Beside { descriptors, parked, lost: None }),
            (Err(Missing::Broken(broken)), _) | (_, Err(Missing::Broken(broken))) => {
                Err(broken)
            }
            (Err(Missing::Lost(why)), _) | (_, Err(Missing::Lost(why))) => {
                bytes.truncate(start);
                Ok(Beside { lost: Some(why), ..Beside::default() })
            }
        }
    }

    /// A large result: copied behind `start`, or left where it is.
    fn fetch_payload(
        &mut self,
        bytes: &mut Vec<u8>,
        start: usize,
        len: u64,
        park: bool,
    ) -> Result<Option<Parked>, Missing> {
        let area = self.mapped_results(len)?;
        let len = len as usize;
        if park {
            self.header.parked().fetch_add(1, Ordering::Release);
            let freed = Freed { header: self.header.clone(), origin: Origin::here() };
            return Ok(Some(Parked { area, len, _freed: freed }));
        }
        bytes.truncate(start);
        bytes
            .try_reserve_exact(len)
            .map_err(|_| Missing::Lost(format!("there is no memory for its {len} bytes")))?;
        let room = bytes.spare_capacity_mut().as_mut_ptr().cast::<u8>();
        // SAFETY: `len` bytes are mapped, `bytes` has room for them, and the two are different memory. The worker does not
        // write before it gets the next task; if it does against the protocol, the bytes are any bytes.
        unsafe { area.as_ptr().as_ptr().copy_to_nonoverlapping(room, len) };
        // SAFETY: the bytes up to here were just written.
        unsafe { bytes.set_len(start + len) };
        Ok(None)
    }

    fn receive_area(&mut self) -> Result<(), Missing> {
        let received = self.receive(1);
        if let Err(Missing::Lost(_)) = &received {
            // The worker looks at this before its next large result, which it does not write before this one is released.
            self.results_area = None;
            self.header.results_lost().store(1, Ordering::Release);
        }
        for descriptor in received? {
            let area = Growing::from_descriptor(descriptor)
                .map_err(|error| Broken(format!("the area of its results: {error}")))?;
            self.results_area = Some(Arc::new(area));
        }
        Ok(())
    }

    /// The area of large results with at least `len` bytes mapped.
    fn mapped_results(&mut self, len: u64) -> Result<Arc<Growing>, Missing> {
        let area = self.results_area.as_mut();
        let area =
            area.ok_or_else(|| Broken("a result is in an area that it never sent".into()))?;
        let len = usize::try_from(len)
            .map_err(|_| Broken("a result of more bytes than there are".into()))?;
        if area.mapped_bytes() < len {
            let mapped = Arc::get_mut(area)
                .ok_or_else(|| Broken("it wrote over a result that was being read".into()))?
                .map_at_least(len);
            match mapped {
                Ok(()) => {}
                Err(error @ SharedError::NoRoom { .. }) => {
                    return Err(Missing::Lost(error.to_string()));
                }
                Err(error) => Err(Broken(format!("the area of its results: {error}")))?,
            }
        }
        Ok(Arc::clone(area))
    }

    /// The descriptors of one message, which is there.
    fn receive(&self, count: u32) -> Result<Vec<OwnedFd>, Missing> {
        // The program may have closed the standard ones, and what prints must not write into these.
        keep_standard_numbers();
        match passing::receive(self.socket.as_fd(), &mut [0; 8]) {
            Ok(received) if received.descriptors.len() == count as usize => {
                Ok(received.descriptors)
            }
            Ok(received) => Err(Missing::Broken(Broken(format!(
                "{} descriptors came with a result that announced {count}",
                received.descriptors.len()
            )))),
            // The message is gone from the socket, with those of its descriptors that found room.
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                Err(Missing::Lost(error.to_string()))
            }
            Err(error) => Err(Missing::Broken(Broken(format!("its socket: {error}")))),
        }
    }
}
